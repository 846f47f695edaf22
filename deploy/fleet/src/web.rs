//! HTTP to programs of this machine.

use std::sync::Once;
use std::time::Duration;

use anyhow::Result;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// A client whose requests take at most so long. It does not follow redirections: they are an answer like any other.
pub(crate) fn client(limit: Duration) -> Result<Client> {
    // Programs of this machine speak plain HTTP, but every client wants to know whom to ask about TLS.
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Ok(Client::builder().timeout(limit).redirect(Policy::none()).user_agent("cargo-fleet").no_proxy().build()?)
}

/// Calls a store's admin API, to which somebody signs the request; nothing in its answer is `null`.
pub(crate) async fn call(
    method: Method,
    url: &str,
    sign: impl FnOnce(RequestBuilder) -> RequestBuilder,
    body: Option<Value>,
) -> Result<Value> {
    let request = sign(client(Duration::from_secs(30))?.request(method, url));
    let request = if let Some(body) = body { request.json(&body) } else { request };
    let answer = request.send().await?.error_for_status()?.bytes().await?;
    Ok(if answer.is_empty() { Value::Null } else { serde_json::from_slice(&answer)? })
}
