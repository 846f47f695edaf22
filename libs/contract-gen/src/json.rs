//! Prints `impl Json` for the messages of a package: one line a field, no generics, so that it is compiled once.

use std::fmt::{self, Write};

use heck::ToLowerCamelCase;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use crate::{
    Api,
    field::{header, oneof, oneofs},
    rust::{enum_type, ident, message_type, oneof_type, value_names, variant},
};

/// Where the generated messages hang: the text stands in the crate that holds them.
const ROOT: &str = "crate";

/// Rust that implements `proto::json::Json` for every message of `package`.
///
/// The crate needs the messages under `crate::`, and the library `proto` under that name.
pub fn json(api: &Api, package: &str) -> String {
    let mut out = String::from("use proto::json::{At, Json, Out, Value};\n");
    for message in api.messages().filter(|message| message.package_name() == package) {
        // Writing into a string cannot fail.
        print(&mut out, &message).unwrap_or_default();
    }
    out
}

fn print(out: &mut String, message: &MessageDescriptor) -> fmt::Result {
    writeln!(out, "\nimpl Json for {} {{", message_type(ROOT, message))?;
    print_write(out, message)?;
    print_read(out, message)?;
    writeln!(out, "}}")
}

fn print_write(out: &mut String, message: &MessageDescriptor) -> fmt::Result {
    writeln!(out, "    fn write(&self, out: &mut Out) {{\n        out.open();")?;
    for field in message.fields().filter(|field| oneof(field).is_none() && header(field).is_none()) {
        let (place, key) = (format!("self.{}", ident(field.name())), field.json_name().to_owned());
        if field.supports_presence() {
            let write = write_one(&field, "value", "*value");
            writeln!(
                out,
                "        if let Some(value) = &{place} {{\n            out.key({key:?});\n            {write}\n        }}"
            )?;
        } else if let (Kind::Enum(_), false) = (field.kind(), field.is_list()) {
            // Zero is what nobody has set: it is not written, so that no answer says `…_UNSPECIFIED`.
            let write = write_one(&field, &place, &place);
            writeln!(
                out,
                "        if {place} != 0 {{\n            out.key({key:?});\n            {write}\n        }}"
            )?;
        } else if field.is_list() && matches!(field.kind(), Kind::Enum(_)) {
            let write = write_one(&field, "value", "*value");
            writeln!(out, "        out.key({key:?});\n        out.list(&{place}, |value, out| {write});")?;
        } else {
            writeln!(out, "        out.key({key:?});\n        {};", write_one(&field, &place, &place))?;
        }
    }
    for oneof in oneofs(message) {
        let kind = oneof_type(ROOT, &oneof);
        writeln!(out, "        match &self.{} {{\n            None => {{}}", ident(oneof.name()))?;
        for field in oneof.fields() {
            let write = write_one(&field, "value", "*value");
            let case = variant(field.name());
            let key = field.json_name();
            writeln!(out, "            Some({kind}::{case}(value)) => {{")?;
            writeln!(out, "                out.case({:?}, {key:?});", name_of_case(&oneof))?;
            writeln!(out, "                out.key({key:?});\n                {write}\n            }}")?;
        }
        writeln!(out, "        }}")?;
    }
    writeln!(out, "        out.close();\n    }}")
}

/// The expression that writes one value; enums are numbers in Rust and names in JSON.
fn write_one(field: &FieldDescriptor, place: &str, number: &str) -> String {
    match field.kind() {
        Kind::Enum(found) => {
            let kind = enum_type(ROOT, &found);
            format!("out.enumeration({number}, {kind}::try_from({number}).map(|known| known.as_str_name()))")
        }
        _ => format!("{place}.write(out)"),
    }
}

