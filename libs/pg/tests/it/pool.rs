use std::time::{Duration, Instant};

use pg::{Config, connect, is_unavailable, violated};

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
async fn statements_locks_and_names_are_limited_as_configured() {
    let database = database().await;
    let mut config = Config::new(&database.url, "test-limits");
    (config.statement_timeout, config.lock_timeout) = (Duration::from_millis(200), Duration::from_millis(100));
    let pool = connect(&config).await.unwrap();
    let name: String = sqlx::query_scalar("show application_name").fetch_one(&pool).await.unwrap();
    assert_eq!(name, "test-limits");
    let slow = sqlx::query("select pg_sleep(5)").execute(&pool).await.unwrap_err();
    assert!(is_unavailable(&slow), "{slow:?}");
    run(&database.pool, "create table locked (id int)").await;
    let mut holder = database.pool.begin().await.unwrap();
    sqlx::query("lock table locked").execute(&mut *holder).await.unwrap();
    let blocked = sqlx::query("select id from locked").execute(&pool).await.unwrap_err();
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
