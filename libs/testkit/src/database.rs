//! A PostgreSQL database for one test.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pg::{Config, Migrations, Pool};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;

use crate::{Stores, broker::in_the_background, stores};

/// A database of its own, already migrated; dropped with the value.
///
/// The migrations run once into a template; each test gets a copy of it, which takes some 30 ms.
#[derive(Debug)]
pub struct Database {
    /// Connections to it.
    pub pool: Pool,
    /// What services take as `LYCEUM_DATABASE_URL`.
    pub url: String,
    /// Past the pooler, if there is one.
    pub direct_url: String,
    name: String,
}

impl Database {
    /// Copies the template of these migrations.
    pub async fn new(migrations: &Migrations) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let template = format!("template_{:016x}", fingerprint(migrations));
        let mut admin = admin().await;
        // One at a time: PostgreSQL refuses to copy a template while somebody else does.
        run(&mut admin, "select pg_advisory_lock(77137)").await;
        let known: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(&template)
            .fetch_one(&mut admin)
            .await
            .expect("pg_database can be read");
        if !known {
            let draft = format!("{template}_draft");
            run(&mut admin, &format!("drop database if exists {draft} with (force)")).await;
            run(&mut admin, &format!("create database {draft}")).await;
            migrations
                .run(&Config::new(url_of(&draft), "testkit"))
                .await
                .expect("the migrations run on an empty database");
            // A pooler keeps its connections for the next one.
            let close = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname";
            run(&mut admin, &format!("{close} = '{draft}'")).await;
            // Only a finished template gets the name that is looked for.
            run(&mut admin, &format!("alter database {draft} rename to {template}")).await;
        }
        run(&mut admin, &format!("drop database if exists {name} with (force)")).await;
        run(&mut admin, &format!("create database {name} template {template}")).await;
        run(&mut admin, "select pg_advisory_unlock(77137)").await;
        let (url, direct_url) = (url_of(&name), at(&stores().postgres, &name));
        let config = Config::new(&url, "test");
        let config = Config { max_connections: 12, acquire_timeout: Duration::from_secs(10), ..config };
        let pool = pg::connect(&config).await.expect("the database's address is right");
        Self { pool, url, direct_url, name }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = self.name.clone();
        in_the_background(async move {
            if let Ok(mut admin) = PgConnection::connect(&stores().postgres).await {
                let drop = format!("drop database if exists {name} with (force)");
                let _ = sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await;
            }
        });
    }
}

/// Tells sets of migrations apart, so that each has a template of its own.
fn fingerprint(migrations: &Migrations) -> u64 {
    let mut hasher = DefaultHasher::new();
    for migration in migrations.iter() {
        migration.version.hash(&mut hasher);
        migration.checksum.hash(&mut hasher);
    }
    hasher.finish()
}

async fn admin() -> PgConnection {
    let url = &stores().postgres;
    PgConnection::connect(url).await.unwrap_or_else(|e| panic!("PostgreSQL does not answer at {url}: {e}"))
}

fn url_of(database: &str) -> String {
    let Stores { postgres, pooler, .. } = stores();
    at(pooler.as_ref().unwrap_or(postgres), database)
}

fn at(server: &str, database: &str) -> String {
    let mut url = Url::parse(server).expect("PostgreSQL's address is a URL");
    url.set_path(database);
    url.into()
}

async fn run(admin: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(admin).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
}
