//! How one field of a request is typed in Rust, and the expression that reads it.

use heck::ToShoutySnakeCase;
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::{
    field::{is_redacted, oneof, value},
    rules::{Rules, rules},
    rust::{ident, oneof_type, variant},
};

use super::ROOT;

/// Values of `libs/values` that a text may stand for; every other name is a type of the service.
const SHARED: [&str; 3] = ["Currency", "Language", "TimeZone"];

/// What a field holds, as Rust types it.
pub(super) enum Holds {
    /// The id of something: the alias in the library `ids`.
    Id(String),
    /// A text that people type, with its bounds in characters.
    Text(u64, u64),
    /// A text with more rules: a value of `libs/values` or of the service.
    Value(String),
    /// A text that only has to fit its bounds.
    String,
    /// The same, but never printed.
    Secret,
    Bytes,
    Bool,
    /// A whole number: the Rust type, and the service's value made of it if there is one.
    Integer(&'static str, Option<String>),
    Enum(EnumDescriptor),
    Instant,
    Duration,
    Money,
    /// Texts by texts.
    Map,
    Message(MessageDescriptor),
}

/// How often a field holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Many {
    One,
    /// It may be left out. The flag says that leaving it out is an empty text or a zero, not an absent field.
    Optional {
        by_zero: bool,
    },
    List,
}

/// A typed field.
pub(super) struct Typed {
    pub(super) field: FieldDescriptor,
    pub(super) holds: Holds,
    pub(super) many: Many,
    rules: Rules,
}

impl Typed {
    pub(super) fn of(field: &FieldDescriptor) -> Self {
        let own = rules(field);
        let item = match (&own.items, field.is_list()) {
            (Some(items), true) => (**items).clone(),
            (None, true) => Rules::default(),
            (_, false) => own.clone(),
        };
        let holds = holds(field, &item);
        let many = if field.is_map() {
            Many::One
        } else if field.is_list() {
            Many::List
        } else {
            many(field, &holds, &own)
        };
        Self { field: field.clone(), holds, many, rules: own }
    }

    /// The type inside: without `Option` or `Vec`.
    fn inner(&self) -> String {
        match &self.holds {
            Holds::Id(alias) => format!("::ids::{alias}"),
            Holds::Text(min, max) => format!("::values::Text<{min}, {max}>"),
            Holds::Value(name) if SHARED.contains(&name.as_str()) => format!("::values::{name}"),
            Holds::Value(name) => format!("T::{name}"),
            Holds::String => "String".to_owned(),
            Holds::Secret => "Secret".to_owned(),
            Holds::Bytes => "Vec<u8>".to_owned(),
            Holds::Bool => "bool".to_owned(),
            Holds::Integer(_, Some(value)) => format!("T::{value}"),
            Holds::Integer(integer, None) => (*integer).to_owned(),
            Holds::Enum(found) => format!("T::{}", enum_name(found)),
            Holds::Instant => "::time::OffsetDateTime".to_owned(),
            Holds::Duration => "::time::Duration".to_owned(),
            Holds::Money => "::values::Money".to_owned(),
            Holds::Map => "::std::collections::BTreeMap<String, String>".to_owned(),
            Holds::Message(message) => input_type(message),
        }
    }

    /// The whole type.
    pub(super) fn rust(&self) -> String {
        match self.many {
            Many::One => self.inner(),
            Many::Optional { .. } => format!("Option<{}>", self.inner()),
            Many::List => format!("Vec<{}>", self.inner()),
        }
    }

    /// The expression that reads the field out of `sent`: `Option` of the whole type, `None` after a mistake.
    pub(super) fn read(&self) -> String {
        let place = format!("sent.{}", ident(self.field.name()));
        let name = self.field.name();
        match self.many {
            Many::List => {
                let item = self.read_one("name", "sent");
                let (min, max) = (self.rules.min_items.unwrap_or(0), self.rules.max_items.unwrap_or(u64::MAX));
                let function = if self.rules.unique { "read::list_unique" } else { "read::list" };
                format!("{function}(fields, {name:?}, {place}, {min}..={max}, |fields, name, sent| {item})")
            }
            Many::One if self.presence() => {
                let one = self.read_one(&format!("{name:?}"), "sent");
                format!("read::required(fields, {name:?}, {place}, |fields, sent| {one})")
            }
            Many::One => self.read_one(&format!("{name:?}"), &place),
            Many::Optional { by_zero: false } if matches!(self.holds, Holds::Bool) => format!("Some({place})"),
            Many::Optional { by_zero: false } => {
                let one = self.read_one(&format!("{name:?}"), "sent");
                format!("read::optional(fields, {place}, |fields, sent| {one})")
            }
            Many::Optional { by_zero: true } => match &self.holds {
                Holds::Enum(found) => {
                    format!("read::named_or_none(fields, {name:?}, {place}, &{})", enum_table(found))
                }
                Holds::Integer(..) => {
                    let one = self.read_one(&format!("{name:?}"), "sent");
                    format!("read::optional(fields, Some({place}).filter(|sent| *sent != 0), |fields, sent| {one})")
                }
                _ => {
                    let one = self.read_one(&format!("{name:?}"), "sent");
                    format!("read::optional(fields, read::given({place}), |fields, sent| {one})")
                }
            },
        }
    }

