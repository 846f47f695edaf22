//! OrderService at the door: what a buyer does. Every read is scoped to the buyer.

use std::sync::Arc;

use proto::lyceum::payments::v1::{
    self as pb, CancelOrderRequest, CreateOrderRequest, GetOrderRequest, ListOrdersRequest, ListOrdersResponse,
    ListPaymentsRequest, ListPaymentsResponse, PayOrderRequest, order_service_server::OrderService,
};
use rpc::Fields;
use tonic::{Request, Response, Status};
use values::{Language, Page};

use super::{
    connection, me, print,
    read::{self, Paging},
    required_key, shop,
};
use crate::{
    App, Error,
    domain::{
        OrderId, Refusal,
        attempt::{Back, Method, Provider},
        order::State,
    },
    flows::{
        cancel_order,
        pay_order::{self, PayOrder},
        place_order,
    },
    store,
};

pub(super) struct Door(pub(super) Arc<App>);

#[tonic::async_trait]
impl OrderService for Door {
    async fn create_order(&self, request: Request<CreateOrderRequest>) -> Result<Response<pb::Order>, Status> {
        let (caller, buyer) = (auth::caller(&request), me(&request)?);
        let key = required_key(&request, "OrderService/CreateOrder")?;
        let m = request.into_inner();
        let ask = shop::ask(&m.product_id, &m.promo_code, &m.currency)?;
        let order = place_order::place_order(&self.0, &caller, buyer, &ask, &key).await?;
        Ok(Response::new(print::order(order)))
    }

    async fn get_order(&self, request: Request<GetOrderRequest>) -> Result<Response<pb::Order>, Status> {
        let buyer = me(&request)?;
        let id = read::id("order_id", &request.into_inner().order_id)?;
        let mut conn = connection(&self.0).await?;
        let found = store::order::of_buyer(&mut conn, buyer, id).await.map_err(Error::from)?;
        Ok(Response::new(print::order(found.ok_or(Error::Refused(Refusal::OrderNotFound))?)))
    }

    async fn list_orders(&self, request: Request<ListOrdersRequest>) -> Result<Response<ListOrdersResponse>, Status> {
        let buyer = me(&request)?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let paging =
            read::paging::<OrderId>(&mut fields, "ListOrders", &[&buyer, &m.state], m.page_size, &m.page_token);
        let (Paging { size, scope, after },) = fields.finish((paging,))?;

        let mut conn = connection(&self.0).await?;
        let rows = store::order::list_of_buyer(&mut conn, buyer, state(m.state()), after, size.fetch()).await;
        let page = Page::cut(rows.map_err(Error::from)?, size, &scope, |order| order.id).map(print::order);
        Ok(Response::new(ListOrdersResponse { orders: page.items, next_page_token: page.next.unwrap_or_default() }))
    }

    async fn pay_order(&self, request: Request<PayOrderRequest>) -> Result<Response<pb::Payment>, Status> {
        let (caller, buyer) = (auth::caller(&request), me(&request)?);
        let key = required_key(&request, "OrderService/PayOrder")?;
        let language = auth::origin(&request).language.unwrap_or(Language::Russian);
        let m = request.into_inner();
        let provider = match m.provider() {
            pb::payment::Provider::Unspecified | pb::payment::Provider::Tbank => Provider::Tbank,
        };
        let method = match m.method() {
            pb::payment::Method::Unspecified | pb::payment::Method::HostedPage => Method::HostedPage,
        };
        let pages = &self.0.rules.pages;
        let mut fields = Fields::new();
        let order = fields.take("order_id", m.order_id.parse());
        let success = fields.take("success_url", pages.parse(&m.success_url));
        let fail = fields.take("fail_url", pages.parse(&m.fail_url));
        let (order, success, fail) = fields.finish((order, success, fail))?;
        let command = PayOrder { order, provider, method, back: Back { success, fail }, language };
        let attempt = pay_order::pay_order(&self.0, &caller, buyer, &command, &key).await?;
        Ok(Response::new(print::payment(attempt)))
    }

    async fn list_payments(
        &self,
        request: Request<ListPaymentsRequest>,
    ) -> Result<Response<ListPaymentsResponse>, Status> {
        let buyer = me(&request)?;
        let id = read::id("order_id", &request.into_inner().order_id)?;
        let mut conn = connection(&self.0).await?;
        let found = store::order::of_buyer(&mut conn, buyer, id).await.map_err(Error::from)?;
        found.ok_or(Error::Refused(Refusal::OrderNotFound))?;
        let attempts = store::attempt::of_order(&mut conn, id).await.map_err(Error::from)?;
        Ok(Response::new(ListPaymentsResponse { payments: attempts.into_iter().map(print::payment).collect() }))
    }

    async fn cancel_order(&self, request: Request<CancelOrderRequest>) -> Result<Response<pb::Order>, Status> {
        let (caller, buyer) = (auth::caller(&request), me(&request)?);
        let id = read::id("order_id", &request.into_inner().order_id)?;
        let order = cancel_order::cancel_order(&self.0, &caller.actor(), buyer, id).await?;
        Ok(Response::new(print::order(order)))
    }
}

/// A filter by state; none for all.
pub(super) fn state(state: pb::order::State) -> Option<State> {
    match state {
        pb::order::State::Unspecified => None,
        pb::order::State::Placed => Some(State::Placed),
        pb::order::State::Paid => Some(State::Paid),
        pb::order::State::Refunded => Some(State::Refunded),
        pb::order::State::Cancelled => Some(State::Cancelled),
        pb::order::State::Expired => Some(State::Expired),
    }
}
