//! What can be done next with what an operation has made: OpenAPI's links, from the id in the answer to every address
//! that takes it.

use heck::ToSnakeCase;
use prost_reflect::{FieldDescriptor, Kind};
use serde_json::{Map, Value, json};

use super::operation_id;
use crate::{Answer, Api, Binding, Rpc, Verb};

/// The links of an answer, by the operation that they lead to; none, where nothing is made.
pub(super) fn links(api: &Api, rpc: &Rpc, binding: &Binding) -> Map<String, Value> {
    let Some(id) = made(rpc, binding) else { return Map::new() };
    let mut links = Map::new();
    for target in api.rpcs.iter().filter(|target| target.answer() != Answer::Events) {
        for (number, address) in target.bindings.iter().enumerate() {
            if let Some(parameters) = parameters(rpc, binding, &id, target, address) {
                let name = operation_id(target, number);
                links.insert(name.clone(), json!({"operationId": name, "parameters": parameters}));
            }
        }
    }
    links
}

/// The id of what an operation makes: the first field of its answer, where it bears the answer's name and does not
/// stand in the path already. `QuizAttempt` has an `attempt_id`.
fn made(rpc: &Rpc, binding: &Binding) -> Option<FieldDescriptor> {
    if binding.verb != Verb::Post || rpc.answer() != Answer::Message {
        return None;
    }
    let message = rpc.method.output();
    let id = message.get_field(1).filter(is_text)?;
    let bears_its_name = message.name().to_snake_case().ends_with(id.name().strip_suffix("_id")?);
    let is_new = binding.variables().all(|variable| variable.name() != id.name());
    (bears_its_name && is_new).then_some(id)
}

/// What an address takes, and where that stands in the request and the answer before; nothing, unless all of it does.
fn parameters(
    rpc: &Rpc,
    from: &Binding,
    id: &FieldDescriptor,
    target: &Rpc,
    to: &Binding,
) -> Option<Map<String, Value>> {
    if to.variables().all(|variable| variable.name() != id.name()) {
        return None;
    }
    let answer = rpc.method.output();
    let mut parameters = Map::new();
    for variable in to.variables() {
        let name = variable.json_name();
        let place = if from.variables().any(|known| known.name() == variable.name()) {
            format!("$request.path.{name}")
        } else {
            answer.get_field_by_name(variable.name()).filter(is_text)?;
            format!("$response.body#/{name}")
        };
        parameters.insert(name.to_owned(), json!(place));
    }
    if target.if_match().is_some() && rpc.etag().is_some() {
        parameters.insert("If-Match".to_owned(), json!("$response.header.ETag"));
    }
    Some(parameters)
}

fn is_text(field: &FieldDescriptor) -> bool {
    field.kind() == Kind::String && !field.is_list()
}
