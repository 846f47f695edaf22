//! What the staff find in the lists of orders, products and promo codes, and in which order.

use proto::{
    lyceum::payments::v1::{
        ListPromoCodesRequest, ListSalesOrdersRequest, ListSalesProductsRequest, Order, Product, PromoCode,
        UpdatePromoCodeRequest, list_promo_codes_request::OrderBy as PromoOrderBy, list_sales_orders_request::OrderBy,
        list_sales_products_request::OrderBy as ProductOrderBy, promo_code,
    },
    wkt::{FieldMask, Timestamp},
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use values::Clock;

use crate::helpers::{World, tenth};

/// The orders that a request finds, page by page, in their order.
async fn orders(world: &World, request: ListSalesOrdersRequest) -> Vec<String> {
    let (mut found, mut page_token) = (vec![], String::new());
    loop {
        let request = ListSalesOrdersRequest { page_size: 2, page_token, ..request.clone() };
        let page = world.sales().list_sales_orders(request).await.unwrap().into_inner();
        found.extend(page.orders.into_iter().map(|order| order.order_id));
        match page.next_page_token {
            Some(next) => page_token = next,
            None => return found,
        }
    }
}

/// Five orders, an hour apart: of the first product, of the second with a promo code, and so on.
async fn five_orders(world: &World) -> (Vec<Order>, [Product; 2], OffsetDateTime) {
    let products = [world.product(149_000).await, world.product(99_000).await];
    world.promo(tenth("HALF")).await;
    let began = world.clock.now();
    let mut placed = vec![];
    for at in 0..5 {
        let promo = if at % 2 == 1 { "half" } else { "" };
        placed.push(world.try_order(Uuid::new_v4(), &products[at % 2], promo).await.unwrap());
        world.clock.advance(Duration::HOUR);
    }
    (placed, products, began)
}

fn ids(orders: &[Order], of: &[usize]) -> Vec<String> {
    of.iter().map(|at| orders[*at].order_id.clone()).collect()
}

#[tokio::test]
async fn orders_are_found_by_what_was_bought_and_with_which_code() {
    let world = World::new().await;
    let (placed, products, _) = five_orders(&world).await;
    let of_second = ListSalesOrdersRequest { product_id: Some(products[1].product_id.clone()), ..Default::default() };
    assert_eq!(orders(&world, of_second).await, ids(&placed, &[3, 1]));
    let with_code = ListSalesOrdersRequest { promo_code: Some("hALF".into()), ..Default::default() };
    assert_eq!(orders(&world, with_code.clone()).await, ids(&placed, &[3, 1]));
    let neither = ListSalesOrdersRequest { product_id: Some(products[0].product_id.clone()), ..with_code };
    assert!(orders(&world, neither).await.is_empty());
    let unknown = ListSalesOrdersRequest { promo_code: Some("NOSUCH".into()), ..Default::default() };
    assert!(orders(&world, unknown).await.is_empty());
}

#[tokio::test]
async fn orders_are_found_by_when_they_were_placed_oldest_or_newest_first() {
    let world = World::new().await;
    let (placed, _, began) = five_orders(&world).await;
    assert_eq!(orders(&world, ListSalesOrdersRequest::default()).await, ids(&placed, &[4, 3, 2, 1, 0]));
    let oldest = ListSalesOrdersRequest { order_by: OrderBy::CreatedAt.into(), ..Default::default() };
    assert_eq!(orders(&world, oldest.clone()).await, ids(&placed, &[0, 1, 2, 3, 4]));
    let at = |hours: i64| Some(Timestamp::from(began + Duration::hours(hours)));
    let some = ListSalesOrdersRequest { created_from: at(1), created_before: at(3), ..oldest };
    assert_eq!(
        orders(&world, some.clone()).await,
        ids(&placed, &[1, 2]),
        "the first instant belongs to it, the last not"
    );
    let within = |from: Duration, before: Duration| ListSalesOrdersRequest {
        created_from: Some(Timestamp::from(began + Duration::HOUR + from)),
        created_before: Some(Timestamp::from(began + Duration::HOUR + before)),
        ..some.clone()
    };
    let microsecond = Duration::MICROSECOND;
    assert_eq!(orders(&world, within(Duration::ZERO, microsecond)).await, ids(&placed, &[1]));
    assert!(orders(&world, within(microsecond, 2 * microsecond)).await.is_empty());
}

#[tokio::test]
async fn products_are_found_by_what_they_open_and_sorted_by_title() {
    let world = World::new().await;
    let one = world.product(1_000).await;
    world.clock.advance(Duration::SECOND);
    let second = world.product(2_000).await;
    let list = async |request: ListSalesProductsRequest| -> Vec<String> {
        let (mut found, mut page_token) = (vec![], String::new());
        loop {
            let request = ListSalesProductsRequest { page_size: 1, page_token, ..request.clone() };
            let page = world.products().list_sales_products(request).await.unwrap().into_inner();
            found.extend(page.products.into_iter().map(|product| product.product_id));
            match page.next_page_token {
                Some(next) => page_token = next,
                None => return found,
            }
        }
    };
    let (first_id, second_id) = (one.product_id.clone(), second.product_id.clone());
    let by_run = ListSalesProductsRequest { run_id: Some(one.grants[0].run_id.clone()), ..Default::default() };
    assert_eq!(list(by_run).await, std::slice::from_ref(&first_id));
    let by_course =
        ListSalesProductsRequest { course_id: Some(second.grants[1].course_id.clone()), ..Default::default() };
    assert_eq!(list(by_course).await, std::slice::from_ref(&second_id));
    assert_eq!(list(ListSalesProductsRequest::default()).await, [second_id.clone(), first_id.clone()]);
    sqlx::query("update products set title = case when product_id = $1::uuid then 'A' else 'B' end")
        .bind(Uuid::parse_str(&first_id).unwrap())
        .execute(&world.db.pool)
        .await
        .unwrap();
    let by_title = ListSalesProductsRequest { order_by: ProductOrderBy::Title.into(), ..Default::default() };
    assert_eq!(list(by_title).await, [first_id, second_id]);
}

#[tokio::test]
async fn promo_codes_are_found_by_code_product_and_state_and_sorted_by_code() {
    let world = World::new().await;
    let product = world.product(1_000).await;
    let scoped = PromoCode { product_ids: vec![product.product_id.clone()], ..tenth("Beta") };
    world.promo(scoped).await;
    world.clock.advance(Duration::SECOND);
    world.promo(tenth("ALPHA")).await;
    world.clock.advance(Duration::SECOND);
    let off = world.promo(tenth("gamma")).await;
    let disabled = UpdatePromoCodeRequest {
        promo_code_id: off.promo_code_id,
        promo_code: Some(PromoCode { state: promo_code::State::Disabled.into(), ..PromoCode::default() }),
        update_mask: Some(FieldMask { paths: vec!["state".into()] }),
        etag: off.etag,
    };
    world.products().update_promo_code(disabled).await.unwrap();
    let list = async |request: ListPromoCodesRequest| -> Vec<String> {
        let (mut found, mut page_token) = (vec![], String::new());
        loop {
            let request = ListPromoCodesRequest { page_size: 1, page_token, ..request.clone() };
            let page = world.products().list_promo_codes(request).await.unwrap().into_inner();
            found.extend(page.promo_codes.into_iter().map(|promo| promo.code));
            match page.next_page_token {
                Some(next) => page_token = next,
                None => return found,
            }
        }
    };
    assert_eq!(list(ListPromoCodesRequest::default()).await, ["gamma", "ALPHA", "Beta"]);
    let by_code = ListPromoCodesRequest { order_by: PromoOrderBy::Code.into(), ..Default::default() };
    assert_eq!(list(by_code).await, ["ALPHA", "Beta", "gamma"]);
    let one = ListPromoCodesRequest { code: Some("alpha".into()), ..Default::default() };
    assert_eq!(list(one).await, ["ALPHA"]);
    let of_product = ListPromoCodesRequest { product_id: Some(product.product_id), ..Default::default() };
    assert_eq!(list(of_product).await, ["Beta"]);
    let active = ListPromoCodesRequest { state: promo_code::State::Active.into(), ..Default::default() };
    assert_eq!(list(active).await, ["ALPHA", "Beta"]);
}
