//! Refusals that need more than one rpc: clashes, and types that the JSON codec does not know.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use heck::ToSnakeCase;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, Syntax};

use crate::{
    Answer, Api, Body, Segment,
    api::is_ours,
    field::{Behaviour, header, is, is_object, is_redacted, is_textual, oneof, oneofs, value},
    json::name_of_case,
    rules::{self, Rules},
};

/// How deep a query parameter such as `filter.price.minor` may reach.
const DEEPEST_QUERY: usize = 3;

/// Everything that is wrong with the contract as a whole.
pub(crate) fn whole(api: &Api) -> Vec<String> {
    let mut refusals = Vec::new();
    for file in api.pool.files().filter(|file| is_ours(file.package_name())) {
        if file.syntax() != Syntax::Proto3 {
            refusals.push(format!("{}: write syntax = \"proto3\"", file.name()));
        }
    }
    for message in api.messages() {
        for field in message.fields() {
            if let Err(reason) = storable(&field) {
                refusals.push(format!("{}: {reason}", field.full_name()));
            }
            let wrong = rules::wrong(&field);
            refusals.extend(wrong.iter().map(|reason| format!("{}: {reason}", field.full_name())));
        }
    }
    refusals.extend(enum_zeros(api));
    refusals.extend(cases(api));
    refusals.extend(headers(api));
    refusals.extend(unbounded(api));
    refusals.extend(unjudged(api));
    refusals.extend(dropped(api));
    refusals.extend(secrets(api));
    refusals.extend(same_address(api));
    refusals.extend(same_name(api));
    refusals
}

/// Whether the JSON codec and the generated Rust know the field's type.
fn storable(field: &FieldDescriptor) -> Result<(), String> {
    let kind = field.kind();
    if let Kind::Message(entry) = &kind
        && field.is_map()
    {
        if entry.map_entry_key_field().kind() != Kind::String {
            return Err("the key of a map must be a string".into());
        }
        let value = entry.map_entry_value_field();
        if matches!(value.kind(), Kind::Enum(_)) {
            return Err("a map cannot hold enums: use a message".into());
        }
        return known(&value.kind());
    }
    // Field masks go through snake_case and back; a name such as `line_1` would come back as `line1`.
    if field.json_name().to_snake_case() != field.name() {
        return Err(format!("its JSON name {} does not lead back to it", field.json_name()));
    }
    known(&kind)
}

fn known(kind: &Kind) -> Result<(), String> {
    match kind {
        Kind::Double | Kind::Float => Err("floating point is inexact: use whole units".into()),
        Kind::Message(message) if message.full_name().starts_with("google.") && !is_textual(message.full_name()) => {
            Err(format!("{} is not supported", message.full_name()))
        }
        _ => Ok(()),
    }
}

/// Whether a field outside path and body can be written as query parameters.
pub(crate) fn query_parameter(field: &FieldDescriptor, depth: usize) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("{} cannot be a query parameter, because {why}", field.name()));
    if field.is_map() {
        return refuse("it is a map");
    }
    if field.kind() == Kind::Bytes {
        return refuse("it is binary");
    }
    if !is_object(field) {
        return Ok(());
    }
    if field.is_list() {
        return refuse("it is a list of messages");
    }
    if oneof(field).is_some() {
        return refuse("it is a message inside a oneof");
    }
    if depth == DEEPEST_QUERY {
        return refuse("it lies too deep");
    }
    let Kind::Message(message) = field.kind() else { return Ok(()) };
    message.fields().try_for_each(|inner| query_parameter(&inner, depth + 1))
}

/// Texts, binaries and lists that a caller could make as long as a body may be.
fn unbounded(api: &Api) -> Vec<String> {
    let endless = inputs(api).into_iter().filter(|field| !rules::rules(field).is_bounded(field));
    endless.map(|field| format!("{}: say how long it may be: option (buf.validate.field)", field.full_name())).collect()
}

