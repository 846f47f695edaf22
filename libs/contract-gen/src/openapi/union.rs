//! What a oneof makes of a message: one schema for each case, told apart by the property that names it.

use prost_reflect::{FieldDescriptor, MessageDescriptor, OneofDescriptor};
use serde_json::{Value, json};

use super::schema::{Role, Schemas, reference};
use crate::{
    Api,
    field::{Behaviour, header, is, oneofs},
    json::name_of_case,
    rules::is_required,
    rust::variant,
};

/// The schemas of a message, by name: itself, and its cases if it has some.
pub(super) fn schemas(schemas: &Schemas, api: &Api, message: &MessageDescriptor, role: Role) -> Vec<(String, Value)> {
    let name = schemas.name(message.full_name(), role);
    let object = schemas.object(api, message, role);
    let Some(oneof) = oneofs(message).next() else { return vec![(name, object)] };
    let stands =
        |field: &FieldDescriptor| header(field).is_none() && (role != Role::Patch || !is(field, Behaviour::Immutable));
    let fields: Vec<_> = oneof.fields().filter(stands).collect();
    if fields.is_empty() {
        return vec![(name, object)];
    }
    let mut printed: Vec<_> = fields
        .iter()
        .map(|field| (name_for(&name, &variant(field.name())), case(schemas, api, &object, &oneof, field, role)))
        .collect();
    let always = is_required(&oneof) && role != Role::Patch;
    let property = name_of_case(&oneof);
    let mapping = fields
        .iter()
        .zip(&printed)
        .map(|(field, (name, _))| (field.json_name().to_owned(), reference(name)["$ref"].clone()));
    let mapping: serde_json::Map<_, _> = mapping.collect();
    if !always {
        printed.push((name_for(&name, &format!("Without{}", variant(oneof.name()))), without(&object, &property)));
    }
    let cases: Vec<_> = printed.iter().map(|(name, _)| reference(name)).collect();
    let mut whole = json!({"oneOf": cases});
    if let Some(about) = object.get("description") {
        whole["description"] = about.clone();
    }
    // Only where every case names itself can a reader choose by the name.
    if always && role == Role::Answer {
        whole["discriminator"] = json!({"propertyName": property, "mapping": mapping});
    }
    printed.push((name, whole));
    printed
}

/// `QuestionInput` and `Number` are `QuestionNumberInput`.
fn name_for(name: &str, case: &str) -> String {
    for suffix in ["Input", "Patch"] {
        if let Some(name) = name.strip_suffix(suffix) {
            return format!("{name}{case}{suffix}");
        }
    }
    format!("{name}{case}")
}

/// The object with one case set. An answer always names it; a request may.
fn case(
    schemas: &Schemas,
    api: &Api,
    object: &Value,
    oneof: &OneofDescriptor,
    field: &FieldDescriptor,
    role: Role,
) -> Value {
    let mut schema = object.clone();
    let (property, set) = (name_of_case(oneof), field.json_name().to_owned());
    let about = api.comment(&oneof.parent_message().parent_file(), oneof.path());
    let mut named = json!({"type": "string", "enum": [set]});
    if !about.is_empty() {
        named["description"] = json!(about);
    }
    schema["properties"][&property] = named;
    schema["properties"][&set] = schemas.field(api, field, role);
    let mut required: Vec<Value> = object["required"].as_array().cloned().unwrap_or_default();
    if role == Role::Answer {
        required.push(json!(property));
    }
    required.push(json!(set));
    schema["required"] = json!(required);
    schema
}

/// The object with no case set. The property is declared, so that a reader may always look at it.
fn without(object: &Value, property: &str) -> Value {
    let mut schema = object.clone();
    schema["properties"][property] = json!({"type": "null"});
    schema
}
