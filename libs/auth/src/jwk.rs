//! Public keys as JSON (RFC 7517, RFC 8037). Only Ed25519.

use anyhow::Context;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use proto::lyceum::users::v1::{GetJwksRequest, auth_service_client::AuthServiceClient};
use ring::{
    digest,
    signature::{ED25519, UnparsedPublicKey},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, json};
use std::{str::FromStr, time::Duration};

/// One Ed25519 public key with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    kid: String,
    x: [u8; 32],
}

/// A JSON that is no usable key or key set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadJwk {
    /// Not JSON, or not of the shape of a key set.
    #[error("expected a JSON Web Key Set: {{\"keys\": [...]}}")]
    NotASet,
    /// A key without an id, or with an absurd one.
    #[error("every key needs a \"kid\" of 1 to 64 visible ASCII characters")]
    BadKid,
    /// The public part of an Ed25519 key is not 32 bytes.
    #[error("key {0:?}: \"x\" must be 32 bytes in unpadded base64url")]
    BadPoint(String),
    /// Two keys with one id.
    #[error("key {0:?} is there twice")]
    Twice(String),
    /// No Ed25519 key at all.
    #[error("the key set has no Ed25519 key")]
    Empty,
}

impl Jwk {
    /// A key from its id and its 32 bytes in unpadded base64url.
    pub fn new(kid: &str, x: &str) -> Result<Self, BadJwk> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(x).ok().and_then(|bytes| bytes.try_into().ok());
        let x = bytes.ok_or_else(|| BadJwk::BadPoint(kid.to_owned()))?;
        Self::of_bytes(kid, x)
    }

    /// A key from its id and its bytes.
    pub(crate) fn of_bytes(kid: &str, x: [u8; 32]) -> Result<Self, BadJwk> {
        let fits = (1..=64).contains(&kid.len()) && kid.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self { kid: kid.to_owned(), x }) } else { Err(BadJwk::BadKid) }
    }

    /// The key's id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key in unpadded base64url.
    pub fn x(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.x)
    }

    /// The thumbprint of RFC 7638, in unpadded base64url.
    pub fn thumbprint(&self) -> String {
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
    }

    /// Whether the signature over the text was made with this key.
    pub(crate) fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.x).verify(text, signature).is_ok()
    }

    /// Reads one key of a set; `None` for keys of other kinds, which RFC 7517 wants ignored.
    fn read(key: &Value) -> Result<Option<Self>, BadJwk> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let usable =
            text("kty") == Some("OKP") && text("crv") == Some("Ed25519") && text("use").unwrap_or("sig") == "sig";
        if !usable {
            return Ok(None);
        }
        let kid = text("kid").ok_or(BadJwk::BadKid)?;
        Self::new(kid, text("x").unwrap_or_default()).map(Some)
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let (kid, x) = (&self.kid, self.x());
        json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x}).serialize(out)
    }
}

/// A set of public keys, all with different ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Jwks(Vec<Jwk>);

impl Jwks {
    /// A set of these keys; two with one id are refused. It may be empty.
    pub fn new(keys: impl IntoIterator<Item = Jwk>) -> Result<Self, BadJwk> {
        let mut set: Vec<Jwk> = Vec::new();
        for key in keys {
            if set.iter().any(|other| other.kid == key.kid) {
                return Err(BadJwk::Twice(key.kid));
            }
            set.push(key);
        }
        Ok(Self(set))
    }

    /// The keys.
    pub fn keys(&self) -> &[Jwk] {
        &self.0
    }

    /// The key with this id.
    pub fn get(&self, kid: &str) -> Option<&Jwk> {
        self.0.iter().find(|key| key.kid == kid)
    }

