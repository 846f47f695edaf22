//! An operator creates an account at the command line, confirmed at once. Doing it twice changes nothing.

use crate::{
    announce,
    app::App,
    domain::{
        audit::{Action, Requester},
        email::EmailAddress,
        id::UserId,
        password::NewPassword,
        profile::Profile,
        role::Roles,
        user::User,
    },
    error::Result,
    flows::register::email_taken,
    store,
};

#[derive(Debug, Clone)]
pub struct CreateUser {
    pub email: EmailAddress,
    pub password: NewPassword,
    pub profile: Profile,
    pub roles: Roles,
}

/// Whether there was something to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    New(UserId),
    /// The address has an account already, which was left as it is.
    Found(UserId),
}

pub async fn run(app: &App, command: CreateUser) -> Result<Created> {
    let now = app.clock.now();
    let by = Requester::the_service();
    let hash = app.hasher.place()?.hash(command.password.secret().clone(), &app.vault).await?;
    pg::transaction(&app.db, async |conn| {
        if let Some(user) = store::users::find_by_email(conn, &command.email).await? {
            return Ok(Created::Found(user.id));
        }
        let user = User::register(UserId::new(now), command.email.clone(), command.profile.clone(), now);
        let user = User { roles: command.roles.clone(), ..user.confirm_email(now) };
        store::users::insert(conn, &user).await.map_err(email_taken)?;
        store::credentials::set_password(conn, user.id, &hash, now).await?;
        let details = [("roles", user.roles.to_string())];
        store::audit::append(conn, &by, Action::Created, Some(user.id), &details, now).await?;
        announce::user_registered(conn, &user, &by, now).await?;
        announce::profile_changed(conn, &user, &by, now).await?;
        Ok(Created::New(user.id))
    })
    .await
}
