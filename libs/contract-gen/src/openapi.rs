//! Prints the OpenAPI 3.1 document: the addresses here, the messages in `schema`.

mod answer;
mod schema;

use std::collections::BTreeMap;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::{Access, Api, Binding, Body, Idempotency, Refused, Rpc, Verb, field::is_object, rules::rules};
use schema::{Schemas, scalar};

/// What stands at the top of the document.
const ABOUT: &str = "The REST side of Lyceum. Fields and parameters that do not exist are refused, because they are typing mistakes; \
a client that may be newer than the server sends `Prefer: handling=lenient`. Lists of values may grow. Every refusal is a \
`Problem`; its `code` is stable, its texts are not.";

/// The document as pretty JSON. `doors` holds the `paths`, `schemas`, `responses` and `parameters` of what is not an rpc, in
/// OpenAPI's own words; it may refer to the responses of the refusals.
///
/// # Errors
/// When `doors` is not of that shape or describes something that the contract describes, too.
pub fn openapi(api: &Api, doors: &str) -> Result<String, Refused> {
    let schemas = Schemas::of(api);
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for rpc in &api.rpcs {
        for (number, binding) in rpc.bindings.iter().enumerate() {
            let path = binding.template(|field| field.json_name().to_owned());
            let operation = operation(api, &schemas, rpc, binding, number);
            paths.entry(path).or_default().insert(binding.verb.lower().into(), operation);
        }
    }
    let mut described = schemas.print(api)?;
    described.insert("Problem".into(), problem());
    let mut responses = answer::components();
    let parameters = merge(doors, &mut paths, &mut described, &mut responses)?;

    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "Lyceum", "version": "v1", "description": ABOUT, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "tags": tags(api),
        "paths": paths,
        "components": {
            "schemas": described,
            "responses": responses,
            "parameters": parameters,
            "headers": answer::headers(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    });
    let text = serde_json::to_string_pretty(&document).map_err(|error| Refused::because(error.to_string()))?;
    Ok(text + "\n")
}

/// Adds the doors to what the contract says, and gives the parameters that they share.
fn merge(
    doors: &str,
    paths: &mut BTreeMap<String, Map<String, Value>>,
    schemas: &mut BTreeMap<String, Value>,
    responses: &mut Map<String, Value>,
) -> Result<Value, Refused> {
    let wrong = |why: String| Refused::because(format!("the doors: {why}"));
    let doors: Value = serde_json::from_str(doors).map_err(|error| wrong(error.to_string()))?;
    let all = |of: &str| doors[of].as_object().cloned().unwrap_or_default();
    for (path, operations) in all("paths") {
        let Value::Object(operations) = operations else { return Err(wrong(format!("{path} is no object"))) };
        if paths.insert(path.clone(), operations).is_some() {
            return Err(wrong(format!("{path} belongs to an rpc")));
        }
    }
    for (name, schema) in all("schemas") {
        if schemas.insert(name.clone(), schema).is_some() {
            return Err(wrong(format!("{name} is a message of the contract")));
        }
    }
    for (name, response) in all("responses") {
        if responses.insert(name.clone(), response).is_some() {
            return Err(wrong(format!("{name} is a response of the contract")));
        }
    }
    Ok(Value::Object(all("parameters")))
}

