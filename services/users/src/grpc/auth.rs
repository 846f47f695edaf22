//! AuthService: accounts are opened, people prove who they are and stay signed in.

use contract::{Call, show, users as asked};
use proto::lyceum::users::v1 as pb;
use rpc::Invalid;
use values::{Language, TimeZone};

use super::{Door, by, me, show};
use crate::{
    domain::{Refusal, consent::Document, profile::Profile},
    error::Result,
    flows::{
        self, confirm_email::ConfirmEmail, register::Register, reset_password::ResetPassword, sign_in::SignIn,
        sign_out::SignOut,
    },
    keyring,
    store::signing_keys,
    vault::RefreshToken,
};

/// Where people are who do not say where.
const HOME: &str = "Europe/Moscow";

impl asked::AuthService for Door {
    async fn register(&self, call: Call, ask: asked::Register<Self>) -> Result<pb::RegisterResponse> {
        let by = by(&call);
        let password = ask.password.not_containing(&ask.email).map_err(|why| Invalid::field("password", why))?;
        let language = ask.language.or(call.origin.language).unwrap_or(Language::Russian);
        let time_zone = ask.time_zone.map_or_else(|| TimeZone::parse(HOME), Ok).map_err(anyhow::Error::new)?;
        // What is kept of the request for a day must not help anybody to guess the password.
        let fingerprint = self.0.vault.password_fingerprint(password.secret());
        let consents = ask.consents.into_iter();
        let command = Register {
            email: ask.email,
            password,
            profile: Profile { display_name: ask.display_name, language, time_zone },
            consents: consents.map(|text| Document { name: text.document, version: text.version }).collect(),
            idempotent: call.key.map(|key| key.and(fingerprint.as_bytes())),
        };
        let registered = flows::register::run(&self.0, &by, command).await?;
        Ok(pb::RegisterResponse { user_id: show(registered.user), code_expires_at: show(registered.code_expires_at) })
    }

    async fn confirm_email(&self, call: Call, ask: asked::ConfirmEmail<Self>) -> Result<()> {
        flows::confirm_email::run(&self.0, &by(&call), ConfirmEmail { email: ask.email, code: ask.code }).await
    }

    async fn resend_code(&self, call: Call, ask: asked::ResendCode<Self>) -> Result<()> {
        flows::resend_code::run(&self.0, &by(&call), ask.email).await
    }

    async fn sign_in(&self, call: Call, ask: asked::SignIn<Self>) -> Result<pb::SessionTokens> {
        let command = SignIn { email: ask.email, password: ask.password.into() };
        Ok(show(flows::sign_in::run(&self.0, &by(&call), command).await?))
    }

    async fn refresh_session(&self, call: Call, ask: asked::RefreshSession) -> Result<pb::SessionTokens> {
        let token = RefreshToken::parse(ask.refresh_token.as_str()).map_err(|_| Refusal::RefreshTokenInvalid)?;
        Ok(show(flows::refresh_session::run(&self.0, &by(&call), token).await?))
    }

    async fn sign_out(&self, call: Call, ask: asked::SignOut) -> Result<()> {
        let command = match ask.refresh_token.filter(|token| !token.as_str().is_empty()) {
            None => SignOut::Mine(me(&call)?),
            Some(token) => match RefreshToken::parse(token.as_str()) {
                Ok(token) => SignOut::ByToken(token),
                // Not a token of ours, so there is no session of it to end.
                Err(_) => return Ok(()),
            },
        };
        flows::sign_out::run(&self.0, &by(&call), command).await
    }

    async fn sign_out_everywhere(&self, call: Call) -> Result<()> {
        flows::sign_out_everywhere::run(&self.0, &by(&call), me(&call)?).await
    }

    async fn request_password_reset(&self, call: Call, ask: asked::RequestPasswordReset<Self>) -> Result<()> {
        flows::request_password_reset::run(&self.0, &by(&call), ask.email).await
    }

    async fn reset_password(&self, call: Call, ask: asked::ResetPassword<Self>) -> Result<()> {
        let password =
            ask.new_password.not_containing(&ask.email).map_err(|why| Invalid::field("new_password", why))?;
        let command = ResetPassword { email: ask.email, code: ask.code, password };
        flows::reset_password::run(&self.0, &by(&call), command).await
    }

    async fn get_jwks(&self, _: Call) -> Result<Vec<pb::JsonWebKey>> {
        let published = keyring::published(&signing_keys::all(&mut *self.connection().await?).await?)?;
        Ok(published.keys().iter().map(show::key).collect())
    }
}
