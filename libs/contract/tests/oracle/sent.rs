//! Makes up messages from descriptors and rules: values at each bound, and one step beyond it.

use std::{collections::BTreeSet, sync::LazyLock};

use proptest::{collection, option, prelude::*, sample::select};
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use proto::Message;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| DescriptorPool::decode(proto::DESCRIPTOR).unwrap());

/// Bounds that the rules of a field leave open.
const SHORT: u64 = 3;
/// Longer lists and texts are not made up: they take long and show nothing that others do not.
const LONGEST: u64 = 2_000;
/// An id.
const UUID: &str = "0198c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4d";

/// A message of the contract by its full name.
pub fn descriptor(name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(name).unwrap_or_else(|| panic!("the contract has no {name}"))
}

/// Every request of the contract that has fields.
pub fn requests() -> BTreeSet<String> {
    let ours = |name: &str| name.starts_with("lyceum.");
    let methods = POOL
        .services()
        .filter(|service| ours(service.package_name()))
        .flat_map(|service| service.methods().map(|method| method.input()).collect::<Vec<_>>());
    methods.filter(|input| input.fields().len() > 0).map(|input| input.full_name().to_owned()).collect()
}

/// The message on the wire.
pub fn encoded(message: &DynamicMessage) -> Vec<u8> {
    message.encode_to_vec()
}

/// The message with what only the server sets and must not be absent: the judge does not know who sets what.
#[cfg(feature = "oracle")]
pub fn completed(message: &DynamicMessage) -> DynamicMessage {
    use prost_reflect::ReflectMessage;

    let inner = |value: &Value| match value {
        Value::Message(message) => Value::Message(completed(message)),
        other => other.clone(),
    };
    let mut whole = message.clone();
    for field in message.descriptor().fields() {
        let value = match (message.has_field(&field).then(|| message.get_field(&field)), field.kind()) {
            (Some(value), _) => match value.as_list() {
                Some(items) => Value::List(items.iter().map(inner).collect()),
                None => inner(&value),
            },
            (None, _) if is_input(&field) || !Rules::of(&field).is_required() => continue,
            (None, Kind::Enum(_)) => Value::EnumNumber(1),
            (None, Kind::Message(absent)) => Value::Message(completed(&DynamicMessage::new(absent))),
            (None, other) => unreachable!("only the server sets {}, but it must be {other:?}", field.full_name()),
        };
        whole.set_field(&field, value);
    }
    whole
}

/// Messages that keep every rule, or, with `wild`, break some.
pub fn message(descriptor: &MessageDescriptor, wild: bool) -> BoxedStrategy<DynamicMessage> {
    if descriptor.full_name() == "google.protobuf.Timestamp" {
        return two(descriptor, -62_135_596_800..253_402_300_800_i64, 0..1_000_000_000);
    }
    if descriptor.full_name() == "google.protobuf.Duration" {
        return two(descriptor, 0..86_400_i64, 0..1_000_000_000);
    }
    let oneofs: Vec<_> = descriptor.oneofs().filter(|oneof| !oneof.is_synthetic()).collect();
    let plain = descriptor.fields().filter(|field| is_input(field) && !is_case(field));
    let plain: Vec<_> = plain.map(|field| sent(&field, wild)).collect();
    let cases: Vec<_> = oneofs
        .iter()
        .map(|oneof| {
            let one_of = oneof.fields().filter(is_input).map(|field| {
                one(&field, &Rules::of(&field), wild).prop_map(move |value| vec![(field.clone(), value)]).boxed()
            });
            let set = proptest::strategy::Union::new(one_of).boxed();
            if wild { prop_oneof![4 => set, 1 => Just(Vec::new())].boxed() } else { set }
        })
        .collect();
    let descriptor = descriptor.clone();
    (plain, cases)
        .prop_map(move |(plain, cases)| {
            let mut message = DynamicMessage::new(descriptor.clone());
            for (field, value) in plain.into_iter().flatten().chain(cases.into_iter().flatten()) {
                message.set_field(&field, value);
            }
            message
        })
        .boxed()
}

/// A field with what it holds, or nothing where it is left out.
fn sent(field: &FieldDescriptor, wild: bool) -> BoxedStrategy<Option<(FieldDescriptor, Value)>> {
    let rules = Rules::of(field);
    let content = content(field, &rules, wild);
    let content = content.prop_map({
        let field = field.clone();
        move |value| (field.clone(), value)
    });
    // Leaving out is always allowed for what has presence and no rule against it, and else only in a wild message.
    if wild || rules.may_be_absent(field) {
        option::weighted(0.8, content).boxed()
    } else {
        content.prop_map(Some).boxed()
    }
}

