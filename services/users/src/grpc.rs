//! The door: which flow or which read answers an operation, and how it is printed. Rules, SQL and transactions are elsewhere;
//! what requests hold was checked by the contract.

mod auth;
mod show;
mod user;

use std::sync::Arc;

use contract::{Call, users as asked};
use sqlx::{Postgres, pool::PoolConnection};
use tonic::service::Routes;

use crate::{
    app::App,
    domain::{audit::Requester, code, consent, email, id, password, profile, role, user::StateName},
    error::{Error, Result},
    flows::Me,
};

/// What answers.
#[derive(Debug, Clone)]
pub struct Door(Arc<App>);

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    let door = Arc::new(Door(app));
    Routes::new(asked::auth_service(Arc::clone(&door))).add_service(asked::user_service(door))
}

impl asked::Types for Door {
    type Error = Error;
    type Code = code::Code;
    type DisplayName = profile::DisplayName;
    type DocumentName = consent::DocumentName;
    type DocumentVersion = consent::DocumentVersion;
    type EmailAddress = email::EmailAddress;
    type NewPassword = password::NewPassword;
    type TypedPassword = password::TypedPassword;
    type UserRole = role::Role;
    type UserState = StateName;
}

impl Door {
    async fn connection(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.0.db.acquire().await?)
    }
}

/// Who acts, and from where.
fn by(call: &Call) -> Requester {
    let origin = call.origin.clone();
    Requester {
        actor: call.actor(),
        address: origin.address,
        user_agent: origin.user_agent,
        request_id: origin.request_id,
    }
}

/// The signed-in person who asks.
fn me(call: &Call) -> Result<Me> {
    let person = call.caller.person()?;
    Ok(Me { user: id::UserId::from_uuid(person.user), session: id::SessionId::from_uuid(person.session) })
}
