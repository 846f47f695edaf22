//! Questions about one field that several printers ask.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor, Value};

/// Well-known types that are a text in JSON.
const TEXTUAL: [&str; 3] = ["google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"];

/// The `oneof` that somebody wrote around the field; `optional` fields live in one that nobody wrote.
pub(crate) fn oneof(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field.containing_oneof().filter(|oneof| !oneof.is_synthetic())
}

/// Every `oneof` that somebody wrote into the message.
pub(crate) fn oneofs(message: &MessageDescriptor) -> impl Iterator<Item = OneofDescriptor> + '_ {
    message.oneofs().filter(|oneof| !oneof.is_synthetic())
}

/// Whether the field is a message that has fields in JSON, and not a text such as a timestamp.
pub(crate) fn is_object(field: &FieldDescriptor) -> bool {
    field.kind().as_message().is_some_and(|message| !TEXTUAL.contains(&message.full_name()))
}

/// Whether the type is a well-known one that is a text in JSON.
pub(crate) fn is_textual(full_name: &str) -> bool {
    TEXTUAL.contains(&full_name)
}

/// Whether the field is a `google.protobuf.FieldMask`.
pub(crate) fn is_mask(field: &FieldDescriptor) -> bool {
    field.kind().as_message().is_some_and(|message| message.full_name() == "google.protobuf.FieldMask")
}

/// What a client may do with a field, by `google.api.field_behavior`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    OutputOnly = 3,
    Immutable = 5,
    Identifier = 8,
}

/// Whether the field is marked so.
pub(crate) fn is(field: &FieldDescriptor, behaviour: Behaviour) -> bool {
    let pool = field.parent_file().parent_pool().clone();
    let Some(extension) = pool.get_extension_by_name("google.api.field_behavior") else { return false };
    let options: DynamicMessage = field.options();
    let marked = options.get_extension(&extension);
    marked.as_list().is_some_and(|list| list.contains(&Value::EnumNumber(behaviour as i32)))
}

/// Whether the field can stand in a path: a text, a number, a truth value or an enum, once.
pub(crate) fn fits_path(field: &FieldDescriptor) -> bool {
    !field.is_list() && !matches!(field.kind(), Kind::Message(_) | Kind::Bytes)
}

/// The name of the value that a text stands for in the service, such as `Password`, by `lyceum.api.v1.value`.
pub(crate) fn value(field: &FieldDescriptor) -> Option<String> {
    let extension = field.parent_pool().get_extension_by_name("lyceum.api.v1.value")?;
    let options = field.options();
    let name = options.get_extension(&extension).as_str().map(str::to_owned);
    name.filter(|name| !name.is_empty())
}

/// Whether the field is kept out of what is printed and remembered, by protobuf's `debug_redact`.
pub(crate) fn is_redacted(field: &FieldDescriptor) -> bool {
    field.options().get_field_by_name("debug_redact").is_some_and(|set| set.as_bool() == Some(true))
}

/// An HTTP header that carries a field, so that it is neither in the body nor in the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// In a request: `If-Match`.
    IfMatch,
    /// In an answer: `ETag`.
    Etag,
}

/// The header that carries the field over REST, by `lyceum.api.v1.header`.
pub(crate) fn header(field: &FieldDescriptor) -> Option<Header> {
    let extension = field.parent_pool().get_extension_by_name("lyceum.api.v1.header")?;
    let options = field.options();
    match options.get_extension(&extension).as_enum_number()? {
        1 => Some(Header::IfMatch),
        2 => Some(Header::Etag),
        _ => None,
    }
}
