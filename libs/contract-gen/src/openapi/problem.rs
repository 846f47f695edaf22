//! Refusals as schemas: one shape for all of them, and for each operation the codes that it may answer.

use serde_json::{Map, Value, json};

use super::schema::reference;
use crate::{Access, Api, Binding, Body, Idempotency, Rpc};

/// What any call may be refused with, whatever it asks for.
const ALWAYS: [&str; 8] = [
    "INVALID",
    "INVALID_QUERY",
    "ADDRESS_TOO_LONG",
    "HEADERS_TOO_LARGE",
    "TOO_MANY_REQUESTS",
    "INTERNAL",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
];
/// What a call with variables in its path may be refused with.
const PATH: [&str; 1] = ["INVALID_PATH"];
/// What a call with a body may be refused with.
const BODY: [&str; 5] =
    ["INVALID_JSON", "BODY_TOO_LARGE", "BODY_TOO_SLOW", "BODY_UNREADABLE", "UNSUPPORTED_MEDIA_TYPE"];
/// What a call that takes no body may be refused with.
const NO_BODY: [&str; 1] = ["BODY_NOT_EXPECTED"];
/// What a call that needs somebody signed in may be refused with.
const SIGNED_IN: [&str; 6] =
    ["SIGN_IN_REQUIRED", "TOKEN_INVALID", "TOKEN_EXPIRED", "SESSION_REVOKED", "PERSON_REQUIRED", "KEYS_UNAVAILABLE"];
/// What a call that needs a permission may be refused with.
const PERMISSION: [&str; 1] = ["PERMISSION_DENIED"];
/// What a call that takes an idempotency key may be refused with.
const KEY: [&str; 3] = ["IDEMPOTENCY_KEY_INVALID", "IDEMPOTENCY_KEY_IN_USE", "IDEMPOTENCY_KEY_REUSED"];
/// What a call that needs one may be refused with.
const KEY_REQUIRED: [&str; 1] = ["IDEMPOTENCY_KEY_REQUIRED"];
/// What only other addresses than those of rpcs refuse, and the names of kinds where a refusal has none of its own.
const ELSEWHERE: [&str; 13] = [
    "BODY_NOT_EXPECTED",
    "CONFLICT",
    "CROSS_SITE_REQUEST",
    "FORBIDDEN",
    "METHOD_NOT_ALLOWED",
    "NOT_FOUND",
    "NO_SUCH_PATH",
    "NO_SUCH_PROVIDER",
    "REFRESH_TOKEN_INVALID",
    "SESSION_REQUIRED",
    "STALE",
    "TOO_MANY",
    "UNAUTHENTICATED",
];

/// Every way in which a field can be wrong, as `values::ViolationCode` lists them; the gateway's tests hold both together.
const VIOLATIONS: [&str; 13] = [
    "REQUIRED",
    "TOO_SHORT",
    "TOO_LONG",
    "TOO_FEW_ITEMS",
    "TOO_MANY_ITEMS",
    "NOT_UNIQUE",
    "OUT_OF_RANGE",
    "NOT_AN_ID",
    "UNKNOWN_VALUE",
    "MALFORMED",
    "UNKNOWN_FIELD",
    "NOT_ALLOWED",
    "INVALID_VALUE",
];

/// The statuses under which an operation's own refusals may come.
const OWN: [u16; 8] = [400, 401, 403, 404, 409, 412, 429, 503];

/// The codes that one operation may answer: its own first.
fn codes(rpc: &Rpc, binding: &Binding) -> Vec<String> {
    let mut parts: Vec<&[&str]> = vec![&ALWAYS];
    if binding.variables().next().is_some() {
        parts.push(&PATH);
    }
    parts.push(if matches!(binding.body, Body::None) { &NO_BODY } else { &BODY });
    if rpc.access != Access::Public {
        parts.push(&SIGNED_IN);
    }
    if matches!(rpc.access, Access::Permission(_)) {
        parts.push(&PERMISSION);
    }
    match rpc.idempotency {
        Idempotency::None => {}
        Idempotency::Optional => parts.push(&KEY),
        Idempotency::Required => parts.extend([KEY.as_slice(), &KEY_REQUIRED]),
    }
    let mut codes = rpc.refusals.clone();
    for code in parts.concat() {
        if !codes.iter().any(|known| known == code) {
            codes.push(code.to_owned());
        }
    }
    codes
}

/// The schema of the refusals of an operation with codes of its own, if they may come under this status.
pub(super) fn of(rpc: &Rpc, id: &str, status: u16) -> Option<Value> {
    (OWN.contains(&status) && !rpc.refusals.is_empty()).then(|| reference(&format!("{id}Problem")))
}

/// The schemas that refusals need, by name.
pub(super) fn schemas(api: &Api, id: impl Fn(&Rpc, usize) -> String) -> Map<String, Value> {
    let mut schemas = Map::new();
    let mut all: Vec<String> = Vec::new();
    for rpc in &api.rpcs {
        for (number, binding) in rpc.bindings.iter().enumerate() {
            let codes = codes(rpc, binding);
            all.extend(codes.iter().cloned());
            if !rpc.refusals.is_empty() {
                let id = id(rpc, number);
                let about = format!("Why {id} was refused.");
                let properties = json!({"code": {"type": "string", "enum": codes}});
                let narrowed = json!({"type": "object", "required": ["code"], "properties": properties});
                let schema = json!({"description": about, "allOf": [reference("Problem"), narrowed]});
                schemas.insert(format!("{id}Problem"), schema);
            }
        }
    }
    all.extend(ELSEWHERE.map(str::to_owned));
    all.sort();
    all.dedup();
    let about = "The name of a refusal. It never changes; there may come more.";
    schemas.insert("ProblemCode".to_owned(), json!({"type": "string", "description": about, "enum": all}));
    let about = "What is wrong with a field. There may come more.";
    schemas.insert("ViolationCode".to_owned(), json!({"type": "string", "description": about, "enum": VIOLATIONS}));
    schemas.insert("Violation".to_owned(), violation());
    schemas.insert("Problem".to_owned(), problem());
    schemas
}

/// RFC 9457, with what we add to it.
fn problem() -> Value {
    json!({
        "type": "object",
        "description": "Why a request was refused, as RFC 9457 writes it.",
        "required": ["type", "title", "status", "code", "requestId"],
        "properties": {
            "type": {"type": "string", "description": "A name for the kind of problem."},
            "title": {"type": "string", "description": "The same for people."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "code": reference("ProblemCode"),
            "detail": {"type": "string", "description": "What happened this time."},
            "requestId": {"type": "string", "description": "Quote it to the support."},
            "params": params("What a machine needs to say it in its own words."),
            "violations": {
                "type": "array",
                "description": "What is wrong with the fields and parameters of the request.",
                "items": reference("Violation"),
            },
        },
    })
}

fn violation() -> Value {
    json!({
        "type": "object",
        "description": "One field or parameter that is wrong.",
        "required": ["field", "message", "code"],
        "properties": {
            "field": {"type": "string", "description": "Such as `lessons[1].title`."},
            "message": {"type": "string", "description": "What was expected."},
            "code": reference("ViolationCode"),
            "params": params("The bounds that were missed, such as `max`."),
        },
    })
}

fn params(about: &str) -> Value {
    json!({"type": "object", "description": about, "additionalProperties": {"type": "string"}})
}
