//! A person ends one of their sessions from another one.

use super::{Me, revocation};
use crate::{
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        id::SessionId,
        session::EndReason,
    },
    error::{Error, Result},
    store,
};

pub async fn run(app: &App, by: &Requester, me: Me, session: SessionId) -> Result<()> {
    let now = app.clock.now();
    let ended = pg::transaction(&app.db, async |conn| {
        store::sessions::find(conn, me.user, session).await?.ok_or(Refusal::SessionNotFound)?;
        let ended = store::sessions::end(conn, me.user, session, EndReason::SignedOut, now).await?;
        if ended {
            let details = [("session", session.to_string())];
            store::audit::append(conn, by, Action::SessionRevoked, Some(me.user), &details, now).await?;
        }
        Ok::<_, Error>(ended)
    })
    .await?;
    if ended {
        revocation::publish(app, &[session], now).await;
    }
    Ok(())
}
