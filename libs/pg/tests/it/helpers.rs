//! A migrated database for one test.

use pg::Migrations;
use testkit::Database;

/// A database with this crate's own tables.
pub(crate) async fn database() -> Database {
    Database::new(&Migrations::of(&pg::MIGRATOR)).await
}

/// A statement of a test, which may be put together at run time.
pub(crate) async fn run(pool: &pg::Pool, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(pool).await.unwrap();
}
