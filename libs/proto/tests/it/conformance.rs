//! The codec against prost-reflect, which knows canonical JSON by reflection: random messages, both directions.

use std::{collections::HashMap, sync::LazyLock};

use proptest::{collection, option, prelude::*, test_runner::TestCaseResult};
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    SerializeOptions, Value,
};
use proto::{
    Message,
    json::{Unknown, from_text, to_text},
};

use crate::fixture::v1::Sample;

static SAMPLE: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(include_bytes!(concat!(env!("OUT_DIR"), "/fixture/descriptor.bin")).as_slice());
    pool.unwrap().get_message_by_name("fixture.v1.Sample").unwrap()
});

/// How deep random messages nest.
const DEPTH: u32 = 3;

fn message(descriptor: MessageDescriptor, depth: u32) -> BoxedStrategy<DynamicMessage> {
    match descriptor.full_name() {
        "google.protobuf.Timestamp" => {
            return parts(descriptor, -62_135_596_800_i64..253_402_300_800, 0..1_000_000_000, false);
        }
        "google.protobuf.Duration" => return parts(descriptor, 0..315_576_000_000, 0..1_000_000_000, true),
        "google.protobuf.FieldMask" => return mask(descriptor),
        _ => {}
    }
    // Each field is there in about a third of all messages; those that nest only while there is depth left.
    let fields = descriptor.fields().filter(|field| depth > 0 || !nests(field));
    let fields: Vec<_> = fields
        .map(|field| option::weighted(0.3, content(&field, depth)).prop_map(move |value| (field.clone(), value)))
        .collect();
    let fill = move |values: Vec<(FieldDescriptor, Option<Value>)>| {
        let mut message = DynamicMessage::new(descriptor.clone());
        for (field, value) in values {
            if let Some(value) = value {
                message.set_field(&field, value);
            }
        }
        message
    };
    fields.prop_map(fill).boxed()
}

fn nests(field: &FieldDescriptor) -> bool {
    field.kind().as_message().is_some_and(|message| !message.full_name().starts_with("google."))
}

fn content(field: &FieldDescriptor, depth: u32) -> BoxedStrategy<Value> {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { unreachable!("a map is a list of entries") };
        let entries =
            collection::hash_map(text().prop_map(MapKey::String), one(&entry.map_entry_value_field(), depth), 0..3);
        return entries.prop_map(|entries: HashMap<_, _>| Value::Map(entries)).boxed();
    }
    if field.is_list() {
        return collection::vec(one(field, depth), 0..4).prop_map(Value::List).boxed();
    }
    one(field, depth)
}

