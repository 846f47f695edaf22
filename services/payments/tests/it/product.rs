//! Products, prices and what the shop shows of them.

use proto::{
    lyceum::payments::v1::{
        ArchiveProductRequest, CreatePriceRequest, CreateProductRequest, GetProductRequest, GetSalesProductRequest,
        Grant, ListPricesRequest, ListProductsRequest, ListSalesProductsRequest, Price, Product, UpdateProductRequest,
        product::State,
    },
    wkt::{FieldMask, Timestamp},
};
use time::{Duration, OffsetDateTime};
use tonic::Status;
use uuid::Uuid;
use values::Clock;

use crate::helpers::{World, key, keyed, reason, roubles};

pub async fn create(world: &World, title: &str, runs: &[&str], minor: i64) -> Result<Product, Status> {
    let grants = runs.iter().map(|&run| Grant { run_id: run.into(), ..Grant::default() }).collect();
    let prices = vec![Price { amount: Some(roubles(minor)), ..Price::default() }];
    let product = Product { title: title.into(), grants, prices, ..Product::default() };
    Ok(world.products().create_product(CreateProductRequest { product: Some(product) }).await?.into_inner())
}

fn sale(product: &Product, minor: i64, starts: OffsetDateTime, ends: Option<OffsetDateTime>) -> CreatePriceRequest {
    let price = Price {
        amount: Some(roubles(minor)),
        starts_at: Some(starts.into()),
        ends_at: ends.map(Timestamp::from),
        ..Price::default()
    };
    CreatePriceRequest { product_id: product.product_id.clone(), price: Some(price) }
}

async fn shown(world: &World, product: &Product) -> i64 {
    let request = GetProductRequest { product_id: product.product_id.clone() };
    let product = world.shop().get_product(request).await.unwrap().into_inner();
    product.prices[0].amount.as_ref().unwrap().minor
}

#[tokio::test]
async fn only_published_runs_are_granted() {
    let world = World::new().await;
    let run = world.publish("Кройка", 1).await;
    let unknown = Uuid::new_v4().to_string();
    assert_eq!(reason(create(&world, "Рано", &[&run.run_id, &unknown], 1).await), "RUN_UNKNOWN");
    assert_eq!(reason(create(&world, "Дважды", &[&run.run_id, &run.run_id], 1).await), "INVALID");
    assert_eq!(reason(create(&world, "Ничего", &[], 1).await), "INVALID");
    assert_eq!(reason(create(&world, " ", &[&run.run_id], 1).await), "INVALID");
    assert_eq!(reason(create(&world, "Минус", &[&run.run_id], -1).await), "INVALID");
    let product = create(&world, "Кройка", &[&run.run_id], 1).await.unwrap();
    assert_eq!((product.grants[0].title.as_str(), &product.grants[0].course_id), ("Кройка", &run.course_id));
}

#[tokio::test]
async fn a_run_is_called_as_its_latest_version_says_whatever_arrives_last() {
    let world = World::new().await;
    let mut run = world.publish("Второе имя", 2).await;
    run.title = "Первое имя".into();
    world.hear_of(&run, 1).await;
    let product = create(&world, "x", &[&run.run_id], 1).await.unwrap();
    assert_eq!(product.grants[0].title, "Второе имя");
    run.title = "Третье имя".into();
    world.hear_of(&run, 3).await;
    let request = GetProductRequest { product_id: product.product_id };
    assert_eq!(world.shop().get_product(request).await.unwrap().into_inner().grants[0].title, "Третье имя");
}

