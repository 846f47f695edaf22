//! The door: messages become commands, values become messages. Rules, SQL and transactions are elsewhere.

mod auth_service;
mod message;
mod page;
mod user_service;

use std::sync::Arc;

use proto::lyceum::users::v1::{auth_service_server::AuthServiceServer, user_service_server::UserServiceServer};
use tonic::{Request, service::Routes};

use crate::{
    app::App,
    domain::{
        audit::By,
        id::{SessionId, UserId},
    },
    flows::Me,
};

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    Routes::new(AuthServiceServer::new(auth_service::Door(Arc::clone(&app))))
        .add_service(UserServiceServer::new(user_service::Door(app)))
}

/// Who acts, and from where.
fn by<T>(request: &Request<T>) -> By {
    let origin = auth::origin(request);
    By {
        actor: auth::caller(request).actor(),
        address: origin.address,
        user_agent: origin.user_agent,
        request_id: origin.request_id,
    }
}

/// The signed-in person who asks.
fn me<T>(request: &Request<T>) -> Result<Me, auth::Unauthenticated> {
    let caller = auth::caller(request);
    let person = caller.person()?;
    Ok(Me { user: UserId::from_uuid(person.user), session: SessionId::from_uuid(person.session) })
}