/// Texts with a rule that the printed doors leave to the parser of a value, but that name no value.
fn unjudged(api: &Api) -> Vec<String> {
    let plain = inputs(api).into_iter().filter(|field| {
        let own = rules::rules(field);
        let item = own.items.as_deref().unwrap_or(&own);
        let by_bytes = item.min_bytes.is_some() || item.max_bytes.is_some();
        let judged_elsewhere = by_bytes || item.pattern.is_some() || item.email || item.uri;
        let is_plain = value(field).is_none_or(|value| value == "String");
        // What money looks like is known to every door.
        field.kind() == Kind::String && judged_elsewhere && is_plain && !is_money(field)
    });
    let advice = "name the value that judges its pattern, its form or its bytes: option (lyceum.api.v1.value)";
    plain.map(|field| format!("{}: {advice}", field.full_name())).collect()
}

/// Rules that the printed doors would not look at.
fn dropped(api: &Api) -> Vec<String> {
    let mut refusals = Vec::new();
    for field in inputs(api) {
        let own = rules::rules(&field);
        // An enum's zero is refused where it is required, and a message has presence.
        let sees_zero = field.supports_presence() || (!field.is_list() && matches!(field.kind(), Kind::Enum(_)));
        if own.required && !own.refuses_zero() && !sees_zero {
            refusals.push(format!("{}: say what it must hold at least, not that it is required", field.full_name()));
        }
        if let Kind::Message(entry) = field.kind()
            && field.is_map()
        {
            let counted = |rules: &Rules| Rules { min_len: rules.min_len, max_len: rules.max_len, ..Rules::default() };
            let weighed =
                |rules: &Rules| Rules { min_bytes: rules.min_bytes, max_bytes: rules.max_bytes, ..Rules::default() };
            let judged = own.keys.as_deref().is_none_or(|keys| *keys == counted(keys))
                && own.items.as_deref().is_none_or(|values| *values == weighed(values));
            if !judged || entry.map_entry_value_field().kind() != Kind::String {
                let advice = "bound its keys by characters and its values, which are texts, by bytes";
                refusals.push(format!("{}: {advice}", field.full_name()));
            }
        }
    }
    refusals
}

/// Secrets that would stay in what an idempotency key remembers of a request.
fn secrets(api: &Api) -> Vec<String> {
    let requests: BTreeSet<_> = api.rpcs.iter().map(|rpc| rpc.method.input().full_name().to_owned()).collect();
    let wrong = inputs(api).into_iter().filter(|field| {
        let is_cleared = field.kind() == Kind::String
            && oneof(field).is_none()
            && requests.contains(field.parent_message().full_name());
        is_redacted(field) && !is_cleared
    });
    wrong.map(|field| format!("{}: only a text of a request itself can be redacted", field.full_name())).collect()
}

fn is_money(field: &FieldDescriptor) -> bool {
    field.parent_message().full_name() == "lyceum.values.v1.Money"
}

/// Every field that a caller may set.
fn inputs(api: &Api) -> Vec<FieldDescriptor> {
    let mut asked = BTreeSet::new();
    api.rpcs.iter().for_each(|rpc| reach_input(&rpc.method.input(), &mut asked));
    let messages = asked.iter().filter_map(|name| api.pool.get_message_by_name(name));
    messages.flat_map(|message| message.fields().filter(is_input).collect::<Vec<_>>()).collect()
}

/// Whether a caller may set the field.
pub(crate) fn is_input(field: &FieldDescriptor) -> bool {
    !is(field, Behaviour::OutputOnly)
}

/// Collects a message and everything inside it that a caller may set, by full name.
pub(crate) fn reach_input(message: &MessageDescriptor, into: &mut BTreeSet<String>) {
    if !is_ours(message.package_name()) || (!message.is_map_entry() && !into.insert(message.full_name().to_owned())) {
        return;
    }
    for field in message.fields().filter(is_input) {
        if let Kind::Message(inner) = field.kind() {
            reach_input(&inner, into);
        }
    }
}

/// JSON says in one more property which case of a oneof is set.
fn cases(api: &Api) -> Vec<String> {
    let mut refusals = Vec::new();
    for message in api.messages() {
        if oneofs(&message).count() > 1 {
            refusals
                .push(format!("{}: has more than one oneof: put one into a message of its own", message.full_name()));
        }
        for name in oneofs(&message).map(|oneof| name_of_case(&oneof)) {
            if message.fields().any(|field| field.json_name() == name || field.name() == name) {
                refusals.push(format!("{}: a field and a oneof are both called {name}", message.full_name()));
            }
        }
    }
    refusals
}

