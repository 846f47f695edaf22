//! Somebody's roles are replaced.

use super::{Me, authority};
use crate::{
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        id::UserId,
        role::Roles,
        user::User,
    },
    error::Result,
    store,
};

#[derive(Debug, Clone)]
pub struct ChangeRoles {
    pub user: UserId,
    pub roles: Roles,
    /// The version that was read; none to overwrite whatever is there.
    pub etag: Option<i64>,
}

pub async fn run(app: &App, by: &Requester, me: Me, command: ChangeRoles) -> Result<User> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        store::users::lock_admins(conn).await?;
        let giver = authority::manager(conn, me).await?;
        let before = store::users::lock(conn, command.user).await?.ok_or(Refusal::UserNotFound)?.person()?;
        before.matches(command.etag)?;
        let others = store::users::other_admins(conn, before.id).await?;
        let after = before.clone().change_roles(command.roles.clone(), &giver.roles, others, now)?;
        if after.version != before.version {
            store::users::save(conn, &after).await?;
            let details = [("before", before.roles.to_string()), ("after", after.roles.to_string())];
            store::audit::append(conn, by, Action::RolesChanged, Some(after.id), &details, now).await?;
        }
        Ok(after)
    })
    .await
}
