//! Records of consents, kept after they were withdrawn.

use sqlx::{PgConnection, QueryBuilder};
use time::OffsetDateTime;

use crate::domain::{
    audit::Requester,
    consent::{Consent, Document},
    id::{ConsentId, UserId},
};

/// Records a consent, unless the same one stands; says whether it was recorded.
pub async fn give(
    conn: &mut PgConnection,
    by: &Requester,
    user: UserId,
    consent: &Consent,
) -> Result<bool, sqlx::Error> {
    pg::row(consent)
        .and("user_id", user)
        .and("address", by.address.map(|address| address.to_string()))
        .and("user_agent", &by.user_agent)
        .insert_new(conn, "consents")
        .await
}

/// The consent of a user to a version that stands.
pub async fn standing(
    conn: &mut PgConnection,
    user: UserId,
    document: &Document,
) -> Result<Option<Consent>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Consent,
        " from consents
         where user_id = $1
           and document = $2
           and version = $3
           and withdrawn_at is null"
    ))
    .bind(user)
    .bind(&document.name)
    .bind(&document.version)
    .fetch_optional(conn)
    .await
}

/// One consent of a user.
pub async fn find(conn: &mut PgConnection, user: UserId, consent: ConsentId) -> Result<Option<Consent>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Consent, " from consents where user_id = $1 and consent_id = $2"))
        .bind(user)
        .bind(consent)
        .fetch_optional(conn)
        .await
}

/// Notes that a user withdrew a consent; says whether it stood.
pub async fn withdraw(
    conn: &mut PgConnection,
    user: UserId,
    consent: ConsentId,
    now: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let withdrawn = sqlx::query(
        "update consents
         set withdrawn_at = $3
         where user_id = $1
           and consent_id = $2
           and withdrawn_at is null",
    )
    .bind(user)
    .bind(consent)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(withdrawn.rows_affected() > 0)
}

/// Consents of a user from the newest on, which come after `after` in that order.
pub async fn of_user(
    conn: &mut PgConnection,
    user: UserId,
    after: Option<ConsentId>,
    limit: i64,
) -> Result<Vec<Consent>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Consent, " from consents where user_id = "));
    query.push_bind(user);
    if let Some(after) = after {
        query.push(" and consent_id < ").push_bind(after);
    }
    query.push(" order by consent_id desc limit ").push_bind(limit);
    query.build_query_as().fetch_all(conn).await
}

/// Takes from the records of a user where they were given. That they were given stays, because it may have to be proved.
pub async fn erase_origins(conn: &mut PgConnection, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update consents
         set address = null,
             user_agent = null
         where user_id = $1",
    )
    .bind(user)
    .execute(conn)
    .await?;
    Ok(())
}