fn print_read(out: &mut String, message: &MessageDescriptor) -> fmt::Result {
    let fields: Vec<_> = message.fields().filter(|field| header(field).is_none()).collect();
    if fields.is_empty() {
        writeln!(out, "    fn read(value: &Value, at: &mut At) -> Self {{")?;
        writeln!(out, "        at.object(value, &mut |_, _, _| false);\n        Self::default()\n    }}")?;
        return Ok(());
    }
    writeln!(out, "    fn read(value: &Value, at: &mut At) -> Self {{\n        let mut message = Self::default();")?;
    for oneof in oneofs(message) {
        writeln!(out, "        let mut case_of_{} = None;", oneof.name())?;
    }
    for field in fields.iter().filter(|field| is_explicit(field)) {
        writeln!(out, "        let mut wrote_{} = false;", field.name())?;
    }
    writeln!(out, "        at.object(value, &mut |key, value, at| {{\n            match key {{")?;
    for field in &fields {
        // `null` stands for an absent field; only the arms know which fields there are.
        writeln!(out, "                {} => if !value.is_null() {{", keys(field))?;
        let read = read_one(field);
        if is_explicit(field) {
            writeln!(out, "                    wrote_{} = true;", field.name())?;
        }
        if let Some(oneof) = oneof(field) {
            let (place, case) = (format!("message.{}", ident(oneof.name())), variant(field.name()));
            let kind = oneof_type(ROOT, &oneof);
            writeln!(out, "                    at.only({place}.is_none());")?;
            writeln!(out, "                    {place} = Some({kind}::{case}({read}));")?;
        } else {
            let read = if field.supports_presence() { format!("Some({read})") } else { read };
            writeln!(out, "                    message.{} = {read};", ident(field.name()))?;
        }
        writeln!(out, "                }}")?;
    }
    for oneof in oneofs(message) {
        let place = format!("case_of_{}", oneof.name());
        writeln!(out, "                {:?} => if !value.is_null() {{", name_of_case(&oneof))?;
        writeln!(out, "                    {place} = Some(at.case(value));\n                }}")?;
    }
    writeln!(out, "                _ => return false,\n            }}\n            true\n        }});")?;
    for oneof in oneofs(message) {
        print_agreement(out, &oneof)?;
    }
    for field in fields.iter().filter(|field| is_explicit(field)) {
        writeln!(
            out,
            "        if !wrote_{} {{\n            at.missing({:?});\n        }}",
            field.name(),
            field.json_name()
        )?;
    }
    writeln!(out, "        message\n    }}")
}

/// A case that was named has to be the one that is set.
fn print_agreement(out: &mut String, oneof: &OneofDescriptor) -> fmt::Result {
    let kind = oneof_type(ROOT, oneof);
    writeln!(out, "        let set: &[&str] = match &message.{} {{\n            None => &[],", ident(oneof.name()))?;
    for field in oneof.fields() {
        let (case, names) = (variant(field.name()), [field.json_name(), field.name()]);
        writeln!(out, "            Some({kind}::{case}(_)) => &{names:?},")?;
    }
    writeln!(out, "        }};\n        at.agree({:?}, case_of_{}, set);", name_of_case(oneof), oneof.name())
}

/// Whether JSON must write the field even where it is zero or empty.
pub(crate) fn is_explicit(field: &FieldDescriptor) -> bool {
    let Some(extension) = field.parent_pool().get_extension_by_name("lyceum.api.v1.explicit") else { return false };
    field.options().get_extension(&extension).as_bool() == Some(true)
}

/// The property that says which case of a oneof is set.
pub(crate) fn name_of_case(oneof: &OneofDescriptor) -> String {
    oneof.name().to_lower_camel_case()
}

/// The pattern of a field's two spellings: its JSON name and its name in the .proto.
pub(crate) fn keys(field: &FieldDescriptor) -> String {
    if field.json_name() == field.name() {
        format!("{:?}", field.name())
    } else {
        format!("{:?} | {:?}", field.json_name(), field.name())
    }
}

fn read_one(field: &FieldDescriptor) -> String {
    let Kind::Enum(found) = field.kind() else { return "Json::read(value, at)".to_owned() };
    let kind = enum_type(ROOT, &found);
    let names = value_names(&found);
    let one =
        format!("at.enumeration(value, |name| {kind}::from_str_name(name).map(i32::from), {kind}::is_valid, &{names})");
    if field.is_list() { format!("at.list(value, |value, at| {one})") } else { one }
}
