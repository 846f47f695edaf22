//! How a request of the contract travels over HTTP: what of it stands in the path, the query, the body and the headers.
//!
//! All knowledge of the wire is here, and it is read from the contract itself: whoever moves a field there moves it for all people.
//! Requests are written and answers are read by prost-reflect, so that the gateway's own JSON meets another reader and writer.

use std::collections::HashMap;
use std::sync::LazyLock;

use anyhow::{Context, Result, ensure};
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, FieldDescriptor, MessageDescriptor, Value};
use proto::{Message, Name};
use reqwest::Method;
use serde_json::Value as Json;

use crate::Answer;

/// Fields that travel in a header, by the name that the contract gives to the header.
const HEADERS: [(&str, &str); 2] = [("HEADER_IF_MATCH", "if-match"), ("HEADER_ETAG", "etag")];

/// Where requests of one kind go.
struct Route {
    method: Method,
    /// Such as `/v1/users/{user_id}`.
    path: String,
    /// The field that is the body, `*` for all that the path leaves, empty for none.
    body: String,
    request: MessageDescriptor,
    answer: MessageDescriptor,
}

/// A request on its way.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    /// With its query.
    pub(crate) path: String,
    pub(crate) body: Option<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// By the name of the request.
static ROUTES: LazyLock<HashMap<String, Route>> = LazyLock::new(|| {
    // The contract is compiled in, and its own tests read it.
    let pool = DescriptorPool::decode(proto::DESCRIPTOR).unwrap_or_default();
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods
        .filter_map(|method| {
            let rule = option(&pool, &method.options(), "google.api.http")?;
            let rule = rule.as_message()?;
            let text = |name: &str| rule.get_field_by_name(name)?.as_str().map(str::to_owned);
            let verbs = ["get", "post", "put", "patch", "delete"];
            let (verb, path) =
                verbs.iter().find_map(|verb| Some((verb, text(verb).filter(|path| !path.is_empty())?)))?;
            let method_name = verb.to_uppercase().parse().ok()?;
            let (request, answer) = (method.input(), method.output());
            let body = text("body").unwrap_or_default();
            Some((request.full_name().to_owned(), Route { method: method_name, path, body, request, answer }))
        })
        .collect()
});

fn option(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = pool.get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

/// The header that carries a field, if one does.
fn header(field: &FieldDescriptor) -> Option<&'static str> {
    let pool = field.parent_pool();
    let number = option(pool, &field.options(), "lyceum.api.v1.header")?.as_enum_number()?;
    let name = pool.get_enum_by_name("lyceum.api.v1.Header")?.get_value(number)?.name().to_owned();
    HEADERS.iter().find(|(known, _)| *known == name).map(|(_, header)| *header)
}

fn route<R: Name>() -> Result<&'static Route> {
    let name = R::full_name();
    ROUTES.get(&name).with_context(|| format!("{name} is the request of no operation of the REST door"))
}

/// How a request looks on the wire.
pub(crate) fn outgoing<R: Message + Name>(request: &R) -> Result<Outgoing> {
    let route = route::<R>()?;
    let mut message = DynamicMessage::decode(route.request.clone(), request.encode_to_vec().as_slice())?;
    let mut headers = Vec::new();
    for field in route.request.fields() {
        if let Some(name) = header(&field)
            && let Some(Value::String(etag)) = message.take_field(&field)
        {
            headers.push((name, quoted(&etag)));
        }
    }
    let mut path = String::new();
    for segment in route.path.split('/').skip(1) {
        path.push('/');
        match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(field) => {
                let value = message.take_field_by_name(field);
                let value = value.as_ref().and_then(Value::as_str).unwrap_or_default();
                ensure!(!value.is_empty(), "{} without {field}", R::full_name());
                path.extend(form_urlencoded::byte_serialize(value.as_bytes()));
            }
            None => path.push_str(segment),
        }
    }
    let body = match route.body.as_str() {
        "" => None,
        "*" => Some(std::mem::replace(&mut message, DynamicMessage::new(route.request.clone()))),
        field => message.take_field_by_name(field).and_then(|value| value.as_message().cloned()),
    };
    let query = query(&serde_json::to_value(&message)?)?;
    if !query.is_empty() {
        path.push('?');
        path.push_str(&query);
    }
    let body = body.map(|body| serde_json::to_string(&body)).transpose()?;
    Ok(Outgoing { method: route.method.clone(), path, body, headers })
}

