use std::time::Duration;

use proto::lyceum::events::v1::OrderPaid;

use crate::helpers::{Running, World, on_paid};
use crate::proxy::Proxy;

#[tokio::test]
async fn connections_cut_again_and_again_lose_nothing_and_repeat_nothing() {
    let mut world = World::new().await;
    let proxy = Proxy::before(&world.broker.url).await;
    world.amqp = proxy.amqp.clone();
    let consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
    let _relay = Running::relay(world.relay());
    let mut orders = Vec::new();
    for round in 0..120 {
        orders.push(world.announce_paid().await);
        if round % 15 == 7 {
            proxy.cut();
        }
    }
    world.expect_effects_at_the_end(orders, consumer).await;
}

#[tokio::test]
async fn processes_killed_again_and_again_lose_nothing_and_repeat_nothing() {
    let world = World::new().await;
    let mut orders = Vec::new();
    let mut running = None;
    for round in 0..60 {
        if round % 10 == 0 {
            // The former pair dies here, wherever it is.
            drop(running.take());
            let consumer = Running::consumer(world.consumer().on::<OrderPaid>(on_paid));
            running = Some((consumer, Running::relay(world.relay())));
        }
        orders.push(world.announce_paid().await);
    }
    let (consumer, _relay) = running.unwrap();
    world.expect_effects_at_the_end(orders, consumer).await;
}

#[tokio::test]
async fn an_acknowledgement_that_never_arrives_makes_a_repetition_without_effect() {
    let mut world = World::new().await;
    let proxy = Proxy::before(&world.broker.url).await;
    let direct = std::mem::replace(&mut world.amqp, proxy.amqp.clone());
    let consumer = world.consumer().on::<OrderPaid>(on_paid);
    consumer.declare().await.unwrap();
    let mut blocker = world.pool().begin().await.unwrap();
    // The handler gets stuck at its effect, so that the proxy can hang before the acknowledgement.
    sqlx::query("lock table effects").execute(&mut *blocker).await.unwrap();
    let consumer = Running::consumer(consumer);
    world.amqp = direct;
    let _relay = Running::relay(world.relay());
    let order = world.announce_paid().await;
    testkit::eventually("the handler is stuck", crate::helpers::SOON, async || {
        let stuck: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where wait_event = 'relation' and datname = current_database()",
        )
        .fetch_one(&mut *blocker)
        .await
        .unwrap();
        (stuck == 1).then_some(())
    })
    .await;
    proxy.hang();
    blocker.rollback().await.unwrap();
    world.expect_effects(vec![order]).await;
    // The broker still owes an acknowledgement; cutting the line makes it deliver again.
    proxy.cut();
    let channel = world.channel().await;
    testkit::eventually("the repetition is acknowledged", Duration::from_secs(20), async || {
        let info = sqlx::query_scalar::<_, i64>("select count(*) from inbox").fetch_one(world.pool()).await.unwrap();
        (info == 1 && world.count(&channel, "courses.events").await == 0).then_some(())
    })
    .await;
    let after = world.announce_paid().await;
    world.expect_effects_at_the_end(vec![order, after], consumer).await;
}
