//! A person who read a code at their address sets a new password.

use super::{
    revocation, throttle,
    try_code::{Tried, try_code},
};
use crate::{
    announce,
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        code::{Code, Purpose},
        email::EmailAddress,
        id::SessionId,
        password::NewPassword,
        session::EndReason,
    },
    error::{Error, Result},
    store,
};

#[derive(Debug, Clone)]
pub struct ResetPassword {
    pub email: EmailAddress,
    pub code: Code,
    pub password: NewPassword,
}

pub async fn run(app: &App, by: &Requester, command: ResetPassword) -> Result<()> {
    let now = app.clock.now();
    // Hashed before the code is looked at: the time it takes says nothing about the account.
    let hash = app.hasher.place()?.hash(command.password.secret().clone(), &app.vault).await?;
    let tries = throttle::passwords_of(app, &command.email);
    let ended: Option<Vec<SessionId>> = pg::transaction(&app.db, async |conn| {
        let Some(found) = store::users::find_by_email(conn, &command.email).await? else { return Ok(None) };
        let Some(account) = store::users::lock(conn, found.id).await? else { return Ok(None) };
        let user = account.person()?;
        // A code that was used already is refused: it might be repeated with another password.
        if try_code(app, conn, user.id, Purpose::ResetPassword, &command.code, now).await? != Tried::Right {
            return Ok(None);
        }
        let by = &by.proved(user.id);
        let confirmed_now = user.email_confirmed_at.is_none();
        let user = user.confirm_email(now).change_password(now);
        store::users::save(conn, &user).await?;
        store::credentials::set_password(conn, user.id, &hash, now).await?;
        store::throttles::forget(conn, &tries).await?;
        let ended = store::sessions::end_all(conn, user.id, None, EndReason::PasswordChanged, now).await?;
        store::audit::append(conn, by, Action::PasswordReset, Some(user.id), &[], now).await?;
        if confirmed_now {
            store::audit::append(conn, by, Action::EmailConfirmed, Some(user.id), &[], now).await?;
            announce::profile_changed(conn, &user, by, now).await?;
        }
        announce::password_changed(conn, &user, by, now).await?;
        if !ended.is_empty() {
            announce::sessions_revoked(conn, &user, EndReason::PasswordChanged, by, now).await?;
        }
        Ok::<_, Error>(Some(ended))
    })
    .await?;
    let ended = ended.ok_or(Refusal::CodeInvalid)?;
    revocation::publish(app, &ended, now).await;
    Ok(())
}
