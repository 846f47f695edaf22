//! What a contract says, free of descriptors where a plain type will do. How it is read stands in `load`.

use std::collections::HashMap;

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor, MethodDescriptor,
};

use crate::field::{Header, header};

/// A contract that can be served.
pub struct Api {
    /// Every message, enum and service, with options.
    pub pool: DescriptorPool,
    /// Every rpc, sorted by [`Rpc::path`].
    pub rpcs: Vec<Rpc>,
    pub(crate) comments: HashMap<(String, Vec<i32>), String>,
}

/// One operation.
pub struct Rpc {
    /// Its descriptor.
    pub method: MethodDescriptor,
    /// Who may call it.
    pub access: Access,
    /// Whether it takes a key.
    pub idempotency: Idempotency,
    /// How long its answer stays fresh.
    pub cache: Option<Cache>,
    /// What it may refuse, beside what every rpc of its kind may: names such as `ORDER_NOT_FOUND`.
    pub refusals: Vec<String>,
    /// The largest request, in bytes.
    pub body_limit: u32,
    /// Seconds that an answer may take.
    pub time_limit: u32,
    /// How many items a page has, where it answers page by page.
    pub paging: Option<Paging>,
    /// Whether it hands out all that a service owns, for a neighbour's copy.
    pub export: bool,
    /// Its REST addresses; none for an rpc that only services call.
    pub bindings: Vec<Binding>,
}

/// What a REST client gets from an rpc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing but the news that it is done.
    Nothing,
    /// A message as JSON.
    Message,
    /// Messages as server-sent events.
    Events,
    /// Bytes, which come in pieces of the type [`FILE_CHUNK`].
    File,
}

/// The message whose stream is a file.
pub const FILE_CHUNK: &str = "lyceum.values.v1.FileChunk";

/// Who may call an rpc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Every signed-in person.
    SignedIn,
    /// A person with this permission.
    Permission(String),
    /// A service with a key of its own.
    ServiceOnly,
}

/// Whether an rpc takes an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// A key is ignored.
    None,
    /// A key is honoured.
    Optional,
    /// A request without a key is refused.
    Required,
}

/// How long an answer stays fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cache {
    /// Seconds.
    pub seconds: u32,
    /// Whether caches that serve several people may keep it.
    pub shared: bool,
}

/// How many items a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// Where the request does not say.
    pub default_size: u32,
    /// At the most.
    pub max_size: u32,
}

/// One REST address of an rpc.
#[derive(Clone)]
pub struct Binding {
    /// The HTTP method.
    pub verb: Verb,
    /// The path, without its leading slash.
    pub segments: Vec<Segment>,
    /// What the request's body holds.
    pub body: Body,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say all")]
pub enum Verb {
    Get,
    Put,
    Post,
    Delete,
    Patch,
}

/// A piece of a path between two slashes.
#[derive(Clone)]
pub enum Segment {
    /// Stands there as it is.
    Literal(String),
    /// Fills a top-level field of the request.
    Variable(FieldDescriptor),
}

/// What the body of a REST request holds.
#[derive(Clone)]
pub enum Body {
    /// Nothing; fields outside the path are query parameters.
    None,
    /// Every field that the path does not hold.
    Whole,
    /// One message of the request; the other fields are query parameters.
    Field(FieldDescriptor),
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Get, Self::Put, Self::Post, Self::Delete, Self::Patch];

    /// `get`, as options and OpenAPI write it.
    pub const fn lower(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Post => "post",
            Self::Delete => "delete",
            Self::Patch => "patch",
        }
    }

    /// `GET`, as HTTP writes it.
    pub fn upper(self) -> String {
        self.lower().to_uppercase()
    }
}

impl Rpc {
    /// `/lyceum.users.v1.UserService/GetUser`, the path of the gRPC call.
    pub fn path(&self) -> String {
        format!("/{}/{}", self.method.parent_service().full_name(), self.method.name())
    }

