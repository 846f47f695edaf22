//! What a contract says, free of descriptors where a plain type will do. How it is read stands in `load`.

use std::collections::HashMap;

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor, MethodDescriptor,
};

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
    /// Its REST addresses; none for an rpc that only services call.
    pub bindings: Vec<Binding>,
}

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

    /// The fields that travel as query parameters: what neither the path nor the body holds.
    pub fn query(&self, input: &MessageDescriptor) -> Vec<FieldDescriptor> {
        let in_path = |field: &FieldDescriptor| self.variables().any(|variable| variable == field);
        let in_body = |field: &FieldDescriptor| match &self.body {
            Body::None => false,
            Body::Whole => true,
            Body::Field(body) => body == field,
        };
        input.fields().filter(|field| !in_path(field) && !in_body(field)).collect()
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

/// Whether a package holds messages that we serve: not Google's, and not the options themselves.
pub(crate) fn is_ours(package: &str) -> bool {
    package != "lyceum.api.v1" && package != "google" && !package.starts_with("google.")
}
