//! Hands in the attempts whose time is up.

use super::submit_attempt;
use crate::{app::App, error::Result, store::attempts};

const BATCH: i64 = 200;

/// Hands all of them in and says how many. Safe to do twice, also at once: each is checked once more under its lock.
///
/// One that fails is left for the next time, so that it does not hold up the others.
pub async fn run(app: &App) -> Result<u64> {
    let mut submitted = 0;
    loop {
        let overdue = attempts::overdue(&app.db, app.clock.now(), BATCH).await?;
        let mut failed = None;
        for (learner, attempt) in &overdue {
            match submit_attempt::run(app, "service:courses", *learner, *attempt).await {
                Ok(()) => submitted += 1,
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) => return Err(error),
            None if overdue.is_empty() => return Ok(submitted),
            None => {}
        }
    }
}
