//! What `buf.validate` says about one field, as plain numbers; an option that nobody here prints is refused.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, OneofDescriptor, ReflectMessage, Value};

/// The rules of a field, or of the items of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Whether absence is refused: it was said so, or what an absent field holds breaks another rule.
    pub(crate) required: bool,
    /// Whether what an absent field holds (an empty text, zero, an empty list) passes, whatever the other rules say.
    pub(crate) ignore_zero: bool,
    /// The shortest text, in characters.
    pub(crate) min_len: Option<u64>,
    /// The longest text, in characters.
    pub(crate) max_len: Option<u64>,
    /// The shortest text or binary, in bytes.
    pub(crate) min_bytes: Option<u64>,
    /// The longest text or binary, in bytes.
    pub(crate) max_bytes: Option<u64>,
    /// A regular expression that matches the text.
    pub(crate) pattern: Option<String>,
    /// Whether the text is a UUID.
    pub(crate) uuid: bool,
    /// Whether the text is an e-mail address.
    pub(crate) email: bool,
    /// Whether the text is an absolute URI.
    pub(crate) uri: bool,
    /// The smallest number; of a duration, its nanoseconds.
    pub(crate) gte: Option<i128>,
    /// The largest number; of a duration, its nanoseconds.
    pub(crate) lte: Option<i128>,
    /// The fewest items of a list, or entries of a map.
    pub(crate) min_items: Option<u64>,
    /// The most items of a list, or entries of a map.
    pub(crate) max_items: Option<u64>,
    /// Whether no item may stand twice.
    pub(crate) unique: bool,
    /// Whether an enum's value must be one that the contract names.
    pub(crate) defined_only: bool,
    /// Whether zero, an enum's `…_UNSPECIFIED`, is refused in a list.
    pub(crate) not_in_zero: bool,
    /// The rules of each item of a list, or of each value of a map.
    pub(crate) items: Option<Box<Rules>>,
    /// The rules of each key of a map.
    pub(crate) keys: Option<Box<Rules>>,
}

impl Rules {
    /// Whether the field's size has an end: a text by characters, bytes or form, a list by items.
    pub(crate) fn is_bounded(&self, field: &FieldDescriptor) -> bool {
        if field.is_list() || field.is_map() {
            let inner = self.items.as_deref().cloned().unwrap_or_default();
            let keys = self.keys.as_deref().cloned().unwrap_or_default();
            return self.max_items.is_some()
                && (!is_text(&inner_kind(field)) || inner.bounds_text())
                && (!field.is_map() || keys.bounds_text());
        }
        !is_text(&field.kind()) || self.bounds_text()
    }

    fn bounds_text(&self) -> bool {
        self.max_len.is_some() || self.max_bytes.is_some() || self.uuid
    }

    /// Whether what an absent field holds breaks a rule.
    pub(crate) fn refuses_zero(&self) -> bool {
        let above_zero = |bound: Option<u64>| bound.is_some_and(|bound| bound > 0);
        above_zero(self.min_len)
            || above_zero(self.min_bytes)
            || above_zero(self.min_items)
            || self.uuid
            || self.email
            || self.uri
            || self.not_in_zero
            || self.gte.is_some_and(|least| least > 0)
            || self.lte.is_some_and(|most| most < 0)
    }
}

/// The rules of a field; none where nothing is said.
///
/// Call [`wrong`] first: what it refuses is not in the answer.
pub(crate) fn rules(field: &FieldDescriptor) -> Rules {
    let mut rules = stated(field).map(|stated| read(&stated).0).unwrap_or_default();
    let sees_zero = !field.supports_presence() && !rules.ignore_zero;
    rules.required |= sees_zero && rules.refuses_zero();
    rules
}

/// Whether one of the cases of a `oneof` must be set.
pub(crate) fn is_required(oneof: &OneofDescriptor) -> bool {
    let Some(extension) = oneof.parent_pool().get_extension_by_name("buf.validate.oneof") else { return false };
    let options = oneof.options();
    let stated = options.get_extension(&extension);
    let required = stated.as_message().and_then(|rules| rules.get_field_by_name("required"));
    required.and_then(|value| value.as_bool()).unwrap_or(false)
}

/// What is wrong with the rules of a field: options that are not known here, or that do not fit its type.
pub(crate) fn wrong(field: &FieldDescriptor) -> Vec<String> {
    let Some(stated) = stated(field) else { return Vec::new() };
    let (rules, mut wrong) = read(&stated);
    if let Some(given) = stated
        .descriptor()
        .oneofs()
        .flat_map(|oneof| oneof.fields().collect::<Vec<_>>())
        .find(|one| stated.has_field(one))
    {
        let wanted = name_of_rules(field);
        if given.name() != wanted {
            wrong.push(format!("its buf.validate rules are those of {}, but it needs {wanted}", given.name()));
        }
    }
    let crossed =
        |least: Option<u64>, most: Option<u64>| matches!((least, most), (Some(least), Some(most)) if least > most);
    if crossed(rules.min_len, rules.max_len)
        || crossed(rules.min_bytes, rules.max_bytes)
        || crossed(rules.min_items, rules.max_items)
        || matches!((rules.gte, rules.lte), (Some(least), Some(most)) if least > most)
    {
        wrong.push("its least is more than its most".to_owned());
    }
    if rules.required && rules.ignore_zero {
        wrong.push("it is required and may be left out".to_owned());
    }
    wrong
}

/// The `buf.validate.field` option of a field.
fn stated(field: &FieldDescriptor) -> Option<DynamicMessage> {
    let extension = field.parent_pool().get_extension_by_name("buf.validate.field")?;
    let options = field.options();
    if !options.has_extension(&extension) {
        return None;
    }
    options.get_extension(&extension).as_message().cloned()
}

