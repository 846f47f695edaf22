//! Orders as other services rebuild their copies from them.

use std::collections::{HashMap, HashSet};

use futures::TryStreamExt;
use proto::lyceum::{
    events::v1::OrderRefunded,
    payments::v1::{ExportOrdersRequest, ExportedOrder},
};
use uuid::Uuid;

use crate::helpers::{World, key, roubles};

async fn exported(world: &World) -> Vec<ExportedOrder> {
    let stream = world.exported_sales().export_orders(ExportOrdersRequest {}).await.unwrap().into_inner();
    stream.try_collect().await.unwrap()
}

#[tokio::test]
async fn every_order_is_exported_with_what_was_announced_of_it() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let placed = world.order(buyer, &product).await;
    let (paid, _) = world.paid(buyer, &product).await;
    let (refunded, _) = world.paid(buyer, &product).await;
    let refund = world.refund(&refunded, &key()).await.unwrap();

    let all: HashMap<_, _> = exported(&world).await.into_iter().map(|order| (order.order_id.clone(), order)).collect();
    assert_eq!(all.len(), 3);
    let waiting = &all[&placed.order_id];
    assert_eq!((waiting.number.as_str(), waiting.buyer_id.as_str()), (placed.number.as_str(), &*buyer.to_string()));
    assert_eq!((waiting.placed_at, waiting.paid_at), (placed.created_at, None));
    assert_eq!((waiting.total.clone(), waiting.refunds.len(), waiting.version), (Some(roubles(149_000)), 0, 1));
    let settled = world.look(buyer, &paid).await;
    assert_eq!((all[&paid.order_id].paid_at, all[&paid.order_id].version), (settled.paid_at, 2));
    assert_eq!(all[&paid.order_id].refunds, []);
    let back = &all[&refunded.order_id];
    assert!(back.paid_at.is_some(), "it was revenue once");
    assert_eq!((back.refunds.len(), back.version), (1, 3));
    assert_eq!(back.refunds[0].refund_id, refund.refund_id);
    assert_eq!(back.refunds[0].amount, Some(roubles(149_000)));
    let announced = world.announced().await;
    let announced = announced.iter().find(|event| event.decode::<OrderRefunded>().is_some()).unwrap();
    assert_eq!(announced.aggregate_version, back.version);
    assert_eq!(back.refunds[0].refunded_at, world.look(buyer, &refunded).await.ended_at);
}

#[tokio::test]
async fn what_was_paid_too_much_and_went_back_is_no_refund_of_the_order() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let (order, _) = world.paid(buyer, &product).await;
    sqlx::query(
        "with twice as (
             insert into attempts
             select (jsonb_populate_record(a, jsonb_build_object(
                 'attempt_id', gen_random_uuid(), 'payment', gen_random_uuid()::text, 'state', 'overpaid'
             ))).*
             from attempts a
             returning attempt_id
         )
         insert into refunds (
             refund_id, order_id, attempt_id, amount_minor, currency, cause, reason, state, created_at, updated_at
         )
         select gen_random_uuid(), $1, attempt_id, 149000, 'RUB', 'overpaid', '', 'succeeded', now(), now()
         from twice",
    )
    .bind(order.order_id.parse::<Uuid>().unwrap())
    .execute(&world.db.pool)
    .await
    .unwrap();
    assert_eq!(exported(&world).await[0].refunds, []);
    let refund = world.refund(&order, &key()).await.unwrap();
    let refunds = exported(&world).await.remove(0).refunds;
    assert_eq!(refunds.into_iter().map(|refund| refund.refund_id).collect::<Vec<_>>(), [refund.refund_id]);
}

#[tokio::test]
async fn more_orders_than_are_read_at_once_are_all_exported() {
    let world = World::new().await;
    sqlx::query(
        "insert into orders (
             order_id, number, buyer_id, state, currency, price_minor, discount_minor, total_minor, created_at,
             expires_at, version
         )
         select gen_random_uuid(), n::text, gen_random_uuid(), 'placed', 'RUB', 1, 0, 1, now(), now(), 1
         from generate_series(1, 1203) n",
    )
    .execute(&world.db.pool)
    .await
    .unwrap();
    let all = exported(&world).await;
    let different: HashSet<_> = all.iter().map(|order| order.order_id.clone()).collect();
    assert_eq!((all.len(), different.len()), (1203, 1203));
}

#[tokio::test]
async fn an_export_of_orders_is_for_services_only() {
    let world = World::new().await;
    let refused = world.sales().export_orders(ExportOrdersRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
}