    /// The keys that the users service publishes now; it has five seconds to tell them.
    pub async fn published(users: rpc::client::Channel) -> anyhow::Result<Self> {
        let mut request = tonic::Request::new(GetJwksRequest {});
        request.set_timeout(Duration::from_secs(5));
        let reply = AuthServiceClient::new(users).get_jwks(request).await.context("users does not tell its keys")?;
        let keys = reply.into_inner().keys.into_iter().map(|key| Jwk::new(&key.kid, &key.x));
        Ok(Self::new(keys.collect::<Result<Vec<_>, _>>()?)?)
    }

    fn read(json: &Value) -> Result<Self, BadJwk> {
        let listed = json.get("keys").and_then(Value::as_array).ok_or(BadJwk::NotASet)?;
        let read = listed.iter().filter_map(|key| Jwk::read(key).transpose());
        let set = Self::new(read.collect::<Result<Vec<_>, _>>()?)?;
        if set.0.is_empty() { Err(BadJwk::Empty) } else { Ok(set) }
    }
}

/// Reads the JSON of a set. Keys that are not Ed25519 are ignored; a set without any is refused.
impl FromStr for Jwks {
    type Err = BadJwk;

    fn from_str(text: &str) -> Result<Self, BadJwk> {
        let json: Value = serde_json::from_str(text).map_err(|_| BadJwk::NotASet)?;
        Self::read(&json)
    }
}

impl Serialize for Jwks {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        json!({"keys": self.0}).serialize(out)
    }
}

impl<'de> Deserialize<'de> for Jwks {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(input)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_no_set_of_keys(text in ".{0,80}|\\{\"keys\":\\[(\\{(\"(kty|crv|kid|x|use)\":(\"(OKP|Ed25519|sig|[A-Za-z0-9_-]{0,50})\"|1|null),?){0,5}\\},?){0,3}\\]\\}") {
            if let Ok(set) = text.parse::<Jwks>() {
                let written = serde_json::to_string(&set).unwrap();
                prop_assert_eq!(written.parse::<Jwks>(), Ok(set));
            }
        }

        #[test]
        fn any_point_is_refused_or_written_as_it_was(kid in ".{0,20}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let x = BASE64_URL_SAFE_NO_PAD.encode(&bytes);
            if let Ok(key) = Jwk::new(&kid, &x) {
                prop_assert_eq!((key.x(), bytes.len()), (x, 32));
                let _ = key.signed(&bytes, &bytes);
            }
        }
    }

    /// The key of RFC 8037, appendix A.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    #[test]
    fn the_thumbprint_is_that_of_the_rfc() {
        let key = Jwk::new("k", X).unwrap();
        assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_set_survives_being_written_and_read() {
        let set = Jwks::new([Jwk::new("a", X).unwrap(), Jwk::new("b", X).unwrap()]).unwrap();
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(text.parse::<Jwks>().unwrap(), set);
        assert_eq!(serde_json::from_str::<Jwks>(&text).unwrap(), set);
        assert!(text.contains(r#""kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"a""#), "{text}");
    }

    #[test]
    fn foreign_keys_are_ignored_and_broken_ones_refused() {
        let okp = |kid: &str, x: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}"#);
        let read = |keys: &str| format!(r#"{{"keys":[{keys}]}}"#).parse::<Jwks>();
        let rsa = r#"{"kty":"RSA","kid":"r","n":"AQ","e":"AQAB"}"#;
        assert_eq!(read(&format!("{rsa},{}", okp("a", X))).unwrap().keys().len(), 1);
        assert_eq!(read(rsa), Err(BadJwk::Empty));
        assert_eq!(read(&okp("a", "AQ")), Err(BadJwk::BadPoint("a".into())));
        assert_eq!(read(&okp("", X)), Err(BadJwk::BadKid));
        assert_eq!(read(&format!("{},{}", okp("a", X), okp("a", X))), Err(BadJwk::Twice("a".into())));
        assert_eq!("[]".parse::<Jwks>(), Err(BadJwk::NotASet));
        assert_eq!("nonsense".parse::<Jwks>(), Err(BadJwk::NotASet));
    }
}
