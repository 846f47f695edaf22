//! The structs of requests and of what stands inside them, each with the function that reads it from its message.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use super::{
    ROOT, doc,
    field::{Holds, Many, Typed, case, input_name},
};
use crate::{
    Api, Rpc, Verb,
    field::{Behaviour, Header, header, is, is_mask, is_redacted, oneof},
    rules::is_required as oneof_required,
    rust::{ident, message_type, variant},
};

/// Every message that the requests of a package reach.
pub(super) struct Messages {
    /// The requests by the names of their rpcs.
    requests: BTreeMap<String, Request>,
    /// What stands inside them, by full name.
    inputs: BTreeMap<String, MessageDescriptor>,
    /// What is changed field by field.
    patches: BTreeMap<String, MessageDescriptor>,
}

struct Request {
    /// The rpc's gRPC path, which binds page tokens to it.
    path: String,
    message: MessageDescriptor,
    /// The most items of a page, and how many where the request does not say.
    pages: (u32, u32),
    /// Whether a mask says which fields of the resource inside are changed.
    patch: Option<FieldDescriptor>,
}

impl Messages {
    pub(super) fn of(rpcs: &[&Rpc]) -> Self {
        let mut messages = Self { requests: BTreeMap::new(), inputs: BTreeMap::new(), patches: BTreeMap::new() };
        for rpc in rpcs {
            let message = rpc.method.input();
            let patch = patched(rpc);
            for field in message.fields() {
                if patch.as_ref() == Some(&field) {
                    if let Kind::Message(resource) = field.kind() {
                        patchable(&resource).for_each(|field| messages.reach(&field));
                        messages.patches.insert(resource.full_name().to_owned(), resource);
                    }
                } else {
                    messages.reach(&field);
                }
            }
            let pages = super::paging(&rpc.method);
            let request = Request { path: rpc.path(), message, pages, patch };
            messages.requests.insert(rpc.method.name().to_owned(), request);
        }
        messages
    }

    fn reach(&mut self, field: &FieldDescriptor) {
        if let Holds::Message(message) = Typed::of(field).holds
            && !is_mask(field)
            && self.inputs.insert(message.full_name().to_owned(), message.clone()).is_none()
        {
            readable(&message).for_each(|field| self.reach(&field));
        }
    }

    /// The struct of a request with its parameter; none where the request says nothing.
    pub(super) fn request(&self, rpc: &Rpc) -> Option<String> {
        let name = self.request_name(rpc)?;
        let parameter = if self.is_generic(rpc) { "<Self>" } else { "" };
        Some(format!("{name}{parameter}"))
    }

    /// Whether the request holds types of the service.
    pub(super) fn is_generic(&self, rpc: &Rpc) -> bool {
        needs_types(rpc.method.input().fields())
    }

    /// Whether the request changes a resource field by field.
    pub(super) fn is_patch(&self, rpc: &Rpc) -> bool {
        self.requests.get(rpc.method.name()).is_some_and(|request| request.patch.is_some())
    }

    pub(super) fn request_name(&self, rpc: &Rpc) -> Option<String> {
        let request = self.requests.get(rpc.method.name())?;
        (request.message.fields().len() > 0).then(|| variant(rpc.method.name()))
    }

    /// The fields of a request that must not be part of what is remembered of it.
    pub(super) fn secrets(&self, message: &MessageDescriptor) -> Vec<String> {
        message.fields().filter(is_redacted).map(|field| ident(field.name())).collect()
    }

    /// The service's own types: name to what they are for and what they have to be able to do.
    pub(super) fn types(&self) -> BTreeMap<String, (String, String)> {
        let mut types = BTreeMap::new();
        let requests = self.requests.values().flat_map(|request| request.message.fields().collect::<Vec<_>>());
        let inputs = self.inputs.values().flat_map(|message| readable(message).collect::<Vec<_>>());
        let patches = self.patches.values().flat_map(|message| patchable(message).collect::<Vec<_>>());
        for field in requests.chain(inputs).chain(patches) {
            types.extend(Typed::of(&field).own_type());
        }
        types
    }

