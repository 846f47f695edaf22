//! The steps that follow every change of a case: save it, write its history, announce what it means, renew the tutor's
//! standing.

use bus::By;
use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use super::standing::{self, Cause};
use crate::{
    App, Error, announce,
    domain::{Case, Refusal, case::State, id::CaseId, tutor::Ended},
    store::{self, cases::Entry},
};

/// Who changes a case, and what is written into its history.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    pub what: &'a str,
    pub actor: &'a str,
    pub detail: &'a str,
    pub today: Date,
    pub now: OffsetDateTime,
}

impl<'a> Change<'a> {
    /// A change that happens now.
    pub fn new(app: &App, what: &'a str, actor: &'a str, detail: &'a str) -> Self {
        let (today, now) = app.today();
        Self { what, actor, detail, today, now }
    }

    /// Who caused what is announced of it.
    pub fn by(&self) -> By<'a> {
        By { actor: self.actor, now: self.now }
    }

    fn entry(&self) -> Entry {
        let Self { what, actor, detail, now, .. } = *self;
        Entry { what: what.to_owned(), actor: actor.to_owned(), detail: detail.to_owned(), at: now }
    }
}

/// A case under its tutor's lock.
pub async fn locked(conn: &mut PgConnection, id: CaseId) -> Result<Case, Error> {
    Ok(store::cases::lock(conn, id).await?.ok_or(Refusal::CaseNotFound)?)
}

/// Writes into a case's history where nothing else changes.
pub async fn note(conn: &mut PgConnection, case: CaseId, change: Change<'_>) -> Result<(), sqlx::Error> {
    store::cases::note(conn, case, &change.entry()).await
}

/// Saves a changed case with all that follows from it.
pub async fn save(conn: &mut PgConnection, app: &App, case: &Case, change: Change<'_>) -> Result<(), sqlx::Error> {
    store::cases::update(conn, case).await?;
    note(conn, case.id, change).await?;
    let by = change.by();
    let ended = match case.state {
        State::Verified { until } => {
            announce::document_verified(conn, case, until, by).await?;
            Ended::Expired
        }
        State::Rejected(reason) => return announce::document_rejected(conn, case, reason, by).await,
        State::Revoked(reason) => {
            announce::document_rejected(conn, case, reason, by).await?;
            Ended::Revoked
        }
        State::Expired { .. } => Ended::Expired,
        State::Checking { .. } | State::InReview | State::ApprovedOnce(_) | State::Withdrawn => return Ok(()),
    };
    standing::renew(conn, &app.papers.asked, case.tutor, Cause { ended, today: change.today, by }).await
}

/// Counts how cases end.
pub fn count(case: &Case) {
    metrics::counter!("verification_cases_total", "state" => case.state.name().as_str()).increment(1);
}
