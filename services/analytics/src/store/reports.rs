//! What reports read. Beside the SQL of each stands what it counts, as managers are told.
//!
//! Nothing here touches the events but the export of events: rollups are enough for every figure.

pub mod activity;
pub mod dashboard;
pub mod export;
pub mod funnel;
pub mod learning;
pub mod retention;
pub mod revenue;

use sqlx::{FromRow, PgConnection};
use time::{Date, OffsetDateTime};

/// What a report rests on. It is read before the figures, so that these are at least as new.
#[derive(Debug, Clone, FromRow)]
pub struct Basis {
    /// The latest moment of which every event that had arrived by then is counted; none before the first event.
    pub as_of: Option<OffsetDateTime>,
    /// In which zone days are counted.
    pub zone: String,
    /// Which day it is there.
    pub today: Date,
}

pub async fn basis(conn: &mut PgConnection, now: OffsetDateTime) -> Result<Basis, sqlx::Error> {
    sqlx::query_as(
        "select complete_until as as_of, zone, ($1::timestamptz at time zone zone)::date as today
         from progress, calendar",
    )
    .bind(now)
    .fetch_one(conn)
    .await
}