    pub(super) fn print(&self, api: &Api, out: &mut String) -> fmt::Result {
        for (name, request) in &self.requests {
            if request.message.fields().len() > 0 {
                print_request(api, out, name, request)?;
            }
        }
        for message in self.inputs.values() {
            print_input(api, out, message)?;
        }
        for message in self.patches.values() {
            print_patch(api, out, message)?;
        }
        for (name, oneof) in self.oneofs() {
            print_oneof(out, &name, &oneof)?;
        }
        Ok(())
    }

    /// The oneofs of all of them, by the names of their enums.
    fn oneofs(&self) -> BTreeMap<String, OneofDescriptor> {
        let requests = self.requests.iter().map(|(name, request)| (variant(name), &request.message));
        let inputs = self.inputs.values().map(|message| (input_name(message), message));
        let patches = self.patches.values().map(|message| (input_name(message), message));
        let all = requests.chain(inputs).chain(patches);
        all.flat_map(|(owner, message)| {
            let oneofs: Vec<_> = message.oneofs().filter(|oneof| !oneof.is_synthetic()).collect();
            oneofs.into_iter().map(move |oneof| (oneof_name(&owner, &oneof), oneof))
        })
        .collect()
    }
}

/// The resource of a PATCH, which is changed field by field.
fn patched(rpc: &Rpc) -> Option<FieldDescriptor> {
    rpc.method.input().get_field_by_name("update_mask").filter(is_mask)?;
    let binding = rpc.bindings.iter().find(|binding| binding.verb == Verb::Patch)?;
    match &binding.body {
        crate::Body::Field(field) => Some(field.clone()),
        _ => None,
    }
}

/// What a request may carry of a message.
fn readable(message: &MessageDescriptor) -> impl Iterator<Item = FieldDescriptor> {
    let fields: Vec<_> = message.fields().filter(|field| !is(field, Behaviour::OutputOnly)).collect();
    fields.into_iter().filter(|field| header(field).is_none())
}

/// What a PATCH may change of a message.
fn patchable(message: &MessageDescriptor) -> impl Iterator<Item = FieldDescriptor> {
    readable(message).filter(|field| !is(field, Behaviour::Immutable) && !is(field, Behaviour::Identifier))
}

/// `<T>` for the struct of a message that holds types of the service.
pub(super) fn parameter(message: &MessageDescriptor) -> &'static str {
    if needs_types(readable(message)) { "<T>" } else { "" }
}

fn needs_types(fields: impl Iterator<Item = FieldDescriptor>) -> bool {
    let mut seen = BTreeSet::new();
    fields.into_iter().any(|field| needs_type(&field, &mut seen))
}

fn needs_type(field: &FieldDescriptor, seen: &mut BTreeSet<String>) -> bool {
    let typed = Typed::of(field);
    if let Holds::Message(message) = &typed.holds {
        return !is_mask(field)
            && seen.insert(message.full_name().to_owned())
            && readable(message).any(|field| needs_type(&field, seen));
    }
    typed.own_type().is_some()
}

/// One member of a printed struct.
struct Member {
    name: String,
    about: String,
    rust: String,
    /// Reads it; `Option` of the type.
    read: String,
}

/// The members of a message: its fields, and each oneof as one.
fn members(api: &Api, owner: &str, fields: impl Iterator<Item = FieldDescriptor>) -> Vec<Member> {
    let mut members = Vec::new();
    let mut oneofs: Vec<OneofDescriptor> = Vec::new();
    for field in fields {
        let about = api.comment(&field.parent_file(), field.path()).to_owned();
        match oneof(&field) {
            None => {
                let typed = Typed::of(&field);
                members.push(Member { name: ident(field.name()), about, rust: typed.rust(), read: typed.read() });
            }
            Some(oneof) if oneofs.contains(&oneof) => {}
            Some(oneof) => {
                members.push(oneof_member(owner, &oneof));
                oneofs.push(oneof);
            }
        }
    }
    members
}

