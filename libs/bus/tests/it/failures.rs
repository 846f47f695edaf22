use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use bus::{Envelope, Failure};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use prost::{Message, Name};
use proto::lyceum::events::v1::{OrderPaid, OrderPlaced};
use sqlx::PgConnection;
use testkit::eventually;
use uuid::Uuid;

use crate::helpers::{Running, SOON, World, envelope_of, on_paid};

/// Fails in a given way the first time, after having had its effect; the effect must not stay.
struct Failing {
    calls: AtomicU32,
    how: fn() -> Failure,
}

async fn on_paid_at_second_try(
    failing: &Arc<Failing>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: OrderPaid,
) -> Result<(), Failure> {
    on_paid(conn, envelope, event).await?;
    if failing.calls.fetch_add(1, Ordering::SeqCst) == 0 { Err((failing.how)()) } else { Ok(()) }
}

/// Applies one event whose first attempt fails; answers how long it took.
async fn fail_once(how: fn() -> Failure) -> f64 {
    let world = World::new().await;
    let failing = Arc::new(Failing { calls: AtomicU32::new(0), how });
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(bus::with(&failing, on_paid_at_second_try)));
    let _relay = Running::relay(world.relay());
    let started = Instant::now();
    let order = world.announce_paid().await;
    world.expect_effects(vec![order]).await;
    assert_eq!(failing.calls.load(Ordering::SeqCst), 2);
    started.elapsed().as_secs_f64()
}

#[tokio::test]
async fn an_event_that_came_too_early_comes_again_after_a_pause() {
    let took = fail_once(|| Failure::TooEarly("no such order yet".into())).await;
    assert!(took >= 0.1, "it came again after {took} s, without the pause");
}

#[tokio::test]
async fn an_event_whose_handler_failed_comes_again() {
    fail_once(|| Failure::from(anyhow::anyhow!("a neighbour is down"))).await;
}

#[tokio::test]
async fn a_handler_that_panics_is_called_again() {
    fail_once(|| panic!("a bug")).await;
}

#[tokio::test]
async fn an_event_whose_statement_is_too_slow_each_time_is_counted_and_holds_nobody_up() {
    async fn slow(conn: &mut PgConnection, envelope: &Envelope, event: OrderPaid) -> Result<(), Failure> {
        if event.number == "slow" {
            sqlx::query("set local statement_timeout = '200ms'").execute(&mut *conn).await?;
            sqlx::query("select pg_sleep(60)").execute(&mut *conn).await?;
        }
        on_paid(conn, envelope, event).await
    }
    let world = World::new().await;
    let consumer = world.consumer().on::<OrderPaid>(slow);
    consumer.declare().await.unwrap();
    let channel = world.channel().await;
    // As many as are worked on at once, so that none is free for others if they stay; one has its last try.
    for attempts in [0, 0, 0, 19] {
        let mut headers = FieldTable::default();
        headers.insert("attempts".into(), AMQPValue::LongInt(attempts));
        let properties = BasicProperties::default().with_headers(headers);
        let payload = OrderPaid { order_id: Uuid::new_v4().to_string(), number: "slow".into(), ..Default::default() };
        let body = Envelope {
            id: Uuid::new_v4().to_string(),
            r#type: OrderPaid::full_name(),
            payload: payload.encode_to_vec(),
            ..Envelope::default()
        };
        let body = body.encode_to_vec();
        let options = Default::default();
        let sent = channel.basic_publish("".into(), "courses.events".into(), options, &body, properties);
        sent.await.unwrap().await.unwrap();
    }
    let quick = Uuid::new_v4();
    let (options, properties) = Default::default();
    let body = envelope_of(quick);
    channel.basic_publish("".into(), "courses.events".into(), options, &body, properties).await.unwrap().await.unwrap();
    let _consumer = Running::consumer(consumer);
    world.expect_effects(vec![quick]).await;
    let letter =
        eventually("a dead letter", SOON, async || bus::dead_letter::list(world.pool()).await.unwrap().pop()).await;
    assert!(letter.reason.contains("statement timeout"), "{}", letter.reason);
    eventually("the others wait", SOON, async || {
        (world.count(&channel, "courses.events.retry.1s").await == 3).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_event_that_breaks_its_connection_each_time_is_counted() {
    async fn breaking(conn: &mut PgConnection, _: &Envelope, _: OrderPaid) -> Result<(), Failure> {
        sqlx::query("select pg_terminate_backend(pg_backend_pid())").execute(conn).await?;
        Ok(())
    }
    let world = World::new().await;
    let consumer = world.consumer().on::<OrderPaid>(breaking);
    consumer.declare().await.unwrap();
    let (channel, body) = (world.channel().await, envelope_of(Uuid::new_v4()));
    let (options, properties) = Default::default();
    channel.basic_publish("".into(), "courses.events".into(), options, &body, properties).await.unwrap().await.unwrap();
    let _consumer = Running::consumer(consumer);
    eventually("a third try", SOON, async || {
        (world.count(&channel, "courses.events.retry.1s").await == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_event_that_fails_for_an_hour_becomes_a_dead_letter_with_its_reason() {
    async fn never(_: &mut PgConnection, _: &Envelope, _: OrderPaid) -> Result<(), Failure> {
        Err(anyhow::anyhow!("the cause").context("the operation failed").into())
    }
    let world = World::new().await;
    let consumer = world.consumer().on::<OrderPaid>(never);
    consumer.declare().await.unwrap();
    // All attempts but the last are behind it.
    let mut headers = FieldTable::default();
    headers.insert("attempts".into(), AMQPValue::LongInt(19));
    let properties = BasicProperties::default().with_headers(headers);
    let (channel, body) = (world.channel().await, envelope_of(Uuid::new_v4()));
    let options = Default::default();
    channel.basic_publish("".into(), "courses.events".into(), options, &body, properties).await.unwrap().await.unwrap();
    let _consumer = Running::consumer(consumer);
    let letter =
        eventually("a dead letter", SOON, async || bus::dead_letter::list(world.pool()).await.unwrap().pop()).await;
    assert_eq!((letter.attempts, &*letter.reason), (20, "the operation failed: the cause"));
}

#[tokio::test]
async fn a_type_that_this_release_does_not_know_waits_until_the_next_one_comes() {
    async fn ignore(_: &mut PgConnection, _: &Envelope, _: OrderPlaced) -> Result<(), Failure> {
        Ok(())
    }
    let world = World::new().await;
    // The newer release has declared its bindings, and the older one is still at work.
    world.consumer().on::<OrderPaid>(on_paid).declare().await.unwrap();
    let older = Running::consumer(world.consumer().on::<OrderPlaced>(ignore));
    let _relay = Running::relay(world.relay());
    let order = world.announce_paid().await;
    let channel = world.channel().await;
    eventually("an event that waits", SOON, async || {
        (world.count(&channel, "courses.events.retry.1s").await == 1).then_some(())
    })
    .await;
    older.stopped().await;
    let _newer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    world.expect_effects(vec![order]).await;
}