fn content(field: &FieldDescriptor, rules: &Rules, wild: bool) -> BoxedStrategy<Value> {
    if field.is_map() {
        let text = "[a-z]{1,8}";
        let entries = collection::hash_map(text.prop_map(MapKey::String), text.prop_map(Value::String), 0..3);
        return entries.prop_map(Value::Map).boxed();
    }
    if !field.is_list() {
        return one(field, rules, wild);
    }
    let item = Rules(rules.message("repeated", "items"));
    let (least, most) = (rules.number("repeated", "min_items").unwrap_or(0), rules.number("repeated", "max_items"));
    let many = lengths(least, most.unwrap_or(SHORT).min(12), wild && most.is_some_and(|most| most <= 12));
    let field = field.clone();
    let is_unique = rules.is("repeated", "unique");
    many.prop_flat_map(move |many| collection::vec(one(&field, &item, wild), usize::try_from(many).unwrap()))
        .prop_map(move |mut items| {
            if is_unique && !wild {
                items.iter_mut().enumerate().for_each(|(at, item)| *item = Value::String(numbered(at)));
            }
            Value::List(items)
        })
        .boxed()
}

fn numbered(at: usize) -> String {
    format!("{}{at:04}", &UUID[..32])
}

fn one(field: &FieldDescriptor, rules: &Rules, wild: bool) -> BoxedStrategy<Value> {
    match field.kind() {
        Kind::String => text(field, rules, wild).prop_map(Value::String).boxed(),
        Kind::Bytes => collection::vec(any::<u8>(), 0..9).prop_map(|bytes| Value::Bytes(bytes.into())).boxed(),
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Int32 => {
            number(rules, "int32", wild).prop_map(|number| Value::I32(i32::try_from(number).unwrap())).boxed()
        }
        Kind::Int64 => number(rules, "int64", wild).prop_map(Value::I64).boxed(),
        Kind::Enum(found) => {
            let zero = wild || (!field.is_list() && rules.may_be_absent(field));
            let mut numbers: Vec<i32> =
                found.values().map(|value| value.number()).filter(|number| zero || *number != 0).collect();
            if wild {
                numbers.push(99);
            }
            select(numbers).prop_map(Value::EnumNumber).boxed()
        }
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Duration" => length(&inner, rules),
        Kind::Message(inner) => message(&inner, wild).prop_map(Value::Message).boxed(),
        other => unreachable!("no request holds {other:?}"),
    }
}

/// Texts of each length that matters. They begin and end with a letter, because texts are trimmed before they are counted.
fn text(field: &FieldDescriptor, rules: &Rules, wild: bool) -> BoxedStrategy<String> {
    if field.name() == "page_token" {
        return Just(String::new()).boxed();
    }
    if field.name() == "etag" {
        return select(vec![String::new(), "7".to_owned()]).boxed();
    }
    let fixed = |texts: &[&str]| select(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).boxed();
    // What has a form beyond its bounds keeps it, or breaks a bound that both judges know.
    let formed = match value(field).as_str() {
        _ if rules.is("string", "uuid") => Some(fixed(&[UUID, "0198C2F4-7B1E-7C3A-9D55-3F0E8A1B2C4D"])),
        "Language" => Some(fixed(&["ru", "en"])),
        "Currency" => Some(fixed(&["RUB", "USD"])),
        "TimeZone" => Some(fixed(&["Europe/Moscow", "UTC"])),
        "Day" => Some(fixed(&["2026-11-30"])),
        "TimeOfDay" => Some(fixed(&["09:00"])),
        "Sha256" => Some(fixed(&["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"])),
        "DocumentName" => Some(fixed(&["terms", "privacy-2"])),
        _ => None,
    };
    let left_out = rules.ignores_zero();
    if let Some(formed) = formed {
        let broken =
            if rules.is("string", "uuid") { vec!["", "7", "no-uuid-but-36-characters-long-00000"] } else { vec![""] };
        return match (wild, left_out) {
            (true, _) => prop_oneof![6 => formed, 1 => fixed(&broken)].boxed(),
            (false, true) => prop_oneof![6 => formed, 1 => Just(String::new())].boxed(),
            (false, false) => formed,
        };
    }
    let bounds = |least: &str, most: &str| (rules.number("string", least).unwrap_or(0), rules.number("string", most));
    let (least, most) = bounds("min_len", "max_len");
    // How many bytes a text has is looked at by its value alone.
    let most = most.or(bounds("min_bytes", "max_bytes").1.map(|_| SHORT));
    let is_wide = most.is_some_and(|most| most > LONGEST);
    let many = lengths(least, most.unwrap_or(SHORT).min(LONGEST), wild && !is_wide);
    (many, select(vec!["a", "ж", "🎓"]))
        .prop_map(|(length, letter)| letter.repeat(usize::try_from(length).unwrap()))
        .boxed()
}

/// Each bound, something between them, and with `wild` one step beyond.
fn lengths(least: u64, most: u64, wild: bool) -> BoxedStrategy<u64> {
    let mut at: Vec<u64> = vec![least, most, least.midpoint(most)];
    if wild {
        at.extend([least.saturating_sub(1), most + 1]);
    }
    select(at).boxed()
}

