//! The object store, spoken to in S3: links for people, and the few calls that we make ourselves. What is in an object
//! is for the flows.
//!
//! Links and calls are signed by the service's clock. No error holds an address, because whoever has it may use it.

mod call;
mod error;
mod part;

use std::{fmt, time::Duration};

use anyhow::Context;
use rusty_s3::{
    Bucket as Place, Credentials, S3Action, UrlStyle,
    actions::{GetObject, PutObject, UploadPart},
};
use service::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use url::Url;
use values::SharedClock;

use crate::domain::file::{File, FileName, Sha256};

pub use error::Error;
pub use part::Part;

/// How long a call of ours may be under way before it is signed too long ago.
const CALL: Duration = Duration::from_secs(300);

/// How buckets are addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// `https://host/bucket/key`
    Path,
    /// `https://bucket.host/key`
    Virtual,
}

#[derive(Debug, Clone)]
pub struct Config {
    /// Where we reach the store.
    pub url: Url,
    /// Where people reach it.
    pub public_url: Url,
    pub region: String,
    pub name: String,
    pub access_key: String,
    pub secret_key: SecretString,
    pub addressing: Addressing,
    /// The certificates of the authority that vouches for the store, in PEM.
    pub authority: Option<String>,
    /// The way out of the cluster.
    pub proxy: Option<Url>,
}

/// One bucket of the object store.
pub struct Bucket {
    /// As we reach it.
    inside: Place,
    /// As people reach it.
    outside: Place,
    credentials: Credentials,
    http: reqwest::Client,
    clock: SharedClock,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Bucket").field("inside", &self.inside).field("outside", &self.outside).finish_non_exhaustive()
    }
}

/// How a reader gets an object.
#[derive(Debug, Clone)]
pub struct Reading {
    pub content_type: String,
    /// What the browser does with it.
    pub disposition: String,
}

impl Reading {
    /// A file is saved under its name; what a browser can show, it may show.
    pub fn of(file: &File) -> Self {
        let disposition = file.name.disposition(file.content_type.is_shown());
        Self { content_type: file.content_type.to_string(), disposition }
    }

    /// To be saved under a name, which is checked: one that cannot be a file's name is left out.
    pub fn download(name: &str, content_type: &str) -> Self {
        let disposition =
            FileName::parse(name).map_or_else(|_| "attachment".to_owned(), |name| name.disposition(false));
        Self { content_type: content_type.to_owned(), disposition }
    }
}

/// What may be written by a link, and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'a> {
    /// `None` for a part.
    pub content_type: Option<&'a str>,
    /// In bytes.
    pub size: i64,
    pub sha256: Sha256,
}

/// An address that works for a while.
#[derive(Debug, Clone)]
pub struct Link {
    pub url: Url,
    pub expires_at: OffsetDateTime,
}

/// A link to write to, with the headers that its signature covers.
#[derive(Debug, Clone)]
pub struct WriteLink {
    pub url: Url,
    pub expires_at: OffsetDateTime,
    pub headers: Vec<(&'static str, String)>,
}

/// What the store says about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// In bytes.
    pub size: i64,
    /// Tells one writing of the object from another.
    pub etag: String,
    /// `None` where the store keeps no checksum, or not one of the whole object.
    pub sha256: Option<Sha256>,
}

impl Bucket {
    /// Makes a client; opens nothing.
    pub fn new(config: &Config, clock: SharedClock) -> anyhow::Result<Self> {
        let place = |url: &Url| {
            let style = match config.addressing {
                Addressing::Path => UrlStyle::Path,
                Addressing::Virtual => UrlStyle::VirtualHost,
            };
            Place::new(url.clone(), style, config.name.clone(), config.region.clone())
        };
        let mut http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .read_timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("lyceum-documents")
            .no_proxy();
        if let Some(proxy) = &config.proxy {
            http = http.proxy(reqwest::Proxy::all(proxy.clone()).context("the egress proxy")?);
        }
        if let Some(pem) = &config.authority {
            let roots = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).context("LYCEUM_S3_CA_FILE")?;
            http = http.tls_certs_merge(roots);
        }
        let http = http.build().context("the HTTP client of the object store")?;
        Ok(Self {
            inside: place(&config.url).map_err(|e| anyhow::anyhow!("LYCEUM_S3_URL cannot be used: {e:?}"))?,
            outside: place(&config.public_url)
                .map_err(|e| anyhow::anyhow!("LYCEUM_S3_PUBLIC_URL cannot be used: {e:?}"))?,
            credentials: Credentials::new(config.access_key.clone(), config.secret_key.expose_secret()),
            http,
            clock,
        })
    }

    /// A link to read an object.
    pub fn link(&self, key: &str, reading: &Reading, works: Duration, now: OffsetDateTime) -> Link {
        let mut get = GetObject::new(&self.outside, Some(&self.credentials), key);
        get.query_mut().insert("response-content-disposition", reading.disposition.clone());
        get.query_mut().insert("response-content-type", reading.content_type.clone());
        Link { url: get.sign_with_time(works, &instant(now)), expires_at: now + works }
    }

    /// A link to write an object at once.
    pub fn write_link(&self, key: &str, writing: Writing<'_>, works: Duration, now: OffsetDateTime) -> WriteLink {
        let headers = headers(writing);
        let mut put = PutObject::new(&self.outside, Some(&self.credentials), key);
        headers.iter().for_each(|(name, value)| put.headers_mut().insert(*name, value.clone()));
        WriteLink { url: put.sign_with_time(works, &instant(now)), expires_at: now + works, headers }
    }

    /// A link to write a part.
    pub fn part_link(
        &self,
        key: &str,
        (store_id, number): (&str, u16),
        writing: Writing<'_>,
        works: Duration,
        now: OffsetDateTime,
    ) -> WriteLink {
        let headers = headers(writing);
        let mut put = UploadPart::new(&self.outside, Some(&self.credentials), key, number, store_id);
        headers.iter().for_each(|(name, value)| put.headers_mut().insert(*name, value.clone()));
        WriteLink { url: put.sign_with_time(works, &instant(now)), expires_at: now + works, headers }
    }
}

fn headers(writing: Writing<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("content-length", writing.size.to_string())];
    headers.extend(writing.content_type.map(|content_type| ("content-type", content_type.to_owned())));
    headers.push((call::SHA256, call::base64(writing.sha256)));
    headers
}

/// The instant as the signing library takes it.
fn instant(at: OffsetDateTime) -> jiff::Timestamp {
    jiff::Timestamp::from_second(at.unix_timestamp()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_store_is_called_through_the_proxy_and_by_its_name() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = Config {
            url: "https://s3.example".parse().unwrap(),
            public_url: "https://s3.example".parse().unwrap(),
            region: "ru-1".to_owned(),
            name: "school".to_owned(),
            access_key: "GK1".to_owned(),
            secret_key: "s3cr3t".into(),
            addressing: Addressing::Path,
            authority: None,
            proxy: Some(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap()),
        };
        let bucket = Bucket::new(&config, Arc::new(values::SystemClock)).unwrap();
        let proxy = async {
            let (mut caller, _) = listener.accept().await.unwrap();
            let mut asked = [0; 64];
            let read = caller.read(&mut asked).await.unwrap();
            caller.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&asked[..read]).into_owned()
        };
        let (refused, asked) = tokio::join!(bucket.look("media/1"), proxy);
        assert!(asked.starts_with("CONNECT s3.example:443 HTTP/1.1\r\n"), "{asked}");
        assert!(matches!(refused, Err(Error::Unreachable(_))), "{refused:?}");
    }
}
