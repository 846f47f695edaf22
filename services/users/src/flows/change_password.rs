//! A signed-in person replaces their password; other sessions end.

use rpc::Invalid;
use secrecy::SecretString;

use super::{Me, check_password::check_password, revocation};
use crate::{
    announce,
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        password::NewPassword,
        session::EndReason,
    },
    error::{Error, Result},
    store,
};

#[derive(Debug, Clone)]
pub struct ChangePassword {
    pub current: SecretString,
    pub new: NewPassword,
}

pub async fn run(app: &App, by: &Requester, me: Me, command: ChangePassword) -> Result<()> {
    let mut conn = app.db.acquire().await?;
    let user = store::users::find(&mut conn, me.user).await?.ok_or(Refusal::UserNotFound)?.person()?;
    drop(conn);
    user.may_enter()?;
    let new = command.new.not_containing(&user.email).map_err(|why| Invalid::field("new_password", why))?;
    let proven = check_password(app, by, &user.email, command.current).await?.ok_or(Refusal::PasswordWrong)?;
    let hash = app.hasher.place()?.hash(new.secret().clone(), &app.vault).await?;

    let now = app.clock.now();
    let ended = pg::transaction(&app.db, async |conn| {
        let user = store::users::lock(conn, me.user).await?.ok_or(Refusal::UserNotFound)?.person()?;
        // Somebody else may have replaced it while we looked at it.
        if !store::credentials::is_current(conn, user.id, proven.revision).await? {
            return Err(Refusal::PasswordWrong.into());
        }
        let user = user.change_password(now);
        store::users::save(conn, &user).await?;
        store::credentials::set_password(conn, user.id, &hash, now).await?;
        let ended = store::sessions::end_all(conn, user.id, Some(me.session), EndReason::PasswordChanged, now).await?;
        store::audit::append(conn, by, Action::PasswordChanged, Some(user.id), &[], now).await?;
        announce::password_changed(conn, &user, by, now).await?;
        if !ended.is_empty() {
            announce::sessions_revoked(conn, &user, EndReason::PasswordChanged, by, now).await?;
        }
        Ok::<_, Error>(ended)
    })
    .await?;
    revocation::publish(app, &ended, now).await;
    Ok(())
}
