//! A person signs in and a session opens.

use secrecy::SecretString;

use super::{
    check_password::check_password,
    mint::{Tokens, mint},
};
use crate::{
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        email::EmailAddress,
        id::SessionId,
        session::Session,
    },
    error::{Error, Result},
    store,
};

#[derive(Debug, Clone)]
pub struct SignIn {
    pub email: EmailAddress,
    pub password: SecretString,
}

pub async fn run(app: &App, by: &Requester, command: SignIn) -> Result<Tokens> {
    let proven = check_password(app, by, &command.email, command.password.clone()).await?;
    let proven = proven.ok_or(Refusal::CredentialsInvalid)?;
    let fresh_hash = if proven.stale { rehash(app, command.password).await? } else { None };

    let now = app.clock.now();
    let token = app.vault.new_refresh_token()?;
    let (user, session) = pg::transaction(&app.db, async |conn| {
        let account = store::users::lock(conn, proven.user.id).await?.ok_or(Refusal::CredentialsInvalid)?;
        let user = account.person().map_err(|_| Refusal::CredentialsInvalid)?;
        // The password may have been replaced while we looked at it, because somebody else knew it.
        if !store::credentials::is_current(conn, user.id, proven.revision).await? {
            return Err(Refusal::CredentialsInvalid.into());
        }
        user.may_enter()?;
        if let Some(fresh) = &fresh_hash {
            store::credentials::rehash(conn, user.id, fresh).await?;
        }
        let session = Session {
            address: by.address,
            user_agent: by.user_agent.clone(),
            ..Session::open(user.id, SessionId::new(now), &app.sessions, now)
        };
        store::sessions::open(conn, &session, &token.hash()).await?;
        let details = [("session", session.id.to_string())];
        store::audit::append(conn, &by.proved(user.id), Action::SignedIn, Some(user.id), &details, now).await?;
        Ok::<_, Error>((user, session))
    })
    .await?;
    mint(app, &user, &session, &token, now).await
}

/// The password hashed with today's costs; nothing if the queue is full, then the next sign-in does it.
async fn rehash(app: &App, password: SecretString) -> Result<Option<String>> {
    match app.hasher.place() {
        Ok(place) => Ok(Some(place.hash(password, &app.vault).await?)),
        Err(_) => Ok(None),
    }
}
