//! A part of several verbs: does somebody know the password of an account?
//!
//! A try is counted before the password is looked at, so that a thousand at once do not slip through. An unknown address is
//! treated like a known one with a wrong password, down to the time that it takes.

use secrecy::SecretString;

use super::throttle;
use crate::{
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        email::EmailAddress,
        throttle::{PASSWORDS_FROM_ADDRESS, PASSWORDS_OF_ACCOUNT},
        user::User,
    },
    error::{Error, Result},
    store,
};

/// An account whose password was right.
#[derive(Debug, Clone)]
pub(super) struct Proven {
    pub user: User,
    /// Which of the account's passwords it was; whoever writes later compares it, because it may be replaced meanwhile.
    pub revision: i64,
    /// The hash should be computed again.
    pub stale: bool,
}

/// Checks a password; `None` if it is wrong or there is no account.
pub(super) async fn check_password(
    app: &App,
    by: &Requester,
    email: &EmailAddress,
    password: SecretString,
) -> Result<Option<Proven>> {
    let now = app.clock.now();
    let place = app.hasher.place()?;
    let account = throttle::passwords_of(app, email);
    let address = throttle::passwords_from(app, by);
    let (user, credential) = pg::transaction(&app.db, async |conn| {
        throttle::count(conn, &account, &PASSWORDS_OF_ACCOUNT, now).await?.map_err(Refusal::too_many_attempts)?;
        if let Some(address) = &address {
            throttle::count(conn, address, &PASSWORDS_FROM_ADDRESS, now).await?.map_err(Refusal::too_many_attempts)?;
        }
        let Some(user) = store::users::find_by_email(conn, email).await? else { return Ok((None, None)) };
        let credential = store::credentials::find(conn, user.id).await?;
        Ok::<_, Error>((Some(user), credential))
    })
    .await?;

    let hash = credential.as_ref().map(|credential| credential.password_hash.clone());
    let checked = place.check(password, hash).await?;

    pg::transaction(&app.db, async |conn| {
        if checked.right {
            store::throttles::forget(conn, &account).await?;
            if let Some(address) = &address {
                store::throttles::take_back(conn, address).await?;
            }
        } else {
            let target = user.as_ref().map(|user| user.id);
            store::audit::append(conn, by, Action::SignInFailed, target, &[], now).await?;
        }
        Ok::<_, Error>(())
    })
    .await?;

    Ok(match (user, credential) {
        (Some(user), Some(credential)) if checked.right => {
            Some(Proven { user, revision: credential.revision, stale: checked.stale })
        }
        _ => None,
    })
}
