//! The printed checks with random and edge messages: what keeps the rules is taken. With the feature `oracle` also against
//! protovalidate's own judge: the same messages, the same verdict.
//!
//! `cargo test -p contract --features oracle --test oracle`, on a machine with protoc, which the judge is built with. Run it
//! after a change of the rules in `proto/`, of `contract-gen` or of `read`.
//!
//! What the printed checks leave to a value of the service is not broken here, because every such value takes anything:
//! patterns, bytes of a text, lengths of time. How messages are made up stands in `sent`, who reads them in `readers`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod readers;
mod sent;

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    test_runner::{TestError, TestRunner},
};

use readers::{READERS, Reader};

/// Messages a request.
const CASES: u32 = 48;

/// Requests that the judge does not judge: those that change some fields, because it does not know that a mask names them.
const PATCHES: [&str; 7] = [
    "lyceum.courses.v1.UpdateCourseRequest",
    "lyceum.courses.v1.UpdateLessonRequest",
    "lyceum.courses.v1.UpdateRunRequest",
    "lyceum.notifications.v1.UpdateMyNotificationPreferencesRequest",
    "lyceum.payments.v1.UpdateProductRequest",
    "lyceum.payments.v1.UpdatePromoCodeRequest",
    "lyceum.users.v1.UpdateMeRequest",
];

/// Sends random messages of every request that is compared to `judge`, which says what is wrong.
fn each(wild: bool, judge: impl Fn(&Reader, &prost_reflect::DynamicMessage) -> Result<(), String>) {
    let mut told = Vec::new();
    for reader in READERS.iter().filter(|reader| !reader.patch) {
        let mut runner =
            TestRunner::new(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() });
        let run = runner.run(&sent::message(&sent::descriptor(reader.request), wild), |message| {
            let fields: Vec<_> =
                message.fields().map(|(field, value)| format!("{}: {value:?}", field.name())).collect();
            judge(reader, &message).map_err(|why| TestCaseError::fail(format!("{}\n{why}", fields.join(", "))))
        });
        match run {
            Ok(()) => {}
            Err(TestError::Fail(why, _)) => told.push(format!("{}: {why}", reader.request)),
            Err(why) => told.push(format!("{}: {why}", reader.request)),
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n\n"));
}

/// What is read here says of a message.
fn ours(reader: &Reader, message: &prost_reflect::DynamicMessage) -> Result<(), String> {
    (reader.read)(&sent::encoded(message)).map_err(|invalid| format!("ours: {invalid:?}"))
}

#[test]
fn what_keeps_the_rules_is_taken() {
    each(false, ours);
}

#[test]
fn every_request_of_the_contract_is_read() {
    let read: BTreeSet<_> = READERS.iter().map(|reader| reader.request).collect();
    assert_eq!(read.len(), READERS.len(), "one stands there twice");
    let sent = sent::requests();
    assert_eq!(read, sent.iter().map(String::as_str).collect(), "requests with fields, and nothing else");
    let patches: Vec<_> = READERS.iter().filter(|reader| reader.patch).map(|reader| reader.request).collect();
    assert_eq!(patches, PATCHES, "what the judge does not judge");
}

#[cfg(feature = "oracle")]
mod judged {
    use std::sync::LazyLock;

    use prost_protovalidate::Validator;

    use super::{each, ours, sent};

    static JUDGE: LazyLock<Validator> = LazyLock::new(Validator::new);

    fn judge(message: &prost_reflect::DynamicMessage) -> Result<(), String> {
        JUDGE.validate(&sent::completed(message)).map_err(|error| format!("judge: {error}"))
    }

    #[test]
    fn the_printed_checks_say_what_the_judge_says() {
        each(true, |reader, message| match (ours(reader, message), judge(message)) {
            (Ok(()), Ok(())) | (Err(_), Err(_)) => Ok(()),
            (ours, judge) => Err(format!("{ours:?}\n{judge:?}")),
        });
    }

    #[test]
    fn what_is_sent_to_be_taken_keeps_the_rules() {
        each(false, |_, message| judge(message));
    }
}
