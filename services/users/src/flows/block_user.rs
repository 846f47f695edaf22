//! An account is closed for now; its sessions end.

use super::{Me, authority, revocation};
use crate::{
    announce,
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        id::UserId,
        session::EndReason,
        user::User,
    },
    error::{Error, Result},
    store,
};

#[derive(Debug, Clone)]
pub struct BlockUser {
    pub user: UserId,
    pub reason: String,
}

pub async fn run(app: &App, by: &Requester, me: Me, command: BlockUser) -> Result<User> {
    let now = app.clock.now();
    let (user, ended) = pg::transaction(&app.db, async |conn| {
        store::users::lock_admins(conn).await?;
        let manager = authority::manager(conn, me).await?;
        let before = store::users::lock(conn, command.user).await?.ok_or(Refusal::UserNotFound)?.person()?;
        let others = store::users::other_admins(conn, before.id).await?;
        let after = before.clone().block(&manager, command.reason.clone(), others, now)?;
        if after.version == before.version {
            return Ok((after, Vec::new()));
        }
        store::users::save(conn, &after).await?;
        let ended = store::sessions::end_all(conn, after.id, None, EndReason::Blocked, now).await?;
        let details = [("reason", command.reason.clone())];
        store::audit::append(conn, by, Action::Blocked, Some(after.id), &details, now).await?;
        if !ended.is_empty() {
            announce::sessions_revoked(conn, &after, EndReason::Blocked, by, now).await?;
        }
        Ok::<_, Error>((after, ended))
    })
    .await?;
    revocation::publish(app, &ended, now).await;
    Ok(user)
}
