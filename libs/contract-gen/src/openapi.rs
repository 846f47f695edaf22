//! Prints the OpenAPI 3.1 document: the addresses here, the messages in `schema`.

mod answer;
mod bounds;
mod link;
mod problem;
mod schema;
mod union;

use std::collections::BTreeMap;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::{Access, Api, Binding, Idempotency, Refused, Rpc, field::is_object, rules::rules};
use schema::{Role, Schemas};

/// What stands at the top of the document.
const ABOUT: &str = "The REST side of Lyceum. Fields and parameters that do not exist are refused, because they are typing mistakes; \
a client that may be newer than the server sends `Prefer: handling=lenient`. Lists of values may grow. Every refusal is a \
`Problem`; its `code` is stable, its texts are not. What can be changed has an `ETag`; send it back as `If-Match`, and a \
change is refused with 412 if somebody else was faster.";

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
    for (name, schema) in problem::schemas(api, operation_id) {
        if described.insert(name.clone(), schema).is_some() {
            return Err(Refused::because(format!("two schemas are called {name}: rename a message")));
        }
    }
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
    let id = operation_id(rpc, number);
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
    if let Some(schema) = schemas.body(rpc, binding) {
        let required = schemas.needs_body(rpc, binding);
        operation["requestBody"] = json!({"required": required, "content": {"application/json": {"schema": schema}}});
    }
    operation["responses"] = answer::responses(api, schemas, rpc, binding, &id);
    operation["security"] = match &rpc.access {
        Access::Public => json!([]),
        _ => json!([{"bearer": []}]),
    };
    if let Access::Permission(permission) = &rpc.access {
        operation["x-permission"] = json!(permission);
    }
    operation
}

/// The name of an operation; the further addresses of an rpc have numbers.
fn operation_id(rpc: &Rpc, number: usize) -> String {
    if number == 0 { rpc.method.name().to_owned() } else { format!("{}{}", rpc.method.name(), number + 1) }
}

fn parameters(api: &Api, schemas: &Schemas, rpc: &Rpc, binding: &Binding) -> Vec<Value> {
    let mut parameters = Vec::new();
    for field in binding.variables() {
        let mut schema = schemas.value(field, Role::Input);
        // An empty text would be another path.
        if field.kind() == Kind::String && schema.get("format").is_none() && schema.get("minLength").is_none() {
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
    if let Some(field) = rpc.if_match() {
        let mut header = parameter(api, &field, "If-Match", "header", json!({"type": "string"}));
        header["schema"]["examples"] = json!(["\"7\""]);
        parameters.push(header);
    }
    let mut optional = |name: &str, about: String| {
        parameters.push(json!({"name": name, "in": "header", "description": about, "schema": {"type": "string"}}));
    };
    if answer::is_conditional(rpc, binding) {
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
    into.push(parameter(api, field, &name, "query", schemas.value(field, Role::Input)));
}
