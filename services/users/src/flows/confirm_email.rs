//! A person proves that an address is theirs.

use failpoint::failpoint;

use super::try_code::{Tried, try_code};
use crate::{
    announce,
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        code::{Code, Purpose},
        email::EmailAddress,
    },
    error::{Error, Result},
    store,
};

#[derive(Debug, Clone)]
pub struct ConfirmEmail {
    pub email: EmailAddress,
    pub code: Code,
}

pub async fn run(app: &App, by: &Requester, command: ConfirmEmail) -> Result<()> {
    let now = app.clock.now();
    let tried = pg::transaction(&app.db, async |conn| {
        let Some(found) = store::users::find_by_email(conn, &command.email).await? else { return Ok(Tried::Invalid) };
        let Some(account) = store::users::lock(conn, found.id).await? else { return Ok(Tried::Invalid) };
        let user = account.person()?;
        let tried = try_code(app, conn, user.id, Purpose::ConfirmEmail, &command.code, now).await?;
        if tried == Tried::Right && user.email_confirmed_at.is_none() {
            let user = user.confirm_email(now);
            let by = &by.proved(user.id);
            store::users::save(conn, &user).await?;
            store::audit::append(conn, by, Action::EmailConfirmed, Some(user.id), &[], now).await?;
            announce::profile_changed(conn, &user, by, now).await?;
        }
        Ok::<_, Error>(tried)
    })
    .await?;
    failpoint!("confirm.committed");
    match tried {
        Tried::Right | Tried::RightBefore => Ok(()),
        Tried::Invalid => Err(Refusal::CodeInvalid.into()),
    }
}
