//! The method table: what the contract promises about each rpc, found by the path of the call.

/// Who may call an rpc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Everybody, signed in or not.
    Public,
    /// Every signed-in person.
    SignedIn,
    /// A signed-in person whose roles grant this permission.
    Permission(&'static str),
    /// Only a service that proves it with its own key.
    ServiceOnly,
}

/// Whether an rpc takes an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// A key is ignored.
    None,
    /// A key is honoured when it is sent.
    Optional,
    /// A request without a key is refused.
    Required,
}

/// How long an answer may be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cache {
    /// Seconds for which the answer is fresh.
    pub seconds: u32,
    /// Whether caches that serve several people may keep it.
    pub shared: bool,
}

/// One rpc of the contract.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Method {
    /// Path of the gRPC call, such as `/lyceum.users.v1.UserService/GetUser`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Whether it takes a key.
    pub idempotency: Idempotency,
    /// How long its answer stays fresh.
    pub cache: Option<Cache>,
    /// What it may refuse, beside what every rpc of its kind may: names such as `ORDER_NOT_FOUND`.
    pub refusals: &'static [&'static str],
    /// The largest request, in bytes.
    pub body_limit: usize,
    /// Seconds that an answer may take; a stream has no limit.
    pub time_limit: u64,
    /// HTTP method and path template of its first REST address, such as `("GET", "/v1/users/{user_id}")`.
    pub http: Option<(&'static str, &'static str)>,
}

include!(concat!(env!("OUT_DIR"), "/methods.rs"));

/// Finds an rpc by the path of its gRPC call.
pub fn method(path: &str) -> Option<&'static Method> {
    METHODS.binary_search_by(|method| method.path.cmp(path)).ok().map(|index| &METHODS[index])
}