fn oneof_member(owner: &str, oneof: &OneofDescriptor) -> Member {
    let names: Vec<_> = oneof.fields().map(|field| field.name().to_owned()).collect();
    let kind = oneof_name(owner, oneof);
    let parameter = if needs_types(oneof.fields()) { "<T>" } else { "" };
    let place = format!("sent.{}", ident(oneof.name()));
    let (rust, read) = if oneof_required(oneof) {
        (format!("{kind}{parameter}"), format!("read::one_of(fields, {place}, &{names:?}, {kind}::read)"))
    } else {
        let read = format!("read::optional(fields, {place}, |fields, sent| {kind}::read(sent, fields))");
        (format!("Option<{kind}{parameter}>"), read)
    };
    let about = format!("One of `{}`.", names.join("`, `"));
    Member { name: ident(oneof.name()), about, rust, read }
}

/// `DraftLesson.content` is `DraftLessonContent`.
fn oneof_name(owner: &str, oneof: &OneofDescriptor) -> String {
    format!("{owner}{}", variant(oneof.name()))
}

fn print_request(api: &Api, out: &mut String, name: &str, request: &Request) -> fmt::Result {
    let message = &request.message;
    let paged = message.get_field_by_name("page_token").is_some();
    let plain = message.fields().filter(|field| {
        !["page_size", "page_token", "update_mask"].contains(&field.name())
            && request.patch.as_ref() != Some(field)
            && header(field).is_none()
    });
    let owner = variant(name);
    let mut members = members(api, &owner, plain);
    if let Some(field) = message.fields().find(|field| header(field) == Some(Header::IfMatch)) {
        let read = format!("read::etag(&sent.{})", ident(field.name()));
        let about = api.comment(&field.parent_file(), field.path()).to_owned();
        members.push(Member { name: ident(field.name()), about, rust: "Option<i64>".to_owned(), read });
    }
    let mut before = String::new();
    if paged {
        let (default, most) = request.pages;
        let optional = message.get_field_by_name("page_token").is_some_and(|token| token.supports_presence());
        let token = if optional {
            "sent.page_token.take().unwrap_or_default()"
        } else {
            "::std::mem::take(&mut sent.page_token)"
        };
        before = format!(
            "        let (page_size, page_token) = (::std::mem::take(&mut sent.page_size), {token});\n        let page = PageRequest::read(fields, {:?}, &sent, page_size, &page_token, ({default}, {most}));\n",
            request.path
        );
    }
    if let Some(field) = &request.patch
        && let Kind::Message(resource) = field.kind()
    {
        let patch = patch_name(&resource);
        let parameter = if needs_types(patchable(&resource)) { "<T>" } else { "" };
        let name = field.name();
        let read = format!("{patch}::read(fields, {name:?}, sent.{}, sent.update_mask)", ident(name));
        let about = "What is changed.".to_owned();
        members.push(Member { name: ident(name), about, rust: format!("{patch}{parameter}"), read });
    }
    let generic = needs_types(message.fields());
    let about = api.comment(&message.parent_file(), message.path());
    if paged {
        let page = Member {
            name: "page".to_owned(),
            about: "Which page.".to_owned(),
            rust: "PageRequest".to_owned(),
            read: String::new(),
        };
        members.push(page);
    }
    print_struct(out, &owner, about, generic, &members)?;
    let mutable = if paged { "mut " } else { "" };
    print_read_head(
        out,
        &owner,
        generic,
        &format!("{mutable}sent: {}, fields: &mut Fields", message_type(ROOT, message)),
    )?;
    out.push_str(&before);
    print_read_body(out, &members)
}

