//! The door: messages become values, values become messages. Rules, SQL and transactions are elsewhere.

mod deliveries;
mod message;
mod notifications;
mod preferences;

use std::sync::Arc;

use proto::lyceum::notifications::v1::{
    delivery_service_server::DeliveryServiceServer, notification_service_server::NotificationServiceServer,
    preference_service_server::PreferenceServiceServer,
};
use sqlx::{Postgres, pool::PoolConnection};
use tonic::{Request, service::Routes};

use crate::{app::App, domain::id::UserId, error::Error};

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    Routes::new(NotificationServiceServer::new(Door(Arc::clone(&app))))
        .add_service(PreferenceServiceServer::new(Door(Arc::clone(&app))))
        .add_service(DeliveryServiceServer::new(Door(app)))
}

struct Door(Arc<App>);

impl Door {
    async fn connection(&self) -> Result<PoolConnection<Postgres>, Error> {
        Ok(self.0.db.acquire().await?)
    }
}

/// The signed-in person who asks.
fn me<T>(request: &Request<T>) -> Result<UserId, auth::Unauthenticated> {
    Ok(UserId::from_uuid(auth::caller(request).person()?.user))
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
