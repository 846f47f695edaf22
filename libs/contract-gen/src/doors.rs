//! Prints the typed operations of a package: requests as structs of values, one trait a service, and the tonic service that
//! stands before whoever implements the trait. How one field is typed and read stands in `doors/field`, whole messages in
//! `doors/message`.

mod field;
mod message;
mod readers;

use std::fmt::{self, Write};

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor};

use crate::{
    Answer, Api, Rpc,
    option::option,
    rust::{ident, message_type, variant},
};
pub(crate) use field::service_name;
use message::Messages;
pub use readers::readers;

/// Where the generated messages hang.
const ROOT: &str = "::proto";

/// What the printed code may use, by the words that show it.
const USED: [(&str, &str); 16] = [
    ("Adapter<", "crate::Adapter"),
    ("Call", "crate::Call"),
    ("Page<", "crate::Page"),
    ("PageRequest", "crate::PageRequest"),
    ("Secret", "crate::Secret"),
    ("Streamed<", "crate::Streamed"),
    ("read::", "crate::read"),
    ("served(", "crate::served::served"),
    ("streamed(", "crate::served::streamed"),
    ("METHODS[", "::proto::METHODS"),
    ("Fields", "::rpc::Fields"),
    ("fmt::", "::std::fmt"),
    ("Arc<", "::std::sync::Arc"),
    ("Request<", "::tonic::Request"),
    ("Response<", "::tonic::Response"),
    ("Status", "::tonic::Status"),
];

/// The largest request in bytes where the contract does not say.
const DEFAULT_BODY_LIMIT: u32 = 65_536;

/// How many items a page has, and at the most, where the contract does not say.
const DEFAULT_PAGE: (u32, u32) = (50, 200);

/// Packages that have services, such as `lyceum.courses.v1`, with the name of their module: `courses`.
pub fn served_packages(api: &Api) -> Vec<(String, String)> {
    let mut packages: Vec<_> =
        api.rpcs.iter().map(|rpc| rpc.method.parent_service().package_name().to_owned()).collect();
    packages.sort();
    packages.dedup();
    packages.into_iter().map(|package| (package.clone(), module(&package))).collect()
}

fn module(package: &str) -> String {
    package.split('.').nth(1).unwrap_or(package).to_snake_case()
}

/// Rust for the typed operations of `package`.
///
/// The text leans on the library `contract`, of which it is a part.
pub fn doors(api: &Api, package: &str) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    print(api, package, &mut out).unwrap_or_default();
    let messages = crate::rust::package_path(ROOT, package);
    let out = out.replace(&format!("{messages}::"), "pb::");
    let used = USED.iter().filter(|(name, _)| out.contains(name));
    let uses: String = used.map(|(_, path)| format!("use {path};\n")).collect();
    format!("use {messages} as pb;\n{uses}{out}")
}

fn print(api: &Api, package: &str, out: &mut String) -> fmt::Result {
    let rpcs: Vec<&Rpc> = api.rpcs.iter().filter(|rpc| rpc.method.parent_service().package_name() == package).collect();
    let messages = Messages::of(&rpcs);
    print_types(out, package, &messages)?;
    messages.print(api, out)?;
    let mut services: Vec<ServiceDescriptor> = Vec::new();
    for rpc in &rpcs {
        let service = rpc.method.parent_service();
        if !services.contains(service) {
            services.push(service.clone());
        }
    }
    for service in &services {
        let own: Vec<&Rpc> = rpcs.iter().filter(|rpc| rpc.method.parent_service() == service).copied().collect();
        print_trait(api, out, service, &own, &messages)?;
        print_adapter(api, out, service, &own, &messages)?;
    }
    Ok(())
}

