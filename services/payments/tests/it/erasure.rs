//! Forgetting a person, and telling everything to a copy that is rebuilt.

use futures::TryStreamExt;
use proto::lyceum::{
    events::v1::{Envelope, UserErased},
    payments::v1::{ExportEntitlementsRequest, entitlement, order::State},
};
use uuid::Uuid;

use crate::helpers::{World, key};

async fn erase(world: &World, user: Uuid) {
    let conn = &mut *world.db.pool.acquire().await.unwrap();
    let event = UserErased { user_id: user.to_string() };
    payments::hear::on_user_erased(&world.app.clock, conn, &Envelope::default(), event).await.unwrap();
}

#[tokio::test]
async fn an_erased_buyer_leaves_numbers_but_nothing_that_names_them() {
    let world = World::new().await;
    let (buyer, other, product) = (Uuid::new_v4(), Uuid::new_v4(), world.product(149_000).await);
    let (paid, _) = world.paid(buyer, &product).await;
    let waiting = world.order(buyer, &product).await;
    let (refunded, _) = world.paid(buyer, &product).await;
    world.refund(&refunded, &key()).await.unwrap();
    world.paid(other, &product).await;
    erase(&world, buyer).await;
    erase(&world, buyer).await;

    assert_eq!(world.state(buyer, &waiting).await, State::Cancelled);
    assert_eq!(world.state(buyer, &paid).await, State::Paid, "the books stay");
    let left: (i64, i64, i64) = sqlx::query_as(
        "select
             (select count(*) from webhooks where body is not null),
             (select count(*) from attempts where success_url <> '' or page is not null),
             (select count(*) from refunds where reason <> '')",
    )
    .fetch_one(&world.db.pool)
    .await
    .unwrap();
    assert_eq!(left, (1, 1, 0), "only the other buyer's");
}

#[tokio::test]
async fn an_export_tells_every_entitlement_with_its_version_and_only_to_services() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(0).await);
    let kept = world.order(buyer, &product).await;
    let refunded = world.order(Uuid::new_v4(), &product).await;
    world.refund(&refunded, &key()).await.unwrap();
    let stream = world.exports().export_entitlements(ExportEntitlementsRequest {}).await.unwrap().into_inner();
    let all: Vec<_> = stream.try_collect().await.unwrap();
    assert_eq!(all.len(), 4);
    for exported in all {
        let entitlement = exported.entitlement.unwrap();
        let expected = match entitlement.order_id == kept.order_id {
            true => (entitlement::State::Active, 1),
            false => (entitlement::State::Revoked, 2),
        };
        assert_eq!((entitlement.state(), exported.version), expected);
    }
    let refused = world.entitlements_of(buyer).export_entitlements(ExportEntitlementsRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
}

#[tokio::test]
async fn an_export_that_is_longer_than_a_page_is_whole() {
    let world = World::new().await;
    sqlx::query(
        "insert into entitlements (learner_id, entitlement_id, order_id, run_id, course_id, title, starts_at, state, version)
         select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'x', now(), 'active', 1
         from generate_series(1, 1203)",
    )
    .execute(&world.db.pool)
    .await
    .unwrap();
    let stream = world.exports().export_entitlements(ExportEntitlementsRequest {}).await.unwrap().into_inner();
    let all: Vec<_> = stream.try_collect().await.unwrap();
    let ids: std::collections::HashSet<_> =
        all.iter().map(|e| e.entitlement.as_ref().unwrap().entitlement_id.clone()).collect();
    assert_eq!((all.len(), ids.len()), (1203, 1203));
}

#[tokio::test]
async fn a_revenue_fact_cannot_be_changed() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    world.paid(buyer, &product).await;
    for change in ["update revenue_facts set amount_minor = 1", "delete from revenue_facts"] {
        let refused = sqlx::query(change).execute(&world.db.pool).await.unwrap_err();
        assert!(refused.to_string().contains("never changed"), "{refused}");
    }
}
