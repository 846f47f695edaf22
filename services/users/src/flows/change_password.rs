//! A signed-in person replaces their password; other sessions end.

use secrecy::SecretString;

use super::{Me, check_password::check_password, revocation};
use crate::{
    app::App,
    domain::{
        audit::{Action, By},
        password::NewPassword,
        session::EndReason,
    },
    error::Error,
    events, store,
};

#[derive(Debug, Clone)]
pub struct ChangePassword {
    pub current: SecretString,
    pub new: NewPassword,
}

pub async fn change_password(app: &App, by: &By, me: Me, command: ChangePassword) -> Result<(), Error> {
    let mut conn = app.db.acquire().await?;
    let user = store::users::find(&mut conn, me.user).await?.ok_or(Error::UserNotFound)?.person()?;
    drop(conn);
    user.may_enter()?;
    let new =
        command.new.not_containing(&user.email).map_err(|why| Error::PasswordRefused { field: "new_password", why })?;
    let proven = check_password(app, by, &user.email, command.current).await?.ok_or(Error::PasswordWrong)?;
    let hash = app.hasher.place()?.hash(new.secret().clone(), &app.vault).await?;

    let now = app.clock.now();
    let ended = pg::transaction(&app.db, async |conn| {
        let user = store::users::lock(conn, me.user).await?.ok_or(Error::UserNotFound)?.person()?;
        // Somebody else may have replaced it while we looked at it.
        if !store::credentials::is_current(conn, user.id, proven.revision).await? {
            return Err(Error::PasswordWrong);
        }
        let user = user.change_password(now);
        store::users::save(conn, &user).await?;
        store::credentials::set_password(conn, user.id, &hash, now).await?;
        let ended = store::sessions::end_all(conn, user.id, Some(me.session), EndReason::PasswordChanged, now).await?;
        store::audit::append(conn, by, Action::PasswordChanged, Some(user.id), &[], now).await?;
        events::announce(conn, by, events::password_changed(&user), now).await?;
        if !ended.is_empty()
            && let Some(event) = events::sessions_revoked(&user, EndReason::PasswordChanged)
        {
            events::announce(conn, by, event, now).await?;
        }
        Ok(ended)
    })
    .await?;
    revocation::publish(app, &ended, now).await;
    Ok(())
}
