//! Messages and enums as JSON schemas.
//!
//! In an answer every field without presence is written, so it is `required`; in a request only those are whose absence is
//! refused, and in a change of some fields none. A message that looks different there gets schemas of its own: `Course`,
//! `CourseInput`, `CoursePatch`. What a oneof makes of a message stands in `union`.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::{bounds, union};
use crate::{
    Answer, Api, Binding, Body, Refused, Rpc, Verb,
    check::{reach, reach_inside, short_name},
    field::{Behaviour, header, is, is_mask, oneof, oneofs},
    json::is_explicit,
    rules::rules,
};

/// Which way a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// In an answer.
    Answer,
    /// In a request.
    Input,
    /// In a request that changes some of its fields.
    Patch,
}

/// Which schemas the document needs.
pub(super) struct Schemas {
    /// Full names of messages and enums inside bodies.
    asked: BTreeSet<String>,
    /// Full names of messages and enums inside answers.
    answered: BTreeSet<String>,
    /// Full names of messages of which a body changes some fields.
    patched: BTreeSet<String>,
    /// Full names of messages that look different in a request.
    split: BTreeSet<String>,
    /// Full names of fields that stand in the path, so not in the body around them.
    in_path: BTreeSet<String>,
}

impl Schemas {
    /// Collects what requests and answers hold.
    pub(super) fn of(api: &Api) -> Self {
        let (mut asked, mut answered, mut patched) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for rpc in &api.rpcs {
            for binding in &rpc.bindings {
                if rpc.answer() != Answer::File {
                    reach(&rpc.method.output(), &mut answered);
                }
                match (&binding.body, patched_message(rpc, binding)) {
                    (_, Some(message)) => {
                        reach_inside(&message, &mut asked);
                        patched.insert(message.full_name().to_owned());
                    }
                    (Body::None, _) => {}
                    (Body::Whole, _) => reach(&rpc.method.input(), &mut asked),
                    (Body::Field(field), _) => {
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
        let split = BTreeSet::new();
        let mut schemas = Self { asked, answered, patched, split, in_path: in_path.collect() };
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
                if required(message, Role::Input) != required(message, Role::Answer)
                    || message.fields().any(|field| is(&field, Behaviour::OutputOnly))
                    || oneofs(message).next().is_some()
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

    /// What a message or enum is called where it travels this way.
    pub(super) fn name(&self, full_name: &str, role: Role) -> String {
        let suffix = match role {
            Role::Input if self.split.contains(full_name) => "Input",
            Role::Patch => "Patch",
            Role::Input | Role::Answer => "",
        };
        let short = short_name(full_name);
        // `…Response` is what generators call the whole answer of an operation.
        match short.strip_suffix("Response") {
            Some(short) => format!("{short}Result{suffix}"),
            None => format!("{short}{suffix}"),
        }
    }

    /// A reference to a message or enum where it travels this way.
    pub(super) fn refer(&self, full_name: &str, role: Role) -> Value {
        reference(&self.name(full_name, role))
    }

    /// The schema of a body, if there is one.
    pub(super) fn body(&self, rpc: &Rpc, binding: &Binding) -> Option<Value> {
        if let Some(message) = patched_message(rpc, binding) {
            return Some(self.refer(message.full_name(), Role::Patch));
        }
        match &binding.body {
            Body::None => None,
            Body::Whole => Some(self.refer(rpc.method.input().full_name(), Role::Input)),
            Body::Field(field) => field.kind().as_message().map(|message| self.refer(message.full_name(), Role::Input)),
        }
    }

    /// Whether a body has to be there: something in it must be, or it is what a change consists of.
    pub(super) fn needs_body(&self, rpc: &Rpc, binding: &Binding) -> bool {
        let here = |message: &MessageDescriptor| {
            message.fields().any(|field| !self.is_elsewhere(&field) && (rules(&field).required || is_explicit(&field)))
        };
        match &binding.body {
            _ if patched_message(rpc, binding).is_some() => true,
            Body::None => false,
            Body::Whole => here(&rpc.method.input()),
            Body::Field(field) => rules(field).required || field.kind().as_message().is_some_and(here),
        }
    }

    /// Whether a field of a request does not stand in the body around it.
    fn is_elsewhere(&self, field: &FieldDescriptor) -> bool {
        is(field, Behaviour::OutputOnly) || self.in_path.contains(field.full_name())
    }

    /// Every schema by its name.
    pub(super) fn print(&self, api: &Api) -> Result<BTreeMap<String, Value>, Refused> {
        let mut printed = BTreeMap::new();
        let mut add = |name: String, schema: Value| match printed.insert(name.clone(), schema) {
            Some(_) => Err(Refused::because(format!("two schemas are called {name}: rename a message"))),
            None => Ok(()),
        };
        for name in self.asked.union(&self.answered) {
            if let Some(found) = api.pool.get_enum_by_name(name) {
                add(self.name(name, Role::Answer), enumeration(api, &found))?;
            }
        }
        let roles = [(&self.answered, Role::Answer), (&self.asked, Role::Input), (&self.patched, Role::Patch)];
        for (names, role) in roles {
            for message in names.iter().filter_map(|name| api.pool.get_message_by_name(name)) {
                let is_shared = role == Role::Input
                    && self.answered.contains(message.full_name())
                    && !self.split.contains(message.full_name());
                if !is_shared {
                    union::schemas(self, api, &message, role)
                        .into_iter()
                        .try_for_each(|(name, schema)| add(name, schema))?;
                }
            }
        }
        Ok(printed)
    }

    /// The fields of a message that stand in its JSON, but for those of a oneof, as an object.
    pub(super) fn object(&self, api: &Api, message: &MessageDescriptor, role: Role) -> Value {
        let mut properties = Map::new();
        let elsewhere = |field: &FieldDescriptor| {
            header(field).is_some()
                || oneof(field).is_some()
                || (role != Role::Answer && self.is_elsewhere(field))
                || (role == Role::Patch && is(field, Behaviour::Immutable))
        };
        for field in message.fields().filter(|field| !elsewhere(field)) {
            properties.insert(field.json_name().to_owned(), self.field(api, &field, role));
        }
        let mut schema = json!({"type": "object"});
        let about = api.comment(&message.parent_file(), message.path());
        if !about.is_empty() {
            schema["description"] = json!(about);
        }
        let mut required = required(message, role);
        required.retain(|name| properties.contains_key(name));
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema["properties"] = Value::Object(properties);
        let name = message.full_name();
        // What also travels the other way may grow there.
        if role != Role::Answer && (!self.answered.contains(name) || self.split.contains(name) || role == Role::Patch) {
            schema["additionalProperties"] = json!(false);
        }
        schema
    }

    /// The schema of a field with its comment.
    pub(super) fn field(&self, api: &Api, field: &FieldDescriptor, role: Role) -> Value {
        // Inside a change, things are whole.
        let inside = if role == Role::Patch { Role::Input } else { role };
        let mut schema = self.value(field, inside);
        let about = api.comment(&field.parent_file(), field.path());
        if !about.is_empty() {
            schema["description"] = json!(about);
        }
        if is(field, Behaviour::OutputOnly) {
            schema["readOnly"] = json!(true);
        }
        schema
    }

    /// The schema of what a field holds, bounds included.
    pub(super) fn value(&self, field: &FieldDescriptor, role: Role) -> Value {
        match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let values = self.scalar(&entry.map_entry_value_field(), role);
                let mut schema = json!({"type": "object", "additionalProperties": values});
                bounds::map(field, &mut schema);
                schema
            }
            _ if field.is_list() => {
                let mut schema = json!({"type": "array", "items": self.scalar(field, role)});
                bounds::list(field, &mut schema);
                schema
            }
            _ => {
                let mut schema = self.scalar(field, role);
                bounds::one(field, &mut schema);
                schema
            }
        }
    }

    /// The schema of one value of a field, by its type alone.
    fn scalar(&self, field: &FieldDescriptor, role: Role) -> Value {
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
            Kind::Enum(found) => self.refer(found.full_name(), Role::Answer),
            Kind::Message(message) => match message.full_name() {
                "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
                "google.protobuf.Duration" => {
                    json!({"type": "string", "pattern": "^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$", "examples": ["3.5s"]})
                }
                "google.protobuf.FieldMask" => json!({"type": "string", "examples": ["title,price.minor"]}),
                name => self.refer(name, role),
            },
        }
    }
}

/// The message of which a body changes those fields that it names.
fn patched_message(rpc: &Rpc, binding: &Binding) -> Option<MessageDescriptor> {
    rpc.method.input().get_field_by_name("update_mask").filter(is_mask)?;
    match &binding.body {
        Body::Field(field) if binding.verb == Verb::Patch => field.kind().as_message().cloned(),
        _ => None,
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
fn required(message: &MessageDescriptor, role: Role) -> Vec<String> {
    let always = |field: &FieldDescriptor| match role {
        Role::Patch => false,
        Role::Input => (rules(field).required || is_explicit(field)) && !is(field, Behaviour::OutputOnly),
        // An enum that nobody has set is not written, nor is what is `optional`, even where a request must have it.
        Role::Answer => {
            let is_written = !field.supports_presence() && (field.is_list() || field.kind().as_enum().is_none());
            let is_optional = field.supports_presence() && field.kind().as_message().is_none();
            is_written || (rules(field).required && !is_optional)
        }
    };
    let fields = message.fields().filter(|field| header(field).is_none());
    fields.filter(always).map(|field| field.json_name().to_owned()).collect()
}

/// The names of an enum's values; the first stands for what nobody has set, and is no value.
fn enumeration(api: &Api, found: &EnumDescriptor) -> Value {
    let mut about = api.comment(&found.parent_file(), found.path()).to_owned();
    let values: Vec<_> = found.values().filter(|value| value.number() != 0).collect();
    for value in &values {
        let comment = api.comment(&found.parent_file(), value.path());
        if !comment.is_empty() {
            about.push_str(&format!("\n- `{}`: {comment}", value.name()));
        }
    }
    let names: Vec<_> = values.iter().map(|value| value.name()).collect();
    json!({"type": "string", "description": about, "enum": names})
}
