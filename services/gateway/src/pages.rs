//! Pages for people who came by a link: out of a QR code, or out of a mail. They need no script, no cookie and nothing
//! else.

mod words;

use std::sync::Arc;

use auth::Origin;
use axum::{
    Router,
    extract::{Path, Request, State, rejection::PathRejection},
    response::Response,
    routing::get,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderName, HeaderValue, StatusCode, header};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use proto::lyceum::{
    documents::v1::{CertificateCheck, CheckCertificateRequest},
    notifications::v1::{GetUnsubscribeLinkRequest, UnsubscribeLink, UnsubscribeRequest},
};
use ring::digest::{SHA256, digest};
use rpc::client::retry;
use values::{Language, SharedClock, TimeZone};

use crate::{answer::request_id, app::App, body, origin::Visitor, problem::Problem};

const STYLE: &str = include_str!("../templates/style.css");
const TEMPLATES: [(&str, &str); 4] = [
    ("base.html", include_str!("../templates/base.html")),
    ("certificate.html", include_str!("../templates/certificate.html")),
    ("unsubscribe.html", include_str!("../templates/unsubscribe.html")),
    ("trouble.html", include_str!("../templates/trouble.html")),
];

/// Bytes of what a mail program sends along with its one click.
const LARGEST_CLICK: usize = 8 * 1024;
/// For how long caches may keep what a certificate's page says; as long as the contract lets them keep the check
/// itself.
const FRESH: HeaderValue = HeaderValue::from_static("public, max-age=60");
/// Names do not belong into search engines.
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// The templates, read once, and what they all need.
pub struct Pages {
    templates: Environment<'static>,
    zone: TimeZone,
    clock: SharedClock,
    /// Lets in our own style, by its hash, and nothing else.
    policy: HeaderValue,
}

impl Pages {
    /// Pages of a school in this time zone.
    ///
    /// # Errors
    /// A template cannot be read; the tests see to that.
    pub fn new(zone: TimeZone, clock: SharedClock) -> anyhow::Result<Self> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(|_| AutoEscape::Html);
        templates.add_global("style", STYLE);
        for (name, text) in TEMPLATES {
            templates.add_template(name, text)?;
        }
        let hash = BASE64_STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        Ok(Self { templates, zone, clock, policy: policy.parse()? })
    }

    fn certificate(&self, check: CertificateCheck, visitor: Language) -> Response {
        let language = Language::parse(&check.language).unwrap_or(visitor);
        let day = |at: Option<proto::wkt::Timestamp>| at.map(|at| words::day(at.seconds, &self.zone, language));
        let state = match (check.valid, &check.successor_number) {
            (true, _) => "valid",
            (false, None) => "revoked",
            (false, Some(_)) => "replaced",
        };
        // The templates know an absent text as an empty one.
        let text = |text: Option<String>| text.unwrap_or_default();
        let facts = context! {
            lang => language.as_str(),
            school => check.school,
            number => check.number,
            holder => text(check.holder_name),
            course => check.course_title,
            state,
            completed => day(check.completed_at),
            issued => day(check.issued_at),
            revoked => day(check.revoked_at),
            successor => text(check.successor_number),
            predecessor => text(check.predecessor_number),
            today => words::day(self.clock.now().unix_timestamp(), &self.zone, language),
        };
        let mut page = self.page("certificate.html", facts, StatusCode::OK);
        if page.status() == StatusCode::OK {
            page.headers_mut().insert(header::CACHE_CONTROL, FRESH);
        }
        page
    }

    fn unsubscribe(&self, link: UnsubscribeLink, visitor: Language) -> Response {
        let language = Language::parse(&link.language).unwrap_or(visitor);
        let about = words::about(link.kind(), language);
        let facts = context! {
            lang => language.as_str(),
            school => link.school,
            address => link.masked_address,
            about,
            unsubscribed => link.unsubscribed,
        };
        self.page("unsubscribe.html", facts, StatusCode::OK)
    }

    /// A page instead of the problem that an application would get.
    fn trouble(&self, problem: &Problem, what: words::What, language: Language) -> Response {
        let status = match problem.status() {
            // What can be no number was never issued.
            StatusCode::BAD_REQUEST => StatusCode::NOT_FOUND,
            // To somebody who waits for a page, late is the same as down.
            StatusCode::GATEWAY_TIMEOUT => StatusCode::SERVICE_UNAVAILABLE,
            status => status,
        };
        let (title, text) = words::trouble(status, what, language);
        let request_id = request_id();
        let request_id = if status.is_server_error() { request_id.as_str() } else { "" };
        let facts = context! { lang => language.as_str(), title, text, request_id };
        let mut page = self.page("trouble.html", facts, status);
        let headers = page.headers_mut();
        if let Some(wait) = problem.wait() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
        page
    }

    fn page(&self, template: &str, facts: Value, status: StatusCode) -> Response {
        let text = self.templates.get_template(template).and_then(|template| template.render(facts));
        let (status, text) = text.map(|text| (status, text)).unwrap_or_else(|error| {
            tracing::error!(error = format!("{error:#}"), template, "the page {template} cannot be written");
            (StatusCode::INTERNAL_SERVER_ERROR, String::new())
        });
        let mut response = Response::new(text.into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
        response
    }
}

