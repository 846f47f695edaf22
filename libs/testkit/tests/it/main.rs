//! The kit itself, on real stores.

use pg::Migrations;
use testkit::{Broker, Database, FixedClock};
use values::Clock;

#[tokio::test]
async fn a_database_is_migrated_alone_and_gone_afterwards() {
    let migrations = Migrations::of(&pg::MIGRATOR);
    let (one, other) = tokio::join!(Database::new(&migrations), Database::new(&migrations));
    assert_ne!(one.url, other.url);
    sqlx::query("create table mine (id int)").execute(&one.pool).await.unwrap();
    assert!(sqlx::query("select id from mine").execute(&other.pool).await.is_err());
    assert_eq!(migrations.missing(&one.pool).await.unwrap(), Vec::<i64>::new());
    let url = one.url.clone();
    drop(one);
    let gone = sqlx::PgPool::connect(&url).await.unwrap_err();
    assert!(gone.to_string().contains("does not exist"), "{gone}");
}

#[tokio::test]
async fn a_broker_takes_connections() {
    let broker = Broker::new().await;
    assert!(broker.url.contains("/test-"));
    broker.cut_connections().await;
}

#[test]
fn a_clock_stands_until_it_is_moved() {
    let clock = FixedClock::default();
    let (shared, before) = (clock.shared(), clock.now());
    clock.advance(time::Duration::HOUR);
    assert_eq!(shared.now() - before, time::Duration::HOUR);
}
