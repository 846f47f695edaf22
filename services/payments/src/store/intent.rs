//! What is owed for orders. Read and written under the order's lock only.

use sqlx::PgConnection;
use values::{
    Record,
    record::{self, Arguments, Column, Row},
};

use crate::domain::{AttemptId, Intent, OrderId, intent::State};

/// Which attempt settled it is stored beside the state's name.
impl Record for State {
    const COLUMNS: &'static [Column] = &[Column::of("state"), Column::of("settled_by")];

    fn read(row: &Row<'_>) -> Result<Self, record::Error> {
        let (name, by): (String, Option<AttemptId>) = (row.get("state")?, row.get("settled_by")?);
        match (name.as_str(), by) {
            ("owed", None) => Ok(Self::Owed),
            ("settled", Some(by)) => Ok(Self::Settled(by)),
            ("released", None) => Ok(Self::Released),
            _ => Err(record::refused("a stored payment intent makes no sense")),
        }
    }

    fn bind(state: Option<&Self>, to: &mut Arguments) {
        let stored = state.map(|state| match state {
            Self::Owed => ("owed", None),
            Self::Settled(by) => ("settled", Some(*by)),
            Self::Released => ("released", None),
        });
        to.add(stored.map(|(name, _)| name));
        to.add(stored.and_then(|(_, by)| by));
    }
}

/// Writes what a new order owes.
pub async fn insert(conn: &mut PgConnection, intent: &Intent) -> Result<(), sqlx::Error> {
    pg::insert(conn, "payment_intents", intent).await
}

/// Writes whether it is owed still.
pub async fn update(conn: &mut PgConnection, intent: &Intent) -> Result<(), sqlx::Error> {
    pg::update(conn, "payment_intents", intent).await
}

/// What an order owes; none for an order of nothing to pay.
pub async fn of_order(conn: &mut PgConnection, order: OrderId) -> Result<Option<Intent>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Intent, " from payment_intents where order_id = $1"))
        .bind(order)
        .fetch_optional(conn)
        .await
}
