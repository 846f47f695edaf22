//! A part of several verbs: the tokens of a session.

use time::{Duration, OffsetDateTime};

use super::rotate_keys;
use crate::{
    app::App,
    domain::{
        id::{SessionId, UserId},
        session::Session,
        user::User,
    },
    error::Result,
    vault::RefreshToken,
};

/// What a session is used with.
#[derive(Clone)]
pub struct Tokens {
    pub user: UserId,
    pub session: SessionId,
    pub access: String,
    pub access_expires_in: Duration,
    pub refresh: RefreshToken,
    pub refresh_expires_in: Duration,
}

/// Signs an access token for a session that was committed, to go with its newest refresh token.
pub(super) async fn mint(
    app: &App,
    user: &User,
    session: &Session,
    refresh: &RefreshToken,
    now: OffsetDateTime,
) -> Result<Tokens> {
    if !app.keyring.can_sign() {
        // The database was down when the service started.
        rotate_keys::run(app).await?;
    }
    Ok(Tokens {
        user: user.id,
        session: session.id,
        access: app.keyring.sign(user, session.id, app.day(now), now)?,
        access_expires_in: app.keyring.lifetime(),
        refresh: refresh.clone(),
        refresh_expires_in: session.usable_until(&app.sessions) - now,
    })
}
