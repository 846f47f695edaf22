//! A copy of what documents decided about tutors' papers. A higher version replaces a lower one; order of arrival means nothing.

use sqlx::PgConnection;

use crate::domain::{id::UserId, teaching::BelievedUntil};

/// Keeps what was announced, unless something newer is known or nobody stands behind the id any more.
pub async fn keep(
    conn: &mut PgConnection,
    tutor: UserId,
    until: Option<BelievedUntil>,
    version: i64,
) -> Result<(), sqlx::Error> {
    // The account is held, so that an erasure either sees this row or is seen.
    sqlx::query(
        "insert into tutor_verifications (user_id, believed_until, version)
         select user_id, $2, $3
         from users
         where user_id = $1
           and state <> 'erased'
         for share
         on conflict on constraint tutor_verifications_pk do update
         set believed_until = excluded.believed_until,
             version = excluded.version
         where tutor_verifications.version < excluded.version",
    )
    .bind(tutor)
    .bind(until.map(BelievedUntil::last_day))
    .bind(version)
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets it about somebody who is erased.
pub async fn forget(conn: &mut PgConnection, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from tutor_verifications where user_id = $1").bind(user).execute(conn).await?;
    Ok(())
}
