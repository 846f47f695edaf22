//! Secrets: everything that is derived from the one secret of the configuration, and what is made at random.
//!
//! From `LYCEUM_KEY_SECRET` come independent keys: to seal signing keys, to derive refresh tokens, and to fingerprint what has
//! to be recognised but not known (codes, addresses, passwords in requests). Passwords themselves are hashed in `hasher`.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest, hkdf, hmac,
    rand::{SecureRandom, SystemRandom},
};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::domain::{
    code::{Code, Purpose},
    id::{SessionId, UserId},
};

/// 32 random bytes, base64-encoded: what the operator has to keep as secret as the signing keys themselves.
#[derive(Clone)]
pub struct KeySecret([u8; 32]);

/// A text that is not such a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 random bytes in base64, such as `openssl rand -base64 32` prints")]
pub struct BadKeySecret;

impl KeySecret {
    /// Takes the configured text.
    pub fn parse(text: &SecretString) -> Result<Self, BadKeySecret> {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.expose_secret().trim());
        bytes.ok().and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(BadKeySecret)
    }
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("KeySecret")
    }
}

/// The keys that come from the secret.
pub struct Vault {
    random: SystemRandom,
    codes: hmac::Key,
    refresh: hmac::Key,
    subjects: hmac::Key,
    requests: hmac::Key,
    seal: LessSafeKey,
}

/// The machine has no randomness, or a key does not fit its algorithm: neither happens on a sound machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptography of this machine does not work")]
pub struct Broken;

/// Sealed bytes that this vault cannot open: damaged, or sealed with another secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be opened with LYCEUM_KEY_SECRET; was that changed?")]
pub struct CannotOpen;

impl Vault {
    /// Derives the keys.
    pub fn new(secret: &KeySecret) -> Result<Self, Broken> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"lyceum users").extract(&secret.0);
        let seal = root.expand(&[b"signing keys"], &AES_256_GCM).map_err(|_| Broken)?;
        let derive =
            |what: &'static [u8]| root.expand(&[what], hmac::HMAC_SHA256).map(hmac::Key::from).map_err(|_| Broken);
        Ok(Self {
            random: SystemRandom::new(),
            codes: derive(b"codes")?,
            refresh: derive(b"refresh tokens")?,
            subjects: derive(b"throttled subjects")?,
            requests: derive(b"passwords in requests")?,
            seal: LessSafeKey::new(UnboundKey::from(seal)),
        })
    }

    /// Fresh random bytes.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], Broken> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).map_err(|_| Broken)?;
        Ok(bytes)
    }

    /// A random code; each of the million is equally likely.
    pub fn new_code(&self) -> Result<Code, Broken> {
        // Numbers beyond the last whole million would make the lowest codes a little more likely.
        const FAIR: u32 = u32::MAX - u32::MAX % Code::COUNT;
        loop {
            let number = u32::from_be_bytes(self.random()?);
            if number < FAIR {
                return Ok(Code::numbered(number));
            }
        }
    }

    /// What is kept of a code.
    pub fn code_fingerprint(&self, user: UserId, purpose: Purpose, code: &Code) -> Vec<u8> {
        tag(&self.codes, &[user.uuid().as_bytes(), purpose.as_str().as_bytes(), code.as_str().as_bytes()])
    }

    /// Whether two fingerprints are the same, in a time that does not tell how far they are.
    pub fn same(one: &[u8], other: &[u8]) -> bool {
        one.ct_eq(other).into()
    }

    /// What is kept of an e-mail or network address that is throttled.
    pub fn subject_fingerprint(&self, kind: &str, subject: &str) -> Vec<u8> {
        tag(&self.subjects, &[kind.as_bytes(), subject.as_bytes()])
    }

    /// What stands for a password where a whole request is hashed, so that the hash does not help to guess it.
    pub fn password_fingerprint(&self, password: &SecretString) -> String {
        URL_SAFE_NO_PAD.encode(tag(&self.requests, &[password.expose_secret().as_bytes()]))
    }

    /// The first refresh token of a session.
    pub fn new_refresh_token(&self) -> Result<RefreshToken, Broken> {
        self.random().map(RefreshToken)
    }

    /// The token that follows: always the same, so that a lost answer can be given again although only hashes are kept. Nobody
    /// can compute it without the secret.
    pub fn successor(&self, session: SessionId, token: &RefreshToken) -> RefreshToken {
        let mut next = [0; 32];
        next.copy_from_slice(&tag(&self.refresh, &[session.uuid().as_bytes(), &token.0]));
        RefreshToken(next)
    }

    /// Encrypts; `name` has to be said again to open it, so that sealed keys cannot be swapped.
    pub fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, Broken> {
        let nonce: [u8; NONCE_LEN] = self.random()?;
        let mut sealed = secret.to_vec();
        self.seal
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut sealed)
            .map_err(|_| Broken)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Decrypts what [`Vault::seal`] encrypted under the same name.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(CannotOpen)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotOpen)?;
        let mut opened = sealed.to_vec();
        let length = self.seal.open_in_place(nonce, Aad::from(name), &mut opened).map_err(|_| CannotOpen)?.len();
        opened.truncate(length);
        Ok(opened)
    }
}

