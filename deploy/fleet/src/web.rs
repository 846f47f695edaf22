//! HTTP to programs of this machine.

use std::time::Duration;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use ureq::Agent;
pub(crate) use ureq::http::Method;
use ureq::http::Request;

/// Asks whether something is well, which takes at most so long.
pub(crate) async fn is_well(url: String, limit: Duration) -> bool {
    let asked =
        tokio::task::spawn_blocking(move || agent(limit).get(url).call().is_ok_and(|a| a.status().is_success()));
    asked.await.unwrap_or(false)
}

/// Calls a store's admin API as somebody with a password; nothing in its answer is `null`.
pub(crate) async fn call(
    method: Method,
    url: &str,
    (user, password): (&str, &str),
    body: Option<Value>,
) -> Result<Value> {
    let login = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let request = Request::builder().method(method).uri(url).header("authorization", login);
    let request = request.header("content-type", "application/json");
    let answer = tokio::task::spawn_blocking(move || {
        let agent = agent(Duration::from_secs(30));
        let mut answer = match body {
            Some(body) => agent.run(request.body(body.to_string())?),
            None => agent.run(request.body(())?),
        }?;
        anyhow::Ok(answer.body_mut().read_to_vec()?)
    });
    let answer = answer.await??;
    Ok(if answer.is_empty() { Value::Null } else { serde_json::from_slice(&answer)? })
}

/// It does not follow redirections: they are an answer like any other.
fn agent(limit: Duration) -> Agent {
    Agent::config_builder().timeout_global(Some(limit)).max_redirects(0).proxy(None).build().into()
}
