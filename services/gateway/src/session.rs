//! The session doors for browsers: the access token goes to the page, the refresh token into a cookie that no script
//! can read.
//!
//! Against forged requests from other sites stand the cookie's `SameSite=Strict`, the check of where the browser says
//! the request was made, and a content type that no form can send.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use http::{HeaderMap, StatusCode, header, request::Parts};
use proto::{
    Access,
    lyceum::users::v1::{RefreshSessionRequest, SessionTokens, SignInRequest, SignOutRequest},
};
use serde_json::{Map, Value, json};

use crate::{
    admit::{Wish, admit},
    app::App,
    body,
    config::WebOrigin,
    origin::Visitor,
    problem::Problem,
};

/// The prefix makes browsers insist on `Secure`, `Path=/` and no `Domain`: no other host can set it.
const COOKIE: &str = "__Host-refresh";

/// The addresses of the session.
pub fn router() -> Router<Arc<App>> {
    Router::new().route("/session", post(open).delete(close)).route("/session/refresh", post(refresh))
}

/// Signs in.
async fn open(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let visitor = enter(&app, &parts, true).await?;
    let tree = body::tree(&parts.headers, body, app.config.body_limit).await?;
    let credentials: SignInRequest = body::message(&tree, false).map_err(Problem::invalid)?;
    let reply = app.backends.users_auth_service.clone().sign_in(request_from(&visitor, credentials)).await?;
    Ok(opened(StatusCode::CREATED, reply.into_inner()))
}

/// Prolongs the session of the cookie, and changes the cookie.
async fn refresh(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let visitor = enter(&app, &parts, false).await?;
    let tree = body::tree(&parts.headers, body, app.config.body_limit).await?;
    if tree != Value::Object(Map::new()) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "BODY_NOT_EXPECTED",
            "Send an empty object: the cookie says all.",
        ));
    }
    let Some(refresh_token) = refresh_token(&parts.headers) else {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "SESSION_REQUIRED", "There is no session: sign in."));
    };
    let message = RefreshSessionRequest { refresh_token };
    match app.backends.users_auth_service.clone().refresh_session(request_from(&visitor, message)).await {
        Ok(reply) => Ok(opened(StatusCode::OK, reply.into_inner())),
        Err(status) => {
            let problem = Problem::from(status);
            let ended = problem.status() == StatusCode::UNAUTHORIZED;
            // A token that will never work again is not kept; one that met a closed door is.
            if ended { Ok(with_cookie(problem.into_response(), ended_cookie())) } else { Err(problem) }
        }
    }
}

/// Signs out. To end what has ended is no mistake.
async fn close(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let visitor = enter(&app, &parts, false).await?;
    if let Some(refresh_token) = refresh_token(&parts.headers) {
        let message = SignOutRequest { refresh_token: Some(refresh_token) };
        app.backends.users_auth_service.clone().sign_out(request_from(&visitor, message)).await?;
    }
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), ended_cookie()))
}

/// What all three check: the limits, that no other site asks, and that a body is JSON. A password can be guessed, a
/// refresh token cannot, and a whole class may refresh from one address.
async fn enter(app: &App, parts: &Parts, guessable: bool) -> Result<Visitor, Problem> {
    let visitor = Visitor::of(app, parts);
    let mut anonymous = parts.headers.clone();
    // A token that has run out must not keep anybody from getting a new one.
    anonymous.remove(header::AUTHORIZATION);
    admit(app, &anonymous, &visitor, Wish { access: Access::Public, guessable }).await?;
    if !is_from_home(app, &parts.headers) {
        let detail = "A session is opened, prolonged and closed by our own pages only.";
        return Err(Problem::new(StatusCode::FORBIDDEN, "CROSS_SITE_REQUEST", detail));
    }
    if parts.method != http::Method::DELETE && !body::is_json(&parts.headers) {
        return Err(body::not_json());
    }
    Ok(visitor)
}

/// Whether the request was made by our own page, by one of the configured ones, or by no page at all.
fn is_from_home(app: &App, headers: &HeaderMap) -> bool {
    let sent = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_known = |origin: &str| {
        let home = WebOrigin::of(&app.config.public_url);
        home.as_str() == origin || app.config.origins.iter().any(|known| known.as_str() == origin)
    };
    match (sent("origin"), sent("sec-fetch-site")) {
        (Some(origin), _) => is_known(origin),
        // Without an origin only a page of the very same origin, or no page, can ask.
        (None, Some(site)) => matches!(site, "same-origin" | "none"),
        // No browser of these days; then there is no cookie that somebody else could use.
        (None, None) => true,
    }
}

fn request_from<T>(visitor: &Visitor, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    visitor.origin.write(request.metadata_mut());
    request
}

fn refresh_token(headers: &HeaderMap) -> Option<String> {
    CookieJar::from_headers(headers)
        .get(COOKIE)
        .map(|cookie| cookie.value().to_owned())
        .filter(|token| !token.is_empty())
}

fn opened(status: StatusCode, tokens: SessionTokens) -> Response {
    let body = json!({
        "accessToken": tokens.access_token,
        "tokenType": tokens.token_type,
        "expiresIn": tokens.expires_in,
        "sessionId": tokens.session_id,
        "userId": tokens.user_id,
    });
    let lifetime = time::Duration::seconds(i64::from(tokens.refresh_expires_in));
    with_cookie((status, Json(body)).into_response(), cookie(tokens.refresh_token, lifetime))
}

fn ended_cookie() -> Cookie<'static> {
    cookie(String::new(), time::Duration::ZERO)
}

fn cookie(token: String, lifetime: time::Duration) -> Cookie<'static> {
    Cookie::build((COOKIE, token))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(lifetime)
        .build()
}

fn with_cookie(mut response: Response, cookie: Cookie<'_>) -> Response {
    // A token is letters that fit a header; if ever it is not, there is no session rather than a broken one.
    if let Ok(value) = cookie.to_string().parse() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
