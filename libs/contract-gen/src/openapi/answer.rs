//! What comes back: the answer of an rpc, and every status by which it can be refused.

use serde_json::{Map, Value, json};

use super::{
    link, problem,
    schema::{Role, Schemas, reference},
};
use crate::{Access, Answer, Api, Binding, Body, Rpc, Verb};

/// A refusal as the document names it.
struct Refusal {
    status: u16,
    name: &'static str,
    description: &'static str,
}

/// Every status with a problem in it. `rpc::Kind` gives nine of them; the others come from HTTP itself.
const REFUSALS: [Refusal; 15] = [
    refusal(400, "Invalid", "The request itself is wrong: correct it before sending it again."),
    refusal(401, "Unauthenticated", "Nobody, or nobody who can be believed, is asking: sign in."),
    refusal(403, "Forbidden", "The caller is known and may not do this."),
    refusal(404, "NotFound", "There is no such thing, or none that the caller may know of."),
    refusal(408, "BodyTooSlow", "The body did not come in time."),
    refusal(
        409,
        "Conflict",
        "The thing is not in the state that this needs, somebody else was first, or the same request is still running.",
    ),
    refusal(412, "Stale", "The etag is not the present one: somebody changed the thing since it was read."),
    refusal(413, "BodyTooLarge", "The body is larger than is taken here."),
    refusal(414, "AddressTooLong", "The path and the query together are too long."),
    refusal(415, "UnsupportedType", "The body is of a type that is not taken here."),
    refusal(429, "TooMany", "A limit is used up: slow down."),
    refusal(431, "HeadersTooLarge", "The headers together are too large."),
    refusal(500, "Internal", "Something went wrong on our side."),
    refusal(503, "Unavailable", "This is not available at the moment: try again shortly."),
    refusal(504, "Late", "The answer did not come in time: try again shortly."),
];

const fn refusal(status: u16, name: &'static str, description: &'static str) -> Refusal {
    Refusal { status, name, description }
}

/// The shared responses, by name.
pub(super) fn components() -> Map<String, Value> {
    let named = REFUSALS.iter().map(|refusal| (refusal.name.to_owned(), refused(refusal, &reference("Problem"))));
    named.collect()
}

/// A refusal whose problem has this schema.
fn refused(refusal: &Refusal, schema: &Value) -> Value {
    let content = json!({"application/problem+json": {"schema": schema}});
    let mut response = json!({"description": refusal.description, "content": content});
    match refusal.status {
        401 => response["headers"] = json!({"WWW-Authenticate": {"schema": {"type": "string"}}}),
        429 | 503 | 504 => {
            let wait = json!({"description": "Seconds after which to ask again.", "schema": {"type": "integer"}});
            response["headers"] = json!({"Retry-After": wait});
        }
        _ => {}
    }
    response
}

/// Whether the answer has a name, by which the client can ask for it again: every message that is read.
pub(super) fn is_conditional(rpc: &Rpc, binding: &Binding) -> bool {
    binding.verb == Verb::Get && rpc.answer() == Answer::Message
}

/// The headers that conditional answers share.
pub(super) fn headers() -> Value {
    json!({
        "ETag": {
            "description": "Names what is answered. As `If-None-Match` of the next read it asks whether that is still so; as `If-Match` of a change it asks that nobody else changed it since.",
            "required": true,
            "schema": {"type": "string"},
        },
        "Cache-Control": {
            "description": "How long the answer is fresh, and for whom.",
            "required": true,
            "schema": {"type": "string"},
        },
    })
}

/// Everything that can come back from one address.
pub(super) fn responses(api: &Api, schemas: &Schemas, rpc: &Rpc, binding: &Binding, id: &str) -> Value {
    let mut responses = Map::new();
    let (status, mut done) = done(schemas, rpc);
    if is_conditional(rpc, binding) {
        let header = |name: &str| json!({"$ref": format!("#/components/headers/{name}")});
        let shared = json!({"ETag": header("ETag"), "Cache-Control": header("Cache-Control")});
        done["headers"] = shared.clone();
        let about = "Nothing changed since the answer that `If-None-Match` names.";
        responses.insert("304".into(), json!({"description": about, "headers": shared}));
    } else if let Some(etag) = rpc.etag() {
        let about = json!({"description": api.comment(&etag.parent_file(), etag.path()), "schema": {"type": "string"}});
        done["headers"] = json!({"ETag": about});
    }
    let links = link::links(api, rpc, binding);
    if !links.is_empty() {
        done["links"] = Value::Object(links);
    }
    responses.insert(status.into(), done);
    for refusal in REFUSALS.iter().filter(|refusal| can_be(refusal.status, rpc, binding)) {
        let shared = json!({"$ref": format!("#/components/responses/{}", refusal.name)});
        let own = problem::of(rpc, id, refusal.status).map(|schema| refused(refusal, &schema));
        responses.insert(refusal.status.to_string(), own.unwrap_or(shared));
    }
    responses.sort_keys();
    Value::Object(responses)
}

fn done(schemas: &Schemas, rpc: &Rpc) -> (&'static str, Value) {
    let answer = || schemas.refer(rpc.method.output().full_name(), Role::Answer);
    match rpc.answer() {
        Answer::Nothing => ("204", json!({"description": "Done."})),
        Answer::Message => {
            ("200", json!({"description": "Done.", "content": {"application/json": {"schema": answer()}}}))
        }
        Answer::Events => {
            let about = "A stream of events; the data of each is one message. An event named `error` holds a Problem and is the last.";
            ("200", json!({"description": about, "content": {"text/event-stream": {"schema": answer()}}}))
        }
        Answer::File => {
            let about = "The file. A connection that breaks before the end means that the file is not whole.";
            let name = json!({
                "description": "What to call the file.",
                "required": true,
                "schema": {"type": "string"},
            });
            // An empty schema is OpenAPI 3.1's way to say: bytes of any kind.
            let content = json!({"text/csv": {"schema": {}}, "*/*": {"schema": {}}});
            ("200", json!({"description": about, "headers": {"Content-Disposition": name}, "content": content}))
        }
    }
}

/// Whether an address can be refused by this status.
fn can_be(status: u16, rpc: &Rpc, binding: &Binding) -> bool {
    let writes = binding.verb != Verb::Get;
    match status {
        403 => writes || rpc.access != Access::Public,
        404 => writes || binding.variables().next().is_some() || names_something(rpc, binding),
        408 | 413 | 415 => !matches!(binding.body, Body::None),
        409 => writes || !rpc.refusals.is_empty(),
        412 => rpc.if_match().is_some(),
        _ => true,
    }
}

/// Whether a query parameter is an id, which may lead nowhere.
fn names_something(rpc: &Rpc, binding: &Binding) -> bool {
    binding.query(&rpc.method.input()).iter().any(|field| field.name().ends_with("_id"))
}
