//! NotificationService at the door.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use proto::lyceum::notifications::v1::{
    GetUnreadNotificationCountRequest, ListNotificationsRequest, ListNotificationsResponse,
    MarkAllNotificationsReadRequest, MarkNotificationReadRequest, Notification, UnreadNotificationCount,
    WatchNotificationsRequest, notification_service_server::NotificationService,
};
use rpc::Fields;
use tonic::{Request, Response, Status};
use values::{Cursor, Page, PageSize};

use super::{
    Door, given, me,
    message::{count, notification},
};
use crate::{domain::id::NoticeId, error::Error, flows, store::notices};

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
        let mut conn = self.connection().await?;
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
        let mut conn = self.connection().await?;
        let unread = notices::unread(&mut conn, me).await.map_err(Error::from)?;
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

    type WatchNotificationsStream = BoxStream<'static, Result<Notification, Status>>;

    async fn watch_notifications(
        &self,
        request: Request<WatchNotificationsRequest>,
    ) -> Result<Response<Self::WatchNotificationsStream>, Status> {
        let me = me(&request)?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let after = given(&m.after_notification_id).map(str::parse::<NoticeId>);
        let after = fields.take_if("after_notification_id", after);
        let (after,) = fields.finish((after,))?;
        let watched = flows::watch(Arc::clone(&self.0), me, after).await?;
        Ok(Response::new(watched.map_ok(notification).map_err(Status::from).boxed()))
    }
}
