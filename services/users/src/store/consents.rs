//! Records of consents, kept after they were withdrawn.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::damaged;
use crate::domain::{
    audit::By,
    consent::{Consent, Document, DocumentName, DocumentVersion},
    id::{ConsentId, UserId},
};

#[derive(sqlx::FromRow)]
struct Row {
    consent_id: ConsentId,
    document: String,
    version: String,
    given_at: OffsetDateTime,
    withdrawn_at: Option<OffsetDateTime>,
}

impl Row {
    fn consent(self) -> Result<Consent, sqlx::Error> {
        Ok(Consent {
            id: self.consent_id,
            document: Document {
                name: DocumentName::parse(&self.document).map_err(damaged)?,
                version: DocumentVersion::parse(&self.version).map_err(damaged)?,
            },
            given_at: self.given_at,
            withdrawn_at: self.withdrawn_at,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select consent_id, document, version, given_at, withdrawn_at
             from consents ",
            $rest
        )
    };
}

/// Records a consent, unless the same one stands; says whether it was recorded.
pub async fn give(conn: &mut PgConnection, by: &By, user: UserId, consent: &Consent) -> Result<bool, sqlx::Error> {
    let given = sqlx::query(
        "insert into consents (user_id, consent_id, document, version, given_at, address, user_agent)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (user_id, document, version) where withdrawn_at is null do nothing",
    )
    .bind(user)
    .bind(consent.id)
    .bind(consent.document.name.as_str())
    .bind(consent.document.version.as_str())
    .bind(consent.given_at)
    .bind(by.address.map(|address| address.to_string()))
    .bind(&by.user_agent)
    .execute(conn)
    .await?;
    Ok(given.rows_affected() > 0)
}

/// The consent of a user to a version that stands.
pub async fn standing(
    conn: &mut PgConnection,
    user: UserId,
    document: &Document,
) -> Result<Option<Consent>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(select!(
        "where user_id = $1
           and document = $2
           and version = $3
           and withdrawn_at is null"
    ))
    .bind(user)
    .bind(document.name.as_str())
    .bind(document.version.as_str())
    .fetch_optional(conn)
    .await?;
    row.map(Row::consent).transpose()
}

/// One consent of a user.
pub async fn find(conn: &mut PgConnection, user: UserId, consent: ConsentId) -> Result<Option<Consent>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(select!("where user_id = $1 and consent_id = $2"))
        .bind(user)
        .bind(consent)
        .fetch_optional(conn)
        .await?;
    row.map(Row::consent).transpose()
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
    let rows: Vec<Row> = sqlx::query_as(select!(
        "where user_id = $1
           and ($2::uuid is null or consent_id < $2)
         order by consent_id desc
         limit $3"
    ))
    .bind(user)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::consent).collect()
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
