//! SalesService at the door: everybody's orders, for those whose roles allow it.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use proto::lyceum::payments::v1::{
    self as pb, CreateRefundRequest, ExportOrdersRequest, GetSalesOrderRequest, ListRefundsRequest,
    ListRefundsResponse, ListSalesOrdersRequest, ListSalesOrdersResponse, ListSalesPaymentsRequest,
    ListSalesPaymentsResponse, sales_service_server::SalesService,
};
use rpc::Fields;
use sqlx::PgConnection;
use tonic::{Request, Response, Status};
use values::Page;

use super::{
    connection, order, print,
    read::{self, Paging},
    required_key,
};
use crate::{
    App, Error,
    domain::{Order, OrderId, Refusal, order::Number, refund::Reason},
    flows::refund_order::{self, RefundOrder},
    store::{self, export::ExportedOrder, order::Filter},
};

/// Orders that an export holds in memory.
const EXPORTED_AT_ONCE: i64 = 500;

pub(super) struct Door(pub(super) Arc<App>);

#[tonic::async_trait]
impl SalesService for Door {
    async fn list_sales_orders(
        &self,
        request: Request<ListSalesOrdersRequest>,
    ) -> Result<Response<ListSalesOrdersResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let buyer = read::id_if(&mut fields, "buyer_id", &m.buyer_id);
        let number =
            read::given(&m.number).map(|text| Number::parse(text).ok_or("expected a number such as LY-7K2M-9QXD"));
        let number = fields.take_if("number", number);
        let paging = read::paging::<OrderId>(
            &mut fields,
            "ListSalesOrders",
            &[&m.state, &m.buyer_id, &m.number],
            m.page_size,
            &m.page_token,
        );
        let (buyer, number, Paging { size, scope, after }) = fields.finish((buyer, number, paging))?;

        let mut conn = connection(&self.0).await?;
        let filter = Filter { state: order::state(m.state()), buyer, number };
        let rows = store::order::list_any(&mut conn, &filter, after, size.fetch()).await.map_err(Error::from)?;
        let page = Page::cut(rows, size, &scope, |order| order.id).map(print::order);
        let next_page_token = page.next.unwrap_or_default();
        Ok(Response::new(ListSalesOrdersResponse { orders: page.items, next_page_token }))
    }

    async fn get_sales_order(&self, request: Request<GetSalesOrderRequest>) -> Result<Response<pb::Order>, Status> {
        let id = read::id("order_id", &request.into_inner().order_id)?;
        let mut conn = connection(&self.0).await?;
        Ok(Response::new(print::order(existing(&mut conn, id).await?)))
    }

    async fn list_sales_payments(
        &self,
        request: Request<ListSalesPaymentsRequest>,
    ) -> Result<Response<ListSalesPaymentsResponse>, Status> {
        let id = read::id("order_id", &request.into_inner().order_id)?;
        let mut conn = connection(&self.0).await?;
        existing(&mut conn, id).await?;
        let attempts = store::attempt::of_order(&mut conn, id).await.map_err(Error::from)?;
        Ok(Response::new(ListSalesPaymentsResponse { payments: attempts.into_iter().map(print::payment).collect() }))
    }

    async fn create_refund(&self, request: Request<CreateRefundRequest>) -> Result<Response<pb::Refund>, Status> {
        let caller = auth::caller(&request);
        let key = required_key(&request, "SalesService/CreateRefund")?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let order = fields.take("order_id", m.order_id.parse());
        let reason = fields.take("reason", Reason::parse(&m.reason));
        let amount = match m.amount {
            Some(amount) => read::amount(&mut fields, "amount", Some(amount)).map(Some),
            None => Some(None),
        };
        let (order, reason, amount) = fields.finish((order, reason, amount))?;
        let command = RefundOrder { order, amount, reason };
        let refund = refund_order::refund_order(&self.0, &caller, &command, &key).await?;
        Ok(Response::new(print::refund(refund)))
    }

    async fn list_refunds(
        &self,
        request: Request<ListRefundsRequest>,
    ) -> Result<Response<ListRefundsResponse>, Status> {
        let id = read::id("order_id", &request.into_inner().order_id)?;
        let mut conn = connection(&self.0).await?;
        existing(&mut conn, id).await?;
        let refunds = store::refund::of_order(&mut conn, id).await.map_err(Error::from)?;
        Ok(Response::new(ListRefundsResponse { refunds: refunds.into_iter().map(print::refund).collect() }))
    }

    type ExportOrdersStream = BoxStream<'static, Result<pb::ExportedOrder, Status>>;

    async fn export_orders(
        &self,
        _request: Request<ExportOrdersRequest>,
    ) -> Result<Response<Self::ExportOrdersStream>, Status> {
        let app = Arc::clone(&self.0);
        let pages = stream::try_unfold(Some(None), move |next| export(Arc::clone(&app), next));
        let all = pages.map_ok(|page| stream::iter(page).map(print::exported_order).map(Ok)).try_flatten();
        Ok(Response::new(all.map_err(|error: Error| Status::from(error)).boxed()))
    }
}

/// The page after an order, and where the next one begins; nothing after a page that was not full.
async fn export(
    app: Arc<App>,
    next: Option<Option<OrderId>>,
) -> Result<Option<(Vec<ExportedOrder>, Option<Option<OrderId>>)>, Error> {
    let Some(after) = next else { return Ok(None) };
    let mut conn = connection(&app).await?;
    let page = store::export::orders(&mut conn, after, EXPORTED_AT_ONCE).await?;
    let full = i64::try_from(page.len()) == Ok(EXPORTED_AT_ONCE);
    let last = page.last().filter(|_| full).map(|last| Some(last.id));
    Ok(Some((page, last)))
}

async fn existing(conn: &mut PgConnection, id: OrderId) -> Result<Order, Error> {
    Ok(store::order::any(conn, id).await?.ok_or(Refusal::OrderNotFound)?)
}