fn print_input(api: &Api, out: &mut String, message: &MessageDescriptor) -> fmt::Result {
    let name = input_name(message);
    let members = members(api, &name, readable(message));
    let generic = needs_types(readable(message));
    print_struct(out, &name, api.comment(&message.parent_file(), message.path()), generic, &members)?;
    let sent = if members.is_empty() { "_sent" } else { "sent" };
    let fields = if members.iter().any(|member| member.read.contains("fields")) { "fields" } else { "_fields" };
    let arguments = format!("{sent}: {}, {fields}: &mut Fields", message_type(ROOT, message));
    print_read_head(out, &name, generic, &arguments)?;
    print_read_body(out, &members)
}

fn patch_name(message: &MessageDescriptor) -> String {
    input_name(message).replace("Input", "Patch")
}

/// A struct of what a PATCH changes: what the mask does not name stays as it is.
fn print_patch(api: &Api, out: &mut String, message: &MessageDescriptor) -> fmt::Result {
    let name = patch_name(message);
    let input = input_name(message);
    let generic = needs_types(patchable(message));
    let known: Vec<String> = patchable(message).map(|field| field.name().to_owned()).collect();
    let ids: Vec<String> = readable(message)
        .filter(|field| is(field, Behaviour::Identifier))
        .map(|field| field.name().to_owned())
        .collect();
    let fixed: Vec<FieldDescriptor> = readable(message).filter(|field| is(field, Behaviour::Immutable)).collect();
    let fixed_names: Vec<&str> = fixed.iter().map(FieldDescriptor::name).collect();
    let mut printed = Vec::new();
    for mut member in members(api, &input, patchable(message)) {
        let one = message.oneofs().find(|oneof| !oneof.is_synthetic() && ident(oneof.name()) == member.name);
        match one {
            Some(oneof) => {
                let parameter = if needs_types(oneof.fields()) { "<T>" } else { "" };
                let kind = oneof_name(&input, &oneof);
                let cases: Vec<_> = oneof.fields().map(|field| field.name().to_owned()).collect();
                member.rust = format!("Option<{kind}{parameter}>");
                member.read = format!(
                    "mask.one_of(fields, sent.{}, &{cases:?}, {kind}::<T>::case_of, {kind}::read)",
                    ident(oneof.name())
                );
                if parameter.is_empty() {
                    member.read = member.read.replace("::<T>::", "::");
                }
            }
            None => {
                let field = member.name.trim_start_matches("r#").to_owned();
                let read = match member.read.strip_prefix("Some(") {
                    Some(plain) => format!("Some(Some({plain})"),
                    None => format!("{}.map(Some)", member.read),
                };
                let sent = message.get_field_by_name(&field).map(|field| is_sent(&field)).unwrap_or_default();
                member.read = format!("if mask.changes({field:?}, {sent}) {{ {read} }} else {{ Some(None) }}");
                member.rust = format!("Option<{}>", member.rust);
            }
        }
        printed.push(member);
    }
    let about = format!("What is changed of `{}`: what is absent stays as it is.", message.full_name());
    print_struct(out, &name, &about, generic, &printed)?;
    let arguments = format!(
        "fields: &mut Fields, name: &str, sent: Option<{}>, mask: Option<::proto::wkt::FieldMask>",
        message_type(ROOT, message)
    );
    print_read_head(out, &name, generic, &arguments)?;
    writeln!(out, "        let mask = read::Mask::of(fields, mask, &{known:?}, &{ids:?}, &{fixed_names:?});")?;
    writeln!(
        out,
        "        read::required(fields, name, sent, |fields, sent| read::message(fields, name, sent, |sent, fields| {{"
    )?;
    for field in &fixed {
        writeln!(out, "        mask.fixed(fields, {:?}, {});", field.name(), is_sent(field))?;
    }
    print_read_body_inner(out, &printed)?;
    writeln!(out, "        }}))\n    }}\n}}\n")
}

