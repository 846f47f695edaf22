//! A blocked account is let in again.

use super::{Me, authority};
use crate::{
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        id::UserId,
        user::User,
    },
    error::Result,
    store,
};

pub async fn run(app: &App, by: &Requester, me: Me, user: UserId) -> Result<User> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        authority::manager(conn, me).await?;
        let before = store::users::lock(conn, user).await?.ok_or(Refusal::UserNotFound)?.person()?;
        let after = before.clone().unblock(now);
        if after.version != before.version {
            store::users::save(conn, &after).await?;
            store::audit::append(conn, by, Action::Unblocked, Some(after.id), &[], now).await?;
        }
        Ok(after)
    })
    .await
}
