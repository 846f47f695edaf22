//! How somebody becomes a learner: register, read the code in the mail, confirm, sign in.

use anyhow::Result;
use proto::lyceum::users::v1::register_request::AcceptedDocument;
use proto::lyceum::users::v1::user::Role;
use proto::lyceum::users::v1::{
    ConfirmEmailRequest, EraseUserRequest, RegisterRequest, RegisterResponse, UpdateUserRolesRequest, User,
};

use crate::{Outcome, Person, School, new_key};

/// The password of everybody who registers.
pub const PASSWORD: &str = "tailor-made-trousers-42";

/// Somebody who has no account yet.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// Where mails go.
    pub email: String,
    /// What stands on the certificate.
    pub name: String,
}

impl Newcomer {
    /// Somebody new, whose address begins so.
    pub fn called(prefix: &str, name: &str) -> Self {
        Self { email: format!("{prefix}-{}@example.com", new_key().replace('-', "")), name: name.to_owned() }
    }
}

impl School {
    /// A new learner of the name that all learners have.
    pub async fn learner(&self) -> Result<Person> {
        self.welcome(&Newcomer::called("learner", "Анна Каренина")).await
    }

    /// Opens an account, confirms it and signs in.
    pub async fn welcome(&self, newcomer: &Newcomer) -> Result<Person> {
        let email = &newcomer.email;
        self.register(newcomer).await?;
        let visitor = self.visitor();
        let code = visitor.step("the e-mail with the code", async |_| {
            let (mail, code) = self.outside.code(email).await?;
            Ok(Outcome::new(code.clone()).note(format!("«{}», code {code}", mail.subject)))
        });
        let code = code.await?;
        let confirm = visitor.step("confirm the address", async |me| {
            let _: () = me.call(&ConfirmEmailRequest { email: email.clone(), code }).await?;
            Ok(Outcome::new(()))
        });
        confirm.await?;
        self.sign_in(email, PASSWORD).await
    }

    /// Opens an account that still has to be confirmed.
    pub async fn register(&self, newcomer: &Newcomer) -> Result<()> {
        let terms = AcceptedDocument { document: "terms".to_owned(), version: "2026-11-01".to_owned() };
        let request = RegisterRequest {
            email: newcomer.email.clone(),
            password: PASSWORD.to_owned(),
            display_name: newcomer.name.clone(),
            language: Some("ru".to_owned()),
            time_zone: Some("Europe/Moscow".to_owned()),
            consents: vec![terms],
        };
        self.visitor()
            .step("register", async |me| {
                let _: RegisterResponse = me.call(&request).await?;
                Ok(Outcome::new(()).note(&newcomer.email))
            })
            .await
    }

    /// A new person with this role, whom an administrator gave it.
    pub async fn with_role(&self, role: Role) -> Result<Person> {
        let person = self.learner().await?;
        let roles = vec![role.into()];
        let request = UpdateUserRolesRequest { user_id: person.user_id.clone(), roles, ..Default::default() };
        let _: User = self.staff("admin").await?.call(&request).await?;
        self.sign_in(&person.email, PASSWORD).await
    }
}

impl Person {
    /// Erases somebody: oneself with one's password, others as an administrator without.
    pub async fn erase(&self, user_id: &str) -> Result<()> {
        let password = if user_id == self.user_id { self.password() } else { String::new() };
        let request = EraseUserRequest { user_id: user_id.to_owned(), password };
        let erase = self.step("erase", async |me| {
            let _: () = me.call(&request).await?;
            Ok(Outcome::new(()).with_id("userId", user_id))
        });
        erase.await
    }
}
