//! The door: requests become calls of flows and reads, values become messages. Rules, SQL and transactions are elsewhere.

mod preferences;
mod show;

use std::sync::Arc;

use contract::{Call, Page, Streamed, notifications as asked, show};
use futures::{StreamExt, TryStreamExt};
use proto::lyceum::notifications::v1 as pb;
use sqlx::{Postgres, pool::PoolConnection};
use time::OffsetDateTime;
use tonic::service::Routes;

use crate::{
    app::App,
    domain::{delivery, hours, id, notice::Kind, preference},
    error::{Error, Refusal, Result},
    flows,
    store::{attempts, bounces, deliveries, notices},
};

/// What answers.
#[derive(Debug, Clone)]
pub struct Door(Arc<App>);

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    let door = Arc::new(Door(app));
    Routes::new(asked::notification_service(Arc::clone(&door)))
        .add_service(asked::preference_service(Arc::clone(&door)))
        .add_service(asked::delivery_service(door))
}

impl asked::Types for Door {
    type Error = Error;
    type Channel = preference::Channel;
    type DeliveryState = delivery::State;
    type DigestEvery = hours::Every;
    type NotificationKind = Kind;
    type PreferenceRuleTiming = preference::Timing;
    type TimeOfDay = hours::TimeOfDay;
}

impl Door {
    async fn connection(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.0.db.acquire().await?)
    }
}

impl asked::NotificationService for Door {
    async fn list_notifications(&self, call: Call, ask: asked::ListNotifications) -> Result<Page<pb::Notification>> {
        let (me, after) = (call.person()?, ask.page.after()?);
        let mut conn = self.connection().await?;
        let found = notices::of_recipient(&mut conn, me, ask.unread_only, after, ask.page.limit()).await?;
        Ok(show(ask.page.cut(found, |notice| notice.id)))
    }

    async fn get_unread_notification_count(&self, call: Call) -> Result<pb::UnreadNotificationCount> {
        let me = call.person()?;
        Ok(show::unread(notices::unread(&mut *self.connection().await?, me).await?))
    }

    async fn mark_notification_read(&self, call: Call, ask: asked::MarkNotificationRead) -> Result<pb::Notification> {
        Ok(show(flows::read_notices::one(&self.0, call.person()?, ask.notification_id).await?))
    }

    async fn mark_all_notifications_read(
        &self,
        call: Call,
        ask: asked::MarkAllNotificationsRead,
    ) -> Result<pb::UnreadNotificationCount> {
        Ok(show::unread(flows::read_notices::all(&self.0, call.person()?, ask.up_to_notification_id).await?))
    }

    async fn watch_notifications(
        &self,
        call: Call,
        ask: asked::WatchNotifications,
    ) -> Result<Streamed<pb::Notification, Error>> {
        let watched = flows::watch::run(Arc::clone(&self.0), call.person()?, ask.after_notification_id).await?;
        Ok(watched.map_ok(show).boxed())
    }
}

impl asked::DeliveryService for Door {
    async fn list_deliveries(&self, _: Call, ask: asked::ListDeliveries<Self>) -> Result<Page<pb::Delivery>> {
        let after: Option<id::DeliveryId> = ask.page.after()?;
        let created = (ask.created_from, ask.created_before);
        let filter = deliveries::Filter { recipient: ask.user_id, state: ask.state, kind: ask.kind, created };
        let mut conn = self.connection().await?;
        let found = deliveries::newest(&mut conn, filter, after, ask.page.limit()).await?;
        Ok(ask.page.cut(found, |delivery| delivery.id).map(|found| show(&found)))
    }

    async fn get_delivery(&self, _: Call, ask: asked::GetDelivery) -> Result<pb::DeliveryLog> {
        let mut conn = self.connection().await?;
        let found = deliveries::find(&mut conn, ask.delivery_id).await?.ok_or(Refusal::DeliveryNotFound)?;
        let tries = attempts::of_delivery(&mut conn, found.recipient, found.id).await?;
        let attempts = tries.into_iter().map(|tried| show::attempt(&found, tried)).collect();
        Ok(pb::DeliveryLog { delivery: show(&found), attempts })
    }

    async fn list_bounced_addresses(
        &self,
        _: Call,
        ask: asked::ListBouncedAddresses,
    ) -> Result<Page<pb::BouncedAddress>> {
        let after: Option<(OffsetDateTime, id::UserId)> = ask.page.after()?;
        let found = bounces::latest(&mut *self.connection().await?, after, ask.page.limit()).await?;
        Ok(show(ask.page.cut(found, |found| (found.bounced_at, found.recipient_id))))
    }

    async fn clear_bounced_address(&self, _: Call, ask: asked::ClearBouncedAddress) -> Result<()> {
        Ok(bounces::clear(&mut *self.connection().await?, ask.user_id).await?)
    }
}
