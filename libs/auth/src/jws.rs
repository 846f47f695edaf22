//! The compact form of a signed token (RFC 7515) with exactly one algorithm: EdDSA over Ed25519 (RFC 8037). What the
//! token says lives in `signer` and `verifier`.

use crate::{Jwk, Refused};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::Ed25519KeyPair;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Longer texts are not looked at.
const LONGEST: usize = 8 * 1024;

/// All that our headers ever hold. Anything else (`crit`, `jwk`, `jku`, `x5c`…) is somebody's attempt to choose how
/// we check.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// A token taken apart, of which nothing is believed yet.
pub(crate) struct Unchecked<'a> {
    header: Header,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Signs the payload.
pub(crate) fn sign(key: &Ed25519KeyPair, kid: &str, typ: &str, payload: &Value) -> String {
    let header = json!({"alg": "EdDSA", "kid": kid, "typ": typ});
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&header), encode(payload));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

impl<'a> Unchecked<'a> {
    /// Takes a token apart. Every other algorithm is refused here, before any key is chosen.
    pub(crate) fn parse(token: &'a str) -> Result<Self, Refused> {
        if token.len() > LONGEST {
            return Err(Refused::token("too long"));
        }
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::token("not base64url"));
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::token("not three parts"))?;
        let (header, payload) = signed.split_once('.').ok_or(Refused::token("not three parts"))?;
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Refused::token("unusable header"))?;
        if header.alg != "EdDSA" {
            return Err(Refused::token("another algorithm"));
        }
        Ok(Self { header, signed, payload: decode(payload)?, signature: decode(signature)? })
    }

    /// The id of the key that the token claims to be signed with.
    pub(crate) fn kid(&self) -> &str {
        &self.header.kid
    }

    /// What sort of token this claims to be.
    pub(crate) fn typ(&self) -> &str {
        &self.header.typ
    }

    /// What the token says, if the key signed it.
    pub(crate) fn check<T: DeserializeOwned>(&self, key: &Jwk) -> Result<T, Refused> {
        if !key.signed(self.signed.as_bytes(), &self.signature) {
            return Err(Refused::token("the signature does not fit"));
        }
        serde_json::from_slice(&self.payload).map_err(|_| Refused::token("unusable claims"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_of_the_rfc_fits() {
        // RFC 8037, appendix A.4.
        let key = Jwk::new("k", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(key.signed(signed.as_bytes(), &signature));
        assert!(!key.signed(b"something else", &signature));
    }

    #[test]
    fn odd_shapes_are_refused() {
        let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let good = encode(r#"{"alg":"EdDSA","kid":"k","typ":"t"}"#);
        assert!(Unchecked::parse(&format!("{good}.e30.AA")).is_ok());
        let headers = [
            r#"{"alg":"none","kid":"k","typ":"t"}"#,
            r#"{"alg":"HS256","kid":"k","typ":"t"}"#,
            r#"{"alg":"RS256","kid":"k","typ":"t"}"#,
            r#"{"alg":"eddsa","kid":"k","typ":"t"}"#,
            r#"{"alg":"EdDSA","kid":"k","typ":"t","crit":["b64"]}"#,
            r#"{"alg":"EdDSA","kid":"k","typ":"t","jwk":{}}"#,
            r#"{"alg":"EdDSA","alg":"EdDSA","kid":"k","typ":"t"}"#,
            r#"{"alg":"EdDSA","typ":"t"}"#,
            "[]",
            "",
        ];
        for header in headers {
            assert!(Unchecked::parse(&format!("{}.e30.AA", encode(header))).is_err(), "{header}");
        }
        for token in ["", ".", "..", "...", "a.b", &good, &format!("{good}.e30"), &format!("{good}.e30.AA=")] {
            assert!(Unchecked::parse(token).is_err(), "{token:?}");
        }
        assert!(Unchecked::parse(&format!("{good}.{}.AA", "e".repeat(LONGEST))).is_err());
        assert!(Unchecked::parse(&format!("{good}.e30.x.AA")).is_err());
    }
}
