use bus::Topology;
use proto::lyceum::events::v1::{OrderPaid, OrderPlaced};
use testkit::eventually;

use crate::helpers::{Running, SOON, World, on_paid};

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
    bus::declare(&world.amqp, &Topology::new("analytics").hears::<OrderPlaced>()).await.unwrap();
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    world.expect_effects(vec![early]).await;
}

#[tokio::test]
async fn queues_that_were_declared_up_front_collect_events_until_their_consumer_starts() {
    let world = World::new().await;
    let topology = Topology::new("courses").hears::<OrderPaid>();
    bus::declare(&world.amqp, &topology).await.unwrap();
    bus::declare(&world.amqp, &topology).await.unwrap();
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