/// The types that the service brings along, because their rules are its own.
fn print_types(out: &mut String, package: &str, messages: &Messages) -> fmt::Result {
    writeln!(out, "\n/// The types of the service itself that stand in the requests of `{package}`, and its error.")?;
    writeln!(out, "pub trait Types: fmt::Debug + Clone + Send + Sync + Sized + 'static {{")?;
    writeln!(out, "    /// Why an operation was refused.\n    type Error: Into<Status> + Send + 'static;")?;
    for (name, about) in messages.types() {
        writeln!(out, "    /// {}\n    type {name}: {};", about.0, about.1)?;
    }
    writeln!(out, "}}")
}

fn print_trait(
    api: &Api,
    out: &mut String,
    service: &ServiceDescriptor,
    rpcs: &[&Rpc],
    messages: &Messages,
) -> fmt::Result {
    doc(out, "", api.comment(&service.parent_file(), service.path()))?;
    writeln!(out, "pub trait {}: Types {{", variant(service.name()))?;
    for rpc in rpcs {
        let comment = api.comment(&rpc.method.parent_file(), rpc.method.path());
        doc(out, "    ", comment)?;
        if let Some(binding) = rpc.bindings.first() {
            let path = binding.template(|field| field.name().to_owned());
            writeln!(out, "    ///\n    /// REST: `{} {path}`", binding.verb.upper())?;
        }
        let ask = match messages.request(rpc) {
            Some(ask) => format!(", ask: {ask}"),
            None => String::new(),
        };
        writeln!(out, "    fn {}(&self, call: Call{ask})", ident(rpc.method.name()))?;
        writeln!(out, "    -> impl Future<Output = Result<{}, Self::Error>> + Send;", answer_type(rpc))?;
    }
    writeln!(out, "}}\n")
}

/// What the implementation hands out.
enum Shape {
    Nothing,
    Message(String),
    /// The items of a page, under this field of the answer; whether the token of the next page may be absent.
    Page {
        item: String,
        field: String,
        optional: bool,
    },
    /// All items of a list, under this field of the answer.
    List {
        item: String,
        field: String,
    },
    Stream(String),
}

fn shape(rpc: &Rpc) -> Shape {
    let output = rpc.method.output();
    let name = message_type(ROOT, &output);
    match rpc.answer() {
        Answer::Events | Answer::File => return Shape::Stream(name),
        Answer::Nothing => return Shape::Nothing,
        Answer::Message => {}
    }
    let Some((field, item)) = only_list(&output) else { return Shape::Message(name) };
    let (item, field) = (message_type(ROOT, &item), ident(&field));
    match output.get_field_by_name("next_page_token") {
        Some(token) => Shape::Page { item, field, optional: token.supports_presence() },
        None => Shape::List { item, field },
    }
}

/// The one list of messages that an answer consists of, beside the token of the next page.
fn only_list(output: &MessageDescriptor) -> Option<(String, MessageDescriptor)> {
    let mut fields = output.fields().filter(|field| field.name() != "next_page_token");
    match (fields.next(), fields.next()) {
        (Some(field), None) if field.is_list() => match field.kind() {
            Kind::Message(item) => Some((field.name().to_owned(), item)),
            _ => None,
        },
        _ => None,
    }
}

fn answer_type(rpc: &Rpc) -> String {
    match shape(rpc) {
        Shape::Nothing => "()".to_owned(),
        Shape::Message(name) => name,
        Shape::Page { item, .. } => format!("Page<{item}>"),
        Shape::List { item, .. } => format!("Vec<{item}>"),
        Shape::Stream(item) => format!("Streamed<{item}, Self::Error>"),
    }
}

fn print_adapter(
    api: &Api,
    out: &mut String,
    service: &ServiceDescriptor,
    rpcs: &[&Rpc],
    messages: &Messages,
) -> fmt::Result {
    let name = variant(service.name());
    let package = crate::rust::package_path(ROOT, service.package_name());
    let server = format!("{package}::{}_server", service.name().to_snake_case());
    let limit = rpcs.iter().map(|rpc| body_limit(&rpc.method)).max().unwrap_or_default();
    writeln!(out, "/// `{name}` over gRPC, answered by `door`.")?;
    writeln!(
        out,
        "pub fn {}<D: {name}>(door: Arc<D>) -> {server}::{name}Server<Adapter<D>> {{",
        service.name().to_snake_case()
    )?;
    writeln!(out, "    {server}::{name}Server::new(Adapter(door)).max_decoding_message_size({limit})\n}}\n")?;
    writeln!(out, "#[tonic::async_trait]\nimpl<D: {name}> {server}::{name} for Adapter<D> {{")?;
    for rpc in rpcs {
        let index = api.rpcs.iter().position(|other| other.path() == rpc.path()).unwrap_or_default();
        print_method(out, rpc, index, messages)?;
    }
    writeln!(out, "}}\n")
}

