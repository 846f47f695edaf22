//! What is done from time to time: each job is a flow, and may run on several replicas at once.

use std::time::Duration;

use service::Jobs;

use crate::{
    app::App,
    flows::{expire_enrolments, settle_run, submit_overdue},
};

const SECOND: Duration = Duration::from_secs(1);

pub fn jobs() -> Jobs<App> {
    Jobs::new()
        // Access is locked by the clock; this only writes it down and tells the others.
        .every(60 * SECOND, "expire-enrolments", expire_enrolments::run)
        // Learners wait for the grade of a quiz whose time is up.
        .every(5 * SECOND, "submit-overdue-attempts", submit_overdue::run)
        .every(15 * SECOND, "settle-runs", settle_run::all)
}
