//! Messages and enums as JSON schemas.
//!
//! In an answer every field without presence is written, so it is `required`; in a request only those are whose absence
//! is refused. A
//! message that travels both ways and differs gets two schemas, `Course` and `CourseInput`.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::{
    Answer, Api, Body, Refused,
    check::{reach, short_name},
    field::{Behaviour, is, oneof},
    rules::rules,
};

/// Which schemas the document needs.
pub(super) struct Schemas {
    /// Full names of messages and enums inside bodies.
    asked: BTreeSet<String>,
    /// Full names of messages and enums inside answers.
    answered: BTreeSet<String>,
    /// Full names of messages that look different in a request.
    split: BTreeSet<String>,
    /// Full names of fields that stand in the path, so not in the body around them.
    in_path: BTreeSet<String>,
}

impl Schemas {
    /// Collects what requests and answers hold.
    pub(super) fn of(api: &Api) -> Self {
        let (mut asked, mut answered) = (BTreeSet::new(), BTreeSet::new());
        for rpc in &api.rpcs {
            for binding in &rpc.bindings {
                if rpc.answer() != Answer::File {
                    reach(&rpc.method.output(), &mut answered);
                }
                match &binding.body {
                    Body::None => {}
                    Body::Whole => reach(&rpc.method.input(), &mut asked),
                    Body::Field(field) => {
                        field.kind().as_message().into_iter().for_each(|message| reach(message, &mut asked));
                    }
                }
                for field in binding.query(&rpc.method.input()) {
                    if let Kind::Enum(found) = field.kind() {
                        asked.insert(found.full_name().to_owned());
                    }
                }
            }
        }
        let bindings = api.rpcs.iter().flat_map(|rpc| &rpc.bindings);
        let in_path = bindings.flat_map(|binding| binding.variables().map(|field| field.full_name().to_owned()));
        let mut schemas = Self { asked, answered, split: BTreeSet::new(), in_path: in_path.collect() };
        schemas.split(api);
        schemas
    }

    /// Finds the messages that travel both ways and differ, by themselves or because something inside them does.
    fn split(&mut self, api: &Api) {
        let both: Vec<_> = self.asked.intersection(&self.answered).cloned().collect();
        let both: Vec<_> = both.iter().filter_map(|name| api.pool.get_message_by_name(name)).collect();
        loop {
            let before = self.split.len();
            for message in &both {
                let inside = |field: FieldDescriptor| self.split.contains(&inner_name(&field));
                if required(message, true) != required(message, false)
                    || message.fields().any(|field| is(&field, Behaviour::OutputOnly))
                    || message.fields().any(inside)
                {
                    self.split.insert(message.full_name().to_owned());
                }
            }
            if self.split.len() == before {
                return;
            }
        }
    }

    /// A reference to a message or enum as it stands in a request.
    pub(super) fn input(&self, full_name: &str) -> Value {
        let suffix = if self.split.contains(full_name) { "Input" } else { "" };
        reference(&format!("{}{suffix}", short_name(full_name)))
    }

    /// A reference to a message or enum as it stands in an answer.
    pub(super) fn output(&self, full_name: &str) -> Value {
        reference(&short_name(full_name))
    }

    /// Every schema by its name.
    pub(super) fn print(&self, api: &Api) -> Result<BTreeMap<String, Value>, Refused> {
        let mut printed = BTreeMap::new();
        for name in self.asked.union(&self.answered) {
            let mut add = |suffix: &str, schema: Value| {
                let short = format!("{}{suffix}", short_name(name));
                let taken = printed.insert(short.clone(), schema).is_some();
                if taken {
                    Err(Refused::because(format!("two schemas are called {short}: rename a message")))
                } else {
                    Ok(())
                }
            };
            if let Some(found) = api.pool.get_enum_by_name(name) {
                add("", enumeration(api, &found))?;
            }
            let Some(message) = api.pool.get_message_by_name(name) else { continue };
            if self.split.contains(name) {
                add("", self.message(api, &message, false))?;
                add("Input", self.message(api, &message, true))?;
            } else {
                add("", self.message(api, &message, self.asked.contains(name)))?;
            }
        }
        Ok(printed)
    }