fn one(field: &FieldDescriptor, depth: u32) -> BoxedStrategy<Value> {
    match field.kind() {
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => any::<i32>().prop_map(Value::I32).boxed(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => any::<i64>().prop_map(Value::I64).boxed(),
        Kind::Uint32 | Kind::Fixed32 => any::<u32>().prop_map(Value::U32).boxed(),
        Kind::Uint64 | Kind::Fixed64 => any::<u64>().prop_map(Value::U64).boxed(),
        Kind::String => text().prop_map(Value::String).boxed(),
        Kind::Bytes => collection::vec(any::<u8>(), 0..9).prop_map(|bytes| Value::Bytes(bytes.into())).boxed(),
        Kind::Enum(found) => {
            let numbers: Vec<_> = found.values().map(|value| value.number()).collect();
            proptest::sample::select(numbers).prop_map(Value::EnumNumber).boxed()
        }
        Kind::Message(inner) => message(inner, depth.saturating_sub(1)).prop_map(Value::Message).boxed(),
        Kind::Double | Kind::Float => unreachable!("the generator refuses floating point"),
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z ]{0,8}", "\\PC{0,6}", "[\u{1}-\u{1f}\"\\\\/]{0,4}"]
}

fn parts(
    descriptor: MessageDescriptor,
    seconds: std::ops::Range<i64>,
    nanos: std::ops::Range<i32>,
    signed: bool,
) -> BoxedStrategy<DynamicMessage> {
    let fill = move |(seconds, nanos, negative): (i64, i32, bool)| {
        let sign = if negative && signed { -1 } else { 1 };
        let mut message = DynamicMessage::new(descriptor.clone());
        message.set_field_by_name("seconds", Value::I64(i64::from(sign) * seconds));
        message.set_field_by_name("nanos", Value::I32(sign * nanos));
        message
    };
    (seconds, nanos, any::<bool>()).prop_map(fill).boxed()
}

fn mask(descriptor: MessageDescriptor) -> BoxedStrategy<DynamicMessage> {
    let paths = collection::vec("[a-z]{1,5}(_[a-z]{1,5}){0,2}(\\.[a-z]{1,5}){0,1}", 0..3);
    let fill = move |paths: Vec<String>| {
        let mut message = DynamicMessage::new(descriptor.clone());
        message.set_field_by_name("paths", Value::List(paths.into_iter().map(Value::String).collect()));
        message
    };
    paths.prop_map(fill).boxed()
}

fn typed(message: &DynamicMessage) -> Sample {
    Sample::decode(message.encode_to_vec().as_slice()).unwrap()
}

fn reflected(sample: &Sample) -> DynamicMessage {
    DynamicMessage::decode(SAMPLE.clone(), sample.encode_to_vec().as_slice()).unwrap()
}

/// What we write, the oracle reads as the same message.
fn written(message: &DynamicMessage) -> TestCaseResult {
    let text = to_text(&typed(message));
    let mut reader = serde_json::Deserializer::from_str(&text);
    // The oracle does not know the property that names the case of a oneof.
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let read = DynamicMessage::deserialize_with_options(SAMPLE.clone(), &mut reader, &options);
    let read = read.map_err(|error| TestCaseError::fail(format!("{error} in {text}")))?;
    prop_assert_eq!(typed(&read), typed(message), "{}", text);
    prop_assert_eq!(reflected(&typed(&read)), reflected(&typed(message)));
    Ok(())
}

/// What the oracle writes, in each of its manners, we read as the same message.
fn read(message: &DynamicMessage) -> TestCaseResult {
    let manners = [
        SerializeOptions::new(),
        SerializeOptions::new().skip_default_fields(false),
        SerializeOptions::new().use_proto_field_name(true).use_enum_numbers(true).stringify_64_bit_integers(false),
    ];
    for manner in manners {
        let mut text = Vec::new();
        let mut writer = serde_json::Serializer::new(&mut text);
        message.serialize_with_options(&mut writer, &manner).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let text = String::from_utf8(text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let read = from_text::<Sample>(&text, Unknown::Refused);
        let read = read.map_err(|violations| TestCaseError::fail(format!("{violations:?} in {text}")))?;
        prop_assert_eq!(read, typed(message), "{}", text);
    }
    Ok(())
}

/// We read what we write, the name of the case included.
fn again(message: &DynamicMessage) -> TestCaseResult {
    let text = to_text(&typed(message));
    let read = from_text::<Sample>(&text, Unknown::Refused);
    let read = read.map_err(|violations| TestCaseError::fail(format!("{violations:?} in {text}")))?;
    prop_assert_eq!(read, typed(message), "{}", text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_oracle_reads_what_we_write(message in message(SAMPLE.clone(), DEPTH)) {
        written(&message)?;
        again(&message)?;
    }

    #[test]
    fn we_read_what_the_oracle_writes(message in message(SAMPLE.clone(), DEPTH)) {
        read(&message)?;
    }

    #[test]
    fn no_json_makes_the_reader_panic(text in "[\\[\\]{}\":,a-z0-9.\\-]{0,60}") {
        let _ = from_text::<Sample>(&text, Unknown::Refused);
    }
}
