//! The door: messages become values, values become messages. Rules, SQL and transactions are elsewhere.

use std::sync::Arc;

use proto::lyceum::notifications::v1::{
    Delivery, GetUnreadNotificationCountRequest, ListDeliveriesRequest, ListDeliveriesResponse,
    ListNotificationsRequest, ListNotificationsResponse, MarkAllNotificationsReadRequest, MarkNotificationReadRequest,
    Notification, UnreadNotificationCount, delivery,
    delivery_service_server::{DeliveryService, DeliveryServiceServer},
    notification,
    notification_service_server::{NotificationService, NotificationServiceServer},
};
use rpc::Fields;
use tonic::{Request, Response, Status, service::Routes};
use values::{Cursor, Page, PageSize};

use crate::{
    app::App,
    domain::{
        delivery::{State, masked},
        id::{DeliveryId, NoticeId, UserId},
        notice::Kind,
    },
    error::Error,
    flows,
    store::{self, deliveries, notices},
};

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    Routes::new(NotificationServiceServer::new(Door(Arc::clone(&app))))
        .add_service(DeliveryServiceServer::new(Door(app)))
}

struct Door(Arc<App>);

#[tonic::async_trait]
impl NotificationService for Door {
    async fn list_notifications(
        &self,
        request: Request<ListNotificationsRequest>,
    ) -> Result<Response<ListNotificationsResponse>, Status> {
        let me = me(&request)?;
        let m = request.into_inner();
        let scope = format!("ListNotifications {me} unread={}", m.unread_only);
        let mut fields = Fields::new();
        let size = fields.take("page_size", PageSize::parse(m.page_size));
        let after = fields.take("page_token", Cursor::decode::<NoticeId>(&scope, &m.page_token));
        let (size, after) = fields.finish((size, after))?;
        let mut conn = self.0.db.acquire().await.map_err(Error::from)?;
        let found = notices::of_recipient(&mut conn, me, m.unread_only, after, size.fetch()).await?;
        let page = Page::cut(found, size, &scope, |notice| notice.id).map(notification);
        let next_page_token = page.next.unwrap_or_default();
        Ok(Response::new(ListNotificationsResponse { notifications: page.items, next_page_token }))
    }

    async fn get_unread_notification_count(
        &self,
        request: Request<GetUnreadNotificationCountRequest>,
    ) -> Result<Response<UnreadNotificationCount>, Status> {
        let me = me(&request)?;
        let mut conn = self.0.db.acquire().await.map_err(Error::from)?;
        let unread = store::notices::unread(&mut conn, me).await.map_err(Error::from)?;
        Ok(Response::new(count(unread)))
    }

    async fn mark_notification_read(
        &self,
        request: Request<MarkNotificationReadRequest>,
    ) -> Result<Response<Notification>, Status> {
        let me = me(&request)?;
        // What is no id is the id of no notification of theirs.
        let id = request.into_inner().notification_id.parse().map_err(|_| Error::NotificationNotFound)?;
        Ok(Response::new(notification(flows::read_notice(&self.0, me, id).await?)))
    }

    async fn mark_all_notifications_read(
        &self,
        request: Request<MarkAllNotificationsReadRequest>,
    ) -> Result<Response<UnreadNotificationCount>, Status> {
        let me = me(&request)?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let up_to = given(&m.up_to_notification_id).map(str::parse::<NoticeId>);
        let up_to = fields.take_if("up_to_notification_id", up_to);
        let (up_to,) = fields.finish((up_to,))?;
        Ok(Response::new(count(flows::read_all_notices(&self.0, me, up_to).await?)))
    }
}

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
        let mut conn = self.0.db.acquire().await.map_err(Error::from)?;
        let found = deliveries::newest(&mut conn, user, state, after, size.fetch()).await?;
        let page = Page::cut(found, size, &scope, |delivery| delivery.id).map(delivery);
        let next_page_token = page.next.unwrap_or_default();
        Ok(Response::new(ListDeliveriesResponse { deliveries: page.items, next_page_token }))
    }
}

/// The signed-in person who asks.
fn me<T>(request: &Request<T>) -> Result<UserId, auth::Unauthenticated> {
    Ok(UserId::from_uuid(auth::caller(request).person()?.user))
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn count(unread: i64) -> UnreadNotificationCount {
    UnreadNotificationCount { unread: i32::try_from(unread).unwrap_or(i32::MAX) }
}

fn notification(notice: notices::Shown) -> Notification {
    Notification {
        notification_id: notice.id.to_string(),
        kind: kind(notice.kind).into(),
        title: notice.title,
        text: notice.text,
        resource: notice.resource,
        created_at: Some(notice.created_at.into()),
        read_at: notice.read_at.map(Into::into),
    }
}

fn delivery(delivery: deliveries::Shown) -> Delivery {
    Delivery {
        delivery_id: delivery.id.to_string(),
        user_id: delivery.recipient.to_string(),
        kind: kind(delivery.kind).into(),
        masked_address: masked(&delivery.address),
        state: state_pb(delivery.state).into(),
        attempts: delivery.attempts,
        reason: delivery.reason,
        created_at: Some(delivery.created_at.into()),
        next_attempt_at: delivery.next_attempt_at.map(Into::into),
        finished_at: delivery.finished_at.map(Into::into),
    }
}

fn kind(kind: Kind) -> notification::Kind {
    match kind {
        Kind::ConfirmEmail => notification::Kind::ConfirmEmail,
        Kind::ResetPassword => notification::Kind::ResetPassword,
        Kind::OrderPaid => notification::Kind::OrderPaid,
        Kind::OrderRefunded => notification::Kind::OrderRefunded,
        Kind::PaymentFailed => notification::Kind::PaymentFailed,
        Kind::EnrolmentStarted => notification::Kind::EnrolmentStarted,
        Kind::CourseCompleted => notification::Kind::CourseCompleted,
        Kind::PasswordChanged => notification::Kind::PasswordChanged,
        Kind::SessionsRevoked => notification::Kind::SessionsRevoked,
    }
}

fn state_pb(state: State) -> delivery::State {
    match state {
        State::Queued => delivery::State::Queued,
        State::Sending => delivery::State::Sending,
        State::Sent => delivery::State::Sent,
        State::Failed => delivery::State::Failed,
        State::GaveUp => delivery::State::GaveUp,
    }
}

/// The state that is asked for; all of them where none is named.
fn state(number: i32) -> Result<Option<State>, &'static str> {
    let asked = delivery::State::try_from(number).map_err(|_| "expected a state")?;
    Ok(State::ALL.into_iter().find(|state| state_pb(*state) == asked))
}
