use std::time::Duration;

use bus::{Amqp, Envelope, Failure};
use futures::future::join_all;
use proto::lyceum::events::v1::OrderPaid;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::eventually;
use tokio::sync::mpsc;
use values::Clock;

use crate::helpers::{Running, SOON, World, on_paid, paid};
use crate::proxy::Proxy;

type Received = mpsc::UnboundedSender<(Envelope, OrderPaid)>;

async fn receive(
    received: &Received,
    _: &mut PgConnection,
    envelope: &Envelope,
    event: OrderPaid,
) -> Result<(), Failure> {
    received.send((envelope.clone(), event)).unwrap();
    Ok(())
}

#[tokio::test]
async fn what_a_transaction_announces_is_heard_whole() {
    let world = World::new().await;
    let (received, mut receiver) = mpsc::unbounded_channel();
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(bus::with(&received, receive)));
    let _relay = Running::relay(world.relay());
    let order = world.announce_paid().await;
    let (envelope, event) = tokio::time::timeout(SOON, receiver.recv()).await.unwrap().unwrap();
    assert_eq!(event.order_id, order.to_string());
    assert_eq!(envelope.r#type, "lyceum.events.v1.OrderPaid");
    assert_eq!((&*envelope.aggregate_type, envelope.aggregate_version), ("order", 3));
    assert_eq!(envelope.aggregate_id, order.to_string());
    assert_eq!(envelope.actor, "user:1");
    assert_eq!(envelope.occurred_at.unwrap().to_time().unwrap(), world.clock.now());
    world.expect_empty_outbox().await;
}

#[tokio::test]
async fn what_a_transaction_takes_back_is_never_heard() {
    let world = World::new().await;
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    let _relay = Running::relay(world.relay());
    let mut transaction = world.pool().begin().await.unwrap();
    bus::announce(&mut transaction, paid(uuid::Uuid::new_v4()), bus::By { actor: "user:1", now: world.clock.now() })
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    // What is announced afterwards arrives alone.
    let order = world.announce_paid().await;
    world.expect_effects(vec![order]).await;
}

#[tokio::test]
async fn a_backlog_larger_than_a_batch_is_relayed_to_the_end() {
    let world = World::new().await;
    let mut orders = Vec::new();
    for _ in 0..450 {
        orders.push(world.announce_paid().await);
    }
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    let _relay = Running::relay(world.relay());
    world.expect_effects(orders).await;
    world.expect_empty_outbox().await;
}

#[tokio::test]
async fn events_wait_in_the_outbox_while_the_broker_is_down_and_the_relay_waits_with_them() {
    let mut world = World::new().await;
    let proxy = Proxy::before(&world.broker.url).await;
    proxy.close();
    world.amqp = proxy.amqp.clone();
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    let _relay = Running::relay(world.relay());
    let orders = vec![world.announce_paid().await, world.announce_paid().await];
    // Long enough for several attempts of both.
    let still_there = eventually("nothing", Duration::from_secs(1), async || (world.outbox().await != 2).then_some(()));
    assert!(tokio::time::timeout(Duration::from_millis(700), still_there).await.is_err());
    proxy.open();
    world.expect_effects(orders).await;
    world.expect_empty_outbox().await;
}

#[tokio::test]
async fn an_event_leaves_the_outbox_only_after_the_broker_confirmed_it() {
    let mut world = World::new().await;
    let proxy = Proxy::before(&world.broker.url).await;
    world.amqp = proxy.amqp.clone();
    let relay = Running::relay(world.relay());
    let first = world.announce_paid().await;
    world.expect_empty_outbox().await;
    proxy.hang();
    let second = world.announce_paid().await;
    // The relay publishes into the void; killing it there must lose nothing.
    let gone = eventually("nothing", Duration::from_secs(9), async || (world.outbox().await == 0).then_some(()));
    assert!(tokio::time::timeout(Duration::from_millis(1500), gone).await.is_err());
    drop(relay);
    proxy.open();
    let _relay = Running::relay(world.relay());
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    world.expect_effects(vec![first, second]).await;
}

