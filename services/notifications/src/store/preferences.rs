//! What people want.

use sqlx::PgConnection;

use crate::domain::{
    id::UserId,
    preference::{Preferences, Rule},
};

/// What a person wants; the defaults where nothing was chosen.
pub async fn of(conn: &mut PgConnection, recipient: UserId) -> Result<Preferences, sqlx::Error> {
    let chosen: Vec<Rule> = sqlx::query_as(pg::sql!("select ", Rule, " from preference_rules where recipient_id = $1"))
        .bind(recipient)
        .fetch_all(&mut *conn)
        .await?;
    let times: Option<Preferences> =
        sqlx::query_as(pg::sql!("select ", Preferences, " from preference_times where recipient_id = $1"))
            .bind(recipient)
            .fetch_optional(conn)
            .await?;
    Ok(Preferences { chosen, ..times.unwrap_or_default() })
}

/// Keeps a rule instead of the one before.
pub async fn keep_rule(conn: &mut PgConnection, recipient: UserId, rule: Rule) -> Result<(), sqlx::Error> {
    pg::row(&rule).key("recipient_id", recipient).keep(conn, "preference_rules").await
}

/// Keeps quiet hours and digest times instead of those before.
pub async fn keep_times(
    conn: &mut PgConnection,
    recipient: UserId,
    preferences: &Preferences,
) -> Result<(), sqlx::Error> {
    pg::row(preferences).key("recipient_id", recipient).keep(conn, "preference_times").await
}

/// Forgets what a person wants.
pub async fn erase(conn: &mut PgConnection, recipient: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from preference_rules where recipient_id = $1").bind(recipient).execute(&mut *conn).await?;
    sqlx::query("delete from preference_times where recipient_id = $1").bind(recipient).execute(conn).await?;
    Ok(())
}
