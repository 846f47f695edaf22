use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bus::dead_letter::{self, Choice, DeadLetter, Deed};
use bus::{Envelope, Failure};
use lapin::options::{BasicGetOptions, BasicNackOptions};
use prost::{Message, Name};
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

async fn expect_dead(world: &World, count: usize) -> Vec<DeadLetter> {
    eventually("dead letters", SOON, async || {
        let dead = dead_letter::list(world.pool()).await.unwrap();
        (dead.len() == count).then_some(dead)
    })
    .await
}

async fn replay(world: &World) -> usize {
    let dead = dead_letter::list(world.pool()).await.unwrap();
    dead_letter::replay(world.pool(), &world.amqp, &dead).await.unwrap()
}

#[tokio::test]
async fn a_poison_message_becomes_a_dead_letter_with_its_reason_and_the_next_ones_are_applied() {
    let world = World::new().await;
    let consumer = world.consumer().on::<OrderPaid>(on_paid);
    consumer.declare().await.unwrap();
    publish(&world, b"\xff\xffnot an envelope").await;
    publish(&world, b"").await;
    let order = Uuid::new_v4();
    publish(&world, &envelope_of(order)).await;
    let _consumer = Running::consumer(consumer);
    world.expect_effects(vec![order]).await;
    let dead = expect_dead(&world, 2).await;
    let mut reasons: Vec<&str> = dead.iter().map(|letter| letter.reason.as_str()).collect();
    reasons.sort_unstable();
    assert!(reasons[0].starts_with("not an envelope: "), "{reasons:?}");
    assert_eq!(reasons[1], "the envelope has no event id");
    assert!(dead.iter().all(|letter| letter.given_up_at == world.clock.now() && letter.attempts == 1));
}

async fn on_paid_when_fixed(
    fixed: &Arc<AtomicBool>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: OrderPaid,
) -> Result<(), Failure> {
    if !fixed.load(Ordering::SeqCst) {
        return Err(Failure::DeadLetter("unknown currency".into()));
    }
    on_paid(conn, envelope, event).await
}

#[tokio::test]
async fn a_dead_letter_can_be_read_and_sent_back_once_it_can_be_applied() {
    let world = World::new().await;
    let fixed = Arc::new(AtomicBool::new(false));
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(bus::with(&fixed, on_paid_when_fixed)));
    let _relay = Running::relay(world.relay());
    let orders = vec![world.announce_paid().await, world.announce_paid().await];
    expect_dead(&world, 2).await;
    // Reading twice shows the same: a list takes nothing away.
    let dead = expect_dead(&world, 2).await;
    assert_eq!(dead[0].reason, "unknown currency");
    let envelope = dead[0].envelope().unwrap();
    assert!(orders.iter().any(|order| order.to_string() == envelope.aggregate_id));

    // Sent back too soon, they become dead letters again; nothing is lost.
    assert_eq!(replay(&world).await, 2);
    expect_dead(&world, 2).await;
    fixed.store(true, Ordering::SeqCst);
    assert_eq!(replay(&world).await, 2);
    world.expect_effects(orders).await;
    expect_dead(&world, 0).await;
}

#[tokio::test]
async fn a_message_that_takes_its_consumer_down_each_time_becomes_a_dead_letter() {
    let world = World::new().await;
    world.consumer().on::<OrderPaid>(on_paid).declare().await.unwrap();
    let order = Uuid::new_v4();
    publish(&world, &envelope_of(order)).await;
    let channel = world.channel().await;
    let mut deliveries = 0;
    eventually("the broker gives it up", SOON, async || {
        if let Some(message) = channel.basic_get("courses.events".into(), BasicGetOptions::default()).await.unwrap() {
            deliveries += 1;
            let back = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
            message.delivery.acker.nack(back).await.unwrap();
        }
        (world.count(&channel, "courses.events.dead-letters").await == 1).then_some(())
    })
    .await;
    assert_eq!(deliveries, 21, "twenty repetitions are allowed");
    // The next consumer that starts collects it, and it can be replayed like any other.
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    assert_eq!(expect_dead(&world, 1).await[0].reason, "delivery_limit");
    assert_eq!(replay(&world).await, 1);
    world.expect_effects(vec![order]).await;
    expect_dead(&world, 0).await;
}

