//! What waits for a provider's word, of everybody together: for measuring, never for deciding.

use sqlx::PgConnection;
use time::OffsetDateTime;

/// Open attempts and refunds under way.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Waiting {
    pub created: i64,
    pub pending: i64,
    pub unknown: i64,
    /// Since when the oldest lost answer is lost.
    pub unknown_since: Option<OffsetDateTime>,
    pub refunds: i64,
    pub refunds_since: Option<OffsetDateTime>,
}

/// Counts what the partial indexes of the jobs hold, which is little.
pub async fn waiting(conn: &mut PgConnection) -> Result<Waiting, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Waiting,
        " from (
             select count(*) filter (where state = 'created') as created,
                    count(*) filter (where state = 'pending') as pending,
                    count(*) filter (where state = 'unknown') as unknown,
                    min(updated_at) filter (where state = 'unknown') as unknown_since
             from attempts
             where ask_at is not null
         ) as tries
         cross join (
             select count(*) as refunds, min(created_at) as refunds_since
             from refunds
             where ask_at is not null
         ) as returns"
    ))
    .fetch_one(conn)
    .await
}

/// When the oldest genuine notification came whose payment could not be looked into, and is still not known.
pub async fn notified_since(conn: &mut PgConnection) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    sqlx::query_scalar(
        "select min(webhooks.first_at)
         from attempts
         join webhooks using (attempt_id)
         where attempts.ask_at is not null
           and webhooks.verdict = 'received'",
    )
    .fetch_one(conn)
    .await
}
