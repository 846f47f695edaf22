//! The doors for payment providers: what they send is handed on byte for byte, and payments says what to answer.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    response::Response,
    routing::post,
};
use failpoint::failpoint;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use proto::lyceum::payments::v1::{ReceiveWebhookRequest, ReceiveWebhookResponse};

use crate::{app::App, body, origin::Visitor, problem::Problem};

/// Bytes that a notification may have.
const LARGEST: usize = 64 * 1024;
/// Headers that are handed on: more do not come from a provider.
const MOST_HEADERS: usize = 64;

/// Headers that say something about the way here, or about somebody's browser, and not about the notification.
const NOT_HANDED_ON: [&str; 12] = [
    "connection",
    "content-length",
    "cookie",
    "forwarded",
    "host",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-request-id",
];

/// One address for every provider.
pub fn router() -> Router<Arc<App>> {
    Router::new().route("/hooks/{provider}", post(receive))
}

async fn receive(
    State(app): State<Arc<App>>,
    provider: Result<Path<String>, axum::extract::rejection::PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let visitor = Visitor::of(&app, &parts);
    app.limits.hooks(&visitor).await?;
    let provider = provider.ok().map(|Path(provider)| provider).filter(|provider| is_plain(provider));
    let Some(provider) = provider else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "NO_SUCH_PROVIDER", "No provider of that name notifies us."));
    };
    let body = body::bytes(&parts.headers, body, LARGEST).await?;
    let message = ReceiveWebhookRequest {
        provider,
        body: body.to_vec(),
        headers: handed_on(&parts.headers),
        address: visitor.origin.address.map(|address| address.to_string()).unwrap_or_default(),
    };
    let reply = app.webhooks.clone().receive_webhook(message).await?;
    failpoint!("hook.answered");
    Ok(answer(reply.into_inner()))
}

/// Whether it can be a provider's name at all.
fn is_plain(provider: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&provider.len()) && provider.bytes().all(plain)
}

fn handed_on(headers: &HeaderMap) -> BTreeMap<String, String> {
    let wanted = |name: &str| !NOT_HANDED_ON.contains(&name) && !name.starts_with("x-forwarded-");
    let names = headers.keys().map(header::HeaderName::as_str).filter(|name| wanted(name)).take(MOST_HEADERS);
    let texts = names.filter_map(|name| Some((name.to_owned(), headers.get(name)?.to_str().ok()?.to_owned())));
    texts.collect()
}

fn answer(reply: ReceiveWebhookResponse) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    let status = u16::try_from(reply.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    *response.status_mut() = status.filter(|status| status.as_u16() >= 200).unwrap_or_else(|| {
        tracing::error!(status = reply.status, "payments answers a webhook with the status {}", reply.status);
        StatusCode::INTERNAL_SERVER_ERROR
    });
    if let Ok(kind) = HeaderValue::try_from(reply.content_type)
        && !kind.is_empty()
    {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}
