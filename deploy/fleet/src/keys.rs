//! The keys of the services, made once per fleet: each proves with its own who it is.

use std::fs;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::home::{Home, write_private};

/// The keys of a fleet, as its services want to read them.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// By service: the private key, PKCS#8 in base64.
    private: Vec<(String, String)>,
    /// The public keys of all, a JWKS document.
    pub(crate) public: String,
    /// 32 random bytes in base64, with which users seals its signing keys at rest.
    pub(crate) key_secret: String,
}

impl Keys {
    /// Reads the keys; makes those that are missing.
    pub(crate) fn load<'a>(home: &Home, services: impl Iterator<Item = &'a str>) -> Result<Self> {
        let mut private = Vec::new();
        let mut public = Vec::new();
        for service in services {
            let encoded = load_or(home, &format!("{service}.pkcs8"), || {
                let document =
                    Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok().context("cannot make a key")?;
                Ok(STANDARD.encode(document))
            })?;
            public.push(public_jwk(service, &encoded)?);
            private.push((service.to_owned(), encoded));
        }
        let key_secret =
            load_or(home, "users.secret", || Ok(STANDARD.encode(hex::decode(crate::home::random_hex(32)?)?)))?;
        let public = json!({ "keys": public }).to_string();
        write_private(&home.path("keys/services.jwks.json"), public.as_bytes())?;
        Ok(Self { private, public, key_secret })
    }

    /// A service's private key.
    pub(crate) fn private(&self, service: &str) -> Option<&str> {
        self.private.iter().find(|(name, _)| name == service).map(|(_, key)| key.as_str())
    }
}

fn load_or(home: &Home, name: &str, make: impl FnOnce() -> Result<String>) -> Result<String> {
    let path = home.path("keys").join(name);
    if path.exists() {
        return fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()));
    }
    let fresh = make()?;
    write_private(&path, fresh.as_bytes())?;
    Ok(fresh)
}

/// The public half in the form of RFC 8037. Its id says for which service it speaks, and by the start of its thumbprint
/// (RFC 7638) which of the service's keys it is.
fn public_jwk(service: &str, encoded: &str) -> Result<Value> {
    let pair =
        STANDARD.decode(encoded).ok().and_then(|document| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&document).ok());
    let pair = pair.with_context(|| format!("the key of {service} is damaged: remove it from .fleet/keys"))?;
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let thumbprint =
        URL_SAFE_NO_PAD.encode(digest(&SHA256, format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes()));
    let kid = format!("{service}.{}", thumbprint.get(..12).unwrap_or(&thumbprint));
    Ok(json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": "EdDSA", "use": "sig", "x": x}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_their_public_halves_are_published() {
        let home = Home::for_unit_test("keys");
        let first = Keys::load(&home, ["users", "courses"].into_iter()).unwrap();
        let second = Keys::load(&home, ["users", "courses", "payments"].into_iter()).unwrap();
        assert_eq!(first.private("users"), second.private("users"));
        assert_eq!(first.key_secret, second.key_secret);
        assert_ne!(second.private("users"), second.private("courses"));
        assert_eq!(STANDARD.decode(&first.key_secret).unwrap().len(), 32);
        let published: Value = serde_json::from_str(&second.public).unwrap();
        let kids: Vec<&str> =
            published["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
        let services: Vec<&str> = kids.iter().map(|kid| kid.split('.').next().unwrap()).collect();
        assert_eq!(services, ["users", "courses", "payments"]);
        home.remove().unwrap();
    }

    /// The services compute the same id from their private key (`auth::ServiceIdentity`); this one is from RFC 8037, A.3.
    #[test]
    fn a_keys_id_begins_with_its_service_and_goes_on_with_its_thumbprint() {
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let prefix = hex::decode("302e020100300506032b657004220420").unwrap();
        let encoded = STANDARD.encode([prefix, seed].concat());
        let Ok(jwk) = public_jwk("users", &encoded) else { panic!("ring refused the key") };
        assert_eq!(jwk["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(jwk["kid"], "users.kPrK_qmxVWaY");
    }
}