/// An HMAC over parts, each behind its length, so that no two lists of parts look alike.
fn tag(key: &hmac::Key, parts: &[&[u8]]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    context.sign().as_ref().to_vec()
}

/// What a client holds to prolong its session: 256 bits.
#[derive(Clone)]
pub struct RefreshToken([u8; 32]);

/// A text that is no refresh token of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAToken;

impl RefreshToken {
    /// Takes what a client sent.
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        // 43 characters hold 32 bytes; anything else is not decoded at all.
        if text.len() != 43 {
            return Err(NotAToken);
        }
        URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(NotAToken)
    }

    /// What the client gets.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What we keep. A plain hash suffices, because 256 random bits cannot be guessed.
    pub fn hash(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, &self.0).as_ref().to_vec()
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("RefreshToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn vault(byte: u8) -> Vault {
        Vault::new(&KeySecret([byte; 32])).unwrap()
    }

    #[test]
    fn a_secret_is_32_bytes_of_base64() {
        assert!(KeySecret::parse(&"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n".into()).is_ok());
        for bad in ["", "secret", "AAECAwQFBgcICQoLDA0ODw=="] {
            assert_eq!(KeySecret::parse(&bad.into()).err(), Some(BadKeySecret), "{bad}");
        }
    }

    #[test]
    fn what_was_sealed_opens_only_with_its_secret_and_name() {
        let sealed = vault(1).seal("key-1", b"private").unwrap();
        assert!(!sealed.windows(7).any(|bytes| bytes == b"private"));
        assert_eq!(vault(1).open("key-1", &sealed).unwrap(), b"private");
        assert_eq!(vault(1).open("key-2", &sealed), Err(CannotOpen));
        assert_eq!(vault(2).open("key-1", &sealed), Err(CannotOpen));
        assert_eq!(vault(1).open("key-1", &sealed[..20]), Err(CannotOpen));
        assert_eq!(vault(1).open("key-1", b""), Err(CannotOpen));
    }

    #[test]
    fn sealing_twice_looks_different() {
        assert_ne!(vault(1).seal("k", b"private").unwrap(), vault(1).seal("k", b"private").unwrap());
    }

    #[test]
    fn a_refresh_token_has_one_successor_in_a_session_and_others_elsewhere() {
        let now = datetime!(2026-11-01 12:00 UTC);
        let (here, there) = (SessionId::new(now), SessionId::new(now));
        let token = vault(1).new_refresh_token().unwrap();
        let next = vault(1).successor(here, &token).text();
        assert_eq!(vault(1).successor(here, &token).text(), next);
        assert_ne!(vault(1).successor(there, &token).text(), next);
        assert_ne!(vault(2).successor(here, &token).text(), next);
    }

    #[test]
    fn a_refresh_token_is_read_as_it_was_written() {
        let token = vault(1).new_refresh_token().unwrap();
        assert_eq!(RefreshToken::parse(&token.text()).unwrap().hash(), token.hash());
        for bad in ["", "x", &"!".repeat(43), &token.text()[1..]] {
            assert_eq!(RefreshToken::parse(bad).err(), Some(NotAToken), "{bad}");
        }
    }

    #[test]
    fn a_fingerprint_belongs_to_one_user_and_purpose() {
        let now = datetime!(2026-11-01 12:00 UTC);
        let (anna, boris) = (UserId::new(now), UserId::new(now));
        let code = Code::numbered(123_456);
        let fingerprint = vault(1).code_fingerprint(anna, Purpose::ConfirmEmail, &code);
        assert!(Vault::same(&fingerprint, &vault(1).code_fingerprint(anna, Purpose::ConfirmEmail, &code)));
        assert!(!Vault::same(&fingerprint, &vault(1).code_fingerprint(boris, Purpose::ConfirmEmail, &code)));
        assert!(!Vault::same(&fingerprint, &vault(1).code_fingerprint(anna, Purpose::ResetPassword, &code)));
    }
}
