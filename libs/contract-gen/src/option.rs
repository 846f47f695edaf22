//! The options that stand on an rpc.

use prost_reflect::{DynamicMessage, MethodDescriptor, Value};

use crate::{Access, Cache, Idempotency};

/// The value of an option, or nothing when it was not written or its file is not in the contract.
pub(crate) fn option(method: &MethodDescriptor, name: &str) -> Option<Value> {
    let extension = method.parent_pool().get_extension_by_name(name)?;
    let options = method.options();
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

/// Who may call, or why that is not said.
pub(crate) fn access(method: &MethodDescriptor) -> Result<Access, &'static str> {
    const MISSING: &str = "say who may call it: option (lyceum.api.v1.access)";
    let value = option(method, "lyceum.api.v1.access").ok_or(MISSING)?;
    let (who, value) = value.as_message().and_then(only_field).ok_or(MISSING)?;
    match (who.as_str(), value) {
        ("permission", Value::String(permission)) if permission.is_empty() => Err("access names an empty permission"),
        ("permission", Value::String(permission)) => Ok(Access::Permission(permission)),
        (_, Value::Bool(false)) => Err("access says false: leave out what does not hold"),
        ("public", _) => Ok(Access::Public),
        ("signed_in", _) => Ok(Access::SignedIn),
        ("service_only", _) => Ok(Access::ServiceOnly),
        _ => Err("access is of a kind that this generator does not know"),
    }
}

/// Whether a key is taken; nothing when that was not decided.
pub(crate) fn idempotency(method: &MethodDescriptor) -> Option<Idempotency> {
    match option(method, "lyceum.api.v1.idempotency")?.as_enum_number()? {
        1 => Some(Idempotency::None),
        2 => Some(Idempotency::Optional),
        3 => Some(Idempotency::Required),
        _ => None,
    }
}

/// How long the answer is fresh.
pub(crate) fn cache(method: &MethodDescriptor) -> Option<Cache> {
    let value = option(method, "lyceum.api.v1.cache")?;
    let cache = value.as_message()?;
    let seconds = cache.get_field_by_name("seconds")?.as_u32()?;
    let shared = cache.get_field_by_name("shared")?.as_bool()?;
    Some(Cache { seconds, shared })
}

/// A text of an http rule; empty when it is not set.
pub(crate) fn text(rule: &DynamicMessage, field: &str) -> String {
    rule.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn only_field(message: &DynamicMessage) -> Option<(String, Value)> {
    message.fields().next().map(|(field, value)| (field.name().to_owned(), value.clone()))
}
