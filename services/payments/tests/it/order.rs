//! Placing, reading and cancelling orders.

use proto::lyceum::payments::v1::{
    ArchiveProductRequest, CancelOrderRequest, CreateOrderRequest, CreatePriceRequest, GetOrderRequest,
    ListOrdersRequest, ListPaymentsRequest, ListSalesOrdersRequest, Price, order::State,
};
use uuid::Uuid;

use crate::helpers::{World, key, reason, roubles};

#[tokio::test]
async fn an_order_keeps_what_it_was_placed_for() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    assert_eq!((order.state(), order.total.clone()), (State::Placed, Some(roubles(149_000))));
    assert!(order.number.starts_with("LY-") && order.number.len() == 12, "{}", order.number);
    assert_eq!(order.items[0].grants.iter().map(|grant| grant.title.as_str()).collect::<Vec<_>>(), ["Кройка", "Шитьё"]);

    let price = Price { amount: Some(roubles(200_000)), ..Price::default() };
    world.clock.advance(time::Duration::MINUTE);
    let dearer = CreatePriceRequest { product_id: product.product_id.clone(), price: Some(price) };
    world.products().create_price(dearer).await.unwrap();
    assert_eq!(world.look(buyer, &order).await, order);
    assert_eq!(world.order(buyer, &product).await.total, Some(roubles(200_000)));
}

#[tokio::test]
async fn one_key_is_one_order_even_when_it_comes_ten_times_at_once() {
    let world = World::new().await;
    let (buyer, product, key) = (Uuid::new_v4(), world.product(149_000).await, key());
    let tries = (0..10).map(|_| world.order_with_key(buyer, &product, "", &key));
    let answers = futures::future::join_all(tries).await;
    let mut placed = vec![];
    for answer in answers {
        match answer {
            Ok(order) => placed.push(order.order_id),
            Err(status) => assert_eq!(reason::<()>(Err(status)), "IDEMPOTENCY_KEY_IN_USE"),
        }
    }
    placed.dedup();
    assert_eq!(placed.len(), 1);
    assert_eq!(world.order_with_key(buyer, &product, "", &key).await.unwrap().order_id, placed[0]);
    assert_eq!(world.count("OrderPlaced").await, 1);
}

#[tokio::test]
async fn a_key_with_another_body_is_refused_and_a_key_is_required() {
    let world = World::new().await;
    let (buyer, product, key) = (Uuid::new_v4(), world.product(149_000).await, key());
    let other = world.product(100_000).await;
    world.order_with_key(buyer, &product, "", &key).await.unwrap();
    assert_eq!(reason(world.order_with_key(buyer, &other, "", &key).await), "IDEMPOTENCY_KEY_REUSED");
    let request = CreateOrderRequest { product_id: product.product_id.clone(), ..CreateOrderRequest::default() };
    assert_eq!(reason(world.orders(buyer).create_order(request).await), "INVALID");
    // Another buyer may use the same key.
    world.order_with_key(Uuid::new_v4(), &product, "", &key).await.unwrap();
}

#[tokio::test]
async fn other_peoples_orders_are_not_found() {
    let world = World::new().await;
    let (buyer, stranger, product) = (Uuid::new_v4(), Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let id = order.order_id.clone();
    let mut orders = world.orders(stranger);
    assert_eq!(reason(orders.get_order(GetOrderRequest { order_id: id.clone() }).await), "ORDER_NOT_FOUND");
    assert_eq!(reason(orders.cancel_order(CancelOrderRequest { order_id: id.clone() }).await), "ORDER_NOT_FOUND");
    assert_eq!(reason(orders.list_payments(ListPaymentsRequest { order_id: id }).await), "ORDER_NOT_FOUND");
    assert_eq!(reason(world.try_pay(stranger, &order, &key()).await), "ORDER_NOT_FOUND");
    assert!(orders.list_orders(ListOrdersRequest::default()).await.unwrap().into_inner().orders.is_empty());
    assert_eq!(world.state(buyer, &order).await, State::Placed);
}

#[tokio::test]
async fn what_costs_nothing_is_paid_at_once() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(0).await);
    let order = world.order(buyer, &product).await;
    assert_eq!(order.state(), State::Paid);
    assert_eq!(world.entitlements(buyer).await.len(), 2);
    assert_eq!((world.count("OrderPaid").await, world.bank.calls("Init")), (1, 0));
    assert_eq!(reason(world.try_pay(buyer, &order, &key()).await), "ORDER_NOT_PAYABLE");
}