fn number(rules: &Rules, kind: &str, wild: bool) -> BoxedStrategy<i64> {
    let bound = |name| rules.signed(kind, name);
    let (least, most) = (bound("gte").unwrap_or(-5), bound("lte").unwrap_or(1_000));
    let mut at = vec![least, most, least.midpoint(most)];
    if wild {
        at.extend([least - 1, most + 1, 0]);
    }
    select(at).boxed()
}

/// Lengths of time within their bounds: beyond them the service's own value judges.
fn length(descriptor: &MessageDescriptor, rules: &Rules) -> BoxedStrategy<Value> {
    let seconds = |name| rules.message("duration", name).and_then(|bound| bound.get_field_by_name("seconds")?.as_i64());
    let (least, most) = (seconds("gte").unwrap_or(0).max(1), seconds("lte").unwrap_or(100));
    let descriptor = descriptor.clone();
    (least..=most)
        .prop_map(move |seconds| {
            let mut length = DynamicMessage::new(descriptor.clone());
            length.set_field_by_name("seconds", Value::I64(seconds));
            Value::Message(length)
        })
        .boxed()
}

fn two(
    descriptor: &MessageDescriptor,
    seconds: std::ops::Range<i64>,
    nanos: std::ops::Range<i32>,
) -> BoxedStrategy<DynamicMessage> {
    let descriptor = descriptor.clone();
    (seconds, nanos)
        .prop_map(move |(seconds, nanos)| {
            let mut message = DynamicMessage::new(descriptor.clone());
            message.set_field_by_name("seconds", Value::I64(seconds));
            message.set_field_by_name("nanos", Value::I32(nanos));
            message
        })
        .boxed()
}

/// `buf.validate.FieldRules` of a field, read by reflection and by nothing of ours.
struct Rules(Option<DynamicMessage>);

impl Rules {
    fn of(field: &FieldDescriptor) -> Self {
        let extension = POOL.get_extension_by_name("buf.validate.field").unwrap();
        let options = field.options();
        Self(options.has_extension(&extension).then(|| options.get_extension(&extension).as_message().unwrap().clone()))
    }

    /// A rule for a kind of field, if it was written.
    fn rule(&self, kind: &str, name: &str) -> Option<Value> {
        let rules = self.0.as_ref()?.get_field_by_name(kind)?.as_message()?.clone();
        rules.has_field_by_name(name).then(|| rules.get_field_by_name(name).unwrap().into_owned())
    }

    fn number(&self, kind: &str, name: &str) -> Option<u64> {
        self.rule(kind, name).or_else(|| self.rule(kind, "len"))?.as_u64()
    }

    fn signed(&self, kind: &str, name: &str) -> Option<i64> {
        let rule = self.rule(kind, name)?;
        rule.as_i64().or_else(|| rule.as_i32().map(i64::from))
    }

    fn is(&self, kind: &str, name: &str) -> bool {
        self.rule(kind, name).and_then(|rule| rule.as_bool()).unwrap_or(false)
    }

    fn message(&self, kind: &str, name: &str) -> Option<DynamicMessage> {
        self.rule(kind, name)?.as_message().cloned()
    }

    fn ignores_zero(&self) -> bool {
        let ignore = self.0.as_ref().and_then(|rules| rules.get_field_by_name("ignore")?.as_enum_number());
        ignore == Some(1)
    }

    /// Whether a rule says that the field must be there.
    fn is_required(&self) -> bool {
        self.0.as_ref().and_then(|rules| rules.get_field_by_name("required")?.as_bool()).unwrap_or(false)
    }

    /// Whether no rule asks for the field.
    fn may_be_absent(&self, field: &FieldDescriptor) -> bool {
        let presence = field.supports_presence();
        let breaks = |kind: &str, name: &str| self.number(kind, name).is_some_and(|least| least > 0);
        let by_zero = breaks("string", "min_len")
            || breaks("string", "len")
            || breaks("repeated", "min_items")
            || self.is("string", "uuid")
            || ["int32", "int64"].iter().any(|kind| self.signed(kind, "gte").is_some_and(|least| least > 0));
        !self.is_required() && (presence || self.ignores_zero() || !by_zero)
    }
}

fn is_case(field: &FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic())
}

/// Whether a caller may set the field.
fn is_input(field: &FieldDescriptor) -> bool {
    const OUTPUT_ONLY: Value = Value::EnumNumber(3);
    let extension = POOL.get_extension_by_name("google.api.field_behavior").unwrap();
    !field.options().get_extension(&extension).as_list().unwrap().contains(&OUTPUT_ONLY)
}

/// The name of the value that a text stands for.
fn value(field: &FieldDescriptor) -> String {
    let extension = POOL.get_extension_by_name("lyceum.api.v1.value").unwrap();
    field.options().get_extension(&extension).as_str().unwrap().to_owned()
}