    /// The expression of one case of a oneof, whose content is `sent`.
    pub(super) fn read_case(&self) -> String {
        self.read_one(&format!("{:?}", self.field.name()), "sent")
    }

    /// Reads one value.
    fn read_one(&self, name: &str, sent: &str) -> String {
        let item = match (&self.rules.items, self.many) {
            (Some(items), Many::List) => items,
            _ => &self.rules,
        };
        let text = format!("&{sent}");
        match &self.holds {
            Holds::Id(_) => format!("read::id(fields, {name}, {text})"),
            Holds::Text(..) => format!("read::text(fields, {name}, {text})"),
            Holds::Value(_) => format!("read::value(fields, {name}, {text}, {})", lengths(item)),
            Holds::String => format!("read::string(fields, {name}, {sent}, {})", lengths(item)),
            Holds::Secret => format!("read::secret(fields, {name}, {sent}, {})", lengths(item)),
            Holds::Bytes => format!("read::bytes(fields, {name}, {sent}, {})", byte_lengths(item)),
            Holds::Bool => format!("Some({sent})"),
            Holds::Integer(integer, value) => {
                let (min, max) = range(&self.field, item);
                let plain = format!("read::integer::<{integer}>(fields, {name}, i128::from({sent}), {min}..={max})");
                match value {
                    None => plain,
                    Some(_) => format!("{plain}.and_then(|sent| read::made(fields, {name}, sent))"),
                }
            }
            Holds::Enum(found) => format!("read::named(fields, {name}, {sent}, &{})", enum_table(found)),
            Holds::Instant => format!("read::instant(fields, {name}, {sent})"),
            Holds::Duration => {
                let (min, max) = (item.gte.unwrap_or(i128::MIN), item.lte.unwrap_or(i128::MAX));
                format!("read::duration(fields, {name}, {sent}, {min}..={max})")
            }
            Holds::Map => {
                let (min, max) = (item.min_items.unwrap_or(0), item.max_items.unwrap_or(u64::MAX));
                let keys = lengths(&item.keys.as_deref().cloned().unwrap_or_default());
                let values = byte_lengths(&item.items.as_deref().cloned().unwrap_or_default());
                format!("read::map(fields, {name}, {sent}, {min}..={max}, {keys}, {values})")
            }
            Holds::Money => format!("read::money(fields, {name}, {sent})"),
            Holds::Message(message) => {
                let input = input_name(message);
                format!("read::message(fields, {name}, {sent}, {input}::read)")
            }
        }
    }

    fn presence(&self) -> bool {
        self.field.supports_presence() && oneof(&self.field).is_none()
    }

    /// Whether the type names one of the service's own types by itself.
    pub(super) fn own_type(&self) -> Option<(String, (String, String))> {
        let about = |what: &str| (format!("The type behind `{}`.", self.field.name()), what.to_owned());
        match &self.holds {
            Holds::Value(name) if !SHARED.contains(&name.as_str()) => {
                Some((name.clone(), about("::std::str::FromStr<Err: ::values::Mistake> + fmt::Debug + Clone + Send")))
            }
            Holds::Integer(integer, Some(name)) => {
                let bound = format!("TryFrom<{integer}, Error: ::values::Mistake> + fmt::Debug + Clone + Send");
                Some((name.clone(), about(&bound)))
            }
            Holds::Enum(found) => {
                let about = format!("`{}` as the service calls it.", found.full_name());
                Some((enum_name(found), (about, "::values::Named + fmt::Debug + Send".to_owned())))
            }
            _ => None,
        }
    }
}

