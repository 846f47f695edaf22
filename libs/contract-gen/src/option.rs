//! The options that stand on an rpc.

use prost_reflect::{DynamicMessage, MethodDescriptor, Value};

use crate::{Access, Cache, Idempotency, Paging};

/// The largest request where the contract does not say, in bytes.
const BODY_LIMIT: u32 = 64 * 1024;
/// How long an answer may take where the contract does not say, in seconds.
const TIME_LIMIT: u32 = 10;
/// A page where the contract does not say.
const PAGING: Paging = Paging { default_size: 50, max_size: 200 };

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

/// What the method may refuse, or which of the names is none.
pub(crate) fn refusals(method: &MethodDescriptor) -> Result<Vec<String>, String> {
    let Some(Value::Message(stated)) = option(method, "lyceum.api.v1.refusals") else { return Ok(Vec::new()) };
    let stated = stated.get_field_by_name("codes");
    let codes = stated.as_deref().and_then(Value::as_list).unwrap_or_default();
    let codes: Vec<_> = codes.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let plain =
        |code: &&String| code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if let Some(bad) = codes.iter().find(|code| code.is_empty() || !plain(code)) {
        return Err(format!("{bad:?} is no name of a refusal: write it like ORDER_NOT_FOUND"));
    }
    match codes.iter().enumerate().find(|(at, code)| codes[..*at].contains(code)) {
        Some((_, twice)) => Err(format!("{twice} is listed twice")),
        None => Ok(codes),
    }
}

/// The largest request, in bytes.
pub(crate) fn body_limit(method: &MethodDescriptor) -> u32 {
    option(method, "lyceum.api.v1.body_limit").and_then(|value| value.as_u32()).unwrap_or(BODY_LIMIT)
}

/// How long an answer may take, in seconds.
pub(crate) fn time_limit(method: &MethodDescriptor) -> u32 {
    option(method, "lyceum.api.v1.time_limit").and_then(|value| value.as_u32()).unwrap_or(TIME_LIMIT)
}

/// How many items a page has, where the request asks for a page.
pub(crate) fn paging(method: &MethodDescriptor) -> Result<Option<Paging>, &'static str> {
    let stated = option(method, "lyceum.api.v1.paging");
    let input = method.input();
    let pages = input.get_field_by_name("page_size").is_some() && input.get_field_by_name("page_token").is_some();
    let Some(Value::Message(stated)) = stated else { return Ok(pages.then_some(PAGING)) };
    let size = |name: &str| stated.get_field_by_name(name).and_then(|value| value.as_u32()).unwrap_or(0);
    let paging = Paging { default_size: size("default_size"), max_size: size("max_size") };
    match paging {
        _ if !pages => Err("paging needs the fields page_size and page_token in the request"),
        Paging { default_size, max_size } if default_size == 0 || default_size > max_size => {
            Err("paging needs a default_size of at least 1 and at most max_size")
        }
        _ => Ok(Some(paging)),
    }
}

/// Whether the stream hands out all that a service owns.
pub(crate) fn export(method: &MethodDescriptor) -> bool {
    option(method, "lyceum.api.v1.export").and_then(|value| value.as_bool()).unwrap_or(false)
}

/// A text of an http rule; empty when it is not set.
pub(crate) fn text(rule: &DynamicMessage, field: &str) -> String {
    rule.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn only_field(message: &DynamicMessage) -> Option<(String, Value)> {
    message.fields().next().map(|(field, value)| (field.name().to_owned(), value.clone()))
}
