//! Prints one typed axum handler for each REST address, and the router that holds them.
//!
//! The text leans on what the gateway brings into scope: `App`, `Call`, `Channel`, `Problem`, `Response`, `Router`,
//! `Arc`, `MethodRouter`, `METHODS`, `parameter`, `Took`, `retry` and `retry_keyed`. What those do is written by hand
//! there.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use heck::ToSnakeCase;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, ServiceDescriptor};

use crate::{
    Answer, Api, Binding, Body, Idempotency, Rpc, Verb,
    field::{Behaviour, is, is_mask, is_object, oneof},
    json::keys,
    rust::{enum_type, ident, message_type, oneof_type, package_path, value_names, variant},
};

/// Where the gateway finds the messages.
const ROOT: &str = "proto";

/// Rust for the handlers, the clients they call (`Backends`) and `fn router() -> Router<Arc<App>>`.
pub fn routes(api: &Api) -> String {
    let mut out = String::from("// Generated from the contract; do not edit.\n\n");
    // Writing into a string cannot fail.
    print(api, &mut out).unwrap_or_default();
    out
}

fn print(api: &Api, out: &mut String) -> fmt::Result {
    let mut paths: BTreeMap<String, Vec<(Verb, String)>> = BTreeMap::new();
    for (index, rpc) in api.rpcs.iter().enumerate() {
        for (number, binding) in rpc.bindings.iter().enumerate() {
            let name = match number {
                0 => ident(rpc.method.name()),
                _ => format!("{}_{}", rpc.method.name().to_snake_case(), number + 1),
            };
            print_handler(out, rpc, index, binding, &name)?;
            let path = binding.template(|field| field.name().to_owned());
            paths.entry(path).or_default().push((binding.verb, name));
        }
    }
    print_backends(out, api)?;
    writeln!(
        out,
        "/// Every REST address of the contract.\npub fn router() -> Router<Arc<App>> {{\n    Router::new()"
    )?;
    for (path, handlers) in &paths {
        let handlers: String = handlers.iter().map(|(verb, name)| format!(".{}({name})", verb.lower())).collect();
        writeln!(out, "        .route({path:?}, MethodRouter::new(){handlers})")?;
    }
    writeln!(out, "}}")
}

fn print_backends(out: &mut String, api: &Api) -> fmt::Result {
    let mut services: Vec<ServiceDescriptor> = Vec::new();
    for rpc in api.rpcs.iter().filter(|rpc| !rpc.bindings.is_empty()) {
        let service = rpc.method.parent_service();
        if !services.contains(service) {
            services.push(service.clone());
        }
    }
    let mut owners: Vec<_> = services.iter().map(owner).collect();
    owners.dedup();

    writeln!(out, "/// A client for every service that answers REST calls.\npub struct Backends {{")?;
    for service in &services {
        writeln!(out, "    pub {}: {}<Channel>,", backend(service), client(service))?;
    }
    writeln!(out, "}}\n\nimpl Backends {{")?;
    writeln!(out, "    /// The services behind the routes, each with the variable that says where it is.")?;
    let owners: Vec<_> = owners.iter().map(|owner| (owner, format!("LYCEUM_{}_URL", owner.to_uppercase()))).collect();
    writeln!(out, "    pub const OWNERS: &[(&str, &str)] = &{owners:?};\n")?;
    writeln!(out, "    /// Makes the clients over `channel`, which is asked for each by the name of its owner.")?;
    writeln!(out, "    pub fn new(channel: impl Fn(&str) -> Channel) -> Self {{\n        Self {{")?;
    for service in &services {
        let (field, client, owner) = (backend(service), client(service), owner(service));
        let limit = answer_limit(api, service);
        writeln!(out, "            {field}: {client}::new(channel({owner:?})).max_decoding_message_size({limit}),")?;
    }
    writeln!(out, "        }}\n    }}\n}}\n")
}

/// Bytes that an answer may have: what is written in one request may be read in one, with what the service adds to it.
fn answer_limit(api: &Api, service: &ServiceDescriptor) -> usize {
    let rpcs = api.rpcs.iter().filter(|rpc| rpc.method.parent_service() == service);
    rpcs.map(|rpc| 2 * rpc.body_limit as usize).fold(4 << 20, usize::max)
}

