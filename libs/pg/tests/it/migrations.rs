use std::borrow::Cow;
use std::time::Duration;

use pg::{Config, MigrationError, Migrations};
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use testkit::Database;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

use crate::helpers::run;

fn migrator(migrations: &[(i64, &'static str)]) -> &'static Migrator {
    let migrations = migrations.iter().map(|(version, sql)| {
        let name = Cow::Owned(format!("m{version}"));
        Migration::new(*version, name, MigrationType::Simple, sql.into_sql_str(), false)
    });
    Box::leak(Box::new(Migrator::with_migrations(migrations.collect())))
}

/// One that does not run in a transaction.
fn outside(version: i64, sql: &'static str) -> &'static Migrator {
    let migration = Migration::new(version, "outside".into(), MigrationType::Simple, sql.into_sql_str(), true);
    Box::leak(Box::new(Migrator::with_migrations(vec![migration])))
}

fn of(database: &Database) -> Config {
    Config::new(&database.url, "test")
}

/// What a migration outside of a transaction needs.
fn directly(database: &Database) -> Config {
    Config { direct_url: Some(database.direct_url.clone()), ..of(database) }
}

/// A database that nothing was migrated in.
async fn empty() -> Database {
    Database::new(&Migrations::of(migrator(&[]))).await
}

#[tokio::test]
async fn migrations_of_several_crates_run_as_one_ordered_set() {
    let database = empty().await;
    // The second set's migration lies between those of the first and builds on the earlier one.
    let service = migrator(&[(1, "create table a (id int)"), (3, "alter table a add column c int")]);
    let lib = migrator(&[(2, "alter table a add column b int")]);
    let migrations = Migrations::of(service).and(lib);
    assert_eq!(migrations.applied(&database.pool).await.unwrap(), 0);
    assert_eq!(migrations.missing(&database.pool).await.unwrap(), [1, 2, 3]);
    migrations.run(&of(&database)).await.unwrap();
    assert_eq!(migrations.latest(), 3);
    assert_eq!(migrations.applied(&database.pool).await.unwrap(), 3);
    assert!(migrations.missing(&database.pool).await.unwrap().is_empty());
    run(&database.pool, "insert into a (id, b, c) values (1, 2, 3)").await;
}

#[tokio::test]
async fn a_newer_schema_is_tolerated_and_counts_as_new_enough() {
    let database = empty().await;
    let newer = Migrations::of(migrator(&[(1, "create table a (id int)"), (2, "create table b (id int)")]));
    newer.run(&of(&database)).await.unwrap();
    let older = Migrations::of(migrator(&[(1, "create table a (id int)")]));
    older.run(&of(&database)).await.unwrap();
    assert!(older.applied(&database.pool).await.unwrap() >= older.latest());
    assert!(older.missing(&database.pool).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_lib_that_is_added_later_is_missed_though_its_version_is_lower() {
    let database = empty().await;
    let service = migrator(&[(5, "create table a (id int)")]);
    Migrations::of(service).run(&of(&database)).await.unwrap();
    let both = Migrations::of(service).and(migrator(&[(2, "create table b (id int)")]));
    assert_eq!(both.missing(&database.pool).await.unwrap(), [2]);
    both.run(&of(&database)).await.unwrap();
    assert!(both.missing(&database.pool).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_changed_migration_and_a_version_used_twice_are_refused() {
    let database = empty().await;
    Migrations::of(migrator(&[(1, "create table a (id int)")])).run(&of(&database)).await.unwrap();
    let changed = Migrations::of(migrator(&[(1, "create table a (id bigint)")])).run(&of(&database)).await;
    assert!(matches!(changed, Err(MigrationError::Migrate(_))), "{changed:?}");
    let twice = Migrations::of(migrator(&[(7, "select 1")])).and(migrator(&[(7, "select 2")]));
    assert!(matches!(twice.run(&of(&database)).await, Err(MigrationError::SameVersion(7))));
}

#[tokio::test]
async fn a_failed_migration_leaves_nothing_of_itself_and_can_be_repeated() {
    let database = empty().await;
    let broken = "create table a (id int); select 1 / 0";
    assert!(Migrations::of(migrator(&[(1, broken)])).run(&of(&database)).await.is_err());
    Migrations::of(migrator(&[(1, "create table a (id int)")])).run(&of(&database)).await.unwrap();
}

#[tokio::test]
async fn migrators_that_start_together_apply_each_migration_once() {
    let database = empty().await;
    let slow =
        Migrations::of(migrator(&[(1, "create table a (id int); select pg_sleep(0.3)"), (2, "create table b ()")]));
    let config = of(&database);
    let (first, second, third) = tokio::join!(slow.run(&config), slow.run(&config), slow.run(&config));
    first.and(second).and(third).unwrap();
}

#[tokio::test]
async fn a_busy_table_delays_a_migration_but_does_not_defeat_it() {
    let database = empty().await;
    run(&database.pool, "create table busy (id int)").await;
    let mut reader = database.pool.begin().await.unwrap();
    sqlx::query("select id from busy").fetch_all(&mut *reader).await.unwrap();
    let migrations = Migrations::of(migrator(&[(1, "alter table busy add column more int")]));
    let mut migrating = JoinSet::new();
    let config = of(&database);
    migrating.spawn(async move { migrations.run(&config).await });
    testkit::eventually("the migration waits for its lock", Duration::from_secs(5), async || {
        let waiting: bool = sqlx::query_scalar("select exists (select from pg_locks where not granted)")
            .fetch_one(&database.pool)
            .await
            .unwrap();
        waiting.then_some(())
    })
    .await;
    // It gives up after 3 s so that others get through; only then is the table free.
    testkit::eventually("the migration lets others pass", Duration::from_secs(10), async || {
        let waiting: bool = sqlx::query_scalar("select exists (select from pg_locks where not granted)")
            .fetch_one(&database.pool)
            .await
            .unwrap();
        (!waiting).then_some(())
    })
    .await;
    reader.rollback().await.unwrap();
    migrating.join_next().await.unwrap().unwrap().unwrap();
    run(&database.pool, "insert into busy (id, more) values (1, 2)").await;
}

#[tokio::test]
async fn a_database_that_is_not_there_yet_is_waited_for() {
    let database = empty().await;
    let mut url = Url::parse(&database.url).unwrap();
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        // The first caller finds nobody.
        drop(listener.accept().await.unwrap());
        let mut served = JoinSet::new();
        loop {
            let (mut caller, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(&server).await.unwrap();
            served.spawn(async move { tokio::io::copy_bidirectional(&mut caller, &mut server).await });
        }
    });
    let migrations = Migrations::of(migrator(&[(1, "create table a (id int)")]));
    migrations.run(&Config::new(url, "test")).await.unwrap();
    assert!(migrations.missing(&database.pool).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_statement_of_a_migration_takes_the_time_that_it_takes() {
    let database = empty().await;
    // The role's own limit, as the migrations before have set it.
    let limit = "do $$ begin
             execute format('alter role %I in database %I set statement_timeout = 200', current_user, current_database());
         end $$";
    run(&database.pool, limit).await;
    Migrations::of(migrator(&[(1, "select pg_sleep(0.5)")])).run(&of(&database)).await.unwrap();
}

#[tokio::test]
async fn an_index_is_made_beside_a_reader_who_does_not_end_soon() {
    let database = empty().await;
    run(&database.pool, "create table busy (id int)").await;
    let mut reader = database.pool.begin().await.unwrap();
    sqlx::query("set transaction isolation level repeatable read").execute(&mut *reader).await.unwrap();
    sqlx::query("select id from busy").fetch_all(&mut *reader).await.unwrap();
    let migrations = Migrations::of(outside(1, "create index concurrently busy_idx on busy (id)"));
    if testkit::stores().pooler.is_some() {
        let refused = migrations.run(&of(&database)).await;
        assert!(matches!(&refused, Err(MigrationError::Pooler(_))), "{refused:?}");
    }
    let (mut migrating, config) = (JoinSet::new(), directly(&database));
    migrating.spawn(async move { migrations.run(&config).await });
    testkit::eventually("the index waits for the reader", Duration::from_secs(10), async || {
        let waits = "select exists (select from pg_stat_progress_create_index where phase ilike '%waiting for old%')";
        let waits: bool = sqlx::query_scalar(waits).fetch_one(&database.pool).await.unwrap();
        waits.then_some(())
    })
    .await;
    reader.rollback().await.unwrap();
    migrating.join_next().await.unwrap().unwrap().unwrap();
    let valid: bool = sqlx::query_scalar("select indisvalid from pg_index where indexrelid = 'busy_idx'::regclass")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert!(valid);
}

#[tokio::test]
async fn an_index_that_was_interrupted_is_not_taken_for_one_that_is_there() {
    let database = empty().await;
    run(&database.pool, "create table half (id int); insert into half (id) values (1), (1)").await;
    // It fails and leaves its index behind, which is what a killed migrator leaves as well.
    let broken = "create unique index concurrently half_idx on half (id)";
    assert!(Migrations::of(outside(1, broken)).run(&directly(&database)).await.is_err());
    let migrations = Migrations::of(outside(2, "create index concurrently if not exists half_idx on half (id)"));
    let refused = migrations.run(&directly(&database)).await;
    assert!(
        matches!(&refused, Err(MigrationError::InvalidIndexes(indexes)) if indexes == &["half_idx"]),
        "{refused:?}"
    );
    assert_eq!(migrations.missing(&database.pool).await.unwrap(), [2], "it counts as applied");
    run(&database.pool, "drop index half_idx").await;
    migrations.run(&directly(&database)).await.unwrap();
}