fn tags(api: &Api) -> Vec<Value> {
    let mut tags = Vec::new();
    for service in api.rpcs.iter().filter(|rpc| !rpc.bindings.is_empty()).map(|rpc| rpc.method.parent_service()) {
        let tag = json!({"name": service.name(), "description": api.comment(&service.parent_file(), service.path())});
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

fn operation(api: &Api, schemas: &Schemas, rpc: &Rpc, binding: &Binding, number: usize) -> Value {
    let method = &rpc.method;
    let comment = api.comment(&method.parent_file(), method.path());
    let (summary, description) = comment.split_once("\n\n").unwrap_or((comment, ""));
    let id = if number == 0 { method.name().to_owned() } else { format!("{}{}", method.name(), number + 1) };
    let mut operation = json!({
        "operationId": id,
        "tags": [method.parent_service().name()],
        "summary": summary.trim_end_matches('.'),
    });
    if !description.is_empty() {
        operation["description"] = json!(description);
    }
    if method.options().get_field_by_name("deprecated").is_some_and(|deprecated| deprecated.as_bool() == Some(true)) {
        operation["deprecated"] = json!(true);
    }
    let parameters = parameters(api, schemas, rpc, binding);
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    let body = match &binding.body {
        Body::None => None,
        Body::Whole => Some((schemas.input(method.input().full_name()), true)),
        Body::Field(field) => field.kind().as_message().map(|message| (schemas.input(message.full_name()), true)),
    };
    if let Some((schema, required)) = body {
        operation["requestBody"] = json!({"required": required, "content": {"application/json": {"schema": schema}}});
    }
    operation["responses"] = answer::responses(schemas, rpc, binding);
    operation["security"] = match &rpc.access {
        Access::Public => json!([]),
        _ => json!([{"bearer": []}]),
    };
    if let Access::Permission(permission) = &rpc.access {
        operation["x-permission"] = json!(permission);
    }
    operation
}

fn parameters(api: &Api, schemas: &Schemas, rpc: &Rpc, binding: &Binding) -> Vec<Value> {
    let mut parameters = Vec::new();
    for field in binding.variables() {
        let mut schema = scalar(field, schemas, true);
        // An empty text would be another path.
        if field.kind() == Kind::String {
            schema["minLength"] = json!(1);
        }
        parameters.push(parameter(api, field, field.json_name(), "path", schema));
    }
    for field in binding.query(&rpc.method.input()) {
        query(api, schemas, &field, "", &mut parameters);
    }
    let key = match rpc.idempotency {
        Idempotency::None => None,
        Idempotency::Optional => Some(false),
        Idempotency::Required => Some(true),
    };
    if let Some(required) = key {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": required,
            "description": "A text of your own for this one intent: a repeated request with it is answered without being done twice.",
            "schema": {"type": "string", "minLength": 8, "maxLength": 128, "pattern": "^[!-~]+$"},
        }));
    }
    let mut optional = |name: &str, about: String| {
        parameters.push(json!({"name": name, "in": "header", "description": about, "schema": {"type": "string"}}));
    };
    if rpc.cache.is_some() && binding.verb == Verb::Get {
        let about =
            "The `ETag` of an answer that the client still has: while nothing changed, the answer is an empty 304.";
        optional("If-None-Match", about.to_owned());
    }
    if let Some((after, _)) = rpc.position() {
        let about = format!(
            "The `id` of the last event that was seen, as browsers send it by themselves after a break; goes before `{}`.",
            after.json_name()
        );
        optional("Last-Event-ID", about);
    }
    parameters
}

fn parameter(api: &Api, field: &FieldDescriptor, name: &str, place: &str, schema: Value) -> Value {
    let mut parameter = json!({"name": name, "in": place});
    if place == "path" || rules(field).required {
        parameter["required"] = json!(true);
    }
    let about = api.comment(&field.parent_file(), field.path());
    if !about.is_empty() {
        parameter["description"] = json!(about);
    }
    parameter["schema"] = schema;
    parameter
}

/// The parameters of a field: itself, or all the fields inside it as `filter.price.minor`.
fn query(api: &Api, schemas: &Schemas, field: &FieldDescriptor, prefix: &str, into: &mut Vec<Value>) {
    let name = format!("{prefix}{}", field.json_name());
    if let Kind::Message(inner) = field.kind()
        && is_object(field)
    {
        let inner: MessageDescriptor = inner;
        inner.fields().for_each(|field| query(api, schemas, &field, &format!("{name}."), into));
        return;
    }
    let one = scalar(field, schemas, true);
    let schema = if field.is_list() { json!({"type": "array", "items": one}) } else { one };
    into.push(parameter(api, field, &name, "query", schema));
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
            "code": {"type": "string", "description": "The name of the refusal; it never changes."},
            "detail": {"type": "string", "description": "What happened this time."},
            "requestId": {"type": "string", "description": "Quote it to the support."},
            "violations": {
                "type": "array",
                "description": "What is wrong with the fields and parameters of the request.",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": {
                        "field": {"type": "string", "description": "Such as `lessons[1].title`."},
                        "message": {"type": "string", "description": "What was expected."},
                    },
                },
            },
        },
    })
}