    /// What a REST client gets.
    pub fn answer(&self) -> Answer {
        match (self.method.is_server_streaming(), self.method.output().full_name()) {
            (true, FILE_CHUNK) => Answer::File,
            (true, _) => Answer::Events,
            (false, "google.protobuf.Empty") => Answer::Nothing,
            (false, _) => Answer::Message,
        }
    }

    /// The field of the request that `If-Match` carries.
    pub fn if_match(&self) -> Option<FieldDescriptor> {
        self.method.input().fields().find(|field| header(field) == Some(Header::IfMatch))
    }

    /// The field of the answer that `ETag` carries.
    pub fn etag(&self) -> Option<FieldDescriptor> {
        self.method.output().fields().find(|field| header(field) == Some(Header::Etag))
    }

    /// Where a reader of events goes on after a break: the text `after_notification_id` of the request, and the field
    /// `notification_id` of each message, which is the id of its event.
    pub fn position(&self) -> Option<(FieldDescriptor, FieldDescriptor)> {
        let output = self.method.output();
        let found =
            after(&self.method.input()).find_map(|(field, name)| Some((field, output.get_field_by_name(&name)?)));
        found.filter(|(_, id)| self.answer() == Answer::Events && is_one_text(id))
    }
}

/// The fields of a request that say after what to go on, with the names of what they hold.
pub(crate) fn after(request: &MessageDescriptor) -> impl Iterator<Item = (FieldDescriptor, String)> {
    let fields = request.fields().filter(is_one_text).collect::<Vec<_>>().into_iter();
    fields.filter_map(|field| {
        let name = field.name().strip_prefix("after_")?.to_owned();
        Some((field, name))
    })
}

/// Whether the field holds exactly one text.
pub(crate) fn is_one_text(field: &FieldDescriptor) -> bool {
    field.kind() == Kind::String && !field.is_list() && !field.supports_presence()
}

impl Binding {
    /// `/v1/courses/{course_id}`, with each variable as `name` prints it.
    pub fn template(&self, name: impl Fn(&FieldDescriptor) -> String) -> String {
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Literal(text) => path.push_str(text),
                Segment::Variable(field) => path.push_str(&format!("{{{}}}", name(field))),
            }
        }
        path
    }

    /// The fields that the path holds, in order.
    pub fn variables(&self) -> impl Iterator<Item = &FieldDescriptor> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Variable(field) => Some(field),
        })
    }

    /// The fields that travel as query parameters: what neither the path nor the body nor a header holds.
    pub fn query(&self, input: &MessageDescriptor) -> Vec<FieldDescriptor> {
        let in_path = |field: &FieldDescriptor| self.variables().any(|variable| variable == field);
        let in_body = |field: &FieldDescriptor| match &self.body {
            Body::None => false,
            Body::Whole => true,
            Body::Field(body) => body == field,
        };
        input.fields().filter(|field| !in_path(field) && !in_body(field) && header(field).is_none()).collect()
    }
}

impl Api {
    /// The packages that are ours, sorted: those that need code. Options and Google's own are not among them.
    pub fn packages(&self) -> Vec<String> {
        let mut packages: Vec<_> = self.pool.files().map(|file| file.package_name().to_owned()).collect();
        packages.retain(|package| is_ours(package));
        packages.sort();
        packages.dedup();
        packages
    }

    /// Our messages, without the entries of maps.
    pub fn messages(&self) -> impl Iterator<Item = MessageDescriptor> + '_ {
        self.pool.all_messages().filter(|message| is_ours(message.package_name()) && !message.is_map_entry())
    }

    /// Our enums.
    pub fn enums(&self) -> impl Iterator<Item = EnumDescriptor> + '_ {
        self.pool.all_enums().filter(|found| is_ours(found.package_name()))
    }

    /// The comment in front of a thing, or an empty text; `path` is the descriptor's own.
    pub fn comment(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.comments.get(&(file.name().to_owned(), path.to_vec())).map_or("", String::as_str)
    }
}

/// Whether a package holds messages that we serve: not Google's, not Buf's, and not the options themselves.
pub(crate) fn is_ours(package: &str) -> bool {
    let owner = package.split('.').next().unwrap_or_default();
    package != "lyceum.api.v1" && owner != "google" && owner != "buf"
}
