//! The rules of a field in JSON schema's words: the same numbers by which the services judge.

use prost_reflect::{FieldDescriptor, Kind};
use serde_json::{Value, json};

use crate::{
    field::value,
    rules::{Rules, rules},
};

/// Values whose texts have a form that JSON schema has a name for.
const FORMATS: [(&str, &str); 2] = [("Day", "date"), ("EmailAddress", "email")];

/// How long the text of a UUID is.
const UUID_LEN: u64 = 36;

/// Adds the bounds of a field to the schema of its one value.
pub(super) fn one(field: &FieldDescriptor, schema: &mut Value) {
    let rules = rules(field);
    inner(field, &rules, schema);
    let format = value(field).and_then(|value| FORMATS.iter().find(|(name, _)| *name == value));
    if let Some((_, format)) = format.filter(|_| !rules.ignore_zero) {
        schema["format"] = json!(format);
        // The form says it better.
        schema.as_object_mut().map(|schema| schema.remove("pattern"));
    }
}

/// Adds the bounds of a list, and those of its items to their schema.
pub(super) fn list(field: &FieldDescriptor, schema: &mut Value) {
    let rules = rules(field);
    if let Some(items) = rules.items.as_deref() {
        inner(field, items, &mut schema["items"]);
    }
    for (name, bound) in [("minItems", rules.min_items.filter(|_| !rules.ignore_zero)), ("maxItems", rules.max_items)] {
        if let Some(bound) = bound {
            schema[name] = json!(bound);
        }
    }
    if rules.unique {
        schema["uniqueItems"] = json!(true);
    }
}

/// Adds the bounds of a map.
pub(super) fn map(field: &FieldDescriptor, schema: &mut Value) {
    if let Some(most) = rules(field).max_items {
        schema["maxProperties"] = json!(most);
    }
}

fn inner(field: &FieldDescriptor, rules: &Rules, schema: &mut Value) {
    match field.kind() {
        Kind::String => text(rules, schema),
        Kind::Bytes => {
            if let Some(most) = rules.max_bytes {
                // Four letters of base64 for three bytes.
                schema["maxLength"] = json!(most.div_ceil(3) * 4);
            }
        }
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => {
            for (name, bound) in [("minimum", rules.gte), ("maximum", rules.lte)] {
                if let Some(bound) = bound.and_then(|bound| i64::try_from(bound).ok()) {
                    schema[name] = json!(bound);
                }
            }
        }
        _ => {}
    }
}

/// Where an empty text stands for none, only its length is bounded.
fn text(rules: &Rules, schema: &mut Value) {
    let longest = rules.max_len.or(rules.max_bytes).or(rules.uuid.then_some(UUID_LEN));
    if rules.ignore_zero {
        schema["maxLength"] = json!(longest);
        return;
    }
    if rules.uuid {
        schema["format"] = json!("uuid");
        return;
    }
    if let Some(least) = rules.min_len.or(rules.min_bytes).filter(|least| *least > 0) {
        schema["minLength"] = json!(least);
    }
    if let Some(longest) = longest {
        schema["maxLength"] = json!(longest);
    }
    if let Some(pattern) = &rules.pattern {
        schema["pattern"] = json!(pattern);
    }
    for (said, format) in [(rules.email, "email"), (rules.uri, "uri")] {
        if said {
            schema["format"] = json!(format);
        }
    }
}
