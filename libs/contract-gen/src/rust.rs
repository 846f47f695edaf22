//! How prost and tonic call things in Rust.

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{EnumDescriptor, MessageDescriptor, OneofDescriptor};

/// `lyceum.courses.v1.Course` is `{root}::lyceum::courses::v1::Course`.
pub(crate) fn message_type(root: &str, message: &MessageDescriptor) -> String {
    type_path(root, message.package_name(), message.full_name())
}

/// `lyceum.courses.v1.Course.State` is `{root}::lyceum::courses::v1::course::State`.
pub(crate) fn enum_type(root: &str, found: &EnumDescriptor) -> String {
    type_path(root, found.package_name(), found.full_name())
}

/// The enum that prost makes of a oneof.
pub(crate) fn oneof_type(root: &str, oneof: &OneofDescriptor) -> String {
    let message = oneof.parent_message();
    type_path(root, message.package_name(), &format!("{}.{}", message.full_name(), oneof.name()))
}

/// The module of a package: `lyceum.courses.v1` is `{root}::lyceum::courses::v1`.
pub(crate) fn package_path(root: &str, package: &str) -> String {
    let mut path = root.to_owned();
    for part in package.split('.') {
        path.push_str("::");
        path.push_str(&ident(part));
    }
    path
}

fn type_path(root: &str, package: &str, full_name: &str) -> String {
    let mut path = package_path(root, package);
    let names = full_name.strip_prefix(package).unwrap_or(full_name).trim_start_matches('.');
    let (outer, own) = names.rsplit_once('.').unwrap_or(("", names));
    for part in outer.split('.').filter(|part| !part.is_empty()) {
        path.push_str("::");
        path.push_str(&ident(part));
    }
    path.push_str("::");
    path.push_str(&variant(own));
    path
}

/// The name of a type or of a oneof's variant.
pub(crate) fn variant(name: &str) -> String {
    match name.to_upper_camel_case() {
        name if name == "Self" => "Self_".to_owned(),
        name => name,
    }
}

/// The name of a field, function or module; raw where it is a keyword.
pub(crate) fn ident(name: &str) -> String {
    let name = name.to_snake_case();
    match name.as_str() {
        "self" | "super" | "crate" | "extern" => format!("{name}_"),
        word if KEYWORDS.contains(&word) => format!("r#{name}"),
        _ => name,
    }
}

/// The names of an enum's values that mean something, as Rust writes a list of texts.
pub(crate) fn value_names(found: &EnumDescriptor) -> String {
    let names: Vec<_> =
        found.values().filter(|value| value.number() != 0).map(|value| value.name().to_owned()).collect();
    format!("{names:?}")
}

const KEYWORDS: [&str; 47] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut",
    "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe",
    "unsized", "use", "virtual", "where", "while", "yield",
];
