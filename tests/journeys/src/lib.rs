//! What a test adds to the people of `tests/people`: requests as they are on the wire, and answers that must be so.
//!
//! Everything here panics with a clear message, because only tests use it.

use people::{Answer, Pace, Person, Seen, new_key};
use reqwest::Method;
use serde_json::Value;

/// Somebody's requests in plain JSON, as a front end writes them.
#[expect(async_fn_in_trait, reason = "only tests call it, and each on one thread")]
pub trait Wire {
    /// Anything: the raw body and headers are the test's own business.
    async fn send(&self, method: Method, path: &str, body: Option<String>, headers: &[(&str, &str)]) -> Answer;

    /// Asks for a resource.
    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    /// Creates something or does something, with an idempotency key of its own.
    async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_keyed(path, &new_key(), body).await
    }

    /// The same under a given idempotency key.
    async fn post_keyed(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string()), &[("idempotency-key", key)]).await
    }

    /// Replaces something.
    async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body.to_string()), &[]).await
    }

    /// Changes some fields.
    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body.to_string()), &[]).await
    }
}

impl Wire for Person {
    async fn send(&self, method: Method, path: &str, body: Option<String>, headers: &[(&str, &str)]) -> Answer {
        self.ask(method, path, body, headers).await.unwrap_or_else(|error| panic!("{error:#}"))
    }
}

/// What an answer must be.
pub trait Expect {
    /// The body of a success.
    #[track_caller]
    fn ok(self) -> Value;

    /// The problem under its status and name.
    #[track_caller]
    fn refused(self, status: u16, code: &str) -> Value;
}

impl Expect for Answer {
    #[track_caller]
    fn ok(self) -> Value {
        assert!(self.is_success(), "{}: {} {}", self.asked, self.status, self.body);
        self.body
    }

    #[track_caller]
    fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.code()), (status, code), "{}: {}", self.asked, self.body);
        let kind = self.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("application/problem+json"), "{}: a problem of type {kind}", self.asked);
        assert!(self.body["requestId"].as_str().is_some_and(|id| !id.is_empty()), "{}: no requestId", self.asked);
        self.body
    }
}

/// Asks `probe` until it answers; panics with `what` was awaited when that takes too long.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let look = async || Ok(Seen::found(probe().await, "it is not there"));
    people::eventually(what, Pace::STRICT, look).await.unwrap_or_else(|error| panic!("{error:#}"))
}
