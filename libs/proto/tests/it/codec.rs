//! What the JSON codec refuses and how it says so.

use proto::json::{Unknown, Violation, from_text, parse, to_text};

use crate::fixture::v1::{Sample, sample};

fn read(text: &str) -> Result<Sample, Vec<Violation>> {
    from_text(text, Unknown::Refused)
}

/// The only violation, as `field: message`.
#[track_caller]
fn told(text: &str) -> String {
    match read(text).unwrap_err().as_slice() {
        [one] => format!("{}: {}", one.field, one.message),
        more => panic!("expected one violation: {more:?}"),
    }
}

#[test]
fn every_violation_is_reported_with_its_place() {
    let text = r#"{
        "text": 7, "truth": "yes", "small": 1.5, "big": "9223372036854775808", "smallPositive": -1, "state": "GONE",
        "inner": {"type": []}, "inners": [{}, {"sample": {"texts": ["a", 2]}}], "labels": {"a": null},
        "createTime": "yesterday", "length": 3, "bytesField": "?", "states": "STATE_DRAFT", "nothing": [], "colour": 1
    }"#;
    let mut told: Vec<_> =
        read(text).unwrap_err().into_iter().map(|one| format!("{}: {}", one.field, one.message)).collect();
    told.sort();
    assert_eq!(
        told,
        [
            "big: the number is out of range",
            "bytesField: expected base64",
            "colour: no such field",
            "createTime: expected an RFC 3339 time such as 2026-01-31T09:00:00Z",
            "inner.type: expected text",
            "inners[1].sample.texts[1]: expected text",
            "labels.a: expected text",
            "length: expected text",
            "nothing: expected an object",
            "small: expected a whole number",
            "smallPositive: the number is out of range",
            "state: expected one of STATE_LOST, STATE_DRAFT, STATE_PUBLISHED",
            "states: expected a list",
            "text: expected text",
            "truth: expected true or false",
        ]
    );
}

#[test]
fn unknown_fields_are_ignored_only_when_asked_to() {
    let text = r#"{"text": "a", "colour": {"deep": [1]}, "inner": {"shade": null, "tint": 1}}"#;
    assert_eq!(read(text).unwrap_err().len(), 3);
    let lenient: Sample = from_text(text, Unknown::Ignored).unwrap();
    assert_eq!(lenient.text, "a");
    assert!(lenient.inner.is_some());
}