/// What neither the path nor the body took.
fn query(rest: &Json) -> Result<String> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in rest.as_object().into_iter().flatten() {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            ensure!(!value.is_object(), "{name} does not fit into a query: {value}");
            query.append_pair(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
    Ok(query.finish())
}

/// The message that answers requests of the kind `R`.
pub(crate) fn incoming<R: Name, A: Message + Name + Default>(answer: &Answer) -> Result<A> {
    let route = route::<R>()?;
    ensure!(
        route.answer.full_name() == A::full_name(),
        "{} is answered by {}",
        R::full_name(),
        route.answer.full_name()
    );
    let empty = Json::Object(serde_json::Map::new());
    let body = if answer.body.is_null() { &empty } else { &answer.body };
    // A newer school may say more than we know.
    let lenient = DeserializeOptions::new().deny_unknown_fields(false);
    let read = DynamicMessage::deserialize_with_options(route.answer.clone(), body, &lenient);
    let mut message = read.with_context(|| format!("{} answered something else: {}", answer.asked, answer.body))?;
    for field in route.answer.fields() {
        if let Some(value) = header(&field).and_then(|name| answer.header(name)) {
            message.set_field(&field, Value::String(unquoted(value)));
        }
    }
    Ok(message.transcode_to()?)
}

fn quoted(etag: &str) -> String {
    if etag.starts_with('"') || etag.starts_with("W/") { etag.to_owned() } else { format!("\"{etag}\"") }
}

fn unquoted(etag: &str) -> String {
    etag.trim_start_matches("W/").trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use proto::lyceum::{courses::v1 as courses, payments::v1 as payments, users::v1 as users};

    use super::*;

    #[test]
    fn a_request_is_cut_into_path_query_and_body_as_the_contract_says() {
        let roles = users::UpdateUserRolesRequest {
            user_id: "ann".to_owned(),
            roles: vec![users::user::Role::Tutor.into()],
            ..Default::default()
        };
        let sent = outgoing(&roles).unwrap();
        assert_eq!((sent.method, sent.path.as_str()), (Method::PUT, "/v1/users/ann/roles"));
        assert_eq!(sent.body.as_deref(), Some(r#"{"roles":["ROLE_TUTOR"]}"#));
        let list =
            courses::SearchCoursesRequest { query: "цвет & a".to_owned(), page_size: 3, ..Default::default() };
        let sent = outgoing(&list).unwrap();
        assert_eq!(sent.path, "/v1/courses/search?query=%D1%86%D0%B2%D0%B5%D1%82+%26+a&pageSize=3");
        assert_eq!((sent.method, sent.body), (Method::GET, None));
    }

    #[test]
    fn the_field_that_is_the_body_stands_there_alone() {
        let product = payments::Product { title: "Юбка".to_owned(), ..Default::default() };
        let sent = outgoing(&payments::CreateProductRequest { product: Some(product) }).unwrap();
        assert_eq!((sent.path.as_str(), sent.body.as_deref()), ("/v1/products", Some(r#"{"title":"Юбка"}"#)));
    }

    #[test]
    fn every_operation_of_the_contract_has_its_way() {
        let rest = proto::METHODS.iter().filter(|method| method.http.is_some()).count();
        assert_eq!(ROUTES.len(), rest, "two operations share a request, or a rule is not understood");
    }

    #[test]
    fn etags_are_quoted_once() {
        assert_eq!((quoted("7"), quoted("\"7\"")), ("\"7\"".to_owned(), "\"7\"".to_owned()));
        assert_eq!((unquoted("\"7\""), unquoted("W/\"7\"")), ("7".to_owned(), "7".to_owned()));
    }
}
