//! Links that the CDN lets through, signed as Selectel's CDN checks them. Who may have one is decided elsewhere.
//!
//! The address of the viewer is not signed: people move between networks while a lesson plays.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use md5::{Digest, Md5};
use service::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use url::Url;

/// How a link is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// "Access by code word", the present one: the hash is a prefix of the path.
    CodeWord,
    /// "Tokenized URL" of the CDN before it: the hash is in the query.
    Tokenized,
}

#[derive(Debug, Clone)]
pub struct Config {
    /// Where the CDN serves the bucket from.
    pub url: Url,
    pub secret: SecretString,
    pub scheme: Scheme,
}

/// Signs links.
#[derive(Debug, Clone)]
pub struct Cdn(Config);

/// Whether the CDN would take this secret: 6 to 32 Latin letters and digits.
pub fn fits(secret: &str) -> bool {
    (6..=32).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Cdn {
    pub fn new(config: Config) -> Self {
        Self(config)
    }

    /// A link to an object. Keys are ours and hold nothing that an address would have to escape.
    pub fn link(&self, key: &str, expires_at: OffsetDateTime) -> Url {
        let Config { url, secret, scheme } = &self.0;
        let (base, expires) = (url.path().trim_end_matches('/'), expires_at.unix_timestamp());
        let path = format!("{base}/{key}");
        let mut link = url.clone();
        match scheme {
            Scheme::CodeWord => {
                let hash = code_word(secret.expose_secret(), &path, "", Some(expires));
                link.set_path(&format!("/md5({hash},{expires}){path}"));
            }
            Scheme::Tokenized => {
                let hash = tokenized(secret.expose_secret(), &path, "", expires);
                link.set_path(&path);
                link.set_query(Some(&format!("md5={hash}&expires={expires}")));
            }
        }
        link
    }
}

/// The hash of the present scheme. `ip` and `expires` count only where the CDN is told to check them.
fn code_word(secret: &str, path: &str, ip: &str, expires: Option<i64>) -> String {
    let expires = expires.map(|at| at.to_string()).unwrap_or_default();
    hash(&[secret, path, ip, &expires])
}

/// The hash of the scheme before it.
fn tokenized(key: &str, path: &str, ip: &str, expires: i64) -> String {
    hash(&[&expires.to_string(), path, ip, " ", key])
}

fn hash(parts: &[&str]) -> String {
    let mut md5 = Md5::new();
    parts.iter().for_each(|part| md5.update(part));
    URL_SAFE_NO_PAD.encode(md5.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "zah5Mey9Quu8Ea1k";

    fn cdn(scheme: Scheme) -> Cdn {
        Cdn::new(Config { url: "https://cdn.example.com".parse().unwrap(), secret: SECRET.into(), scheme })
    }

    #[test]
    fn the_hash_is_the_one_that_selectel_prints() {
        let hash = code_word(SECRET, "/path/to/file", "1.2.3.4", Some(1_704_067_200));
        assert_eq!(hash, "kymJ2w55VH4LUMSKGb6ZqA");
    }

    #[test]
    fn a_code_word_stands_before_the_path() {
        let at = OffsetDateTime::from_unix_timestamp(1_704_067_200).unwrap();
        let link = cdn(Scheme::CodeWord).link("media/1", at);
        let hash = code_word(SECRET, "/media/1", "", Some(1_704_067_200));
        assert_eq!(link.as_str(), format!("https://cdn.example.com/md5({hash},1704067200)/media/1"));
    }

    #[test]
    fn a_token_stands_in_the_query() {
        let at = OffsetDateTime::from_unix_timestamp(1_704_067_200).unwrap();
        let link = cdn(Scheme::Tokenized).link("media/1", at);
        let hash = tokenized(SECRET, "/media/1", "", 1_704_067_200);
        assert_eq!(link.as_str(), format!("https://cdn.example.com/media/1?md5={hash}&expires=1704067200"));
    }

    #[test]
    fn secrets_are_letters_and_digits() {
        assert!(fits(SECRET) && fits("abc123"));
        assert!(!fits("short") && !fits("with-hyphen") && !fits(&"a".repeat(33)) && !fits("слово1"));
    }
}
