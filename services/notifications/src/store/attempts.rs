//! The log of tries. A try is written down when it begins, so that one whose sender died is seen as well.

use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::id::{DeliveryId, UserId};
use crate::store::deliveries::Claimed;

/// A try as it is shown.
#[derive(Debug, Clone, values::Record)]
pub struct Shown {
    pub number: i32,
    pub started_at: OffsetDateTime,
    pub duration_ms: Option<i64>,
    /// `None` while it lasts, and for ever if its sender died.
    pub outcome: Option<String>,
}

/// Writes down how a try ended.
pub async fn end(conn: &mut PgConnection, claimed: &Claimed, took: Duration, outcome: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update delivery_attempts
         set duration_ms = $4,
             outcome = $5
         where recipient_id = $1
           and delivery_id = $2
           and number = $3",
    )
    .bind(claimed.recipient)
    .bind(claimed.letter.id)
    .bind(claimed.attempts)
    .bind(i64::try_from(took.as_millis()).unwrap_or(i64::MAX))
    .bind(outcome)
    .execute(conn)
    .await?;
    Ok(())
}

/// Every try to send a mail, oldest first.
pub async fn of_delivery(
    conn: &mut PgConnection,
    recipient: UserId,
    delivery: DeliveryId,
) -> Result<Vec<Shown>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Shown,
        " from delivery_attempts
         where recipient_id = $1 and delivery_id = $2
         order by number"
    ))
    .bind(recipient)
    .bind(delivery)
    .fetch_all(conn)
    .await
}
