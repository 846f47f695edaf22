//! A service's own identity: how it proves to a neighbour who it is.

use crate::{
    BadKey, BadServiceName, Jwk, SERVICE_ISSUER, ServiceName, Signer,
    names::{LEEWAY, SERVICE_TYPE},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};
use time::OffsetDateTime;
use values::SharedClock;

/// How long a service's token lives, in seconds.
const LIFETIME: i64 = 300;
/// A token with less than this left is not handed out any more, in seconds.
const SPARE: i64 = 60;

/// What a service's token says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServiceClaims {
    pub(crate) iss: String,
    /// The one service that may believe this token: whoever receives it cannot use it against a third.
    pub(crate) aud: String,
    pub(crate) sub: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
}

/// Who this service is, with the private key that proves it. It cannot be printed.
pub struct ServiceIdentity {
    name: ServiceName,
    signer: Signer,
    clock: SharedClock,
    /// The present token for each neighbour.
    tokens: Mutex<HashMap<String, Token>>,
}

struct Token {
    value: HeaderValue,
    expires: i64,
}

impl ServiceIdentity {
    /// Takes the service's name and its private key in PKCS#8.
    pub fn new(name: ServiceName, pkcs8: &[u8], clock: SharedClock) -> Result<Self, BadKey> {
        let public = Signer::from_pkcs8("unnamed", pkcs8)?.public_jwk();
        let signer = Signer::from_pkcs8(&kid(&name, &public), pkcs8)?;
        Ok(Self { name, signer, clock, tokens: Mutex::default() })
    }

    /// The same from the configuration's spelling: the private key in standard base64.
    pub fn from_base64(name: &str, key: &str, clock: SharedClock) -> Result<Self, BadKey> {
        let name = ServiceName::parse(name).map_err(|BadServiceName| BadKey)?;
        let pkcs8 = BASE64_STANDARD.decode(key.trim()).map_err(|_| BadKey)?;
        Self::new(name, &pkcs8, clock)
    }

    /// The service's name.
    pub fn name(&self) -> &ServiceName {
        &self.name
    }

    /// The public half, for the key set that every service is given. Its id is `<service>.<the start of its
    /// thumbprint>`: a key speaks only for the service it is named after, and a new one can stand beside the old
    /// while they are exchanged.
    pub fn public_jwk(&self) -> Jwk {
        self.signer.public_jwk()
    }

    /// The present token for a neighbour, such as `users`: at least a minute of its life is left.
    pub fn token_for(&self, neighbour: &str) -> String {
        let value = self.value_for(neighbour);
        value.to_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn value_for(&self, neighbour: &str) -> HeaderValue {
        let now = self.clock.now();
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = tokens.get(neighbour).filter(|token| token.is_fresh(now)) {
            return token.value.clone();
        }
        let token = self.issue(neighbour, now);
        let value = token.value.clone();
        tokens.insert(neighbour.to_owned(), token);
        value
    }

    fn issue(&self, neighbour: &str, now: OffsetDateTime) -> Token {
        let iat = now.unix_timestamp();
        let claims = ServiceClaims {
            iss: SERVICE_ISSUER.to_owned(),
            aud: neighbour.to_owned(),
            sub: self.name.to_string(),
            iat,
            exp: iat + LIFETIME,
        };
        let token = self.signer.sign_as(SERVICE_TYPE, &json!(claims));
        // Letters, digits, `-`, `_` and `.`: always fit for a header.
        let mut value = HeaderValue::try_from(token).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        Token { value, expires: claims.exp }
    }
}

impl Token {
    /// Neither about to expire nor, after the clock was set back, issued in the future.
    fn is_fresh(&self, now: OffsetDateTime) -> bool {
        let left = self.expires - now.unix_timestamp();
        (SPARE..=LIFETIME + LEEWAY).contains(&left)
    }
}

impl fmt::Debug for ServiceIdentity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ServiceIdentity").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The id of a service's key.
fn kid(name: &ServiceName, public: &Jwk) -> String {
    let thumbprint = public.thumbprint();
    format!("{name}.{}", thumbprint.get(..12).unwrap_or(&thumbprint))
}

/// Whether a key with this id speaks for the service.
pub(crate) fn speaks_for(kid: &str, service: &str) -> bool {
    kid.split('.').next() == Some(service)
}
