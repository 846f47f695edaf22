//! A session is prolonged, or found to be stolen.

use super::{
    mint::{Tokens, mint},
    revocation,
};
use crate::{
    announce,
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        session::{EndReason, Refresh, Session},
        user::User,
    },
    error::{Error, Result},
    store,
    vault::RefreshToken,
};

/// What the transaction found. Theft is no error of it: the end of the session has to be committed.
enum Outcome {
    Prolonged(Box<User>, Session, RefreshToken),
    Stolen(Session),
}

pub async fn run(app: &App, by: &Requester, token: RefreshToken) -> Result<Tokens> {
    let now = app.clock.now();
    let hash = token.hash();
    let outcome = pg::transaction(&app.db, async |conn| {
        let presented = store::sessions::lock_by_token(conn, &hash).await?.ok_or(Refusal::RefreshTokenInvalid)?;
        let session = presented.session.clone();
        let account = store::users::find(conn, session.user).await?.ok_or(Refusal::RefreshTokenInvalid)?;
        let user = account.person().map_err(|_| Refusal::RefreshTokenInvalid)?;
        match session.refresh(presented.token, &app.sessions, now) {
            Refresh::Rotate => {
                user.may_enter()?;
                let next = app.vault.successor(session.id, &token);
                let used =
                    Session { last_used_at: now, address: by.address, user_agent: by.user_agent.clone(), ..session };
                store::sessions::rotate(conn, &presented, &hash, &next.hash(), &used).await?;
                Ok::<_, Error>(Outcome::Prolonged(Box::new(user), used, next))
            }
            Refresh::Repeat => {
                let next = app.vault.successor(session.id, &token);
                Ok(Outcome::Prolonged(Box::new(user), session, next))
            }
            Refresh::Stolen => {
                store::sessions::end(conn, user.id, session.id, EndReason::TokenReused, now).await?;
                let details = [("session", session.id.to_string())];
                store::audit::append(conn, by, Action::TokenReused, Some(user.id), &details, now).await?;
                announce::sessions_revoked(conn, &user, EndReason::TokenReused, by, now).await?;
                Ok(Outcome::Stolen(session))
            }
            Refresh::Over => Err(Refusal::RefreshTokenInvalid.into()),
        }
    })
    .await?;
    match outcome {
        Outcome::Prolonged(user, session, next) => mint(app, &user, &session, &next, now).await,
        Outcome::Stolen(session) => {
            revocation::publish(app, &[session.id], now).await;
            Err(Refusal::RefreshTokenReused.into())
        }
    }
}
