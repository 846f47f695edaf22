//! What the gateway said.

use std::fmt;

use anyhow::{Context, Result};
use reqwest::header::HeaderMap;
use serde_json::Value;

/// The status of a refusal by the state in which something is, such as an order that is paid already.
pub const REFUSED_BY_STATE: u16 = 409;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: HeaderMap,
    /// The body as JSON, or as one text where it is something else; null where there is none.
    pub body: Value,
}

impl Answer {
    pub(crate) async fn read(asked: String, response: reqwest::Response) -> Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        // A stream of events has no end that one could wait for.
        if kind.starts_with("text/event-stream") {
            return Ok(Self { asked, status, headers, body: Value::Null });
        }
        let text = response.text().await.with_context(|| format!("the answer to {asked} broke off"))?;
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Ok(Self { asked, status, headers, body })
    }

    /// A response header that is a text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether it is a success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The name of the refusal; empty where there is none.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The same as the error that it is.
    pub(crate) fn refused(self) -> Refused {
        let code = self.code().to_owned();
        let request_id = self.body["requestId"].as_str().unwrap_or_default().to_owned();
        Refused { asked: self.asked, status: self.status, code, request_id, problem: self.body }
    }
}

/// A request that was refused, with the problem as it came.
#[derive(Debug)]
pub struct Refused {
    /// What was asked, such as `POST /v1/orders`.
    pub asked: String,
    /// HTTP status.
    pub status: u16,
    /// The refusal's name, such as `RUN_UNKNOWN`; empty when the answer says none.
    pub code: String,
    /// The request's id, by which the logs know it.
    pub request_id: String,
    /// The whole answer.
    pub problem: Value,
}

impl Refused {
    /// The refusal in an error, if it is one.
    pub fn of(error: &anyhow::Error) -> Option<&Self> {
        error.downcast_ref()
    }

    /// Whether an error is the refusal of this name.
    pub fn is(error: &anyhow::Error, code: &str) -> bool {
        Self::of(error).is_some_and(|refused| refused.code == code)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, status, code, request_id, problem } = self;
        write!(f, "{asked} was refused: {status} {code} (request {request_id}): {problem}")
    }
}

impl std::error::Error for Refused {}
