//! A person ends every session, the one that asks too.

use super::{Me, revocation};
use crate::{
    app::App,
    domain::{
        audit::{Action, By},
        session::EndReason,
    },
    error::Error,
    events, store,
};

pub async fn sign_out_everywhere(app: &App, by: &By, me: Me) -> Result<(), Error> {
    let now = app.clock.now();
    let ended = pg::transaction(&app.db, async |conn| {
        let user = store::users::lock(conn, me.user).await?.ok_or(Error::UserNotFound)?.person()?;
        let ended = store::sessions::end_all(conn, user.id, None, EndReason::SignedOut, now).await?;
        if ended.is_empty() {
            return Ok(ended);
        }
        let details = [("sessions", ended.len().to_string())];
        store::audit::append(conn, by, Action::SignedOutEverywhere, Some(user.id), &details, now).await?;
        if let Some(event) = events::sessions_revoked(&user, EndReason::SignedOut) {
            events::announce(conn, by, event, now).await?;
        }
        Ok::<_, Error>(ended)
    })
    .await?;
    revocation::publish(app, &ended, now).await;
    Ok(())
}
