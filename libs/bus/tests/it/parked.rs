use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bus::{Envelope, Failure, parked};
use lapin::options::{BasicGetOptions, BasicNackOptions};
use proto::lyceum::events::v1::OrderPaid;
use sqlx::PgConnection;
use testkit::eventually;
use uuid::Uuid;
use values::Clock;

use crate::helpers::{Running, SOON, World, envelope_of, on_paid};

async fn publish(world: &World, body: &[u8]) {
    let (options, properties) = Default::default();
    let channel = world.channel().await;
    channel.basic_publish("".into(), "courses.events".into(), options, body, properties).await.unwrap().await.unwrap();
}

async fn expect_parked(world: &World, count: usize) -> Vec<parked::Parked> {
    eventually("parked events", SOON, async || {
        let parked = parked::list(&world.amqp, "courses").await.unwrap();
        (parked.len() == count).then_some(parked)
    })
    .await
}

#[tokio::test]
async fn a_poison_message_is_parked_with_its_reason_and_the_next_ones_are_heard() {
    let world = World::new().await;
    let consumer = world.consumer().on::<OrderPaid>(on_paid);
    consumer.declare().await.unwrap();
    publish(&world, b"\xff\xffnot an envelope").await;
    publish(&world, b"").await;
    let order = Uuid::new_v4();
    publish(&world, &envelope_of(order)).await;
    let _consumer = Running::consumer(consumer);
    world.expect_effects(vec![order]).await;
    let parked = expect_parked(&world, 2).await;
    let mut reasons: Vec<&str> = parked.iter().map(|parked| parked.reason.as_str()).collect();
    reasons.sort_unstable();
    assert!(reasons[0].starts_with("not an envelope: "), "{reasons:?}");
    assert_eq!(reasons[1], "the envelope has no event id");
    assert!(parked.iter().all(|parked| parked.since == Some(world.clock.now()) && parked.attempts == 1));
}

async fn on_paid_when_fixed(
    fixed: &Arc<AtomicBool>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: OrderPaid,
) -> Result<(), Failure> {
    if !fixed.load(Ordering::SeqCst) {
        return Err(Failure::Park("unknown currency".into()));
    }
    on_paid(conn, envelope, event).await
}

#[tokio::test]
async fn what_is_parked_can_be_read_and_sent_back_once_it_can_be_applied() {
    let world = World::new().await;
    let fixed = Arc::new(AtomicBool::new(false));
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(bus::with(&fixed, on_paid_when_fixed)));
    let _relay = Running::relay(world.relay());
    let orders = vec![world.announce_paid().await, world.announce_paid().await];
    expect_parked(&world, 2).await;
    // Reading twice shows the same: a list takes nothing away.
    let parked = expect_parked(&world, 2).await;
    assert_eq!(parked[0].reason, "unknown currency");
    let envelope = parked[0].envelope.as_ref().unwrap();
    assert!(orders.iter().any(|order| order.to_string() == envelope.aggregate_id));

    // Sent back too soon, they are parked again; nothing is lost.
    assert_eq!(parked::replay(&world.amqp, "courses").await.unwrap(), 2);
    expect_parked(&world, 2).await;
    fixed.store(true, Ordering::SeqCst);
    assert_eq!(parked::replay(&world.amqp, "courses").await.unwrap(), 2);
    world.expect_effects(orders).await;
    expect_parked(&world, 0).await;
}

#[tokio::test]
async fn a_message_that_takes_its_consumer_down_each_time_is_parked_by_the_broker() {
    let world = World::new().await;
    world.consumer().on::<OrderPaid>(on_paid).declare().await.unwrap();
    publish(&world, &envelope_of(Uuid::new_v4())).await;
    let channel = world.channel().await;
    let mut deliveries = 0;
    eventually("the broker parks it", SOON, async || {
        if let Some(message) = channel.basic_get("courses.events".into(), BasicGetOptions::default()).await.unwrap() {
            deliveries += 1;
            let back = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
            message.delivery.acker.nack(back).await.unwrap();
        }
        (world.count(&channel, "courses.events.parked").await == 1).then_some(())
    })
    .await;
    assert_eq!(deliveries, 21, "twenty repetitions are allowed");
    assert_eq!(expect_parked(&world, 1).await[0].reason, "delivery_limit");
}
