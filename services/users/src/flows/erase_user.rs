//! A person's data is erased for ever, by themselves or by a manager of accounts.

use secrecy::SecretString;

use super::{Me, authority, check_password::check_password, revocation, throttle};
use crate::{
    announce,
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        code::Purpose,
        id::UserId,
        session::EndReason,
        user::{Account, User},
    },
    error::{Error, Result},
    store,
};

#[derive(Debug, Clone)]
pub struct EraseUser {
    pub user: UserId,
    /// Proves that the person themselves is asking; needed only for one's own account.
    pub password: Option<SecretString>,
}

pub async fn run(app: &App, by: &Requester, me: Me, command: EraseUser) -> Result<()> {
    let own = me.user == command.user;
    if own {
        prove(app, by, me, command.password.clone()).await?;
    }
    let now = app.clock.now();
    let ended = pg::transaction(&app.db, async |conn| {
        store::users::lock_admins(conn).await?;
        let manager = if own { None } else { Some(authority::manager(conn, me).await?) };
        let user = match store::users::lock(conn, command.user).await?.ok_or(Refusal::UserNotFound)? {
            Account::Person(user) => user,
            // Erased before: there is nothing more to do.
            Account::Erased(_) => return Ok(Vec::new()),
        };
        let others = store::users::other_admins(conn, user.id).await?;
        let (email, id) = (user.email.clone(), user.id);
        let tombstone = user.erase(manager.as_ref(), others, now)?;
        let ended = store::sessions::end_all(conn, id, None, EndReason::Erased, now).await?;
        store::sessions::erase_origins(conn, id).await?;
        store::credentials::forget(conn, id).await?;
        store::codes::forget(conn, id).await?;
        store::tutor_verifications::forget(conn, id).await?;
        store::consents::erase_origins(conn, id).await?;
        store::audit::erase_personal(conn, id).await?;
        for subject in [
            throttle::passwords_of(app, &email),
            throttle::codes_to(app, Purpose::ConfirmEmail, &email),
            throttle::codes_to(app, Purpose::ResetPassword, &email),
        ] {
            store::throttles::forget(conn, &subject).await?;
        }
        store::users::bury(conn, &tombstone).await?;
        // Somebody who erases themselves leaves no address behind in the very line that says so.
        let by = if own { Requester { address: None, user_agent: None, ..by.clone() } } else { by.clone() };
        store::audit::append(conn, &by, Action::Erased, Some(id), &[], now).await?;
        announce::user_erased(conn, &tombstone, &by, now).await?;
        Ok::<_, Error>(ended)
    })
    .await?;
    revocation::publish(app, &ended, now).await;
    Ok(())
}

/// Asks for the password once more, because an erasure cannot be undone and a phone may lie around unlocked.
async fn prove(app: &App, by: &Requester, me: Me, password: Option<SecretString>) -> Result<()> {
    let mut conn = app.db.acquire().await?;
    let user: User = store::users::find(&mut conn, me.user).await?.ok_or(Refusal::UserNotFound)?.person()?;
    drop(conn);
    let password = password.ok_or(Refusal::PasswordWrong)?;
    check_password(app, by, &user.email, password).await?.ok_or(Refusal::PasswordWrong)?;
    Ok(())
}