#[tokio::test]
async fn access_for_ever_is_not_sold_twice_but_access_for_a_while_is() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(0).await);
    world.order(buyer, &product).await;
    // Of its two runs only one is open for ever.
    world.order(buyer, &product).await;
    let run = world.publish("Вышивка", 1).await;
    let for_ever = crate::product::create(&world, "Вышивка", &[&run.run_id], 0).await.unwrap();
    let order = world.order(buyer, &for_ever).await;
    assert_eq!(reason(world.try_order(buyer, &for_ever, "").await), "ALREADY_OWNED");
    world.refund(&order, &key()).await.unwrap();
    world.order(buyer, &for_ever).await;
}

#[tokio::test]
async fn what_is_not_for_sale_is_not_sold() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let archive = ArchiveProductRequest { product_id: product.product_id.clone() };
    world.products().archive_product(archive).await.unwrap();
    assert_eq!(reason(world.try_order(buyer, &product, "").await), "PRODUCT_NOT_FOUND");
    let payment = world.pay(buyer, &order).await;
    world.capture(&payment).await;
    assert_eq!(world.state(buyer, &order).await, State::Paid, "what was ordered before can be paid");
    let unpriced = CreateOrderRequest {
        product_id: world.product(1).await.product_id,
        currency: Some("USD".into()),
        ..Default::default()
    };
    let refused = world.orders(buyer).create_order(crate::helpers::keyed(unpriced, &key())).await;
    assert_eq!(reason(refused), "PRODUCT_NOT_FOR_SALE");
}

#[tokio::test]
async fn a_cancelled_order_stays_cancelled() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    for _ in 0..2 {
        let request = CancelOrderRequest { order_id: order.order_id.clone() };
        let cancelled = world.orders(buyer).cancel_order(request).await.unwrap().into_inner();
        assert_eq!(cancelled.state(), State::Cancelled);
    }
    assert_eq!(reason(world.try_pay(buyer, &order, &key()).await), "ORDER_NOT_PAYABLE");
}

#[tokio::test]
async fn orders_are_listed_page_by_page_and_a_token_fits_its_own_list_only() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let mut placed = vec![];
    for _ in 0..5 {
        world.clock.advance(time::Duration::SECOND);
        placed.push(world.order(buyer, &product).await.order_id);
    }
    placed.reverse();
    let mut seen = vec![];
    let mut token = String::new();
    loop {
        let request = ListOrdersRequest { page_size: 2, page_token: token, ..ListOrdersRequest::default() };
        let page = world.orders(buyer).list_orders(request).await.unwrap().into_inner();
        assert!(page.orders.len() <= 2);
        seen.extend(page.orders.into_iter().map(|order| order.order_id));
        token = page.next_page_token.unwrap_or_default();
        if token.is_empty() {
            break;
        }
        for wrong in [
            ListOrdersRequest { page_token: token.clone(), state: State::Paid.into(), ..Default::default() },
            ListOrdersRequest { page_token: format!("{token}x"), ..Default::default() },
        ] {
            assert_eq!(reason(world.orders(buyer).list_orders(wrong).await), "INVALID");
        }
        let request = ListOrdersRequest { page_token: token.clone(), ..Default::default() };
        assert_eq!(reason(world.orders(Uuid::new_v4()).list_orders(request).await), "INVALID");
    }
    assert_eq!(seen, placed);
}

#[tokio::test]
async fn those_who_may_read_orders_find_them_by_buyer_state_and_number() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let (paid, _) = world.paid(buyer, &product).await;
    let placed = world.order(buyer, &product).await;
    let other = world.order(Uuid::new_v4(), &product).await;
    let find = async |request: ListSalesOrdersRequest| -> Vec<String> {
        let page = world.sales().list_sales_orders(request).await.unwrap().into_inner();
        let mut ids: Vec<String> = page.orders.into_iter().map(|order| order.order_id).collect();
        ids.sort();
        ids
    };
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    let all = sorted(vec![paid.order_id.clone(), placed.order_id.clone(), other.order_id.clone()]);
    assert_eq!(find(ListSalesOrdersRequest::default()).await, all);
    let of_buyer = ListSalesOrdersRequest { buyer_id: Some(buyer.to_string()), ..Default::default() };
    assert_eq!(find(of_buyer).await, sorted(vec![paid.order_id.clone(), placed.order_id]));
    let paid_ones = ListSalesOrdersRequest { state: State::Paid.into(), ..Default::default() };
    assert_eq!(find(paid_ones).await, [paid.order_id]);
    let typed = other.number.to_lowercase().replace('-', " ");
    assert_eq!(find(ListSalesOrdersRequest { number: Some(typed), ..Default::default() }).await, [other.order_id]);
    let refused = world.sales_of(buyer, &[]).list_sales_orders(ListSalesOrdersRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
}