#[tokio::test]
async fn a_relay_killed_between_confirmation_and_deletion_repeats_the_event_without_effect() {
    let world = World::new().await;
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    let order = world.announce_paid().await;
    // Reading stays possible, deleting does not.
    let mut blocker = world.pool().begin().await.unwrap();
    sqlx::query("lock table outbox in exclusive mode").execute(&mut *blocker).await.unwrap();
    let relay = Running::relay(world.relay());
    world.expect_effects(vec![order]).await;
    drop(relay);
    blocker.rollback().await.unwrap();
    assert_eq!(world.outbox().await, 1, "the row was deleted, so the test proves nothing");
    let _relay = Running::relay(world.relay());
    world.expect_empty_outbox().await;
    let after = world.announce_paid().await;
    world.expect_effects(vec![order, after]).await;
}

#[tokio::test]
async fn what_a_process_announced_that_died_before_it_told_its_relay_is_published_by_another() {
    let world = World::new().await;
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    let _relay = Running::relay(world.relay());
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(world.announce_paid_and_die().await);
        world.expect_effects(orders.clone()).await;
    }
    world.expect_empty_outbox().await;
}

#[tokio::test]
async fn of_several_relays_that_know_of_the_same_events_one_publishes_each() {
    let world = World::new().await;
    let consumer = world.consumer().on::<OrderPaid>(on_paid);
    consumer.declare().await.unwrap();
    let relays: Vec<_> = (0..4).map(|_| Running::relay(world.relay())).collect();
    // All are told of each, and look for what nobody was told of.
    let announcing = (0..8).map(|_| async {
        for _ in 0..25 {
            world.announce_paid().await;
            world.announce_paid_and_die().await;
        }
    });
    join_all(announcing).await;
    world.expect_empty_outbox().await;
    for relay in relays {
        relay.stopped().await;
    }
    // The inbox would hide what came twice.
    let channel = world.channel().await;
    assert_eq!(world.count(&channel, "courses.events").await, 400);
}

#[tokio::test]
async fn of_two_relays_the_other_takes_over_when_one_is_killed() {
    let world = World::new().await;
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    let first = Running::relay(world.relay());
    let mut orders = vec![world.announce_paid().await];
    world.expect_effects(orders.clone()).await;
    let _second = Running::relay(world.relay());
    orders.push(world.announce_paid().await);
    world.expect_effects(orders.clone()).await;
    drop(first);
    orders.push(world.announce_paid().await);
    world.expect_effects(orders).await;
    world.expect_empty_outbox().await;
}

/// Who has a relay's turn at the moment.
const AT_WORK: &str = "from pg_stat_activity
     join pg_locks using (pid)
     where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())";

#[tokio::test]
async fn a_relay_that_waits_for_the_broker_holds_up_nobody_and_may_be_ended() {
    let mut world = World::new().await;
    let proxy = Proxy::before(&world.broker.url).await;
    let direct = std::mem::replace(&mut world.amqp, proxy.amqp.clone());
    let _relay = Running::relay(world.relay());
    let mut orders = vec![world.announce_paid().await];
    world.expect_empty_outbox().await;
    proxy.hang();
    orders.push(world.announce_paid().await);
    // Neither a snapshot nor a number of a transaction keeps vacuum and others from going on.
    let waits =
        format!("select backend_xmin is null and backend_xid is null {AT_WORK} and state = 'idle in transaction'");
    let frees = eventually("a relay that waits", SOON, async || {
        sqlx::query_scalar::<_, bool>(AssertSqlSafe(waits.clone())).fetch_optional(world.pool()).await.unwrap()
    });
    assert!(frees.await);
    let end = format!("select pg_terminate_backend(pid) {AT_WORK}");
    sqlx::query(AssertSqlSafe(end)).execute(world.pool()).await.unwrap();
    // Its turn is over at once: nobody has to wait until the broker answers or is given up.
    world.amqp = direct;
    let _other = Running::relay(world.relay());
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    world.expect_empty_outbox().await;
    proxy.open();
    orders.push(world.announce_paid().await);
    world.expect_effects(orders).await;
}

#[tokio::test]
async fn a_relay_stops_when_told_and_leaves_nothing_half_done() {
    let world = World::new().await;
    for _ in 0..50 {
        world.announce_paid().await;
    }
    let relay = Running::relay(world.relay());
    eventually("the first batch", SOON, async || (world.outbox().await < 50).then_some(())).await;
    relay.stopped().await;
    assert_eq!(world.outbox().await, 0, "the batch at hand is finished");
}

#[test]
fn an_address_is_refused_or_kept_without_its_password_being_shown() {
    assert!("http://rabbit".parse::<Amqp>().is_err());
    let amqp: Amqp = "amqp://user:secret@rabbit:5672/%2f".parse().unwrap();
    assert!(!format!("{amqp:?}").contains("secret"));
}