    fn message(&self, api: &Api, message: &MessageDescriptor, asked: bool) -> Value {
        let mut properties = Map::new();
        let elsewhere = |field: &FieldDescriptor| {
            asked && (is(field, Behaviour::OutputOnly) || self.in_path.contains(field.full_name()))
        };
        for field in message.fields().filter(|field| !elsewhere(field)) {
            properties.insert(field.json_name().to_owned(), self.field(api, &field, asked));
        }
        let mut schema = json!({"type": "object"});
        let about = api.comment(&message.parent_file(), message.path());
        if !about.is_empty() {
            schema["description"] = json!(about);
        }
        let mut required = required(message, asked);
        required.retain(|name| properties.contains_key(name));
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema["properties"] = Value::Object(properties);
        let name = message.full_name();
        // What also travels the other way may grow there.
        if asked && (!self.answered.contains(name) || self.split.contains(name)) {
            schema["additionalProperties"] = json!(false);
        }
        schema
    }

    fn field(&self, api: &Api, field: &FieldDescriptor, asked: bool) -> Value {
        let mut schema = match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                json!({"type": "object", "additionalProperties": scalar(&entry.map_entry_value_field(), self, asked)})
            }
            _ if field.is_list() => json!({"type": "array", "items": scalar(field, self, asked)}),
            _ => scalar(field, self, asked),
        };
        let mut about = api.comment(&field.parent_file(), field.path()).to_owned();
        if let Some(oneof) = oneof(field) {
            let names: Vec<_> = oneof.fields().map(|field| format!("`{}`", field.json_name())).collect();
            about = format!("{about}\n\nAt most one of {} is set.", names.join(", ")).trim_start().to_owned();
        }
        if !about.is_empty() {
            schema["description"] = json!(about);
        }
        if is(field, Behaviour::OutputOnly) {
            schema["readOnly"] = json!(true);
        }
        schema
    }
}

/// `#/components/schemas/Course`.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The full name of the message or enum that a field or the values of a map hold; empty for anything else.
fn inner_name(field: &FieldDescriptor) -> String {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => inner_name(&entry.map_entry_value_field()),
        Kind::Message(message) => message.full_name().to_owned(),
        _ => String::new(),
    }
}

/// The JSON names of the fields that are always there.
fn required(message: &MessageDescriptor, asked: bool) -> Vec<String> {
    let always = |field: &FieldDescriptor| {
        if asked {
            rules(field).required && !is(field, Behaviour::OutputOnly)
        } else {
            rules(field).required || !field.supports_presence()
        }
    };
    message.fields().filter(always).map(|field| field.json_name().to_owned()).collect()
}

/// The schema of one value of a field.
pub(super) fn scalar(field: &FieldDescriptor, schemas: &Schemas, asked: bool) -> Value {
    match field.kind() {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::String => json!({"type": "string"}),
        Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
        // `load` refuses floating point.
        Kind::Double | Kind::Float => json!({"type": "number"}),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            json!({"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX})
        }
        Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"})
        }
        Kind::Uint64 | Kind::Fixed64 => json!({"type": "string", "format": "uint64", "pattern": "^[0-9]{1,20}$"}),
        Kind::Enum(found) if asked => schemas.input(found.full_name()),
        Kind::Enum(found) => schemas.output(found.full_name()),
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
            "google.protobuf.Duration" => {
                json!({"type": "string", "pattern": "^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$", "examples": ["3.5s"]})
            }
            "google.protobuf.FieldMask" => json!({"type": "string", "examples": ["title,price.minor"]}),
            name if asked => schemas.input(name),
            name => schemas.output(name),
        },
    }
}

fn enumeration(api: &Api, found: &EnumDescriptor) -> Value {
    let mut about = api.comment(&found.parent_file(), found.path()).to_owned();
    for value in found.values() {
        let comment = api.comment(&found.parent_file(), value.path());
        if !comment.is_empty() {
            about.push_str(&format!("\n- `{}`: {comment}", value.name()));
        }
    }
    let names: Vec<_> = found.values().map(|value| value.name().to_owned()).collect();
    json!({"type": "string", "description": about, "enum": names})
}
