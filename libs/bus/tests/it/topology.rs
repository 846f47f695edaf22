use bus::{Consume, Envelope, Failure};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use proto::lyceum::events::v1::{OrderPaid, OrderPlaced, RunPublished};
use sqlx::PgConnection;
use testkit::eventually;
use uuid::Uuid;

use crate::helpers::{Running, SOON, World, envelope_of, on_paid};

async fn on_placed(_: &mut PgConnection, _: &Envelope, _: OrderPlaced) -> Result<(), Failure> {
    Ok(())
}

async fn on_published(_: &mut PgConnection, _: &Envelope, _: RunPublished) -> Result<(), Failure> {
    Ok(())
}

#[tokio::test]
async fn events_from_before_a_consumer_was_ever_declared_reach_it() {
    let world = World::new().await;
    let relay = Running::relay(world.relay());
    let early = vec![world.announce_paid().await, world.announce_paid().await];
    world.expect_empty_outbox().await;
    relay.stopped().await;
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    world.expect_effects(early).await;
}

#[tokio::test]
async fn what_another_service_will_want_is_not_taken_by_the_first_one_that_starts() {
    let world = World::new().await;
    let relay = Running::relay(world.relay());
    let early = world.announce_paid().await;
    world.expect_empty_outbox().await;
    relay.stopped().await;
    // It hears something else, and finds the event among the unrouted.
    let other = bus::Consumer::new("analytics", world.pool().clone(), world.amqp.clone(), world.clock.shared());
    other.on::<OrderPlaced>(on_placed).declare().await.unwrap();
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    world.expect_effects(vec![early]).await;
}

#[tokio::test]
async fn queues_that_were_declared_up_front_collect_events_until_their_consumer_starts() {
    let world = World::new().await;
    for _ in 0..2 {
        world.consumer().on::<OrderPaid>(on_paid).declare().await.unwrap();
    }
    let _relay = Running::relay(world.relay());
    let order = world.announce_paid().await;
    let channel = world.channel().await;
    eventually("the event in the queue", SOON, async || {
        (world.count(&channel, "courses.events").await == 1).then_some(())
    })
    .await;
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    world.expect_effects(vec![order]).await;
}

#[tokio::test]
async fn an_event_that_nobody_wants_leaves_the_outbox_all_the_same() {
    let world = World::new().await;
    let _relay = Running::relay(world.relay());
    world.announce_paid().await;
    world.expect_empty_outbox().await;
    let channel = world.channel().await;
    assert_eq!(world.count(&channel, "lyceum.events.unrouted").await, 1);
}

/// Whether an event of this type comes to the queue of courses.
async fn is_bound(world: &World) -> bool {
    let channel = world.channel().await;
    let before = world.count(&channel, "courses.events").await;
    world.announce_paid().await;
    world.expect_empty_outbox().await;
    world.count(&channel, "courses.events").await > before
}

#[tokio::test]
async fn what_a_release_does_not_hear_any_more_is_unbound_by_the_next_one() {
    let world = World::new().await;
    let _relay = Running::relay(world.relay());
    let both = || world.consumer().on::<OrderPaid>(on_paid).on::<OrderPlaced>(on_placed);
    let one = || world.consumer().on::<OrderPlaced>(on_placed);
    both().of_release("1").declare().await.unwrap();
    // The release before may run beside this one, or be rolled back to.
    for _ in 0..2 {
        one().of_release("2").declare().await.unwrap();
        assert!(is_bound(&world).await);
    }
    both().of_release("1").declare().await.unwrap();
    one().of_release("2").declare().await.unwrap();
    assert!(is_bound(&world).await, "it was wanted meanwhile");
    one().of_release("3").declare().await.unwrap();
    assert!(!is_bound(&world).await);
    both().of_release("4").declare().await.unwrap();
    assert!(is_bound(&world).await);
}

#[tokio::test]
async fn without_a_name_a_release_is_told_by_what_it_hears() {
    let world = World::new().await;
    let _relay = Running::relay(world.relay());
    world.consumer().on::<OrderPaid>(on_paid).declare().await.unwrap();
    for _ in 0..2 {
        world.consumer().on::<OrderPlaced>(on_placed).declare().await.unwrap();
        assert!(is_bound(&world).await);
    }
    world.consumer().on::<RunPublished>(on_published).declare().await.unwrap();
    assert!(!is_bound(&world).await);
}

/// An event of a type that was added by a release which was rolled back, after so many rounds of waiting.
async fn unheard(world: &World, rounds: i32) -> Uuid {
    let order = Uuid::new_v4();
    let mut headers = FieldTable::default();
    headers.insert("unheard".into(), AMQPValue::LongInt(rounds));
    headers.insert("attempts".into(), AMQPValue::LongInt(3));
    let (channel, body) = (world.channel().await, envelope_of(order));
    let properties = BasicProperties::default().with_headers(headers);
    let options = Default::default();
    channel.basic_publish("".into(), "courses.events".into(), options, &body, properties).await.unwrap().await.unwrap();
    order
}

#[tokio::test]
async fn after_a_rollback_an_event_of_the_newer_release_waits_for_it_for_a_day_and_no_try_is_counted() {
    let world = World::new().await;
    let channel = world.channel().await;
    let newer = || world.consumer().on::<OrderPaid>(on_paid).on::<OrderPlaced>(on_placed).of_release("2");
    newer().declare().await.unwrap();
    let older = Running::consumer(world.consumer().on::<OrderPlaced>(on_placed).of_release("1"));
    // More often than any event is tried.
    unheard(&world, 100).await;
    eventually("it waits", SOON, async || (world.count(&channel, "courses.events.retry.5m").await == 1).then_some(()))
        .await;
    let too_late = unheard(&world, 296).await;
    let dead =
        eventually("a dead letter", SOON, async || bus::dead_letter::list(world.pool()).await.unwrap().pop()).await;
    assert_eq!((dead.attempts, &*dead.reason), (4, "for a day no release had a handler for it"));
    older.stopped().await;
    // The newer release comes back: nothing of it was lost.
    assert_eq!(world.count(&channel, "courses.events.retry.5m").await, 1);
    let waiting = unheard(&world, 100).await;
    let _newer = Running::consumer(newer());
    bus::dead_letter::replay(world.pool(), &world.amqp, &[dead]).await.unwrap();
    world.expect_effects(vec![too_late, waiting]).await;
}

#[tokio::test]
async fn what_two_releases_do_not_want_is_let_go() {
    let world = World::new().await;
    world.consumer().on::<OrderPaid>(on_paid).on::<OrderPlaced>(on_placed).of_release("1").declare().await.unwrap();
    world.consumer().on::<OrderPlaced>(on_placed).of_release("2").declare().await.unwrap();
    unheard(&world, 10).await;
    let third = Running::consumer(world.consumer().on::<OrderPlaced>(on_placed).of_release("3"));
    let channel = world.channel().await;
    eventually("an empty queue", SOON, async || (world.count(&channel, "courses.events").await == 0).then_some(()))
        .await;
    third.stopped().await;
    for queue in ["courses.events", "courses.events.retry.5m"] {
        assert_eq!(world.count(&channel, queue).await, 0, "{queue}");
    }
    assert!(bus::dead_letter::list(world.pool()).await.unwrap().is_empty());
    assert!(world.effects().await.is_empty());
}
