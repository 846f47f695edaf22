//! Promo codes: the last use is somebody's, and only one's.

use proto::{
    lyceum::payments::v1::{
        CancelOrderRequest, CreatePromoCodeRequest, ListPromoCodesRequest, PromoCode, QuotePriceRequest,
        UpdatePromoCodeRequest, promo_code,
    },
    wkt::{FieldMask, Timestamp},
};
use rpc::Problem;
use uuid::Uuid;
use values::Clock;

use crate::helpers::{DAY, World, minutes, reason, roubles, tenth};

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() })
}

async fn uses(world: &World, promo: &PromoCode) -> i32 {
    let list = world.products().list_promo_codes(ListPromoCodesRequest::default()).await.unwrap().into_inner();
    list.promo_codes.into_iter().find(|known| known.promo_code_id == promo.promo_code_id).unwrap().uses
}

#[tokio::test]
async fn a_promo_code_takes_off_what_it_says_in_whatever_case() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_900).await);
    world.promo(tenth("Весна-26")).await;
    let order = world.try_order(buyer, &product, "вЕСНА-26").await.unwrap();
    assert_eq!((order.discount, order.total), (Some(roubles(14_990)), Some(roubles(134_910))));
    assert_eq!(order.promo_code.as_deref(), Some("Весна-26"));
    let amount = promo_code::Discount::Amount(roubles(200_000));
    world.promo(PromoCode { discount: Some(amount), ..tenth("ALL") }).await;
    let request = QuotePriceRequest {
        product_id: product.product_id.clone(),
        promo_code: Some("all".into()),
        ..Default::default()
    };
    let quote = world.shop().quote_price(request).await.unwrap().into_inner();
    assert_eq!((quote.discount, quote.total), (Some(roubles(149_900)), Some(roubles(0))));
}

