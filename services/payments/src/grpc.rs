//! The door: messages become commands, values become messages. Rules, SQL and transactions are elsewhere.

mod entitlement;
mod order;
mod print;
mod product;
mod promo;
mod read;
mod sales;
mod shop;
mod webhook;

use std::sync::Arc;

use pg::Idempotent;
use prost::Message;
use proto::lyceum::payments::v1::{
    entitlement_service_server::EntitlementServiceServer, order_service_server::OrderServiceServer,
    product_service_server::ProductServiceServer, sales_service_server::SalesServiceServer,
    shop_service_server::ShopServiceServer, webhook_service_server::WebhookServiceServer,
};
use rpc::Invalid;
use sqlx::{Postgres, pool::PoolConnection};
use tonic::{Request, Status, service::Routes};
use values::Id;

use crate::{App, Error, domain::UserId};

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    Routes::new(ShopServiceServer::new(shop::Door(Arc::clone(&app))))
        .add_service(ProductServiceServer::new(product::Door(Arc::clone(&app))))
        .add_service(OrderServiceServer::new(order::Door(Arc::clone(&app))))
        .add_service(SalesServiceServer::new(sales::Door(Arc::clone(&app))))
        .add_service(EntitlementServiceServer::new(entitlement::Door(Arc::clone(&app))))
        .add_service(WebhookServiceServer::new(webhook::Door(app)))
}

/// The signed-in person.
fn me<T>(request: &Request<T>) -> Result<UserId, Status> {
    Ok(Id::from_uuid(auth::caller(request).person()?.user))
}

/// A connection to read with.
async fn connection(app: &App) -> Result<PoolConnection<Postgres>, Error> {
    Ok(app.db.acquire().await?)
}

/// The idempotency key that must come with a request.
fn required_key<T: Message>(request: &Request<T>, rpc: &'static str) -> Result<Idempotent, Status> {
    optional_key(request, rpc)?.ok_or_else(|| Invalid::field("idempotency_key", "is required").into())
}

/// The idempotency key that may come with a request.
fn optional_key<T: Message>(request: &Request<T>, rpc: &'static str) -> Result<Option<Idempotent>, Status> {
    let actor = auth::caller(request).actor();
    let key = rpc::idempotency_key(request)?;
    Ok(key.map(|key| Idempotent::of(&actor, rpc, key, request.get_ref())))
}
