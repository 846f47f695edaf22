//! Reading bodies: how large, how long it may take, and of which type.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use proto::json::{self, Json, Unknown, Value};
use rpc::Violation;
use serde_json::Map;
use tokio::time::timeout;

use crate::problem::{Problem, of_json};

/// How long a small body may take. A large one has a second more for each MiB: that is a slow line, and no attack.
const PATIENCE: Duration = Duration::from_secs(5);
const MIB: usize = 1 << 20;

/// The whole body, byte for byte.
pub async fn bytes(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("A body has at most {limit} bytes here.");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", detail).with("max", limit)
    };
    if declared_length(headers).is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let patience = PATIENCE + Duration::from_secs((limit / MIB) as u64);
    match timeout(patience, Limited::new(body, limit).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "BODY_UNREADABLE", "The body ended too early.")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "BODY_TOO_SLOW", "The body did not come in time.")),
    }
}

/// The body as JSON; an empty one stands for an object without fields, whatever type it claims to have: HTTP libraries
/// name one for nothing, too.
pub async fn tree(headers: &HeaderMap, body: Body, limit: usize) -> Result<Value, Problem> {
    if body.is_end_stream() {
        return Ok(Value::Object(Map::new()));
    }
    let typed = headers.contains_key(header::CONTENT_TYPE);
    if typed && !is_json(headers) {
        return Err(not_json());
    }
    let bytes = bytes(headers, body, limit).await?;
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    if !typed {
        return Err(not_json());
    }
    json::parse(&bytes)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "INVALID_JSON", capital(&error.to_string())))
}

/// A message from the body's JSON, or everything in which it does not fit.
pub fn message<T: Json>(tree: &Value, lenient: bool) -> Result<T, Vec<Violation>> {
    let unknown = if lenient { Unknown::Ignored } else { Unknown::Refused };
    json::from_value(tree, unknown).map_err(|wrong| wrong.into_iter().map(of_json).collect())
}

/// Whether a body was announced.
pub fn is_announced(headers: &HeaderMap) -> bool {
    declared_length(headers).is_some_and(|length| length > 0)
}

/// Whether the body says that it is JSON, in the only encoding that JSON has.
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else { return false };
    let mut parts = kind.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    json && parts.all(|part| match part.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

/// The refusal of any other type.
pub fn not_json() -> Problem {
    let detail = "Send JSON in UTF-8, as `Content-Type: application/json`.";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", detail)
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The parser's words as a sentence.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_type() {
        let is = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            is_json(&headers)
        };
        for kind in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
        ] {
            assert!(is(kind), "{kind}");
        }
        for kind in
            ["text/plain", "application/json; charset=windows-1251", "application/jsonp", "multipart/form-data", ""]
        {
            assert!(!is(kind), "{kind}");
        }
    }
}
