//! A person ends every session, the one that asks too.

use super::{Me, revocation};
use crate::{
    announce,
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        session::EndReason,
    },
    error::{Error, Result},
    store,
};

pub async fn run(app: &App, by: &Requester, me: Me) -> Result<()> {
    let now = app.clock.now();
    let ended = pg::transaction(&app.db, async |conn| {
        let user = store::users::lock(conn, me.user).await?.ok_or(Refusal::UserNotFound)?.person()?;
        let ended = store::sessions::end_all(conn, user.id, None, EndReason::SignedOut, now).await?;
        if ended.is_empty() {
            return Ok(ended);
        }
        let details = [("sessions", ended.len().to_string())];
        store::audit::append(conn, by, Action::SignedOutEverywhere, Some(user.id), &details, now).await?;
        announce::sessions_revoked(conn, &user, EndReason::SignedOut, by, now).await?;
        Ok::<_, Error>(ended)
    })
    .await?;
    revocation::publish(app, &ended, now).await;
    Ok(())
}