/// A header carries one text of a request or of an answer itself.
fn headers(api: &Api) -> Vec<String> {
    let fields = api.messages().flat_map(|message| message.fields().collect::<Vec<_>>());
    let wrong = fields.filter(|field| header(field).is_some() && (field.kind() != Kind::String || field.is_list()));
    wrong.map(|field| format!("{}: a header carries one text", field.full_name())).collect()
}

/// The first value of an enum is what a field holds that nobody set.
fn enum_zeros(api: &Api) -> Vec<String> {
    let wrong = api.enums().filter(|found| !found.default_value().name().ends_with("_UNSPECIFIED"));
    wrong.map(|found| format!("{}: its first value must end in _UNSPECIFIED", found.full_name())).collect()
}

/// Two rpcs at one address, or one place in a path under two names.
fn same_address(api: &Api) -> Vec<String> {
    let mut refusals = Vec::new();
    let mut addresses = HashMap::new();
    let mut variables: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (rpc, binding) in api.rpcs.iter().flat_map(|rpc| rpc.bindings.iter().map(move |binding| (rpc, binding))) {
        let rpc = rpc.method.full_name();
        let shape = binding.template(|_| String::new());
        if let Some(other) = addresses.insert((binding.verb, shape), rpc) {
            let template = binding.template(|field| field.name().to_owned());
            refusals.push(format!("{rpc} and {other} answer the same {} {template}", binding.verb.upper()));
        }
        let mut place = String::new();
        for segment in &binding.segments {
            match segment {
                Segment::Literal(text) => place.push_str(&format!("/{text}")),
                Segment::Variable(field) => {
                    let (name, owner) =
                        variables.entry(place.clone()).or_insert_with(|| (field.name().to_owned(), rpc.to_owned()));
                    if name != field.name() {
                        let ours = field.name();
                        refusals.push(format!("{rpc} calls {place}/{{{ours}}} what {owner} calls {{{name}}}"));
                    }
                    place.push_str("/{}");
                }
            }
        }
    }
    refusals
}

/// Schemas and operations carry short names in OpenAPI, so a short name may mean only one thing.
fn same_name(api: &Api) -> Vec<String> {
    let mut reached = BTreeSet::new();
    let mut operations: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rpc in api.rpcs.iter().filter(|rpc| !rpc.bindings.is_empty()) {
        operations.entry(rpc.method.name()).or_default().push(rpc.method.full_name());
        if rpc.answer() != Answer::File {
            reach(&rpc.method.output(), &mut reached);
        }
        for binding in &rpc.bindings {
            match &binding.body {
                Body::None => {}
                Body::Whole => reach(&rpc.method.input(), &mut reached),
                Body::Field(field) => reach_field(field, &mut reached),
            }
            binding.query(&rpc.method.input()).iter().for_each(|field| reach_field(field, &mut reached));
        }
    }
    let mut schemas: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in &reached {
        schemas.entry(short_name(name)).or_default().push(name);
    }
    let clashes =
        |names: &[&str], what: &str| format!("{} have the same short name: rename one {what}", names.join(" and "));
    let operations = operations.values().filter(|names| names.len() > 1).map(|names| clashes(names, "rpc"));
    let schemas = schemas.values().filter(|names| names.len() > 1).map(|names| clashes(names, "message"));
    operations.chain(schemas).collect()
}

/// Collects a message and everything inside it, by full name; well-known types are left out.
pub(crate) fn reach(message: &MessageDescriptor, into: &mut BTreeSet<String>) {
    if !is_ours(message.package_name()) || (!message.is_map_entry() && !into.insert(message.full_name().to_owned())) {
        return;
    }
    reach_inside(message, into);
}

/// Collects everything inside a message, by full name.
pub(crate) fn reach_inside(message: &MessageDescriptor, into: &mut BTreeSet<String>) {
    message.fields().for_each(|field| reach_field(&field, into));
}

fn reach_field(field: &FieldDescriptor, into: &mut BTreeSet<String>) {
    match field.kind() {
        Kind::Message(message) => reach(&message, into),
        Kind::Enum(found) => drop(into.insert(found.full_name().to_owned())),
        _ => {}
    }
}

/// `lyceum.courses.v1.Course.State` is `Course.State`.
pub(crate) fn short_name(full_name: &str) -> String {
    let parts = full_name.split('.').skip_while(|part| part.starts_with(char::is_lowercase));
    parts.collect::<Vec<_>>().join(".")
}
