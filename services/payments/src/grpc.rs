//! The door: requests become calls of flows and reads, values become messages. Rules, SQL and transactions are
//! elsewhere.

mod products;
mod show;

use std::sync::Arc;

use contract::{Call, Page, Streamed, exported, payments as asked, show};
use proto::lyceum::payments::v1 as pb;
use rpc::Invalid;
use sqlx::{Postgres, pool::PoolConnection};
use tonic::service::Routes;
use values::{Currency, Language};

use crate::{
    app::App,
    domain::{Entitlement, Order, OrderId, Refusal, attempt, order, product, promo},
    error::{Error, Result},
    flows::{self, pay_order::PayOrder, quote_price::Ask, receive_webhook::Webhook, refund_order::RefundOrder},
    store::{self, export::ExportedOrder},
};

/// Rows that an export holds in memory.
const EXPORTED_AT_ONCE: i64 = 500;

/// What answers.
#[derive(Debug, Clone)]
pub struct Door(Arc<App>);

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    let door = Arc::new(Door(app));
    Routes::new(asked::shop_service(Arc::clone(&door)))
        .add_service(asked::product_service(Arc::clone(&door)))
        .add_service(asked::order_service(Arc::clone(&door)))
        .add_service(asked::sales_service(Arc::clone(&door)))
        .add_service(asked::entitlement_service(Arc::clone(&door)))
        .add_service(asked::webhook_service(door))
}

impl asked::Types for Door {
    type Error = Error;
    type BasisPoints = promo::BasisPoints;
    type ListPromoCodesOrderBy = promo::OrderBy;
    type ListSalesOrdersOrderBy = order::OrderBy;
    type ListSalesProductsOrderBy = product::OrderBy;
    type OrderNumber = order::Number;
    type OrderState = order::State;
    type PaymentMethod = attempt::Method;
    type PaymentProvider = attempt::Provider;
    type ProductState = product::State;
    type PromoCode = promo::Code;
    type PromoCodeState = promo::State;
    type UseLimit = promo::Limit;
}

impl Door {
    async fn connection(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.0.db.acquire().await?)
    }

    async fn order_of(&self, call: &Call, id: OrderId) -> Result<Order> {
        let buyer = call.person()?;
        Ok(store::order::of_buyer(&mut *self.connection().await?, buyer, id).await?.ok_or(Refusal::OrderNotFound)?)
    }

    async fn any_order(&self, id: OrderId) -> Result<Order> {
        Ok(store::order::any(&mut *self.connection().await?, id).await?.ok_or(Refusal::OrderNotFound)?)
    }

    async fn payments(&self, order: Order) -> Result<Vec<pb::Payment>> {
        let attempts = store::attempt::of_order(&mut *self.connection().await?, order.id).await?;
        Ok(attempts.into_iter().map(show::payment).collect())
    }
}

impl asked::OrderService for Door {
    async fn create_order(&self, call: Call, ask: asked::CreateOrder<Self>) -> Result<pb::Order> {
        let (buyer, key) = (call.person()?, call.required_key()?);
        let currency = ask.currency.unwrap_or(Currency::RUB);
        let ask = Ask { product: ask.product_id, promo: ask.promo_code, currency };
        Ok(show(flows::place_order::run(&self.0, &call.actor(), buyer, &ask, key).await?))
    }

    async fn get_order(&self, call: Call, ask: asked::GetOrder) -> Result<pb::Order> {
        Ok(show(self.order_of(&call, ask.order_id).await?))
    }

    async fn list_orders(&self, call: Call, ask: asked::ListOrders<Self>) -> Result<Page<pb::Order>> {
        let buyer = call.person()?;
        let after = ask.page.after_of(buyer)?;
        let mut conn = self.connection().await?;
        let found = store::order::list_of_buyer(&mut conn, buyer, ask.state, after, ask.page.limit()).await?;
        Ok(show(ask.page.cut(found, |order| (buyer, order.id))))
    }

    async fn pay_order(&self, call: Call, ask: asked::PayOrder<Self>) -> Result<pb::Payment> {
        let (buyer, key) = (call.person()?, call.required_key()?);
        let command = PayOrder {
            order: ask.order_id,
            provider: ask.provider.unwrap_or_default(),
            method: ask.method.unwrap_or_default(),
            success_url: ask.success_url.map(|url| url.into_string()),
            fail_url: ask.fail_url.map(|url| url.into_string()),
            language: call.origin.language.unwrap_or(Language::Russian),
        };
        Ok(show::payment(flows::pay_order::run(&self.0, &call.actor(), buyer, &command, key).await?))
    }