/// `courses` for `lyceum.courses.v1.CourseService`.
fn owner(service: &ServiceDescriptor) -> String {
    service.package_name().split('.').nth(1).unwrap_or_default().to_owned()
}

/// The field of a service's client; service names need not be unique.
fn backend(service: &ServiceDescriptor) -> String {
    format!("{}_{}", owner(service).to_snake_case(), service.name().to_snake_case())
}

fn client(service: &ServiceDescriptor) -> String {
    let package = package_path(ROOT, service.package_name());
    format!("{package}::{}_client::{}Client", service.name().to_snake_case(), variant(service.name()))
}

fn print_handler(out: &mut String, rpc: &Rpc, index: usize, binding: &Binding, name: &str) -> fmt::Result {
    let input = rpc.method.input();
    let request = message_type(ROOT, &input);
    let template = binding.template(|field| field.name().to_owned());
    writeln!(out, "/// {} {template}", binding.verb.upper())?;
    writeln!(out, "async fn {name}(call: Call) -> Result<Response, Problem> {{")?;
    writeln!(out, "    let (mut call, body) = call.admit(&METHODS[{index}]).await?;")?;
    let parameters = parameters(binding, &input);
    let is_changed = !parameters.is_empty() || binding.variables().next().is_some() || rpc.if_match().is_some();
    let mutable = if is_changed { "mut " } else { "" };
    match &binding.body {
        Body::None => {
            writeln!(out, "    call.no_body(body)?;\n    let {mutable}message = {request}::default();")?;
        }
        Body::Whole => writeln!(out, "    let {mutable}message: {request} = call.body(body, None).await?;")?,
        Body::Field(field) => {
            writeln!(out, "    let body = Some(call.body(body, Some({:?})).await?);", field.name())?;
            let rest = if input.fields().len() > 1 { ", ..Default::default()" } else { "" };
            writeln!(out, "    let {mutable}message = {request} {{ {}: body{rest} }};", ident(field.name()))?;
        }
    }
    print_query(out, &parameters)?;
    for (place, field) in binding.variables().enumerate() {
        let target = format!("message.{}", ident(field.name()));
        let names = [field.json_name(), field.name()];
        let value = value(field);
        writeln!(
            out,
            "    call.path({place}, {names:?}, |value| {{\n        {target} = {value};\n        Ok(())\n    }});"
        )?;
    }
    print_mask(out, binding, &input)?;
    if let Some(etag) = rpc.if_match() {
        writeln!(out, "    call.if_match(&mut message.{});", ident(etag.name()))?;
    }
    if let Some((after, _)) = rpc.position() {
        writeln!(out, "    call.resume(&mut message.{});", ident(after.name()))?;
    }
    print_call(out, rpc, binding)
}

/// A read is asked again when its service is restarting, and what carries an idempotency key when its connection broke.
/// Nothing else is, because it may have been done.
fn print_call(out: &mut String, rpc: &Rpc, binding: &Binding) -> fmt::Result {
    let client = format!("call.backends().{}.clone()", backend(rpc.method.parent_service()));
    let function = ident(rpc.method.name());
    writeln!(out, "    let message = call.checked(message)?;")?;
    let keyed = rpc.idempotency != Idempotency::None;
    if (binding.verb == Verb::Get || keyed) && !rpc.method.is_server_streaming() {
        writeln!(out, "    let ask = || {{")?;
        writeln!(out, "        let (mut to, request) = ({client}, call.attempt(&message));")?;
        writeln!(out, "        async move {{ to.{function}(request).await }}\n    }};")?;
        match rpc.idempotency {
            Idempotency::None => writeln!(out, "    let reply = retry(ask).await;")?,
            Idempotency::Optional => {
                writeln!(
                    out,
                    "    let reply = if call.has_key() {{ retry_keyed(ask).await }} else {{ ask().await }};"
                )?;
            }
            Idempotency::Required => writeln!(out, "    let reply = retry_keyed(ask).await;")?,
        }
    } else {
        writeln!(out, "    let reply = {client}.{function}(call.request(message)).await;")?;
    }
    // A public answer that is kept by caches is named by its contents.
    let etag = rpc.etag().filter(|_| rpc.cache.is_none());
    let finish = match (rpc.answer(), rpc.position()) {
        (Answer::Nothing, _) => "empty(reply)".to_owned(),
        (Answer::Message, _) => match etag {
            Some(etag) => format!("named(reply, |message| &message.{})", ident(etag.name())),
            None => "json(reply)".to_owned(),
        },
        (Answer::Events, None) => "stream(reply, |_| \"\")".to_owned(),
        (Answer::Events, Some((_, id))) => format!("stream(reply, |message| &message.{})", ident(id.name())),
        (Answer::File, _) => "file(reply).await".to_owned(),
    };
    writeln!(out, "    call.{finish}\n}}\n")
}