fn holds(field: &FieldDescriptor, rules: &Rules) -> Holds {
    let value = value(field);
    match field.kind() {
        Kind::String if rules.uuid => Holds::Id(id_alias(field.name())),
        Kind::String => match (value, rules.max_len) {
            (None, _) if is_redacted(field) => Holds::Secret,
            (Some(value), _) if value == "String" && is_redacted(field) => Holds::Secret,
            (Some(value), _) if value == "String" => Holds::String,
            (Some(value), _) => Holds::Value(value),
            (None, Some(max)) if rules.pattern.is_none() => Holds::Text(rules.min_len.unwrap_or(0), max),
            (None, _) => Holds::String,
        },
        Kind::Message(_) if field.is_map() => Holds::Map,
        Kind::Bytes => Holds::Bytes,
        Kind::Bool => Holds::Bool,
        Kind::Enum(found) => Holds::Enum(found),
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" => Holds::Instant,
            "google.protobuf.Duration" => Holds::Duration,
            "lyceum.values.v1.Money" => Holds::Money,
            _ => Holds::Message(message),
        },
        kind => {
            let wide = matches!(kind, Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64);
            let signed = rules.gte.is_none_or(|least| least < 0);
            let unsigned = matches!(kind, Kind::Uint32 | Kind::Fixed32 | Kind::Uint64 | Kind::Fixed64);
            let integer = match (wide, signed && !unsigned) {
                (true, true) => "i64",
                (true, false) => "u64",
                (false, true) => "i32",
                (false, false) => "u32",
            };
            Holds::Integer(integer, value)
        }
    }
}

fn many(field: &FieldDescriptor, holds: &Holds, rules: &Rules) -> Many {
    let presence = field.supports_presence() && oneof(field).is_none();
    match holds {
        _ if rules.required => Many::One,
        _ if presence => Many::Optional { by_zero: false },
        Holds::Id(_) | Holds::Value(_) => Many::Optional { by_zero: true },
        // An empty text is no text of at least one character.
        Holds::Text(min, _) if *min > 0 => Many::Optional { by_zero: true },
        Holds::Enum(_) => Many::Optional { by_zero: true },
        Holds::Integer(..) if rules.ignore_zero => Many::Optional { by_zero: true },
        _ => Many::One,
    }
}

/// `run_id` and `run_ids` are `RunId`.
fn id_alias(field: &str) -> String {
    variant(field.strip_suffix('s').unwrap_or(field))
}

/// `Course.State` is `CourseState`; an enum on its own keeps its name.
pub(super) fn enum_name(found: &EnumDescriptor) -> String {
    match found.parent_message() {
        Some(message) => {
            let name = message.name();
            format!("{}{}", variant(name.strip_suffix("Request").unwrap_or(name)), variant(found.name()))
        }
        None => variant(found.name()),
    }
}

/// The values that mean something: their numbers and the names that the service gives them, `self_paced` for
/// `PACING_SELF_PACED`.
fn enum_table(found: &EnumDescriptor) -> String {
    let table: Vec<(i32, String)> = found
        .values()
        .filter(|value| value.number() != 0)
        .map(|value| (value.number(), service_name(found, value.name())))
        .collect();
    format!("{table:?}")
}

/// `PACING_SELF_PACED` of the enum `Pacing` is `self_paced`.
pub(crate) fn service_name(found: &EnumDescriptor, value: &str) -> String {
    let prefix = format!("{}_", found.name().to_shouty_snake_case());
    value.strip_prefix(&prefix).unwrap_or(value).to_lowercase()
}

/// The struct of a message inside a request.
pub(super) fn input_name(message: &MessageDescriptor) -> String {
    let own = message.full_name().strip_prefix(message.package_name()).unwrap_or_default();
    let name: String = own.split('.').map(variant).collect();
    format!("{name}Input")
}

/// The same with the parameter that it needs when it holds types of the service.
pub(super) fn input_type(message: &MessageDescriptor) -> String {
    format!("{}{}", input_name(message), super::message::parameter(message))
}

/// The Rust path of a case of a oneof.
pub(super) fn case(field: &FieldDescriptor) -> Option<String> {
    let oneof = oneof(field)?;
    Some(format!("{}::{}", oneof_type(ROOT, &oneof), variant(field.name())))
}

fn lengths(rules: &Rules) -> String {
    let (min, max) = (rules.min_len.unwrap_or(0), rules.max_len.unwrap_or(u64::MAX));
    format!("{min}..={max}")
}

fn byte_lengths(rules: &Rules) -> String {
    let (min, max) = (rules.min_bytes.unwrap_or(0), rules.max_bytes.unwrap_or(u64::MAX));
    format!("{min}..={max}")
}

/// The numbers that fit.
fn range(field: &FieldDescriptor, rules: &Rules) -> (i128, i128) {
    let (least, most) = match field.kind() {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => (i128::from(i32::MIN), i128::from(i32::MAX)),
        Kind::Uint32 | Kind::Fixed32 => (0, i128::from(u32::MAX)),
        Kind::Uint64 | Kind::Fixed64 => (0, i128::from(u64::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    (rules.gte.unwrap_or(least), rules.lte.unwrap_or(most))
}
