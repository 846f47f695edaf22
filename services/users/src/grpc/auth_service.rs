//! AuthService at the door.

use std::sync::Arc;

use auth::Origin;
use pg::Idempotent;
use proto::lyceum::users::v1::{
    ConfirmEmailRequest, GetJwksRequest, GetJwksResponse, JsonWebKey, RefreshSessionRequest, RegisterRequest,
    RegisterResponse, RequestPasswordResetRequest, ResendCodeRequest, ResetPasswordRequest, SessionTokens,
    SignInRequest, SignOutEverywhereRequest, SignOutRequest, auth_service_server::AuthService,
    register_request::AcceptedDocument,
};
use rpc::{Fields, Invalid};
use secrecy::SecretString;
use tonic::{Request, Response, Status};
use values::{Language, TimeZone};

use super::{by, me, message};
use crate::{
    app::App,
    domain::{
        code::Code,
        consent::{Document, DocumentName, DocumentVersion},
        email::EmailAddress,
        password::NewPassword,
        profile::{DisplayName, Profile},
    },
    error::Error,
    flows::{self, ConfirmEmail, Register, ResetPassword, SignIn, SignOut},
    keyring, store,
    vault::RefreshToken,
};

/// The most texts that are agreed to at once.
const MOST_CONSENTS: usize = 20;

pub(super) struct Door(pub(super) Arc<App>);

#[tonic::async_trait]
impl AuthService for Door {
    async fn register(&self, request: Request<RegisterRequest>) -> Result<Response<RegisterResponse>, Status> {
        let by = by(&request);
        let origin = auth::origin(&request);
        let idempotent = rpc::idempotency_key(&request)?.map(|key| {
            // The hash of the request is kept for a day, so it must not help anybody to guess the password.
            let password = self.0.vault.password_fingerprint(&request.get_ref().password.as_str().into());
            let hashed = RegisterRequest { password, ..request.get_ref().clone() };
            Idempotent::of(&by.actor, "AuthService/Register", key, &hashed)
        });
        let command = Register { idempotent, ..register(request.into_inner(), &origin)? };
        let registered = flows::register(&self.0, &by, command).await?;
        Ok(Response::new(RegisterResponse {
            user_id: registered.user.to_string(),
            code_expires_at: registered.code_expires_at.map(Into::into),
        }))
    }

    async fn confirm_email(&self, request: Request<ConfirmEmailRequest>) -> Result<Response<()>, Status> {
        let by = by(&request);
        let m = request.into_inner();
        let mut fields = Fields::new();
        let email = fields.take("email", EmailAddress::parse(&m.email));
        let code = fields.take("code", Code::parse(&m.code));
        let (email, code) = fields.finish((email, code))?;
        flows::confirm_email(&self.0, &by, ConfirmEmail { email, code }).await?;
        Ok(Response::new(()))
    }

    async fn resend_code(&self, request: Request<ResendCodeRequest>) -> Result<Response<()>, Status> {
        let by = by(&request);
        flows::resend_code(&self.0, &by, email(&request.into_inner().email)?).await?;
        Ok(Response::new(()))
    }

    async fn sign_in(&self, request: Request<SignInRequest>) -> Result<Response<SessionTokens>, Status> {
        let by = by(&request);
        let m = request.into_inner();
        let mut fields = Fields::new();
        let email = fields.take("email", EmailAddress::parse(&m.email));
        let password = fields.take("password", typed_password(m.password));
        let (email, password) = fields.finish((email, password))?;
        let tokens = flows::sign_in(&self.0, &by, SignIn { email, password }).await?;
        Ok(Response::new(message::tokens(tokens)))
    }

    async fn refresh_session(
        &self,
        request: Request<RefreshSessionRequest>,
    ) -> Result<Response<SessionTokens>, Status> {
        let by = by(&request);
        let token = RefreshToken::parse(&request.into_inner().refresh_token).map_err(|_| Error::RefreshTokenInvalid)?;
        let tokens = flows::refresh_session(&self.0, &by, token).await?;
        Ok(Response::new(message::tokens(tokens)))
    }

    async fn sign_out(&self, request: Request<SignOutRequest>) -> Result<Response<()>, Status> {
        let by = by(&request);
        let token = &request.get_ref().refresh_token;
        let command = match RefreshToken::parse(token) {
            Ok(token) => SignOut::ByToken(token),
            Err(_) if token.is_empty() => SignOut::Mine(me(&request)?),
            // Not a token of ours, so there is no session of it to end.
            Err(_) => return Ok(Response::new(())),
        };
        flows::sign_out(&self.0, &by, command).await?;
        Ok(Response::new(()))
    }

