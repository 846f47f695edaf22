use std::sync::Arc;
use std::time::Duration;

use bus::{Envelope, Failure};
use pg::Config;
use proto::lyceum::events::v1::{OrderPaid, UserErased};
use sqlx::PgConnection;
use testkit::eventually;
use tokio::sync::Semaphore;
use uuid::Uuid;
use values::Clock;

use crate::helpers::{Running, SOON, World, envelope_of, erased, on_paid};

#[tokio::test]
async fn two_copies_of_one_event_have_one_effect_even_at_the_same_time() {
    let world = World::new().await;
    let consumer = world.consumer().on::<OrderPaid>(on_paid);
    consumer.declare().await.unwrap();
    let channel = world.channel().await;
    let orders: Vec<Uuid> = (0..20).map(|_| Uuid::new_v4()).collect();
    for order in &orders {
        let body = envelope_of(*order);
        for _ in 0..2 {
            let (options, properties) = Default::default();
            channel.basic_publish("".into(), "courses.events".into(), options, &body, properties).await.unwrap();
        }
    }
    let consumer = Running::consumer(consumer);
    world.expect_effects(orders.clone()).await;
    eventually("an empty queue", SOON, async || (world.count(&channel, "courses.events").await == 0).then_some(()))
        .await;
    consumer.stopped().await;
    world.expect_effects(orders).await;
}

/// A handler that waits inside its transaction until it is let go.
async fn on_paid_slowly(
    gate: &Arc<Semaphore>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: OrderPaid,
) -> Result<(), Failure> {
    on_paid(conn, envelope, event).await?;
    gate.acquire().await.unwrap().forget();
    Ok(())
}

/// Waits until so many handlers are inside their transactions.
async fn expect_at_work(world: &World, handlers: i64) {
    eventually("handlers at work", SOON, async || {
        let open: i64 = sqlx::query_scalar(
            "select count(*)
             from pg_stat_activity
             where datname = current_database() and state = 'idle in transaction' and query like 'insert into effects%'",
        )
        .fetch_one(world.pool())
        .await
        .unwrap();
        (open == handlers).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_consumer_that_is_told_to_stop_finishes_what_it_has_begun() {
    let world = World::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let consumer = Running::consumer(world.consumer().on::<OrderPaid>(bus::with(&gate, on_paid_slowly)));
    let relay = Running::relay(world.relay());
    let order = world.announce_paid().await;
    expect_at_work(&world, 1).await;
    consumer.ask_to_stop();
    gate.add_permits(1);
    consumer.stopped().await;
    assert_eq!(world.effects().await, [order]);
    // It was acknowledged, so nobody gets it again.
    relay.stopped().await;
    let channel = world.channel().await;
    assert_eq!(world.count(&channel, "courses.events").await, 0);
}

#[tokio::test]
async fn a_consumer_killed_in_the_middle_leaves_the_event_to_the_next_one() {
    let world = World::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let consumer = Running::consumer(world.consumer().on::<OrderPaid>(bus::with(&gate, on_paid_slowly)));
    let _relay = Running::relay(world.relay());
    let order = world.announce_paid().await;
    expect_at_work(&world, 1).await;
    drop(consumer);
    let _next = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    world.expect_effects(vec![order]).await;
}

#[tokio::test]
async fn several_events_are_worked_on_at_once() {
    let world = World::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(bus::with(&gate, on_paid_slowly)));
    let _relay = Running::relay(world.relay());
    let mut orders = Vec::new();
    for _ in 0..4 {
        orders.push(world.announce_paid().await);
    }
    expect_at_work(&world, 4).await;
    gate.add_permits(4);
    world.expect_effects(orders).await;
}

#[tokio::test]
async fn while_the_database_is_out_of_reach_an_event_waits_and_is_neither_tried_later_nor_given_up() {
    let world = World::new().await;
    let mut config = Config::new(&world.database.url, "test");
    (config.max_connections, config.acquire_timeout) = (1, Duration::from_millis(50));
    let narrow = pg::connect(&config).await.unwrap();
    let taken = narrow.acquire().await.unwrap();
    let consumer = bus::Consumer::new("courses", narrow.clone(), world.amqp.clone(), world.clock.shared());
    let _consumer = Running::consumer(consumer.on::<OrderPaid>(on_paid));
    let _relay = Running::relay(world.relay());
    let order = world.announce_paid().await;
    world.expect_empty_outbox().await;
    let channel = world.channel().await;
    let elsewhere = eventually("nothing", SOON, async || {
        for queue in ["courses.events.retry.1s", "courses.events.dead-letters"] {
            if world.count(&channel, queue).await > 0 {
                return Some(());
            }
        }
        None
    });
    assert!(tokio::time::timeout(Duration::from_secs(1), elsewhere).await.is_err());
    drop(taken);
    world.expect_effects(vec![order]).await;
}

async fn on_erased(conn: &mut PgConnection, envelope: &Envelope, event: UserErased) -> Result<(), Failure> {
    on_paid(conn, envelope, OrderPaid { order_id: event.user_id, ..OrderPaid::default() }).await
}

#[tokio::test]
async fn personal_events_reach_only_who_bound_the_personal_exchange() {
    let world = World::new().await;
    // Another service, which asks for the same type on the exchange of everybody.
    let analytics = bus::Consumer::new("analytics", world.pool().clone(), world.amqp.clone(), world.clock.shared());
    analytics.on::<UserErased>(on_erased).declare().await.unwrap();
    let _courses = Running::consumer(world.consumer().on_personal::<UserErased>(on_erased));
    let _relay = Running::relay(world.relay());
    let user = Uuid::new_v4();
    let mut transaction = world.pool().begin().await.unwrap();
    bus::announce(&mut transaction, erased(user), bus::By { actor: "user:1", now: world.clock.now() }).await.unwrap();
    transaction.commit().await.unwrap();
    world.expect_effects(vec![user]).await;
    let channel = world.channel().await;
    assert_eq!(world.count(&channel, "analytics.events").await, 0);
}

#[tokio::test]
async fn the_inbox_forgets_after_thirty_days() {
    let world = World::new().await;
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    let _relay = Running::relay(world.relay());
    world.announce_paid().await;
    eventually("the effect", SOON, async || (!world.effects().await.is_empty()).then_some(())).await;
    let now = world.clock.now();
    assert_eq!(bus::sweep(world.pool(), now + time::Duration::days(29)).await.unwrap(), 0);
    assert_eq!(bus::sweep(world.pool(), now + time::Duration::days(30)).await.unwrap(), 1);
}