#[tokio::test]
async fn two_buyers_at_the_last_use_get_it_once() {
    let world = World::new().await;
    let product = world.product(149_000).await;
    let promo = world.promo(PromoCode { max_uses: 1, ..tenth("LAST") }).await;
    let buyers: Vec<Uuid> = (0..8).map(|_| Uuid::new_v4()).collect();
    let tries = buyers.iter().map(|buyer| world.try_order(*buyer, &product, "last"));
    let answers = futures::future::join_all(tries).await;
    let (placed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(placed.len(), 1);
    for refused in refused {
        assert_eq!(reason(refused), "PROMO_CODE_USED_UP");
    }
    assert_eq!(uses(&world, &promo).await, 1);
    assert_eq!(world.count("OrderPlaced").await, 1, "whoever was too late has no order at the full price");
}

#[tokio::test]
async fn one_buyer_in_two_windows_uses_it_once() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    world.promo(PromoCode { max_uses_per_buyer: 1, ..tenth("ONCE") }).await;
    let answers = futures::future::join_all((0..6).map(|_| world.try_order(buyer, &product, "ONCE"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    world.try_order(Uuid::new_v4(), &product, "ONCE").await.unwrap();
    let request =
        QuotePriceRequest { product_id: product.product_id, promo_code: Some("ONCE".into()), ..Default::default() };
    assert_eq!(reason(world.shop_of(buyer).quote_price(request.clone()).await), "PROMO_CODE_USED_UP");
    world.shop().quote_price(request).await.unwrap();
}

#[tokio::test]
async fn a_use_is_free_again_when_its_order_ends_unpaid_and_gone_when_it_is_paid() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let promo = world.promo(PromoCode { max_uses: 1, ..tenth("HOLD") }).await;
    let order = world.try_order(buyer, &product, "HOLD").await.unwrap();
    let cancel = CancelOrderRequest { order_id: order.order_id };
    for _ in 0..2 {
        world.orders(buyer).cancel_order(cancel.clone()).await.unwrap();
        assert_eq!(uses(&world, &promo).await, 0, "given back once");
    }
    world.try_order(buyer, &product, "HOLD").await.unwrap();
    world.tick(DAY + minutes(15)).await;
    assert_eq!(uses(&world, &promo).await, 0, "expired");

    let order = world.try_order(buyer, &product, "HOLD").await.unwrap();
    let payment = world.pay(buyer, &order).await;
    world.capture(&payment).await;
    world.tick(DAY + minutes(15)).await;
    assert_eq!(uses(&world, &promo).await, 1);
    assert_eq!(reason(world.try_order(Uuid::new_v4(), &product, "HOLD").await), "PROMO_CODE_USED_UP");
}

#[tokio::test]
async fn a_code_is_refused_outside_its_window_and_scope() {
    let world = World::new().await;
    let (buyer, product, other) = (Uuid::new_v4(), world.product(149_000).await, world.product(1_000).await);
    let now = world.clock.now();
    let window = PromoCode {
        starts_at: Some(Timestamp::from(now + time::Duration::HOUR)),
        ends_at: Some(Timestamp::from(now + time::Duration::hours(2))),
        product_ids: vec![product.product_id.clone()],
        ..tenth("WINDOW")
    };
    world.promo(window).await;
    assert_eq!(reason(world.try_order(buyer, &product, "WINDOW").await), "PROMO_CODE_NOT_VALID_NOW");
    world.clock.advance(time::Duration::HOUR);
    assert_eq!(reason(world.try_order(buyer, &other, "WINDOW").await), "PROMO_CODE_NOT_FOR_PRODUCT");
    world.try_order(buyer, &product, "WINDOW").await.unwrap();
    world.clock.advance(time::Duration::HOUR);
    assert_eq!(reason(world.try_order(buyer, &product, "WINDOW").await), "PROMO_CODE_NOT_VALID_NOW");
    assert_eq!(reason(world.try_order(buyer, &product, "NOSUCH").await), "PROMO_CODE_UNKNOWN");
    assert_eq!(reason(world.try_order(buyer, &product, "!").await), "INVALID");
}

#[tokio::test]
async fn a_code_is_issued_once_and_changed_with_care() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let promo = world.promo(PromoCode { max_uses: 5, ..tenth("EDIT") }).await;
    let twice = CreatePromoCodeRequest { promo_code: Some(tenth("edit")) };
    assert_eq!(reason(world.products().create_promo_code(twice).await), "PROMO_CODE_TAKEN");
    for bad in [
        PromoCode { discount: None, ..tenth("BAD") },
        PromoCode { discount: Some(promo_code::Discount::PercentBasisPoints(10_001)), ..tenth("BAD") },
        PromoCode { discount: Some(promo_code::Discount::Amount(roubles(0))), ..tenth("BAD") },
        PromoCode { max_uses: -1, ..tenth("BAD") },
        PromoCode { product_ids: vec!["x".into()], ..tenth("BAD") },
    ] {
        let request = CreatePromoCodeRequest { promo_code: Some(bad) };
        assert_eq!(reason(world.products().create_promo_code(request).await), "INVALID");
    }
    world.try_order(buyer, &product, "EDIT").await.unwrap();
    world.try_order(buyer, &product, "EDIT").await.unwrap();

    let edit = |paths: &[&str], to: PromoCode, etag: &str| UpdatePromoCodeRequest {
        promo_code_id: promo.promo_code_id.clone(),
        promo_code: Some(to),
        update_mask: mask(paths),
        etag: etag.into(),
    };
    let too_few = edit(&["max_uses"], PromoCode { max_uses: 1, ..tenth("x") }, "");
    assert_eq!(reason(world.products().update_promo_code(too_few).await), "MAX_USES_BELOW_USES");
    // A code and what it takes off stay as they were made: whoever sends others is told so, and nothing changes.
    let forbidden = edit(&["code"], tenth("OTHER"), "");
    assert_eq!(reason(world.products().update_promo_code(forbidden).await), "INVALID");
    let refused = world.products().update_promo_code(edit(&[], PromoCode { max_uses: 9, ..tenth("OTHER") }, "")).await;
    let named = Problem::from(&refused.unwrap_err()).violations;
    let named: Vec<&str> = named.iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(named, ["promo_code.code", "promo_code.percent_basis_points"]);
    let nothing = world.products().update_promo_code(edit(&[], PromoCode::default(), "")).await.unwrap().into_inner();
    assert_eq!((nothing.max_uses, nothing.code.as_str()), (5, "EDIT"));
    let two = edit(&["max_uses"], PromoCode { max_uses: 2, ..tenth("x") }, &promo.etag);
    let changed = world.products().update_promo_code(two.clone()).await.unwrap().into_inner();
    assert_eq!((changed.max_uses, changed.uses, changed.code.as_str()), (2, 2, "EDIT"));
    assert_eq!(reason(world.products().update_promo_code(two).await), "ETAG_MISMATCH");
    assert_eq!(reason(world.try_order(buyer, &product, "EDIT").await), "PROMO_CODE_USED_UP");

    let off = edit(&["max_uses", "state"], PromoCode { state: promo_code::State::Disabled.into(), ..tenth("x") }, "");
    world.products().update_promo_code(off.clone()).await.unwrap();
    let stateless = UpdatePromoCodeRequest { promo_code: Some(PromoCode { state: 0, ..tenth("x") }), ..off };
    assert_eq!(reason(world.products().update_promo_code(stateless).await), "INVALID");
    assert_eq!(reason(world.try_order(buyer, &product, "EDIT").await), "PROMO_CODE_NOT_VALID_NOW");
}

#[tokio::test]
async fn the_database_itself_refuses_one_use_too_many() {
    let world = World::new().await;
    let promo = world.promo(PromoCode { max_uses: 1, ..tenth("BASE") }).await;
    let id = Uuid::parse_str(&promo.promo_code_id).unwrap();
    let refused = sqlx::query("update promo_codes set uses = 2 where promo_code_id = $1").bind(id);
    let error = refused.execute(&world.db.pool).await.unwrap_err();
    assert!(pg::violated(&error, "promo_codes_uses_check"));
}