    async fn sign_out_everywhere(&self, request: Request<SignOutEverywhereRequest>) -> Result<Response<()>, Status> {
        flows::sign_out_everywhere(&self.0, &by(&request), me(&request)?).await?;
        Ok(Response::new(()))
    }

    async fn request_password_reset(
        &self,
        request: Request<RequestPasswordResetRequest>,
    ) -> Result<Response<()>, Status> {
        let by = by(&request);
        flows::request_password_reset(&self.0, &by, email(&request.into_inner().email)?).await?;
        Ok(Response::new(()))
    }

    async fn reset_password(&self, request: Request<ResetPasswordRequest>) -> Result<Response<()>, Status> {
        let by = by(&request);
        let m = request.into_inner();
        let mut fields = Fields::new();
        let email = fields.take("email", EmailAddress::parse(&m.email));
        let code = fields.take("code", Code::parse(&m.code));
        let password = new_password(&mut fields, "new_password", &m.new_password, email.as_ref());
        let (email, code, password) = fields.finish((email, code, password))?;
        flows::reset_password(&self.0, &by, ResetPassword { email, code, password }).await?;
        Ok(Response::new(()))
    }

    async fn get_jwks(&self, _: Request<GetJwksRequest>) -> Result<Response<GetJwksResponse>, Status> {
        let mut conn = self.0.db.acquire().await.map_err(Error::from)?;
        let stored = store::signing_keys::all(&mut conn).await.map_err(Error::from)?;
        let published = keyring::published(&stored).map_err(Error::from)?;
        let key = |key: &auth::Jwk| JsonWebKey {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            kid: key.kid().to_owned(),
            x: key.x(),
            alg: "EdDSA".to_owned(),
            r#use: "sig".to_owned(),
        };
        Ok(Response::new(GetJwksResponse { keys: published.keys().iter().map(key).collect() }))
    }
}

fn register(m: RegisterRequest, origin: &Origin) -> Result<Register, Invalid> {
    let mut fields = Fields::new();
    let email = fields.take("email", EmailAddress::parse(&m.email));
    let password = new_password(&mut fields, "password", &m.password, email.as_ref());
    let display_name = fields.take("display_name", DisplayName::parse(&m.display_name));
    let language = match m.language.as_str() {
        "" => Some(origin.language.unwrap_or(Language::Russian)),
        code => fields.take("language", code.parse::<Language>()),
    };
    let time_zone = match m.time_zone.as_str() {
        "" => "Europe/Moscow",
        name => name,
    };
    let time_zone = fields.take("time_zone", TimeZone::parse(time_zone));
    let consents = documents(&mut fields, &m.consents);
    let (email, password, display_name, language, time_zone, consents) =
        fields.finish((email, password, display_name, language, time_zone, consents))?;
    let profile = Profile { display_name, language, time_zone };
    Ok(Register { email, password, profile, consents, idempotent: None })
}

fn documents(fields: &mut Fields, accepted: &[AcceptedDocument]) -> Option<Vec<Document>> {
    if accepted.len() > MOST_CONSENTS {
        fields.refuse("consents", format!("expected at most {MOST_CONSENTS}"));
        return None;
    }
    let read: Vec<Option<Document>> = accepted
        .iter()
        .enumerate()
        .map(|(index, accepted)| {
            document(fields, &format!("consents[{index}]."), &accepted.document, &accepted.version)
        })
        .collect();
    read.into_iter().collect()
}

/// Reads a document and its version, whose fields are found under `path`.
pub(super) fn document(fields: &mut Fields, path: &str, name: &str, version: &str) -> Option<Document> {
    let name = fields.take(&format!("{path}document"), DocumentName::parse(name));
    let version = fields.take(&format!("{path}version"), DocumentVersion::parse(version));
    Some(Document { name: name?, version: version? })
}

fn email(text: &str) -> Result<EmailAddress, Invalid> {
    EmailAddress::parse(text).map_err(|bad| Invalid::field("email", bad.to_string()))
}

fn new_password(fields: &mut Fields, field: &str, text: &str, email: Option<&EmailAddress>) -> Option<NewPassword> {
    let password = NewPassword::parse(text).and_then(|password| match email {
        Some(email) => password.not_containing(email),
        None => Ok(password),
    });
    fields.take(field, password)
}

/// Reads a password that is to be checked. Only absurd ones are refused here: nobody can have one of that length.
pub(super) fn typed_password(text: String) -> Result<SecretString, &'static str> {
    match text.len() {
        0 => Err("is required"),
        1..=1_024 => Ok(text.into()),
        _ => Err("expected at most 128 characters"),
    }
}
