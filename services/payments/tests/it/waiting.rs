//! What the gauges say of payments and refunds that wait for the bank.

use payments::{
    flows::measure,
    store::waiting::{self, Waiting},
};
use proto::lyceum::payments::v1::order::State;
use uuid::Uuid;

use crate::{
    bank::Fault,
    helpers::{World, key, minutes},
};

/// Open attempts by state, refunds under way, and whether somebody waits for a payment that we were told of.
async fn counted(world: &World) -> ((i64, i64, i64), i64, bool) {
    measure::run(&world.app).await.unwrap();
    let conn = &mut *world.db.pool.acquire().await.unwrap();
    let Waiting { created, pending, unknown, refunds, .. } = waiting::waiting(conn).await.unwrap();
    ((created, pending, unknown), refunds, waiting::notified_since(conn).await.unwrap().is_some())
}

#[tokio::test]
async fn a_payment_that_we_were_told_of_waits_until_the_bank_has_said_more() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    assert_eq!(counted(&world).await, ((0, 0, 0), 0, false));
    let payment = world.pay(buyer, &order).await;
    assert_eq!(counted(&world).await, ((0, 1, 0), 0, false), "the payer is at it, nobody is late");

    world.bank.happens(&payment.payment_id, "CONFIRMED");
    world.bank.fault("GetState", Fault::Fail);
    assert_eq!(world.notify(world.bank.notice(&payment.payment_id, "CONFIRMED")).await.status, 503);
    assert_eq!(counted(&world).await, ((0, 1, 0), 0, true));

    world.bank.repair();
    world.tick(minutes(5)).await;
    assert_eq!(world.state(buyer, &order).await, State::Paid);
    assert_eq!(counted(&world).await, ((0, 0, 0), 0, false), "settled, though the bank never repeated itself");
}

#[tokio::test]
async fn a_lost_answer_and_a_slow_refund_wait_since_they_began() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let (order, _) = world.paid(buyer, &product).await;
    world.bank.fault("Cancel", Fault::Slowly);
    world.refund(&order, &key()).await.unwrap();
    let other = Uuid::new_v4();
    let lost = world.order(other, &product).await;
    world.bank.fault("Init", Fault::LoseReply);
    world.pay(other, &lost).await;

    let ((_, pending, unknown), refunds, told) = counted(&world).await;
    assert_eq!((pending, unknown, refunds, told), (0, 1, 1, false));
    let conn = &mut *world.db.pool.acquire().await.unwrap();
    let seen = waiting::waiting(conn).await.unwrap();
    assert!(seen.unknown_since.is_some() && seen.refunds_since.is_some());
}