#[test]
fn null_stands_for_an_absent_field() {
    let sample =
        read(r#"{"text": null, "maybeText": null, "texts": null, "inner": null, "chosenText": null}"#).unwrap();
    assert_eq!(sample, Sample::default());
    assert_eq!(told(r#"{"texts": [null]}"#), "texts[0]: expected text");
}

#[test]
fn a_oneof_takes_one_field() {
    assert_eq!(told(r#"{"chosenText": "a", "chosenNumber": 1}"#), "chosenNumber: only one of these fields may be set");
    let empty = read(r#"{"chosenText": ""}"#).unwrap();
    assert_eq!(empty.choice, Some(sample::Choice::ChosenText(String::new())));
}

#[test]
fn a_oneof_names_its_case() {
    let chosen = |choice| to_text(&Sample { choice: Some(choice), ..Sample::default() });
    let text = chosen(sample::Choice::ChosenNumber(7));
    assert!(text.contains(r#""choice":"chosenNumber","chosenNumber":"7""#), "{text}");
    assert!(!to_text(&Sample::default()).contains("choice"));

    for named in ["chosenText", "chosen_text"] {
        assert!(read(&format!(r#"{{"choice": "{named}", "chosenText": "a"}}"#)).is_ok(), "{named}");
    }
    assert!(read(r#"{"choice": null, "chosenText": "a"}"#).is_ok());
    let other = r#"{"choice": "chosenNumber", "chosenText": "a"}"#;
    assert_eq!(told(other), "choice: says chosenNumber, but chosenText was sent");
    assert_eq!(told(r#"{"choice": "chosenNumber"}"#), "choice: says chosenNumber, which was not sent");
    assert_eq!(told(r#"{"choice": 7}"#), "choice: expected text");
}

#[test]
fn an_enum_that_nobody_set_is_not_written() {
    let text = to_text(&Sample::default());
    assert!(!text.contains("STATE_UNSPECIFIED") && !text.contains("\"state\""), "{text}");
    let text = to_text(&Sample { state: 1, ..Sample::default() });
    assert!(text.contains(r#""state":"STATE_DRAFT""#), "{text}");
}

#[test]
fn both_spellings_of_a_name_are_taken() {
    assert_eq!(read(r#"{"maybe_text": "a"}"#), read(r#"{"maybeText": "a"}"#));
}

#[test]
fn numbers_are_taken_as_numbers_and_texts() {
    for text in [r#"{"big": 7}"#, r#"{"big": "7"}"#, r#"{"big": 7.0}"#, r#"{"big": 0.7e1}"#] {
        assert_eq!(read(text).unwrap().big, 7, "{text}");
    }
    for text in [r#"{"big": " 7"}"#, r#"{"big": ""}"#, r#"{"big": true}"#, r#"{"big": 1e300}"#, r#"{"small": "1.5"}"#] {
        assert_eq!(read(text).unwrap_err().len(), 1, "{text}");
    }
    assert_eq!(read(r#"{"bigPositive": "18446744073709551615"}"#).unwrap().big_positive, u64::MAX);
}

#[test]
fn enums_are_taken_by_name_and_by_a_known_number() {
    assert_eq!(read(r#"{"state": "STATE_LOST"}"#).unwrap().state, -7);
    assert_eq!(read(r#"{"state": 2}"#).unwrap().state, 2);
    assert_eq!(read(r#"{"state": "STATE_UNSPECIFIED"}"#).unwrap().state, 0);
    assert!(told(r#"{"state": 99}"#).starts_with("state: expected one of"));
    assert!(told(r#"{"state": "DRAFT"}"#).starts_with("state: expected one of"));
}

#[test]
fn an_unknown_enum_value_is_written_as_its_number() {
    let text = to_text(&Sample { state: 99, states: vec![1, 99], ..Sample::default() });
    assert!(text.contains(r#""state":99"#) && text.contains(r#""states":["STATE_DRAFT",99]"#), "{text}");
}

#[test]
fn fields_without_presence_are_always_written() {
    let text = to_text(&Sample::default());
    for written in
        [r#""text":"""#, r#""truth":false"#, r#""small":0"#, r#""big":"0""#, r#""texts":[]"#, r#""labels":{}"#]
    {
        assert!(text.contains(written), "{written} is not in {text}");
    }
    for absent in ["maybeText", "inner\"", "createTime", "chosenText"] {
        assert!(!text.contains(absent), "{absent} is in {text}");
    }
}

#[test]
fn texts_are_escaped() {
    let text = to_text(&sample::Inner { r#type: "\"\\\n\r\t\u{1}\u{7f} Ж🎓</".to_owned(), sample: None });
    assert_eq!(text, "{\"type\":\"\\\"\\\\\\n\\r\\t\\u0001\u{7f} Ж🎓</\"}");
}

#[test]
fn base64_is_taken_in_every_dress() {
    for text in ["-_8=", "+/8=", "-_8", "+/8"] {
        assert_eq!(read(&format!(r#"{{"bytesField": "{text}"}}"#)).unwrap().bytes_field, [0xfb, 0xff], "{text}");
    }
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    assert!(told("{\"text\": }").contains("line 1 column 10"));
    assert!(told("[]").contains("expected an object"));
    assert!(told(r#"{"text": "a", "text": "b"}"#).contains(r#"the field "text" stands twice in one object"#));
    assert!(told(r#"{"labels": {"a": "1", "a": "2"}}"#).contains("stands twice"));
    assert!(told(r#"{"text": "a\u0000b"}"#).contains("a text holds the character U+0000"));
    assert!(told(r#"{"labels": {"\u0000": ""}}"#).contains("a text holds the character U+0000"));
    assert!(parse(b"{} {}").is_err());
    assert!(parse(&[b'"', 0xff, b'"']).is_err());
    let deep = "[".repeat(100_000);
    assert!(parse(deep.as_bytes()).unwrap_err().to_string().contains("recursion limit"));
}
