//! Tutors' standings. A tutor's row is the lock under which everything about the tutor's papers changes.

use sqlx::{PgConnection, QueryBuilder};
use values::{
    Record,
    record::{self, Arguments, Column, Row},
};

use crate::domain::{
    id::UserId,
    tutor::{Standing, Tutor},
};

/// Whether it holds, and its last day.
impl Record for Standing {
    const COLUMNS: &'static [Column] = &[Column::of("verified"), Column::of("valid_until")];

    fn read(row: &Row<'_>) -> Result<Self, record::Error> {
        let verified: bool = row.get("verified")?;
        Ok(if verified { Self::Verified { until: row.get("valid_until")? } } else { Self::Unverified })
    }

    fn bind(standing: Option<&Self>, to: &mut Arguments) {
        to.add(standing.map(|standing| *standing != Self::Unverified));
        to.add(standing.and_then(|standing| standing.until()));
    }
}

/// Takes a tutor for the transaction; whoever hands in a first paper becomes one.
pub async fn lock(conn: &mut PgConnection, id: UserId) -> Result<Tutor, sqlx::Error> {
    sqlx::query("insert into tutors (tutor_id) values ($1) on conflict on constraint tutors_pk do nothing")
        .bind(id)
        .execute(&mut *conn)
        .await?;
    let select = pg::sql!("select ", Tutor, " from tutors where tutor_id = $1 for update");
    sqlx::query_as(select).bind(id).fetch_one(conn).await
}

/// A tutor, without a lock.
pub async fn get(conn: &mut PgConnection, id: UserId) -> Result<Option<Tutor>, sqlx::Error> {
    let select = pg::sql!("select ", Tutor, " from tutors where tutor_id = $1");
    sqlx::query_as(select).bind(id).fetch_optional(conn).await
}

/// Writes what changed in a tutor.
pub async fn update(conn: &mut PgConnection, tutor: &Tutor) -> Result<(), sqlx::Error> {
    pg::update(conn, "tutors", tutor).await
}

/// Tutors whose standing was worked out when the school asked for other papers; a page in the order of ids.
pub async fn asked_otherwise(
    conn: &mut PgConnection,
    asked: &str,
    after: Option<UserId>,
    most: i64,
) -> Result<Vec<UserId>, sqlx::Error> {
    let mut query = QueryBuilder::new("select tutor_id from tutors where erased_at is null and asked <> ");
    query.push_bind(asked);
    if let Some(after) = after {
        query.push(" and tutor_id > ").push_bind(after);
    }
    query.push(" order by tutor_id limit ").push_bind(most);
    query.build_query_scalar().fetch_all(conn).await
}

/// Every tutor who was ever told about, in the order of ids; a page.
pub async fn export(conn: &mut PgConnection, after: Option<UserId>, most: i64) -> Result<Vec<Tutor>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Tutor, " from tutors where version > 0"));
    if let Some(after) = after {
        query.push(" and tutor_id > ").push_bind(after);
    }
    query.push(" order by tutor_id limit ").push_bind(most);
    query.build_query_as().fetch_all(conn).await
}
