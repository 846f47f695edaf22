//! The calls that we make ourselves.

use std::ops::Range;
use std::time::Instant;

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, Response, StatusCode, header::HeaderMap};
use ring::digest;
use rusty_s3::{
    Method as Verb, S3Action,
    actions::{DeleteObject, GetObject, HeadObject, PutObject},
};

use super::{Bucket, CALL, Error, Found, error::code, instant};
use crate::domain::file::Sha256;

/// The header with an object's checksum.
pub(super) const SHA256: &str = "x-amz-checksum-sha256";
/// The longest answer that is read into memory.
const LONGEST: usize = 4 << 20;

pub(super) fn base64(sum: Sha256) -> String {
    STANDARD.encode(sum.bytes())
}

/// A checksum as the store writes it; `None` where it is not one of a whole object, such as `<base64>-3`.
pub(super) fn checksum(text: &str) -> Option<Sha256> {
    Some(Sha256::new(STANDARD.decode(text).ok()?.try_into().ok()?))
}

impl Bucket {
    /// What the store holds at a key; `None` if nothing.
    pub async fn look(&self, key: &str) -> Result<Option<Found>, Error> {
        let mut head = HeadObject::new(&self.inside, Some(&self.credentials), key);
        head.headers_mut().insert("x-amz-checksum-mode", "ENABLED");
        match self.send(head, &[("x-amz-checksum-mode", "ENABLED")], Vec::new()).await {
            Ok(answer) => found(answer.headers()).map(Some),
            Err(Error::Absent) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The first bytes of an object.
    pub async fn beginning(&self, key: &str, found: &Found, most: usize) -> Result<Vec<u8>, Error> {
        let most = i64::try_from(most).unwrap_or(i64::MAX).min(found.size);
        let mut bytes = Vec::new();
        let mut answer = self.read(key, found, 0..most).await?;
        while let Some(chunk) = answer.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// The checksum of a piece of an object, for a store that keeps none: read through, never kept.
    pub async fn sum(&self, key: &str, found: &Found, piece: Range<i64>) -> Result<Sha256, Error> {
        let mut sum = digest::Context::new(&digest::SHA256);
        let mut answer = self.read(key, found, piece).await?;
        while let Some(chunk) = answer.chunk().await? {
            sum.update(&chunk);
        }
        let bytes: [u8; 32] = sum.finish().as_ref().try_into().unwrap_or_default();
        Ok(Sha256::new(bytes))
    }

    async fn read(&self, key: &str, found: &Found, piece: Range<i64>) -> Result<Response, Error> {
        let length = u64::try_from(piece.end - piece.start).unwrap_or_default();
        let get = GetObject::new(&self.inside, Some(&self.credentials), key);
        let range = format!("bytes={}-{}", piece.start, piece.end - 1);
        let answer = self.send(get, &[("range", &range), ("if-match", &found.etag)], Vec::new()).await?;
        // A store that does not care for ranges or conditions is not believed.
        let same = answer.headers().get("etag").is_some_and(|etag| etag.as_bytes() == found.etag.as_bytes());
        match answer.content_length() {
            _ if !same => Err(Error::Changed),
            Some(read) if read == length => Ok(answer),
            _ => Err(Error::Unreadable("it is not the piece that was asked for".to_owned())),
        }
    }

    /// Copies an object inside the store, if it is still the one that was looked at.
    pub async fn copy(&self, from: &str, found: &Found, to: &str) -> Result<(), Error> {
        let source = format!("/{}/{from}", self.inside.name());
        let mut put = PutObject::new(&self.inside, Some(&self.credentials), to);
        let headers = [("x-amz-copy-source", source.as_str()), ("x-amz-copy-source-if-match", &found.etag)];
        headers.iter().for_each(|(name, value)| put.headers_mut().insert(*name, (*value).to_owned()));
        let body = text(self.send(put, &headers, Vec::new()).await?).await?;
        // It may begin to answer 200 before it is done.
        if body.contains("<Error") { Err(Error::Unreadable(code(&body))) } else { Ok(()) }
    }

    /// Writes a small object, such as a certificate. The same key twice is the same object with the later content.
    pub async fn put(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let sum: [u8; 32] = digest::digest(&digest::SHA256, &bytes).as_ref().try_into().unwrap_or_default();
        let sum = base64(Sha256::new(sum));
        let mut put = PutObject::new(&self.inside, Some(&self.credentials), key);
        let headers = [("content-type", content_type), (SHA256, sum.as_str())];
        headers.iter().for_each(|(name, value)| put.headers_mut().insert(*name, (*value).to_owned()));
        self.send(put, &headers, bytes).await.map(drop)
    }

    /// Deletes an object; one that is not there is deleted.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        let delete = DeleteObject::new(&self.inside, Some(&self.credentials), key);
        match self.send(delete, &[], Vec::new()).await {
            Ok(_) | Err(Error::Absent) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Signs an action, sends it, and measures how long the head of the answer took and how it went.
    pub(super) async fn send<'a, A: S3Action<'a>>(
        &self,
        action: A,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Response, Error> {
        let begun = Instant::now();
        let answered = self.exchange(action, headers, body).await;
        let (method, outcome) =
            (method::<A>().as_str().to_owned(), answered.as_ref().map_or_else(Error::name, |_| "done"));
        metrics::histogram!("s3_request_duration_seconds", "method" => method.clone()).record(begun.elapsed());
        metrics::counter!("s3_requests_total", "method" => method, "outcome" => outcome).increment(1);
        answered
    }

    async fn exchange<'a, A: S3Action<'a>>(
        &self,
        action: A,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Response, Error> {
        let url = action.sign_with_time(CALL, &instant(self.clock.now()));
        let method = method::<A>();
        let mut request = self.http.request(method.clone(), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if matches!(method, Method::PUT | Method::POST) {
            // An empty body has a length too, which the client would leave out.
            request = request.header("content-length", body.len()).body(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        match status {
            _ if status.is_success() => Ok(answer),
            StatusCode::NOT_FOUND => Err(Error::Absent),
            StatusCode::PRECONDITION_FAILED => Err(Error::Changed),
            StatusCode::TOO_MANY_REQUESTS => Err(Error::Busy(status)),
            _ if status.is_server_error() => Err(Error::Busy(status)),
            _ => Err(Error::Refused { status, code: code(&text(answer).await?) }),
        }
    }
}

fn method<'a, A: S3Action<'a>>() -> Method {
    match A::METHOD {
        Verb::Head => Method::HEAD,
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
        Verb::Delete => Method::DELETE,
    }
}

/// An answer that is a text.
pub(super) async fn text(mut answer: Response) -> Result<String, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LONGEST {
            return Err(Error::Unreadable("it is too long".to_owned()));
        }
    }
    String::from_utf8(bytes).map_err(|_| Error::Unreadable("it is no text".to_owned()))
}

fn found(headers: &HeaderMap) -> Result<Found, Error> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let size = header("content-length").and_then(|size| size.parse().ok());
    let size = size.ok_or_else(|| Error::Unreadable("it has no length".to_owned()))?;
    let etag = header("etag").ok_or_else(|| Error::Unreadable("it has no etag".to_owned()))?;
    Ok(Found { size, etag: etag.to_owned(), sha256: header(SHA256).and_then(checksum) })
}