fn print_method(out: &mut String, rpc: &Rpc, index: usize, messages: &Messages) -> fmt::Result {
    let function = ident(rpc.method.name());
    let input = message_type(ROOT, &rpc.method.input());
    let output = match shape(rpc) {
        Shape::Stream(item) => {
            let stream = format!("{}Stream", rpc.method.name().to_upper_camel_case());
            writeln!(out, "    type {stream} = Streamed<{item}, Status>;")?;
            format!("Self::{stream}")
        }
        Shape::Nothing => "()".to_owned(),
        Shape::Message(_) | Shape::Page { .. } | Shape::List { .. } => message_type(ROOT, &rpc.method.output()),
    };
    writeln!(
        out,
        "    async fn {function}(&self, request: Request<{input}>) -> Result<Response<{output}>, Status> {{"
    )?;
    writeln!(out, "        let method = &METHODS[{index}];")?;
    let secrets: Vec<String> = messages.secrets(&rpc.method.input());
    let redact = match secrets.as_slice() {
        [] => "|_| ()".to_owned(),
        secrets => {
            let cleared: String = secrets.iter().map(|name| format!("sent.{name} = Default::default(); ")).collect();
            format!("|sent| {{ {cleared}}}")
        }
    };
    let (sent, ask) = if messages.request_name(rpc).is_some() { ("sent", ", ask") } else { ("_", "") };
    writeln!(out, "        let (call, {sent}) = Call::of(request, method, {redact})?;")?;
    if let Some(name) = messages.request_name(rpc) {
        writeln!(out, "        let ask = read::request(sent, {name}::read)?;")?;
    }
    writeln!(out, "        let answer = self.0.{function}(call{ask}).await;")?;
    let answer = match shape(rpc) {
        Shape::Nothing | Shape::Message(_) => "served(method, answer)".to_owned(),
        Shape::Page { field, optional, .. } => {
            let next = if optional { "page.next" } else { "page.next.unwrap_or_default()" };
            format!("served(method, answer.map(|page| {output} {{ {field}: page.items, next_page_token: {next} }}))")
        }
        Shape::List { field, .. } => format!("served(method, answer.map(|{field}| {output} {{ {field} }}))"),
        Shape::Stream(_) => "streamed(method, answer)".to_owned(),
    };
    writeln!(out, "        {answer}\n    }}")
}

/// A comment of the contract as Rust's.
fn doc(out: &mut String, indent: &str, comment: &str) -> fmt::Result {
    let comment = if comment.is_empty() { "Not described." } else { comment };
    for line in comment.lines() {
        writeln!(out, "{}", format!("{indent}/// {line}").trim_end())?;
    }
    Ok(())
}

/// The largest request in bytes.
fn body_limit(method: &MethodDescriptor) -> u32 {
    option(method, "lyceum.api.v1.body_limit").and_then(|limit| limit.as_u32()).unwrap_or(DEFAULT_BODY_LIMIT)
}

/// How many items a page has where the request does not say, and at the most.
fn paging(method: &MethodDescriptor) -> (u32, u32) {
    let option = option(method, "lyceum.api.v1.paging");
    let size = |name: &str| option.as_ref()?.as_message()?.get_field_by_name(name)?.as_u32().filter(|size| *size > 0);
    let (default, most) = DEFAULT_PAGE;
    (size("default_size").unwrap_or(default), size("max_size").unwrap_or(most))
}
