//! A part of several verbs: may the caller manage accounts, by what the database says now?
//!
//! The door believes a token that is up to ten minutes old. Whoever gives power away or takes it is looked up again.

use sqlx::PgConnection;

use super::Me;
use crate::{
    domain::{Refusal, role::Permission, user::User},
    error::Result,
    store,
};

/// The caller, if they may manage accounts.
pub(super) async fn manager(conn: &mut PgConnection, me: Me) -> Result<User> {
    let manager = store::users::find(conn, me.user).await?.ok_or(Refusal::Forbidden)?;
    let manager = manager.person().map_err(|_| Refusal::Forbidden)?;
    manager.may_enter()?;
    if !manager.roles.permissions().contains(&Permission::UsersManage) {
        return Err(Refusal::Forbidden.into());
    }
    Ok(manager)
}
