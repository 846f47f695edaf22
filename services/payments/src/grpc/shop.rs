//! ShopService at the door: what anybody may see.

use std::{collections::HashMap, sync::Arc};

use auth::Caller;
use proto::lyceum::payments::v1::{
    self as pb, GetProductRequest, ListProductsRequest, ListProductsResponse, QuotePriceRequest,
    shop_service_server::ShopService,
};
use rpc::Fields;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use values::{Id, Page};

use super::{
    connection, print,
    read::{self, Paging},
};
use crate::{
    App, Error,
    domain::{Price, Product, ProductId, Refusal, product, promo::Code},
    flows::quote::{self, Ask},
    store::{self, product::Filter},
};

pub(super) struct Door(pub(super) Arc<App>);

#[tonic::async_trait]
impl ShopService for Door {
    async fn list_products(
        &self,
        request: Request<ListProductsRequest>,
    ) -> Result<Response<ListProductsResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let run = read::id_if(&mut fields, "run_id", &m.run_id);
        let course = read::id_if(&mut fields, "course_id", &m.course_id);
        let paging = read::paging::<ProductId>(
            &mut fields,
            "ListProducts",
            &[&m.run_id, &m.course_id],
            m.page_size,
            &m.page_token,
        );
        let (run, course, Paging { size, scope, after }) = fields.finish((run, course, paging))?;

        let mut conn = connection(&self.0).await?;
        let rows = store::product::list_active(&mut conn, &Filter { run, course }, after, size.fetch()).await;
        let page = Page::cut(rows.map_err(Error::from)?, size, &scope, |product| product.id);
        let products = priced(&mut conn, page.items, self.0.clock.now()).await?;
        Ok(Response::new(ListProductsResponse { products, next_page_token: page.next.unwrap_or_default() }))
    }

    async fn get_product(&self, request: Request<GetProductRequest>) -> Result<Response<pb::Product>, Status> {
        let id = read::id("product_id", &request.into_inner().product_id)?;
        let mut conn = connection(&self.0).await?;
        let found = store::product::active(&mut conn, id).await.map_err(Error::from)?;
        let product = found.ok_or(Error::Refused(Refusal::ProductNotFound))?;
        Ok(Response::new(one(&mut conn, product, self.0.clock.now()).await?))
    }

    async fn quote_price(&self, request: Request<QuotePriceRequest>) -> Result<Response<pb::Quote>, Status> {
        let buyer = match auth::caller(&request) {
            Caller::Person(person) => Some(Id::from_uuid(person.user)),
            Caller::Anonymous | Caller::Service(_) => None,
        };
        let m = request.into_inner();
        let quoted = quote::quote(&self.0, buyer, &ask(&m.product_id, &m.promo_code, &m.currency)?).await?;
        Ok(Response::new(pb::Quote {
            product_id: quoted.product.id.to_string(),
            price: Some(print::money(quoted.quote.price)),
            discount: Some(print::money(quoted.quote.discount)),
            total: Some(print::money(quoted.quote.total)),
            promo_code: quoted.promo.map(|promo| promo.code.as_str().to_owned()).unwrap_or_default(),
        }))
    }
}

/// What a quote and an order ask for.
pub(super) fn ask(product: &str, promo: &str, currency: &str) -> Result<Ask, Status> {
    let mut fields = Fields::new();
    let product = fields.take("product_id", product.parse());
    let promo = fields.take_if("promo_code", read::given(promo.trim()).map(Code::parse));
    let currency = fields.take("currency", read::currency(currency));
    let (product, promo, currency) = fields.finish((product, promo, currency))?;
    Ok(Ask { product, promo, currency })
}

/// A product with its prices in force.
pub(super) async fn one(conn: &mut PgConnection, product: Product, now: OffsetDateTime) -> Result<pb::Product, Error> {
    let prices = store::price::holding(conn, &[product.id], now).await?;
    Ok(print::product(product, product::all_in_force(&prices, now)))
}

/// Products with their prices in force.
pub(super) async fn priced(
    conn: &mut PgConnection,
    products: Vec<Product>,
    now: OffsetDateTime,
) -> Result<Vec<pb::Product>, Error> {
    let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
    let mut prices: HashMap<ProductId, Vec<Price>> = HashMap::new();
    for price in store::price::holding(conn, &ids, now).await? {
        prices.entry(price.product).or_default().push(price);
    }
    let printed = products.into_iter().map(|product| {
        let prices = prices.remove(&product.id).unwrap_or_default();
        print::product(product, product::all_in_force(&prices, now))
    });
    Ok(printed.collect())
}
