//! What travels with a call without being part of any message: the request's id and its deadline. A task-local carries
//! them through a service, so that no flow can forget to hand them on.

use crate::{Deadline, trace};
use std::{fmt, future::Future};
use tonic::metadata::{MetadataMap, MetadataValue};
use uuid::Uuid;

/// The metadata and HTTP header name of the request's id.
pub const REQUEST_ID: &str = "x-request-id";

/// Names one request of the outside world in every log line that it causes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// A fresh id.
    pub fn generate() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// Takes an id that somebody else made: 1 to 128 visible ASCII characters, so that it can neither forge log lines
    /// nor fill them.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The id that came with a request, or a fresh one.
    pub fn of(headers: &http::HeaderMap) -> Self {
        headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).and_then(Self::parse).unwrap_or_else(Self::generate)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a request brings along and every call on its behalf passes on.
#[derive(Debug, Clone)]
pub struct Context {
    /// The request's id.
    pub request_id: RequestId,
    /// When whoever asked stops waiting.
    pub deadline: Deadline,
}

tokio::task_local! {
    static CURRENT: Context;
}

impl Context {
    /// The context of the request that is being served by this task. Background work has none.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Serves a request in this context.
    pub async fn scope<F: Future>(self, served: F) -> F::Output {
        CURRENT.scope(self, served).await
    }
}

/// Writes the request's id, the remaining time and the trace into the metadata of an outgoing call. Work without a
/// context gets [`Deadline::usual`], so that nobody waits for ever. Refuses when there is no time left.
pub(crate) fn write(metadata: &mut MetadataMap) -> Result<(), tonic::Status> {
    let context = Context::current();
    let deadline = context.as_ref().map_or_else(Deadline::usual, |context| context.deadline);
    deadline.write(metadata)?;
    let id = context.map_or_else(RequestId::generate, |context| context.request_id);
    if let Ok(id) = MetadataValue::try_from(id.as_str())
        && !metadata.contains_key(REQUEST_ID)
    {
        metadata.insert(REQUEST_ID, id);
    }
    trace::write(metadata);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn ids_of_others_are_taken_only_when_they_are_harmless() {
        assert_eq!(RequestId::parse("7f-3a").unwrap().as_str(), "7f-3a");
        for bad in ["", "two words", "line\nbreak", "ключ", &"x".repeat(129)] {
            assert_eq!(RequestId::parse(bad), None, "{bad:?}");
        }
        let mut headers = http::HeaderMap::new();
        assert_ne!(RequestId::of(&headers), RequestId::of(&headers));
        headers.insert(REQUEST_ID, "given".parse().unwrap());
        assert_eq!(RequestId::of(&headers).as_str(), "given");
    }

    fn sent() -> MetadataMap {
        let mut metadata = MetadataMap::new();
        write(&mut metadata).unwrap();
        metadata
    }

    fn milliseconds(sent: &MetadataMap) -> u64 {
        sent.get("grpc-timeout").unwrap().to_str().unwrap().trim_end_matches('m').parse().unwrap()
    }

    #[tokio::test]
    async fn a_call_inherits_the_id_and_the_remaining_time() {
        let deadline = Deadline::after(Duration::from_secs(4));
        let context = Context { request_id: RequestId::parse("r-1").unwrap(), deadline };
        let sent = context.scope(async { sent() }).await;
        assert_eq!(sent.get(REQUEST_ID).unwrap(), "r-1");
        assert!((3_000..=4_000).contains(&milliseconds(&sent)));
    }

    #[tokio::test]
    async fn background_work_has_an_id_and_a_deadline_too() {
        assert!(Context::current().is_none());
        let sent = sent();
        assert!(sent.contains_key(REQUEST_ID));
        assert!((9_000..=10_000).contains(&milliseconds(&sent)));
    }
}
