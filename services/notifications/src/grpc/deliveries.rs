//! DeliveryService at the door.

use proto::lyceum::notifications::v1::{
    ClearBouncedAddressRequest, DeliveryLog, GetDeliveryRequest, ListBouncedAddressesRequest,
    ListBouncedAddressesResponse, ListDeliveriesRequest, ListDeliveriesResponse,
    delivery_service_server::DeliveryService,
};
use rpc::Fields;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use values::{Cursor, Page, PageSize};

use super::{
    Door, given,
    message::{attempt, bounced, delivery, state},
};
use crate::{
    domain::id::{DeliveryId, UserId},
    error::Error,
    store::{attempts, bounces, deliveries},
};

#[tonic::async_trait]
impl DeliveryService for Door {
    async fn list_deliveries(
        &self,
        request: Request<ListDeliveriesRequest>,
    ) -> Result<Response<ListDeliveriesResponse>, Status> {
        let m = request.into_inner();
        let scope = format!("ListDeliveries user={} state={}", m.user_id, m.state);
        let mut fields = Fields::new();
        let size = fields.take("page_size", PageSize::parse(m.page_size));
        let after = fields.take("page_token", Cursor::decode::<DeliveryId>(&scope, &m.page_token));
        let user = fields.take_if("user_id", given(&m.user_id).map(str::parse::<UserId>));
        let state = fields.take("state", state(m.state));
        let (size, after, user, state) = fields.finish((size, after, user, state))?;
        let mut conn = self.connection().await?;
        let found = deliveries::newest(&mut conn, user, state, after, size.fetch()).await?;
        let page = Page::cut(found, size, &scope, |delivery| delivery.id).map(|found| delivery(&found));
        let next_page_token = page.next.unwrap_or_default();
        Ok(Response::new(ListDeliveriesResponse { deliveries: page.items, next_page_token }))
    }

    async fn get_delivery(&self, request: Request<GetDeliveryRequest>) -> Result<Response<DeliveryLog>, Status> {
        // What is no id is the id of no delivery.
        let id = request.into_inner().delivery_id.parse().map_err(|_| Error::DeliveryNotFound)?;
        let mut conn = self.connection().await?;
        let found = deliveries::find(&mut conn, id).await?.ok_or(Error::DeliveryNotFound)?;
        let tries = attempts::of_delivery(&mut conn, found.recipient, id).await.map_err(Error::from)?;
        let attempts = tries.into_iter().map(|tried| attempt(&found, tried)).collect();
        Ok(Response::new(DeliveryLog { delivery: Some(delivery(&found)), attempts }))
    }

    async fn list_bounced_addresses(
        &self,
        request: Request<ListBouncedAddressesRequest>,
    ) -> Result<Response<ListBouncedAddressesResponse>, Status> {
        let m = request.into_inner();
        let scope = "ListBouncedAddresses";
        let mut fields = Fields::new();
        let size = fields.take("page_size", PageSize::parse(m.page_size));
        let after = fields.take("page_token", Cursor::decode::<(i64, UserId)>(scope, &m.page_token));
        let (size, after) = fields.finish((size, after))?;
        let after = after.and_then(|(micros, user)| {
            let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()?;
            Some((at, user))
        });
        let mut conn = self.connection().await?;
        let found = bounces::latest(&mut conn, after, size.fetch()).await.map_err(Error::from)?;
        let page = Page::cut(found, size, scope, |found| (micros(found.bounced_at), found.recipient_id)).map(bounced);
        let next_page_token = page.next.unwrap_or_default();
        Ok(Response::new(ListBouncedAddressesResponse { addresses: page.items, next_page_token }))
    }

    async fn clear_bounced_address(
        &self,
        request: Request<ClearBouncedAddressRequest>,
    ) -> Result<Response<()>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let user = fields.take("user_id", m.user_id.parse::<UserId>());
        let (user,) = fields.finish((user,))?;
        let mut conn = self.connection().await?;
        bounces::clear(&mut conn, user).await.map_err(Error::from)?;
        Ok(Response::new(()))
    }
}

/// As exact as the database keeps instants.
fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}