    async fn list_payments(&self, call: Call, ask: asked::ListPayments) -> Result<Vec<pb::Payment>> {
        self.payments(self.order_of(&call, ask.order_id).await?).await
    }

    async fn cancel_order(&self, call: Call, ask: asked::CancelOrder) -> Result<pb::Order> {
        Ok(show(flows::cancel_order::run(&self.0, &call.actor(), call.person()?, ask.order_id).await?))
    }
}

impl asked::SalesService for Door {
    async fn list_sales_orders(&self, _: Call, ask: asked::ListSalesOrders<Self>) -> Result<Page<pb::Order>> {
        let after = ask.page.after()?;
        let asked::ListSalesOrders { state, buyer_id: buyer, number, promo_code: promo, product_id: product, .. } = ask;
        let (from, before, order_by) = (ask.created_from, ask.created_before, ask.order_by.unwrap_or_default());
        let filter = store::order::Filter { state, buyer, number, promo, product, from, before, order_by };
        let found = store::order::list_any(&mut *self.connection().await?, &filter, after, ask.page.limit()).await?;
        Ok(show(ask.page.cut(found, |order| order.id)))
    }

    async fn get_sales_order(&self, _: Call, ask: asked::GetSalesOrder) -> Result<pb::Order> {
        Ok(show(self.any_order(ask.order_id).await?))
    }

    async fn list_sales_payments(&self, _: Call, ask: asked::ListSalesPayments) -> Result<Vec<pb::Payment>> {
        self.payments(self.any_order(ask.order_id).await?).await
    }

    async fn create_refund(&self, call: Call, ask: asked::CreateRefund) -> Result<pb::Refund> {
        let key = call.required_key()?;
        let amount = ask.amount.map(product::amount).transpose();
        let amount = amount.map_err(|error| Invalid::field("amount.minor", error))?;
        let command = RefundOrder { order: ask.order_id, amount, reason: ask.reason };
        Ok(show::refund(flows::refund_order::run(&self.0, &call.actor(), &command, key).await?))
    }

    async fn list_refunds(&self, _: Call, ask: asked::ListRefunds) -> Result<Vec<pb::Refund>> {
        let order = self.any_order(ask.order_id).await?;
        let refunds = store::refund::of_order(&mut *self.connection().await?, order.id).await?;
        Ok(refunds.into_iter().map(show::refund).collect())
    }

    async fn export_orders(&self, _: Call) -> Result<Streamed<pb::ExportedOrder, Error>> {
        let key = |order: &ExportedOrder| order.id;
        Ok(exported(self, key, |door: Self, after| async move {
            Ok(store::export::orders(&mut *door.connection().await?, after, EXPORTED_AT_ONCE).await?)
        }))
    }
}

impl asked::EntitlementService for Door {
    async fn list_my_entitlements(&self, call: Call, ask: asked::ListMyEntitlements) -> Result<Page<pb::Entitlement>> {
        let learner = call.person()?;
        let after = ask.page.after_of(learner)?;
        let mut conn = self.connection().await?;
        let found = store::entitlement::list(&mut conn, learner, after, ask.page.limit()).await?;
        Ok(ask.page.cut(found, |entitlement| (learner, entitlement.id)).map(show::entitlement))
    }

    async fn export_entitlements(&self, _: Call) -> Result<Streamed<pb::ExportEntitlementsResponse, Error>> {
        let key = |last: &Entitlement| (last.learner, last.id);
        Ok(exported(self, key, |door: Self, after| async move {
            Ok(store::entitlement::export(&mut *door.connection().await?, after, EXPORTED_AT_ONCE).await?)
        }))
    }
}

impl asked::WebhookService for Door {
    async fn receive_webhook(&self, call: Call, ask: asked::ReceiveWebhook) -> Result<pb::ReceiveWebhookResponse> {
        let (provider, address) = (ask.provider.into_string(), ask.address.into_string());
        let webhook = Webhook { provider, body: ask.body, headers: ask.headers, address };
        Ok(show(flows::receive_webhook::run(&self.0, &call.actor(), &webhook).await?))
    }
}
