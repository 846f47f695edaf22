use std::time::{Duration, Instant};

use pg::{Config, Migrations, connect, is_unavailable, violated};

use crate::helpers::{database, run};

#[tokio::test]
async fn a_database_that_is_down_stops_neither_the_start_nor_a_caller_for_long() {
    // Nobody listens on port 1.
    let mut config = Config::new("postgres://lms@127.0.0.1:1/nothing", "test");
    config.acquire_timeout = Duration::from_millis(300);
    let started = Instant::now();
    let pool = connect(&config).await.unwrap();
    let error = sqlx::query("select 1").execute(&pool).await.unwrap_err();
    assert!(is_unavailable(&error), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn an_address_that_cannot_be_read_is_refused_and_never_printed() {
    let config = Config::new("postgres://lms:secret@[nonsense", "test");
    assert!(connect(&config).await.is_err());
    assert!(!format!("{config:?}").contains("secret"));
}

#[tokio::test]
async fn a_full_pool_is_reported_as_unavailable() {
    let database = database().await;
    let mut config = Config::new(&database.url, "test");
    (config.max_connections, config.acquire_timeout) = (1, Duration::from_millis(100));
    let pool = connect(&config).await.unwrap();
    let _held = pool.acquire().await.unwrap();
    let error = pool.acquire().await.unwrap_err();
    assert!(is_unavailable(&error), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_replaced_before_somebody_gets_it() {
    let database = database().await;
    let mut config = Config::new(&database.url, "test-replaced");
    config.max_connections = 1;
    let pool = connect(&config).await.unwrap();
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&pool).await.unwrap();
    run(&database.pool, &format!("select pg_terminate_backend({pid})")).await;
    // The trust in a connection that was just used lasts a second; then it is asked.
    let replaced = testkit::eventually("another connection", Duration::from_secs(10), async || {
        sqlx::query_scalar::<_, i32>("select pg_backend_pid()").fetch_one(&pool).await.ok()
    });
    assert_ne!(replaced.await, pid);
}

#[tokio::test]
async fn a_connection_tells_who_it_is() {
    let database = database().await;
    let pool = connect(&Config::new(&database.url, "test-name")).await.unwrap();
    let name: String = sqlx::query_scalar("show application_name").fetch_one(&pool).await.unwrap();
    assert_eq!(name, "test-name");
}

#[tokio::test]
async fn statements_and_locks_are_limited_in_a_database_that_was_migrated() {
    let database = database().await;
    let config = Config::new(&database.url, "test-limits");
    Migrations::of(&pg::MIGRATOR).run(&config).await.unwrap();
    // A connection that was opened before keeps what it has.
    let pool = connect(&config).await.unwrap();
    let limits = "select current_setting('statement_timeout'), current_setting('lock_timeout'),
                         current_setting('idle_in_transaction_session_timeout')";
    let limits: (String, String, String) = sqlx::query_as(limits).fetch_one(&pool).await.unwrap();
    assert_eq!((&*limits.0, &*limits.1, &*limits.2), ("15s", "5s", "30s"));
}

#[tokio::test]
async fn a_lock_that_is_not_had_in_time_means_that_the_database_is_busy() {
    let database = database().await;
    run(&database.pool, "create table locked (id int)").await;
    let mut holder = database.pool.begin().await.unwrap();
    sqlx::query("lock table locked").execute(&mut *holder).await.unwrap();
    let mut blocked = database.pool.begin().await.unwrap();
    sqlx::query("set local lock_timeout = '100ms'").execute(&mut *blocked).await.unwrap();
    let blocked = sqlx::query("select id from locked").execute(&mut *blocked).await.unwrap_err();
    assert!(is_unavailable(&blocked), "{blocked:?}");
}

#[tokio::test]
async fn a_violated_constraint_is_known_by_its_name() {
    let database = database().await;
    run(&database.pool, "create table seats (number int constraint seats_pk primary key)").await;
    run(&database.pool, "insert into seats (number) values (1)").await;
    let error = sqlx::query("insert into seats (number) values (1)").execute(&database.pool).await.unwrap_err();
    assert!(violated(&error, "seats_pk"));
    assert!(!violated(&error, "seats_other"));
    assert!(!is_unavailable(&error));
}
