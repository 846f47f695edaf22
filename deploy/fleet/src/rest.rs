//! A client of the public REST API: what a front-end developer would write, with a trace of its own for each step.

use std::time::Duration;

use anyhow::{Context, Error, Result};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::home::random_hex;
use crate::web;

/// How long the API may take over one request.
const LIMIT: Duration = Duration::from_secs(20);

/// A caller of the API: somebody signed in, or nobody.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    client: Client,
    base: String,
    token: Option<String>,
    trace: String,
}

/// A request that the API refused.
#[derive(Debug)]
pub(crate) struct Refused {
    request: String,
    pub(crate) status: StatusCode,
    /// The refusal's name, such as `RUN_UNKNOWN`; empty when the answer says none.
    pub(crate) code: String,
    answer: String,
    trace: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} answered {}: {} (trace {})", self.request, self.status, self.answer, self.trace)
    }
}

impl std::error::Error for Refused {}

impl Rest {
    /// A caller who is nobody yet.
    pub(crate) fn new(base: &str) -> Result<Self> {
        Ok(Self { client: web::client(LIMIT)?, base: base.to_owned(), token: None, trace: random_hex(16)? })
    }

    /// Signs in with e-mail and password.
    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> Result<()> {
        let body = serde_json::json!({"email": email, "password": password});
        let tokens = self.post("/v1/auth/sign-in", body).await?;
        self.token = Some(text(&tokens, "accessToken")?.to_owned());
        Ok(())
    }

    /// Begins a new trace for the requests that follow, and gives its id.
    pub(crate) fn begin_trace(&mut self) -> Result<String> {
        self.trace = random_hex(16)?;
        Ok(self.trace.clone())
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Result<Value> {
        self.send(Method::PUT, path, Some(body)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let request = format!("{method} {path}");
        let mut builder = self.client.request(method.clone(), format!("{}{path}", self.base));
        builder = builder.header("traceparent", format!("00-{}-{}-01", self.trace, random_hex(8)?));
        if let Some(token) = &self.token {
            builder = builder.bearer_auth(token);
        }
        if method == Method::POST {
            // Always with a key: where none is needed it is ignored.
            builder = builder.header("idempotency-key", random_hex(16)?);
        }
        if let Some(body) = body {
            builder = builder.json(&body);
        }
        self.answer(request, builder).await
    }

    async fn answer(&self, request: String, builder: RequestBuilder) -> Result<Value> {
        let response = builder.send().await.with_context(|| format!("{request} got no answer"))?;
        let status = response.status();
        let body = response.text().await.with_context(|| format!("the answer to {request} broke off"))?;
        if status.is_success() {
            if body.is_empty() {
                return Ok(Value::Null);
            }
            return serde_json::from_str(&body)
                .with_context(|| format!("{request} answered something that is not JSON"));
        }
        let problem: Value = serde_json::from_str(&body).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        Err(Error::new(Refused { request, status, code, answer: body, trace: self.trace.clone() }))
    }
}

/// A text in an answer.
pub(crate) fn text<'a>(answer: &'a Value, field: &str) -> Result<&'a str> {
    answer[field].as_str().with_context(|| format!("the answer has no {field}: {answer}"))
}

/// A list in an answer; an empty one may be absent.
pub(crate) fn list<'a>(answer: &'a Value, field: &str) -> &'a [Value] {
    answer[field].as_array().map_or(&[], Vec::as_slice)
}

/// Asks again until there is an answer, for what becomes true a moment later.
pub(crate) async fn eventually<T>(what: &str, limit: Duration, ask: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if tokio::time::Instant::now() > deadline {
            anyhow::bail!("{what} did not happen within {} s", limit.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A text for a query string.
pub(crate) fn encode(text: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cyrillic_and_signs_are_encoded_for_a_query() {
        assert_eq!(encode("цвет & a-b"), "%D1%86%D0%B2%D0%B5%D1%82%20%26%20a-b");
    }

    #[tokio::test]
    async fn what_never_happens_is_named() {
        let never = eventually("the enrolment", Duration::ZERO, async || Ok(None::<()>)).await;
        assert_eq!(never.unwrap_err().to_string(), "the enrolment did not happen within 0 s");
    }
}
