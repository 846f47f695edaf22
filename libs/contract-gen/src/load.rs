//! Descriptors and options to an [`Api`]; each rpc is looked at here, the contract as a whole in `check`.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, Value};

use crate::{
    Access, Api, Binding, Body, FILE_CHUNK, Idempotency, Refused, Rpc, Segment, Verb,
    api::{after, is_one_text},
    check,
    field::{fits_path, is_object},
    option,
};

impl Api {
    /// Reads an encoded `FileDescriptorSet`, as [`compile`](crate::compile) makes it.
    ///
    /// # Errors
    /// Everything in it that could not be served, each with the name of the rpc or field.
    pub fn load(descriptors: &[u8]) -> Result<Self, Refused> {
        let pool = DescriptorPool::decode(descriptors).map_err(|error| Refused::because(error.to_string()))?;
        let comments = comments(&pool);
        let mut refusals = Vec::new();
        let mut rpcs = Vec::new();
        for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            let name = method.full_name().to_owned();
            match rpc(method) {
                Ok(rpc) => rpcs.push(rpc),
                Err(reasons) => refusals.extend(reasons.iter().map(|reason| format!("{name}: {reason}"))),
            }
        }
        rpcs.sort_by_key(Rpc::path);
        let api = Self { pool, rpcs, comments };
        refusals.extend(check::whole(&api));
        if refusals.is_empty() { Ok(api) } else { Err(Refused(refusals)) }
    }
}

/// The comments that stand directly before things, by file and descriptor path.
fn comments(pool: &DescriptorPool) -> HashMap<(String, Vec<i32>), String> {
    let mut comments = HashMap::new();
    for file in pool.files() {
        let Some(info) = &file.file_descriptor_proto().source_code_info else { continue };
        for location in &info.location {
            let text = reflowed(location.leading_comments());
            if !text.is_empty() {
                comments.insert((file.name().to_owned(), location.path.clone()), text);
            }
        }
    }
    comments
}

/// Joins the lines of a paragraph: where a comment was broken is no business of those who read it elsewhere. Lists, and what
/// is indented, keep their lines.
fn reflowed(comment: &str) -> String {
    let mut text = String::new();
    for line in comment.trim_end().lines() {
        let line = line.strip_prefix(' ').unwrap_or(line).trim_end();
        let begins = line.is_empty() || line.starts_with([' ', '-', '*']);
        if !text.is_empty() {
            text.push(if begins || text.ends_with('\n') { '\n' } else { ' ' });
        }
        text.push_str(line);
    }
    text
}

fn rpc(method: MethodDescriptor) -> Result<Rpc, Vec<String>> {
    let mut refusals = Vec::new();
    let access = option::access(&method).unwrap_or_else(|reason| {
        refusals.push(reason.to_owned());
        Access::ServiceOnly
    });
    let decided = option::idempotency(&method);
    let cache = option::cache(&method);
    let codes = option::refusals(&method).unwrap_or_else(|reason| {
        refusals.push(reason);
        Vec::new()
    });
    let paging = option::paging(&method).unwrap_or_else(|reason| {
        refusals.push(reason.to_owned());
        None
    });
    let export = option::export(&method);
    let mut bindings = Vec::new();
    for rule in rules(&method) {
        match binding(&method, &rule) {
            Ok(binding) => bindings.push(binding),
            Err(reason) => refusals.push(reason),
        }
    }

    let served = !bindings.is_empty();
    let any = |verb: Verb| bindings.iter().any(|binding| binding.verb == verb);
    let refusals_of_combinations = [
        (served && method.is_client_streaming(), "a stream of requests has no REST form"),
        (
            served && method.is_server_streaming() && bindings.iter().any(|binding| binding.verb != Verb::Get),
            "a stream of answers is read with get",
        ),
        // Only one refusal for one mistake: a missing access was named already.
        (served && refusals.is_empty() && access == Access::ServiceOnly, "a service-only rpc has no REST address"),
        (any(Verb::Post) && decided.is_none(), "decide whether it takes a key: option (lyceum.api.v1.idempotency)"),
        (
            any(Verb::Get) && decided.is_some_and(|decided| decided != Idempotency::None),
            "a get changes nothing and takes no idempotency key",
        ),
        (cache.is_some() && !any(Verb::Get), "only the answer to a get can be cached"),
        (cache.is_some_and(|cache| cache.seconds == 0), "leave out a cache of no seconds"),
        (
            cache.is_some_and(|cache| cache.shared) && access != Access::Public,
            "a shared cache would show one person's answer to another: only public answers are shared",
        ),
        (
            method.input().full_name().starts_with("google.protobuf."),
            "give it a request message of its own, so that fields can be added",
        ),
        (
            served
                && method.output().full_name() != "google.protobuf.Empty"
                && method.output().full_name().starts_with("google."),
            "answer with a message of its own or google.protobuf.Empty",
        ),
        (
            served && method.is_server_streaming() && method.output().full_name() == "google.protobuf.Empty",
            "a stream of nothing says nothing",
        ),
        (
            served && !method.is_server_streaming() && method.output().full_name() == FILE_CHUNK,
            "a file comes in pieces: answer with a stream of them",
        ),
        (
            cache.is_some() && method.is_server_streaming(),
            "a stream is never cached: only a whole answer can be compared with the one before",
        ),
        (export && !method.is_server_streaming(), "an export is a stream of answers"),
        (export && access != Access::ServiceOnly, "an export is for services only"),
        (
            served && has_no_position(&method),
            "a stream that goes on `after_…` something needs that field in its messages, as the id of each event",
        ),
    ];
    refusals.extend(refusals_of_combinations.iter().filter(|(refused, _)| *refused).map(|(_, why)| (*why).to_owned()));

    if !refusals.is_empty() {
        return Err(refusals);
    }
    Ok(Rpc {
        access,
        idempotency: decided.unwrap_or(Idempotency::None),
        cache,
        refusals: codes,
        body_limit: option::body_limit(&method),
        time_limit: option::time_limit(&method),
        paging,
        export,
        bindings,
        method,
    })
}

