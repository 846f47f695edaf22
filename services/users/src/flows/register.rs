//! A person opens an account.

use failpoint::failpoint;
use pg::{Claim, Idempotent};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::issue_code::issue_code;
use crate::{
    announce,
    app::App,
    domain::{
        Refusal,
        audit::{Action, Requester},
        code::Purpose,
        consent::{Consent, Document},
        email::EmailAddress,
        id::{ConsentId, UserId},
        password::NewPassword,
        profile::Profile,
        user::User,
    },
    error::{Error, Result},
    store,
};

#[derive(Debug, Clone)]
pub struct Register {
    pub email: EmailAddress,
    pub password: NewPassword,
    pub profile: Profile,
    pub consents: Vec<Document>,
    pub idempotent: Option<Idempotent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    pub user: UserId,
    /// Absent when the registration is repeated after its code was forgotten.
    pub code_expires_at: Option<OffsetDateTime>,
}

pub async fn run(app: &App, by: &Requester, command: Register) -> Result<Registered> {
    let now = app.clock.now();
    let hash = app.hasher.place()?.hash(command.password.secret().clone(), &app.vault).await?;
    let registered = pg::transaction(&app.db, async |conn| {
        if let Some(idempotent) = &command.idempotent
            && let Claim::Replay(user) = idempotent.claim(conn, now).await?
        {
            return repeat(conn, UserId::from_uuid(user)).await;
        }
        let user = User::register(UserId::new(now), command.email.clone(), command.profile.clone(), now);
        store::users::insert(conn, &user).await.map_err(email_taken)?;
        store::credentials::set_password(conn, user.id, &hash, now).await?;
        store::audit::append(conn, by, Action::Registered, Some(user.id), &[], now).await?;
        for document in &command.consents {
            let consent =
                Consent { id: ConsentId::new(now), document: document.clone(), given_at: now, withdrawn_at: None };
            store::consents::give(conn, by, user.id, &consent).await?;
        }
        announce::user_registered(conn, &user, by, now).await?;
        announce::profile_changed(conn, &user, by, now).await?;
        let code_expires_at = Some(issue_code(app, conn, by, &user, Purpose::ConfirmEmail, now).await?);
        if let Some(idempotent) = &command.idempotent {
            idempotent.record(conn, user.id.uuid(), now).await?;
        }
        Ok::<_, Error>(Registered { user: user.id, code_expires_at })
    })
    .await?;
    failpoint!("register.committed");
    Ok(registered)
}

async fn repeat(conn: &mut PgConnection, user: UserId) -> Result<Registered> {
    let code = store::codes::lock(conn, user, Purpose::ConfirmEmail).await?;
    Ok(Registered { user, code_expires_at: code.map(|code| code.expires_at) })
}

/// What it means when an account cannot be written.
pub(super) fn email_taken(error: sqlx::Error) -> Error {
    if pg::violated(&error, store::users::EMAIL_KEY) { Refusal::EmailTaken.into() } else { error.into() }
}