#[tokio::test]
async fn a_sale_comes_and_goes_and_every_price_is_kept() {
    let world = World::new().await;
    let product = world.product(1_000).await;
    let now = world.clock.now();
    let half = sale(&product, 500, now + Duration::HOUR, Some(now + Duration::hours(2)));
    world.products().create_price(half.clone()).await.unwrap();
    let dearer = sale(&product, 2_000, now + Duration::hours(3), None);
    world.products().create_price(dearer).await.unwrap();
    let mut seen = vec![];
    for _ in 0..4 {
        seen.push(shown(&world, &product).await);
        world.clock.advance(Duration::HOUR);
    }
    assert_eq!(seen, [1_000, 500, 1_000, 2_000]);
    assert_eq!(reason(world.products().create_price(half).await), "PRICE_IN_THE_PAST");

    let mut history = vec![];
    let mut page_token = String::new();
    loop {
        let request = ListPricesRequest { product_id: product.product_id.clone(), page_size: 2, page_token };
        let page = world.products().list_prices(request).await.unwrap().into_inner();
        history.extend(page.prices.into_iter().map(|price| price.amount.unwrap().minor));
        page_token = page.next_page_token.unwrap_or_default();
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(history, [2_000, 500, 1_000]);
}

#[tokio::test]
async fn two_prices_do_not_start_at_the_same_moment() {
    let world = World::new().await;
    let product = world.product(1_000).await;
    let at = world.clock.now() + Duration::DAY;
    let tries = (0..4_i64).map(|minor| {
        let mut products = world.products();
        let request = sale(&product, minor, at, None);
        async move { products.create_price(request).await }
    });
    let answers = futures::future::join_all(tries).await;
    let (set, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(set.len(), 1);
    assert!(refused.into_iter().all(|refused| reason(refused) == "PRICE_TAKEN"));
    let backwards = sale(&product, 1, at + Duration::DAY, Some(at));
    assert_eq!(reason(world.products().create_price(backwards).await), "EMPTY_WINDOW");
}

#[tokio::test]
async fn creating_with_one_key_twice_gives_one_product() {
    let world = World::new().await;
    let (run, key) = (world.publish("Кройка", 1).await, key());
    let grants = vec![Grant { run_id: run.run_id.clone(), ..Grant::default() }];
    let product = Product { title: "Кройка".into(), grants, ..Product::default() };
    let request = || keyed(CreateProductRequest { product: Some(product.clone()) }, &key);
    let first = world.products().create_product(request()).await.unwrap().into_inner();
    let again = world.products().create_product(request()).await.unwrap().into_inner();
    assert_eq!(first.product_id, again.product_id);
}

#[tokio::test]
async fn an_edit_says_what_it_changes_and_which_version_it_saw() {
    let world = World::new().await;
    let product = world.product(1_000).await;
    let update = |paths: &[&str], etag: &str| UpdateProductRequest {
        product_id: product.product_id.clone(),
        product: Some(Product {
            title: "Новое".into(), description: "Подробно".into(), ..Product::default()
        }),
        update_mask: Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() }),
        etag: etag.into(),
    };
    let changed = world.products().update_product(update(&["title"], &product.etag)).await.unwrap().into_inner();
    assert_eq!((changed.title.as_str(), changed.description.as_str(), changed.grants.len()), ("Новое", "", 2));
    assert_ne!(changed.etag, product.etag);
    assert_eq!(reason(world.products().update_product(update(&["title"], &product.etag)).await), "ETAG_MISMATCH");
    for bad in [&["state"][..], &["title", "nonsense"], &["grants"]] {
        assert_eq!(reason(world.products().update_product(update(bad, "")).await), "INVALID", "{bad:?}");
    }
    let one = vec![product.grants[1].clone()];
    let fewer = UpdateProductRequest {
        product: Some(Product { grants: one, ..Product::default() }),
        ..update(&["grants"], "")
    };
    assert_eq!(world.products().update_product(fewer).await.unwrap().into_inner().grants.len(), 1);
}

#[tokio::test]
async fn the_shop_shows_what_is_for_sale_by_run_and_course_and_managers_see_all() {
    let world = World::new().await;
    let (one, other) = (world.product(1).await, world.product(2).await);
    let find = async |request: ListProductsRequest| -> Vec<String> {
        let page = world.shop().list_products(request).await.unwrap().into_inner();
        page.products.into_iter().map(|product| product.product_id).collect()
    };
    assert_eq!(find(ListProductsRequest::default()).await.len(), 2);
    let by_run = ListProductsRequest { run_id: Some(one.grants[1].run_id.clone()), ..Default::default() };
    assert_eq!(find(by_run).await, std::slice::from_ref(&one.product_id));
    let by_course = ListProductsRequest { course_id: Some(other.grants[0].course_id.clone()), ..Default::default() };
    assert_eq!(find(by_course).await, std::slice::from_ref(&other.product_id));
    let bad =
        ListProductsRequest { run_id: Some("x".into()), page_size: -1, page_token: "y".into(), ..Default::default() };
    let refused = world.shop().list_products(bad).await.unwrap_err();
    let wrong: Vec<String> = rpc::Problem::from(&refused).violations.into_iter().map(|wrong| wrong.field).collect();
    assert_eq!(wrong, ["page_size", "page_token", "run_id"]);

    let archive = ArchiveProductRequest { product_id: one.product_id.clone() };
    world.products().archive_product(archive.clone()).await.unwrap();
    let archived = world.products().archive_product(archive).await.unwrap().into_inner();
    assert_eq!(archived.state(), State::Archived);
    assert_eq!(find(ListProductsRequest::default()).await, [other.product_id]);
    let request = GetProductRequest { product_id: one.product_id.clone() };
    assert_eq!(reason(world.shop().get_product(request).await), "PRODUCT_NOT_FOUND");
    let request = GetSalesProductRequest { product_id: one.product_id };
    assert_eq!(world.products().get_sales_product(request).await.unwrap().into_inner().state(), State::Archived);
    let request = ListSalesProductsRequest { state: State::Archived.into(), ..Default::default() };
    assert_eq!(world.products().list_sales_products(request).await.unwrap().into_inner().products.len(), 1);
}

#[tokio::test]
async fn editing_products_needs_the_permission() {
    let world = World::new().await;
    let product = world.product(1).await;
    let mut products = world.products_of(Uuid::new_v4(), &["orders.read", "orders.refund"]);
    let archive = ArchiveProductRequest { product_id: product.product_id };
    assert_eq!(products.archive_product(archive).await.unwrap_err().code(), tonic::Code::PermissionDenied);
    let request = ListSalesProductsRequest::default();
    assert_eq!(products.list_sales_products(request).await.unwrap_err().code(), tonic::Code::PermissionDenied);
}
