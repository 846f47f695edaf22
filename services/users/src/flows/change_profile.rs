//! A person describes themselves anew.

use super::Me;
use crate::{
    app::App,
    domain::{
        audit::{Action, By},
        profile::ProfileChange,
        user::User,
    },
    error::Error,
    events, store,
};

#[derive(Debug, Clone)]
pub struct ChangeProfile {
    pub change: ProfileChange,
    /// The etag that was read; empty to overwrite whatever is there.
    pub etag: String,
}

pub async fn change_profile(app: &App, by: &By, me: Me, command: ChangeProfile) -> Result<User, Error> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let before = store::users::lock(conn, me.user).await?.ok_or(Error::UserNotFound)?.person()?;
        before.may_enter()?;
        before.matches(&command.etag)?;
        let after = before.clone().change_profile(command.change.clone(), now);
        if after.version != before.version {
            store::users::save(conn, &after).await?;
            store::audit::append(conn, by, Action::ProfileChanged, Some(after.id), &[], now).await?;
            events::announce(conn, by, events::profile_changed(&after), now).await?;
        }
        Ok(after)
    })
    .await
}