/// Reads `buf.validate.FieldRules`, and names what it cannot read.
fn read(stated: &DynamicMessage) -> (Rules, Vec<String>) {
    let (mut rules, mut unknown) = (Rules::default(), Vec::new());
    for (field, value) in stated.fields() {
        match (field.name(), value) {
            ("required", value) => rules.required = value == &Value::Bool(true),
            ("ignore", Value::EnumNumber(0)) => {}
            ("ignore", Value::EnumNumber(1)) => rules.ignore_zero = true,
            (kind, Value::Message(of_kind)) if field.containing_oneof().is_some() => {
                for (option, value) in of_kind.fields() {
                    if !take(&mut rules, &mut unknown, kind, option.name(), value) {
                        unknown.push(refusal(&format!("{kind}.{}", option.name())));
                    }
                }
            }
            (name, _) => unknown.push(refusal(name)),
        }
    }
    (rules, unknown)
}

fn refusal(option: &str) -> String {
    format!(
        "buf.validate's {option} is not known to contract-gen: use another rule, or teach rules.rs and what prints it"
    )
}

/// Takes one option of the rules for a kind of field; false where it is not known.
fn take(rules: &mut Rules, unknown: &mut Vec<String>, kind: &str, option: &str, value: &Value) -> bool {
    match (kind, option, value) {
        ("string", "min_len", Value::U64(count)) => rules.min_len = Some(*count),
        ("string", "max_len", Value::U64(count)) => rules.max_len = Some(*count),
        ("string", "len", Value::U64(count)) => (rules.min_len, rules.max_len) = (Some(*count), Some(*count)),
        ("string", "min_bytes", Value::U64(count)) => rules.min_bytes = Some(*count),
        ("string", "max_bytes", Value::U64(count)) => rules.max_bytes = Some(*count),
        ("string", "pattern", Value::String(pattern)) => rules.pattern = Some(pattern.clone()),
        ("string", "uuid", Value::Bool(said)) => rules.uuid = *said,
        ("string", "email", Value::Bool(said)) => rules.email = *said,
        ("string", "uri", Value::Bool(said)) => rules.uri = *said,
        ("bytes", "min_len", Value::U64(count)) => rules.min_bytes = Some(*count),
        ("bytes", "max_len", Value::U64(count)) => rules.max_bytes = Some(*count),
        ("enum", "defined_only", Value::Bool(said)) => rules.defined_only = *said,
        ("enum", "not_in", Value::List(values)) if values == &[Value::I32(0)] => rules.not_in_zero = true,
        ("repeated", "min_items", Value::U64(count)) => rules.min_items = Some(*count),
        ("repeated", "max_items", Value::U64(count)) => rules.max_items = Some(*count),
        ("repeated", "unique", Value::Bool(said)) => rules.unique = *said,
        ("map", "min_pairs", Value::U64(count)) => rules.min_items = Some(*count),
        ("map", "max_pairs", Value::U64(count)) => rules.max_items = Some(*count),
        ("repeated", "items", Value::Message(inner)) | ("map", "values", Value::Message(inner)) => {
            rules.items = Some(nested(inner, unknown));
        }
        ("map", "keys", Value::Message(inner)) => rules.keys = Some(nested(inner, unknown)),
        (_, bound, value) => {
            let Some(number) = whole(value).filter(|_| kind != "timestamp") else { return false };
            match bound {
                "gte" => rules.gte = Some(number),
                "gt" => rules.gte = Some(number + 1),
                "lte" => rules.lte = Some(number),
                "lt" => rules.lte = Some(number - 1),
                "const" => (rules.gte, rules.lte) = (Some(number), Some(number)),
                _ => return false,
            }
        }
    }
    true
}

fn nested(stated: &DynamicMessage, unknown: &mut Vec<String>) -> Box<Rules> {
    let (inner, more) = read(stated);
    unknown.extend(more);
    Box::new(inner)
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::I32(number) => Some(i128::from(*number)),
        Value::I64(number) => Some(i128::from(*number)),
        Value::U32(number) => Some(i128::from(*number)),
        Value::U64(number) => Some(i128::from(*number)),
        Value::Message(length) if length.descriptor().full_name() == "google.protobuf.Duration" => {
            let part = |name| length.get_field_by_name(name).as_deref().and_then(whole);
            Some(part("seconds")? * 1_000_000_000 + part("nanos")?)
        }
        _ => None,
    }
}

/// What `buf.validate.FieldRules` calls the rules for a field of this type.
fn name_of_rules(field: &FieldDescriptor) -> &'static str {
    if field.is_map() {
        return "map";
    }
    if field.is_list() {
        return "repeated";
    }
    match field.kind() {
        Kind::Double => "double",
        Kind::Float => "float",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Uint32 => "uint32",
        Kind::Uint64 => "uint64",
        Kind::Sint32 => "sint32",
        Kind::Sint64 => "sint64",
        Kind::Fixed32 => "fixed32",
        Kind::Fixed64 => "fixed64",
        Kind::Sfixed32 => "sfixed32",
        Kind::Sfixed64 => "sfixed64",
        Kind::Bool => "bool",
        Kind::String => "string",
        Kind::Bytes => "bytes",
        Kind::Enum(_) => "enum",
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" => "timestamp",
            "google.protobuf.Duration" => "duration",
            "google.protobuf.FieldMask" => "field_mask",
            "google.protobuf.Any" => "any",
            _ => "no type",
        },
    }
}

/// The kind of a list's items or of a map's values.
fn inner_kind(field: &FieldDescriptor) -> Kind {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    }
}

fn is_text(kind: &Kind) -> bool {
    matches!(kind, Kind::String | Kind::Bytes)
}
