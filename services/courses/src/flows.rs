//! One verb a file. Each loads, decides by the rules, saves and announces, in one transaction.
//!
//! Reading order: making courses, the draft, versions and runs; then enrolments; then learning.

pub mod create_course;
pub mod move_course;
pub mod update_course;

pub mod create_lesson;
pub mod edit_draft;
pub mod replace_draft;
pub mod update_lesson;

pub mod change_run;
pub mod create_run;
pub mod publish_course;
pub mod publish_run;

pub mod change_enrolment;
pub mod enrol;
pub mod erase_learner;
pub mod expire_enrolments;
pub mod grant_entitlement;
pub mod revoke_entitlement;

pub mod complete_lesson;
mod finish_lesson;
pub mod link_media;
pub mod read_attempt;
pub mod save_answers;
pub mod send_heartbeat;
mod settle_completion;
pub mod settle_run;
pub mod start_attempt;
pub mod submit_attempt;
pub mod submit_overdue;