/// The addresses of the pages. They stand in QR codes and mails, so they never change.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/certificates/{number}", get(certificate))
        .route("/unsubscribe/{token}", get(ask).post(unsubscribe))
}

type Piece = Result<Path<String>, PathRejection>;

/// Says whether a certificate holds.
async fn certificate(State(app): State<Arc<App>>, number: Piece, request: Request) -> Response {
    let visitor = Visitor::of(&app, &request.into_parts().0);
    let language = language(&visitor);
    let checked = async {
        let number = piece(number)?;
        app.limits.address(&visitor).await?;
        let ask = || {
            let mut documents = app.backends.documents_certificate_service.clone();
            let request = from(&visitor.origin, CheckCertificateRequest { number: number.clone() });
            async move { documents.check_certificate(request).await }
        };
        Ok(retry(ask).await?.into_inner())
    };
    match checked.await {
        Ok(check) => app.pages.certificate(check, language),
        Err(problem) => app.pages.trouble(&problem, words::What::Certificate, language),
    }
}

/// Says what a link would switch off. Mail programs and scanners open links by themselves, so that reading changes
/// nothing.
async fn ask(State(app): State<Arc<App>>, token: Piece, request: Request) -> Response {
    let visitor = Visitor::of(&app, &request.into_parts().0);
    let language = language(&visitor);
    let read = async {
        let token = piece(token)?;
        app.limits.address(&visitor).await?;
        let ask = || {
            let mut notifications = app.backends.notifications_preference_service.clone();
            let request = from(&visitor.origin, GetUnsubscribeLinkRequest { token: token.clone() });
            async move { notifications.get_unsubscribe_link(request).await }
        };
        Ok(retry(ask).await?.into_inner())
    };
    match read.await {
        Ok(link) => app.pages.unsubscribe(link, language),
        Err(problem) => app.pages.trouble(&problem, words::What::Link, language),
    }
}

/// Switches mails off: for the button of the page, and for mail programs (RFC 8058).
///
/// Neither sends a cookie and neither needs to prove where it comes from: the token is the secret, and whoever has it
/// may. What the body says does not matter either; somebody who sends one to this address wants out.
async fn unsubscribe(State(app): State<Arc<App>>, token: Piece, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visitor = Visitor::of(&app, &parts);
    let language = language(&visitor);
    let done = async {
        let token = piece(token)?;
        app.limits.address(&visitor).await?;
        body::bytes(&parts.headers, body, LARGEST_CLICK).await?;
        let mut notifications = app.backends.notifications_preference_service.clone();
        let request = from(&visitor.origin, UnsubscribeRequest { token });
        Ok(notifications.unsubscribe(request).await?.into_inner())
    };
    match done.await {
        Ok(link) => app.pages.unsubscribe(link, language),
        Err(problem) => app.pages.trouble(&problem, words::What::Link, language),
    }
}

fn piece(piece: Piece) -> Result<String, Problem> {
    // What no database can hold was never given out.
    let piece = piece.ok().map(|Path(piece)| piece).filter(|piece| !piece.contains('\0'));
    piece.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", ""))
}

/// The language of somebody of whom nothing but the browser's wish is known.
fn language(visitor: &Visitor) -> Language {
    visitor.origin.language.unwrap_or(Language::Russian)
}

fn from<T>(origin: &Origin, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    origin.write(request.metadata_mut());
    request
}
