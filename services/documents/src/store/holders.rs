//! Our copies of whom certificates name and of what runs are called.

use sqlx::PgConnection;
use time::OffsetDateTime;
use values::{Language, record::refused};

use crate::domain::id::{RunId, UserId};

/// Whom a certificate names.
#[derive(Debug)]
pub enum Holder {
    Person {
        name: String,
        language: Language,
    },
    /// Nobody is behind the id any more, and never will be.
    Erased,
}

/// What we know of a user, if anything; an erasure waits until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, user: UserId) -> Result<Option<Holder>, sqlx::Error> {
    let row: Option<(String, String, bool)> = sqlx::query_as(
        "select name, language, erased_at is not null
         from holders
         where holder_id = $1
         for share",
    )
    .bind(user)
    .fetch_optional(conn)
    .await?;
    row.map(|(name, language, erased)| {
        if erased {
            return Ok(Holder::Erased);
        }
        Ok(Holder::Person { name, language: Language::parse(&language).ok_or_else(|| refused("holders.language"))? })
    })
    .transpose()
}

/// Keeps what is newer than what we have. Nothing brings an erased person back.
pub async fn keep(
    conn: &mut PgConnection,
    user: UserId,
    name: &str,
    language: Language,
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into holders (holder_id, version, name, language)
         values ($1, $2, $3, $4)
         on conflict on constraint holders_pk do update
         set version = excluded.version,
             name = excluded.name,
             language = excluded.language
         where holders.version < excluded.version
           and holders.erased_at is null",
    )
    .bind(user)
    .bind(version)
    .bind(name)
    .bind(language.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// Leaves nothing but the id, also of a user whom we have not heard of yet.
pub async fn erase(
    conn: &mut PgConnection,
    user: UserId,
    version: i64,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into holders (holder_id, version, name, language, erased_at)
         values ($1, $2, '', '', $3)
         on conflict on constraint holders_pk do update
         set version = greatest(holders.version, excluded.version),
             name = '',
             language = '',
             erased_at = coalesce(holders.erased_at, excluded.erased_at)",
    )
    .bind(user)
    .bind(version)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether both copies hold something.
pub async fn any(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from holders) and exists (select from runs)").fetch_one(conn).await
}

/// Keeps what a run is called, if it is newer than what we have.
pub async fn keep_run(
    conn: &mut PgConnection,
    run: RunId,
    title: &str,
    language: &str,
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into runs (run_id, version, title, language)
         values ($1, $2, $3, $4)
         on conflict on constraint runs_pk do update
         set version = excluded.version,
             title = excluded.title,
             language = excluded.language
         where runs.version < excluded.version",
    )
    .bind(run)
    .bind(version)
    .bind(title)
    .bind(language)
    .execute(conn)
    .await?;
    Ok(())
}

/// The title and the language code of a run, if it is known.
pub async fn run(conn: &mut PgConnection, run: RunId) -> Result<Option<(String, String)>, sqlx::Error> {
    sqlx::query_as("select title, language from runs where run_id = $1").bind(run).fetch_optional(conn).await
}
