//! How anything is refused: `application/problem+json` (RFC 9457), the same shape for every error.

use std::borrow::Cow;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use proto::json::{self, Fault, in_camel_case};
use rpc::{Params, Refusal, Violation, ViolationCode};
use serde_json::{Value, json};

/// What a client that got a 503 or 504 waits for when nobody says, in seconds.
const USUAL_WAIT: u64 = 1;

/// What is said of a request whose violations say the rest.
const INVALID: &str = "Some fields or parameters are wrong.";

/// A refusal on its way to the client. `frame` gives it the request's id and writes it down.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    params: Params,
    violations: Vec<Violation>,
    retry_after: Option<u64>,
}

impl Problem {
    /// A refusal with a public code, which never changes, and a text for people.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        let wait =
            matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT).then_some(USUAL_WAIT);
        Self(Box::new(Parts {
            status,
            code: code.into(),
            detail: detail.into(),
            params: Params::new(),
            violations: Vec::new(),
            retry_after: wait,
        }))
    }

    /// The request is wrong in these places.
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "INVALID", INVALID);
        problem.0.violations = violations;
        problem
    }

    /// The refusal of one of our own libraries; what is our own fault is logged and hidden.
    pub fn refused(refusal: &dyn Refusal) -> Self {
        rpc::Problem::of(refusal).into()
    }

    /// Adds a parameter for machines.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.params.insert(name.to_owned(), value.to_string());
        self
    }

    /// Says when to try again, in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The public code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// When to try again, in seconds.
    pub fn wait(&self) -> Option<u64> {
        self.0.retry_after
    }

    /// A field of the request's message is, to the client, a field of the body, when the body is one message of it.
    pub fn seen_from_body(mut self, body: &str) -> Self {
        let body = in_camel_case(body);
        for violation in &mut self.0.violations {
            let Some(rest) = violation.field.strip_prefix(&body) else { continue };
            // What is wrong with the whole message, such as a union without a case, is wrong with the whole body.
            let inside = if rest.is_empty() { Some("") } else { rest.strip_prefix('.') };
            if let Some(inside) = inside.map(str::to_owned) {
                violation.field = inside;
            }
        }
        self
    }

    /// The JSON of RFC 9457.
    pub fn json(&self, request_id: &str) -> Value {
        let parts = &self.0;
        let mut body = json!({
            "type": format!("urn:lyceum:problem:{}", parts.code.to_lowercase().replace('_', "-")),
            "title": parts.status.canonical_reason().unwrap_or("Refused"),
            "status": parts.status.as_u16(),
            "code": parts.code,
            "detail": sentence(&parts.detail),
            "requestId": request_id,
        });
        if !parts.params.is_empty() {
            body["params"] = json!(parts.params);
        }
        if !parts.violations.is_empty() {
            body["violations"] = parts.violations.iter().map(violation).collect();
        }
        body
    }

    /// The body of the answer that [`into_response`](IntoResponse::into_response) began.
    pub fn body(&self, request_id: &str) -> Body {
        Body::from(self.json(request_id).to_string())
    }
}

impl From<rpc::Problem> for Problem {
    fn from(problem: rpc::Problem) -> Self {
        let (status, wait) = (problem.http(), problem.retry_after_seconds());
        let mut told = Self::new(status, problem.reason, problem.message);
        told.0.retry_after = wait.map(|wait| wait.max(USUAL_WAIT)).or(told.0.retry_after);
        told.0.params = problem.params;
        let violations = problem.violations.into_iter();
        told.0.violations = violations.map(|one| Violation { field: in_camel_case(&one.field), ..one }).collect();
        // What is wrong with one field is no sentence about the request.
        if told.code() == "INVALID" && !told.0.violations.is_empty() {
            told.0.detail = INVALID.to_owned();
        }
        told
    }
}

impl From<tonic::Status> for Problem {
    fn from(status: tonic::Status) -> Self {
        rpc::Problem::from(&status).into()
    }
}

fn violation(one: &Violation) -> Value {
    let mut shown = json!({"field": one.field, "message": one.message, "code": one.code.as_str()});
    if !one.params.is_empty() {
        shown["params"] = json!(one.params);
    }
    shown
}

/// What does not fit a message, in the words of every refusal.
pub(crate) fn of_json(wrong: json::Violation) -> Violation {
    let (code, allowed) = match wrong.fault {
        Fault::Malformed => (ViolationCode::Malformed, None),
        Fault::OutOfRange => (ViolationCode::OutOfRange, None),
        Fault::UnknownField => (ViolationCode::UnknownField, None),
        Fault::UnknownValue { allowed } => (ViolationCode::UnknownValue, Some(allowed)),
        Fault::NotAllowed => (ViolationCode::NotAllowed, None),
        Fault::Required => (ViolationCode::Required, None),
    };
    let violation = Violation::new(wrong.field, code, wrong.message);
    allowed.into_iter().fold(violation, |violation, allowed| violation.with("allowed", allowed))
}

/// What a service says within its own words, such as `there is no such order`, as a sentence for people.
fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let Some(first) = letters.next() else { return String::new() };
    let ends = detail.ends_with(['.', '!', '?', '…']);
    first.to_uppercase().chain(letters).chain((!ends).then_some('.')).collect()
}

impl IntoResponse for Problem {
    /// An answer without a body yet: only `frame` knows the request's id.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.0.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.0.status == StatusCode::PAYLOAD_TOO_LARGE {
            // The rest of the body stays unread, so the connection cannot carry another request: the client must know.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_as_the_client_wrote_them() {
        let wrong = |field: &str| Violation::of(field, &"is wrong");
        let violations = vec![wrong("course.lessons[1].size_bytes"), wrong("courses"), wrong("update_mask")];
        let problem = rpc::Problem { violations, ..rpc::Problem::new(rpc::Kind::Invalid, "INVALID", "No.") };
        let problem = Problem::from(problem).seen_from_body("course");
        let fields: Vec<_> = problem.0.violations.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["lessons[1].sizeBytes", "courses", "updateMask"]);

        let violations = vec![wrong("promo_code"), wrong("promo_code.amount.minor"), wrong("promo_code_id")];
        let problem = rpc::Problem { violations, ..rpc::Problem::new(rpc::Kind::Invalid, "INVALID", "No.") };
        let problem = Problem::from(problem).seen_from_body("promo_code");
        let fields: Vec<_> = problem.0.violations.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["", "amount.minor", "promoCodeId"]);
    }

    #[test]
    fn a_detail_is_a_sentence() {
        assert_eq!(sentence("there is no such order"), "There is no such order.");
        assert_eq!(sentence("Slow down."), "Slow down.");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn whoever_is_unavailable_says_when_to_come_back() {
        let response = Problem::from(tonic::Status::unavailable("connection refused")).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        let late = Problem::from(tonic::Status::deadline_exceeded("late")).into_response();
        assert_eq!((late.status().as_u16(), &late.headers()[header::RETRY_AFTER]), (504, &HeaderValue::from(1)));
    }
}
