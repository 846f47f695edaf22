//! The printed checks against protovalidate's own judge: the same random and edge messages, the same verdict.
//!
//! `cargo test -p contract --features oracle --test oracle`, on a machine with protoc, which the judge is built with. Run it
//! after a change of the rules in `proto/`, of `contract-gen` or of `read`.
//!
//! What the printed checks leave to a value of the service is not broken here, because every such value takes anything:
//! patterns, bytes of a text, lengths of time. How messages are made up stands in `sent`, who reads them in `readers`.

mod readers;
mod sent;

use std::{collections::BTreeSet, sync::LazyLock};

use proptest::prelude::*;
use prost_protovalidate::Validator;

use readers::{READERS, Reader};

/// Both verdicts about one message, each with its reasons.
fn verdicts(reader: &Reader, message: &prost_reflect::DynamicMessage) -> (Result<(), String>, Result<(), String>) {
    static JUDGE: LazyLock<Validator> = LazyLock::new(Validator::new);
    let judge = JUDGE.validate(message).map_err(|error| error.to_string());
    ((reader.read)(&sent::encoded(message)).map_err(|invalid| format!("{invalid:?}")), judge)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn the_printed_checks_say_what_the_judge_says(
        (at, message) in (0..READERS.len()).prop_flat_map(|at| {
            (Just(at), sent::message(&sent::descriptor(&READERS[at].request), true))
        }),
    ) {
        let (ours, judge) = verdicts(&READERS[at], &message);
        prop_assert_eq!(ours.is_ok(), judge.is_ok(), "{} {:?}\nours: {:?}\njudge: {:?}", READERS[at].request, message, ours, judge);
    }

    #[test]
    fn what_keeps_the_rules_is_taken(
        (at, message) in (0..READERS.len()).prop_flat_map(|at| {
            (Just(at), sent::message(&sent::descriptor(&READERS[at].request), false))
        }),
    ) {
        let (ours, judge) = verdicts(&READERS[at], &message);
        prop_assert!(ours.is_ok() && judge.is_ok(), "{} {:?}\nours: {:?}\njudge: {:?}", READERS[at].request, message, ours, judge);
    }
}

#[test]
fn every_reader_reads_a_request_of_the_contract() {
    let names: BTreeSet<_> = READERS.iter().map(|reader| reader.request.as_str()).collect();
    assert_eq!(names.len(), READERS.len(), "one stands there twice");
    names.iter().for_each(|name| drop(sent::descriptor(name)));
}
