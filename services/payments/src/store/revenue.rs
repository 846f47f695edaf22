//! Facts for the ledger: inserted, never changed (a trigger sees to it).

use sqlx::PgConnection;
use values::{
    Record,
    record::{self, Arguments, Column, Row},
};

use crate::domain::revenue::{Fact, Source};

/// One of two columns.
impl Record for Source {
    const COLUMNS: &'static [Column] = &[Column::of("attempt_id"), Column::of("refund_id")];

    fn read(row: &Row<'_>) -> Result<Self, record::Error> {
        match (row.get("attempt_id")?, row.get("refund_id")?) {
            (Some(attempt), None) => Ok(Self::Attempt(attempt)),
            (None, Some(refund)) => Ok(Self::Refund(refund)),
            _ => Err(record::refused("a stored fact has not exactly one source")),
        }
    }

    fn bind(source: Option<&Self>, to: &mut Arguments) {
        let (attempt, refund) = match source {
            Some(Self::Attempt(attempt)) => (Some(*attempt), None),
            Some(Self::Refund(refund)) => (None, Some(*refund)),
            None => (None, None),
        };
        to.add(attempt);
        to.add(refund);
    }
}

/// Writes a fact. The same source, kind and run a second time is an error, because its money would be counted twice.
pub async fn insert(conn: &mut PgConnection, fact: &Fact) -> Result<(), sqlx::Error> {
    pg::insert(conn, "revenue_facts", fact).await
}