/// RabbitMQ 4 drops from a quorum queue what was delivered twenty times, if nothing else is said.
#[tokio::test]
async fn what_the_broker_gave_up_and_what_nobody_wanted_is_not_dropped_however_often_it_is_taken_in_vain() {
    let world = World::new().await;
    world.consumer().on::<OrderPaid>(on_paid).declare().await.unwrap();
    for queue in ["courses.events.dead-letters", "lyceum.events.unrouted"] {
        let (options, properties) = Default::default();
        let body = envelope_of(Uuid::new_v4());
        let channel = world.channel().await;
        channel.basic_publish("".into(), queue.into(), options, &body, properties).await.unwrap().await.unwrap();
        for time in 1..=25 {
            // As a process that dies between taking and storing.
            let dying = world.channel().await;
            let taken = eventually("the message", SOON, async || {
                dying.basic_get(queue.into(), BasicGetOptions::default()).await.unwrap()
            })
            .await;
            assert_eq!(taken.delivery.data, body, "time {time}");
            dying.close(200, "died".into()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn who_looked_and_who_did_what_is_noted_without_what_was_in_it() {
    let world = World::new().await;
    let consumer = world.consumer().on::<OrderPaid>(on_paid);
    consumer.declare().await.unwrap();
    publish(&world, b"\xffanna@example.com").await;
    publish(&world, b"\xfe").await;
    let _consumer = Running::consumer(consumer);
    let dead = expect_dead(&world, 2).await;
    let deed = Deed { action: "show", actor: "anna", host: "courses-0", at: world.clock.now() };
    dead_letter::note(world.pool(), deed, &dead[..1]).await.unwrap();
    dead_letter::note(world.pool(), Deed { action: "drop", ..deed }, &dead[..1]).await.unwrap();
    dead_letter::discard(world.pool(), &dead[..1]).await.unwrap();
    let log = dead_letter::log(world.pool()).await.unwrap();
    let told: Vec<(&str, &str, &str)> =
        log.iter().map(|entry| (&*entry.action, &*entry.actor, &*entry.message_id)).collect();
    assert_eq!(told, [("drop", "anna", &*dead[0].message_id), ("show", "anna", &*dead[0].message_id)]);
    assert!(!format!("{log:?}").contains("anna@"));
    let kept: Vec<String> = expect_dead(&world, 1).await.into_iter().map(|letter| letter.message_id).collect();
    assert_eq!(kept, [dead[1].message_id.clone()]);
}

#[tokio::test]
async fn a_choice_finds_its_dead_letters_and_pages_go_on_behind_a_position() {
    let world = World::new().await;
    let consumer = world.consumer().on::<OrderPaid>(on_paid);
    consumer.declare().await.unwrap();
    let id = Uuid::new_v4();
    publish(&world, b"\xff").await;
    publish(&world, &bad_order(id)).await;
    let _consumer = Running::consumer(consumer);
    let dead = expect_dead(&world, 2).await;
    let find = async |choice: Choice, after: i64| dead_letter::page(world.pool(), &choice, after).await.unwrap().len();
    let kind = Some(OrderPaid::full_name());
    assert_eq!(find(Choice { kind: kind.clone(), ids: vec![] }, 0).await, 1);
    assert_eq!(find(Choice { kind, ids: vec![id.to_string()] }, 0).await, 1);
    assert_eq!(find(Choice { kind: None, ids: vec!["none".to_owned()] }, 0).await, 0);
    assert_eq!(find(Choice::default(), dead[0].position).await, 1);
    assert_eq!(find(Choice::default(), dead_letter::newest(world.pool()).await.unwrap()).await, 0);
}

#[tokio::test]
async fn listing_counts_as_no_delivery_and_discarding_takes_only_what_was_listed() {
    let world = World::new().await;
    let consumer = world.consumer().on::<OrderPaid>(on_paid);
    consumer.declare().await.unwrap();
    let _consumer = Running::consumer(consumer);
    publish(&world, b"\xff").await;
    let first = expect_dead(&world, 1).await;
    // More often than the broker delivers a message.
    for _ in 0..50 {
        assert_eq!(dead_letter::list(world.pool()).await.unwrap().len(), 1);
    }
    publish(&world, b"\xfe").await;
    expect_dead(&world, 2).await;
    assert_eq!(dead_letter::discard(world.pool(), &first).await.unwrap(), 1);
    assert_eq!(expect_dead(&world, 1).await[0].body, b"\xfe");
}

#[tokio::test]
async fn what_is_given_up_again_while_it_is_replayed_is_not_lost() {
    let world = World::new().await;
    let consumer = world.consumer().on::<OrderPaid>(on_paid);
    consumer.declare().await.unwrap();
    let id = Uuid::new_v4();
    publish(&world, &bad_order(id)).await;
    let _consumer = Running::consumer(consumer);
    let listed = expect_dead(&world, 1).await;
    // Somebody else replayed it first, and it was given up once more.
    assert_eq!(replay(&world).await, 1);
    let again = eventually("it is given up again", SOON, async || {
        let dead = dead_letter::list(world.pool()).await.unwrap();
        dead.into_iter().find(|letter| letter.position > listed[0].position)
    })
    .await;
    assert_eq!(again.message_id, id.to_string());
    dead_letter::discard(world.pool(), &listed).await.unwrap();
    expect_dead(&world, 1).await;
}

/// An event whose payload can never be applied.
fn bad_order(id: Uuid) -> Vec<u8> {
    let payload = OrderPaid { order_id: "none".to_owned(), ..OrderPaid::default() }.encode_to_vec();
    Envelope { id: id.to_string(), r#type: OrderPaid::full_name(), payload, ..Envelope::default() }.encode_to_vec()
}