/// Whether a field came with a value.
fn is_sent(field: &FieldDescriptor) -> String {
    let place = format!("sent.{}", ident(field.name()));
    match (oneof(field), case(field)) {
        (Some(oneof), Some(case)) => format!("matches!(sent.{}, Some({case}(_)))", ident(oneof.name())),
        _ if field.is_list() || field.is_map() => format!("!{place}.is_empty()"),
        _ if field.supports_presence() => format!("{place}.is_some()"),
        _ => match field.kind() {
            Kind::String | Kind::Bytes => format!("!{place}.is_empty()"),
            Kind::Bool => place,
            _ => format!("{place} != 0"),
        },
    }
}

fn print_struct(out: &mut String, name: &str, about: &str, generic: bool, members: &[Member]) -> fmt::Result {
    writeln!(out)?;
    doc(out, "", about)?;
    let parameter = if generic { "<T: Types>" } else { "" };
    writeln!(out, "#[derive(Debug, Clone)]\npub struct {name}{parameter} {{")?;
    for member in members {
        doc(out, "    ", &member.about)?;
        writeln!(out, "    pub {}: {},", member.name, member.rust)?;
    }
    writeln!(out, "}}\n")
}

fn print_read_head(out: &mut String, name: &str, generic: bool, arguments: &str) -> fmt::Result {
    let (declared, used) = if generic { ("<T: Types>", "<T>") } else { ("", "") };
    writeln!(out, "impl{declared} {name}{used} {{")?;
    writeln!(out, "    /// Reads the message; `None` after a mistake, which `fields` remembers.")?;
    writeln!(out, "    pub fn read({arguments}) -> Option<Self> {{")
}

fn print_read_body(out: &mut String, members: &[Member]) -> fmt::Result {
    print_read_body_inner(out, members)?;
    writeln!(out, "    }}\n}}\n")
}

fn print_read_body_inner(out: &mut String, members: &[Member]) -> fmt::Result {
    for member in members.iter().filter(|member| !member.read.is_empty()) {
        writeln!(out, "        let {} = {};", member.name, member.read)?;
    }
    let taken: Vec<String> = members.iter().map(|member| format!("{}: {}?", member.name, member.name)).collect();
    writeln!(out, "        Some(Self {{ {} }})", taken.join(", "))
}

fn print_oneof(out: &mut String, name: &str, oneof: &OneofDescriptor) -> fmt::Result {
    let generic = needs_types(oneof.fields());
    let (declared, used) = if generic { ("<T: Types>", "<T>") } else { ("", "") };
    writeln!(
        out,
        "/// One of the cases of `{}`.\n#[derive(Debug, Clone)]\npub enum {name}{declared} {{",
        oneof.full_name()
    )?;
    for field in oneof.fields() {
        let mut typed = Typed::of(&field);
        typed.many = Many::One;
        writeln!(out, "    /// The case `{}`.\n    {}({}),", field.name(), variant(field.name()), typed.rust())?;
    }
    let kind = crate::rust::oneof_type(ROOT, oneof);
    writeln!(out, "}}\n\nimpl{declared} {name}{used} {{")?;
    writeln!(out, "    /// Reads the case; `None` after a mistake, which `fields` remembers.")?;
    writeln!(out, "    pub fn read(sent: {kind}, fields: &mut Fields) -> Option<Self> {{\n        match sent {{")?;
    for field in oneof.fields() {
        let read = Typed::of(&field).read_case();
        let own = variant(field.name());
        let case = case(&field).unwrap_or_default();
        writeln!(out, "            {case}(sent) => {read}.map(Self::{own}),")?;
    }
    writeln!(out, "        }}\n    }}\n")?;
    writeln!(
        out,
        "    /// The name of the case.\n    pub fn case_of(sent: &{kind}) -> &'static str {{\n        match sent {{"
    )?;
    for field in oneof.fields() {
        writeln!(out, "            {}(_) => {:?},", case(&field).unwrap_or_default(), field.name())?;
    }
    writeln!(out, "        }}\n    }}\n}}\n")
}
