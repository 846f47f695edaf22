//! A person describes themselves anew.

use super::Me;
use crate::{
    announce,
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        profile::ProfilePatch,
        user::User,
    },
    error::Result,
    store,
};

#[derive(Debug, Clone)]
pub struct ChangeProfile {
    pub change: ProfilePatch,
    /// The version that was read; none to overwrite whatever is there.
    pub etag: Option<i64>,
}

pub async fn run(app: &App, by: &Requester, me: Me, command: ChangeProfile) -> Result<User> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let before = store::users::lock(conn, me.user).await?.ok_or(Refusal::UserNotFound)?.person()?;
        before.may_enter()?;
        before.matches(command.etag)?;
        let after = before.clone().change_profile(command.change.clone(), now);
        if after.version != before.version {
            store::users::save(conn, &after).await?;
            store::audit::append(conn, by, Action::ProfileChanged, Some(after.id), &[], now).await?;
            announce::profile_changed(conn, &after, by, now).await?;
        }
        Ok(after)
    })
    .await
}