/// Whether the request of a stream of events names a place to go on that the events themselves do not tell.
fn has_no_position(method: &MethodDescriptor) -> bool {
    let told = |name: &str| method.output().get_field_by_name(name).is_some_and(|field| is_one_text(&field));
    let is_stream = method.is_server_streaming() && method.output().full_name() != FILE_CHUNK;
    is_stream && after(&method.input()).any(|(_, name)| !told(&name))
}

/// The http rule of a method and its additional bindings.
fn rules(method: &MethodDescriptor) -> Vec<DynamicMessage> {
    let Some(Value::Message(first)) = option::option(method, "google.api.http") else { return Vec::new() };
    let more = first.get_field_by_name("additional_bindings").map(|value| value.into_owned());
    let more = more.as_ref().and_then(Value::as_list).unwrap_or_default();
    let more: Vec<_> = more.iter().filter_map(|rule| rule.as_message().cloned()).collect();
    std::iter::once(first).chain(more).collect()
}

fn binding(method: &MethodDescriptor, rule: &DynamicMessage) -> Result<Binding, String> {
    let verb = Verb::ALL.into_iter().find(|verb| rule.has_field_by_name(verb.lower()));
    let verb = verb.ok_or("an http rule needs get, put, post, delete or patch")?;
    if !option::text(rule, "response_body").is_empty() {
        return Err("response_body is not supported: answer with the message itself".into());
    }
    let segments = segments(method, &option::text(rule, verb.lower()))?;
    let body = body(method, verb, &option::text(rule, "body"))?;
    let binding = Binding { verb, segments, body };
    if let Body::Field(body) = &binding.body
        && binding.variables().any(|variable| variable == body)
    {
        return Err(format!("{} stands in the path and is the body", body.name()));
    }
    for field in binding.query(&method.input()) {
        check::query_parameter(&field, 0).map_err(|reason| {
            format!("{} {}: {reason}; put it into the body", verb.upper(), binding.template(|at| at.name().to_owned()))
        })?;
    }
    Ok(binding)
}

fn segments(method: &MethodDescriptor, template: &str) -> Result<Vec<Segment>, String> {
    let version = method.parent_service().package_name().rsplit('.').next().unwrap_or_default().to_owned();
    let Some(path) = template.strip_prefix('/').filter(|path| path.starts_with(&format!("{version}/"))) else {
        return Err(format!("{template}: a path starts with the package's version, /{version}/"));
    };
    let mut segments = Vec::new();
    let mut taken: Vec<String> = Vec::new();
    for segment in path.split('/') {
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
            if segment.is_empty() || !segment.bytes().all(plain) {
                return Err(format!("{template}: {segment:?} is no piece of a path (write /verb, not :verb)"));
            }
            segments.push(Segment::Literal(segment.to_owned()));
            continue;
        };
        if name.contains('.') {
            return Err(format!("{template}: {{{name}}} must be a top-level field of the request"));
        }
        if name.contains(['=', '*']) {
            return Err(format!("{template}: {{{name}}} holds a pattern, which is not supported"));
        }
        let field = method.input().get_field_by_name(name);
        let field = field.ok_or_else(|| format!("{template}: the request has no field {name}"))?;
        if !fits_path(&field) {
            return Err(format!("{template}: {name} is no single text, number, truth value or enum"));
        }
        if taken.iter().any(|earlier| earlier == name) {
            return Err(format!("{template}: {name} stands in the path twice"));
        }
        taken.push(name.to_owned());
        segments.push(Segment::Variable(field));
    }
    Ok(segments)
}

fn body(method: &MethodDescriptor, verb: Verb, name: &str) -> Result<Body, String> {
    if name.is_empty() {
        return Ok(Body::None);
    }
    if matches!(verb, Verb::Get | Verb::Delete) {
        return Err(format!("{} takes no body", verb.lower()));
    }
    if name == "*" {
        return Ok(Body::Whole);
    }
    let field = method.input().get_field_by_name(name);
    let field = field.ok_or_else(|| format!("body names no field of the request: {name}"))?;
    if field.is_list() || field.is_map() || !is_object(&field) {
        return Err(format!("the body's field {name} is not a message"));
    }
    Ok(Body::Field(field))
}

#[cfg(test)]
mod tests {
    use super::reflowed;

    #[test]
    fn paragraphs_flow_and_lists_stay() {
        let comment = " One\n two.\n\n Three\n four:\n - five\n - six\n\n Seven.\n";
        assert_eq!(reflowed(comment), "One two.\n\nThree four:\n- five\n- six\n\nSeven.");
        assert_eq!(reflowed(""), "");
    }
}
