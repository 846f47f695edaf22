//! What the gateway said.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: HeaderMap,
    /// The body as JSON; null where there is none.
    pub body: Value,
}

impl Answer {
    pub(crate) async fn read(asked: String, response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        // A stream of events has no end that one could wait for.
        if kind.starts_with("text/event-stream") {
            return Self { asked, status, headers, body: Value::Null };
        }
        let text = response.text().await.unwrap_or_else(|e| panic!("{asked}: the body broke off: {e}"));
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Self { asked, status, headers, body }
    }

    /// The body of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {} {}", self.asked, self.status, self.body);
        self.body
    }

    /// The problem under its status and name.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        let found = (self.status, self.body["code"].as_str().unwrap_or_default());
        assert_eq!(found, (status, code), "{}: {}", self.asked, self.body);
        let kind = self.headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
        assert!(kind.starts_with("application/problem+json"), "{}: a problem of type {kind}", self.asked);
        assert!(self.body["requestId"].as_str().is_some_and(|id| !id.is_empty()), "{}: no requestId", self.asked);
        self.body
    }
}

/// The text at `pointer`, such as `/orders/0/number`; panics with the document where there is none.
#[track_caller]
pub(crate) fn text(document: &Value, pointer: &str) -> String {
    let found = document.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {pointer}: {document}")).to_owned()
}
