//! A person ends one session. Ending what is over already is no mistake.

use super::{Me, revocation};
use crate::{
    app::App,
    domain::{
        audit::{Action, Requester},
        id::{SessionId, UserId},
        session::EndReason,
    },
    error::{Error, Result},
    store,
    vault::RefreshToken,
};

/// Which session.
#[derive(Debug, Clone)]
pub enum SignOut {
    /// That of this token, which may be an older one.
    ByToken(RefreshToken),
    /// The caller's own.
    Mine(Me),
}

pub async fn run(app: &App, by: &Requester, command: SignOut) -> Result<()> {
    let now = app.clock.now();
    let ended: Option<SessionId> = pg::transaction(&app.db, async |conn| {
        let owner: Option<(UserId, SessionId)> = match &command {
            SignOut::ByToken(token) => store::sessions::owner_of_token(conn, &token.hash()).await?,
            SignOut::Mine(me) => Some((me.user, me.session)),
        };
        let Some((user, session)) = owner else { return Ok(None) };
        if !store::sessions::end(conn, user, session, EndReason::SignedOut, now).await? {
            return Ok(None);
        }
        let details = [("session", session.to_string())];
        store::audit::append(conn, &by.proved(user), Action::SignedOut, Some(user), &details, now).await?;
        Ok::<_, Error>(Some(session))
    })
    .await?;
    if let Some(session) = ended {
        revocation::publish(app, &[session], now).await;
    }
    Ok(())
}