fn print_query(out: &mut String, parameters: &[String]) -> fmt::Result {
    if parameters.is_empty() {
        return writeln!(out, "    call.no_query();");
    }
    writeln!(out, "    call.query(|key, value| {{\n        Ok(match key {{")?;
    for parameter in parameters {
        writeln!(out, "            {parameter}")?;
    }
    writeln!(out, "            _ => Took::Unknown,\n        }})\n    }});")
}

/// A PATCH says in `update_mask` what it changes; where it does not, the fields of its body do.
fn print_mask(out: &mut String, binding: &Binding, input: &MessageDescriptor) -> fmt::Result {
    let mask = input.get_field_by_name("update_mask").filter(is_mask);
    let (Body::Field(body), Some(mask), Verb::Patch) = (&binding.body, mask, binding.verb) else { return Ok(()) };
    let Kind::Message(resource) = body.kind() else { return Ok(()) };
    let names = |fields: &mut dyn Iterator<Item = FieldDescriptor>| -> Vec<_> {
        fields.map(|field| (field.json_name().to_owned(), field.name().to_owned())).collect()
    };
    let server = [Behaviour::OutputOnly, Behaviour::Immutable, Behaviour::Identifier];
    let writable = names(&mut resource.fields().filter(|field| !server.iter().any(|behaviour| is(field, *behaviour))));
    let fixed = names(&mut resource.fields().filter(|field| is(field, Behaviour::Immutable)));
    let place = format!("message.{}", ident(mask.name()));
    writeln!(out, "    {place} = call.mask({place}.take(), &{writable:?}, &{fixed:?});")
}

/// The arms that read a binding's query parameters.
fn parameters(binding: &Binding, input: &MessageDescriptor) -> Vec<String> {
    let mut arms = Vec::new();
    for field in binding.query(input) {
        parameter(&field, "message", "", "", &mut arms);
    }
    arms
}

/// The arm of one field, or of all the fields inside it; `load` has refused those that have no arm.
fn parameter(field: &FieldDescriptor, place: &str, json: &str, proto: &str, arms: &mut Vec<String>) {
    let target = format!("{place}.{}", ident(field.name()));
    if let Kind::Message(inner) = field.kind()
        && is_object(field)
    {
        let place = format!("{target}.get_or_insert_default()");
        let (json, proto) = (format!("{json}{}.", field.json_name()), format!("{proto}{}.", field.name()));
        inner.fields().for_each(|field| parameter(&field, &place, &json, &proto, arms));
        return;
    }
    let pattern = if json.is_empty() {
        keys(field)
    } else {
        format!("{:?} | {:?}", format!("{json}{}", field.json_name()), format!("{proto}{}", field.name()))
    };
    let value = value(field);
    let take = match oneof(field) {
        Some(oneof) => {
            let target = format!("{place}.{}", ident(oneof.name()));
            let case = format!("{}::{}", oneof_type(ROOT, &oneof), variant(field.name()));
            format!("parameter::only({target}.is_none())?; {target} = Some({case}({value})); Took::Once")
        }
        None if field.is_list() => format!("{target}.push({value}); Took::Again"),
        None => format!("{target} = {value}; Took::Once"),
    };
    arms.push(format!("{pattern} => {{ {take} }}"));
}

/// The expression that turns `value: &str` into what the field holds.
fn value(field: &FieldDescriptor) -> String {
    let parsed = match field.kind() {
        Kind::Enum(found) => {
            format!(
                "parameter::enumeration(value, {}::from_str_name, &{})?",
                enum_type(ROOT, &found),
                value_names(&found)
            )
        }
        _ => "parameter::param(value)?".to_owned(),
    };
    let optional = !field.is_list() && oneof(field).is_none() && field.supports_presence();
    if optional { format!("Some({parsed})") } else { parsed }
}
