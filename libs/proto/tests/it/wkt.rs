//! The texts of the well-known types.

use proptest::prelude::*;
use proto::wkt::{Duration, FieldMask, Timestamp};
use time::{OffsetDateTime, macros::datetime};

#[test]
fn instants_are_read_in_any_zone_and_written_in_utc() {
    for (text, canonical) in [
        ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00Z"),
        ("2026-01-31T12:00:00+03:00", "2026-01-31T09:00:00Z"),
        ("2026-01-31T09:00:00.5Z", "2026-01-31T09:00:00.500Z"),
        ("2026-01-31T09:00:00.000001Z", "2026-01-31T09:00:00.000001Z"),
        ("1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ] {
        assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), canonical);
    }
}

#[test]
fn what_is_no_instant_is_refused() {
    for text in ["", "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T09:00:00", "9999-12-31T23:59:59-01:00", "now"] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
}

#[test]
fn instants_become_times_and_back() {
    let time = datetime!(2026-01-31 12:00:00.000000001 +03:00);
    assert_eq!(Timestamp::from(time).to_time(), Some(time));
    assert_eq!(Timestamp { seconds: 0, nanos: -1 }.to_time(), None);
    assert_eq!(Timestamp { seconds: 0, nanos: 1_000_000_000 }.to_time(), None);
    assert_eq!(Timestamp { seconds: i64::MAX, nanos: 0 }.to_time(), None);
}

#[test]
fn an_instant_without_a_text_is_written_as_the_epoch() {
    assert_eq!(Timestamp { seconds: i64::MAX, nanos: 0 }.to_string(), "1970-01-01T00:00:00Z");
}

#[test]
fn durations_are_seconds() {
    for (text, seconds, nanos, canonical) in [
        ("3.5s", 3, 500_000_000, "3.500s"),
        ("-0.000001s", 0, -1_000, "-0.000001s"),
        ("-3s", -3, 0, "-3s"),
        ("0s", 0, 0, "0s"),
        ("315576000000s", 315_576_000_000, 0, "315576000000s"),
    ] {
        let read: Duration = text.parse().unwrap();
        assert_eq!((read.seconds, read.nanos, read.to_string().as_str()), (seconds, nanos, canonical));
    }
    for text in ["", "s", "3", "3.5", ".5s", "+3s", "3.s5", "1e3s", "3.0000000001s", "315576000001s", "--1s"] {
        assert!(text.parse::<Duration>().is_err(), "{text}");
    }
}

#[test]
fn contradicting_durations_are_none() {
    assert_eq!(Duration { seconds: 1, nanos: -1 }.to_duration(), None);
    assert_eq!(Duration { seconds: 0, nanos: 1_000_000_000 }.to_duration(), None);
    assert_eq!(Duration { seconds: i64::MIN, nanos: 0 }.to_duration(), None);
    let length = time::Duration::milliseconds(-1_500);
    assert_eq!(Duration::from(length).to_duration(), Some(length));
}

#[test]
fn masks_are_camel_case_outside_and_snake_case_inside() {
    let mask: FieldMask = "title, createTime,price.minor_unit,".parse().unwrap();
    assert_eq!(mask.paths, ["title", "create_time", "price.minor_unit"]);
    assert_eq!(mask.to_string(), "title,createTime,price.minorUnit");
    assert_eq!("*".parse::<FieldMask>().unwrap().paths, ["*"]);
    assert!("ti tle".parse::<FieldMask>().is_err());
    assert!("заголовок".parse::<FieldMask>().is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,40}") {
        let _ = text.parse::<Timestamp>();
        let _ = text.parse::<Duration>();
        let _ = text.parse::<FieldMask>();
    }

    #[test]
    fn every_instant_survives_its_text(seconds in -62_135_596_800_i64..253_402_300_800, nanos in 0..1_000_000_000) {
        let instant = Timestamp { seconds, nanos };
        prop_assert_eq!(instant.to_string().parse::<Timestamp>(), Ok(instant));
        prop_assert_eq!(instant.to_time().map(Timestamp::from), Some(instant));
        prop_assert!(instant.to_time().unwrap_or(OffsetDateTime::UNIX_EPOCH).year() <= 9999);
    }

    #[test]
    fn every_duration_survives_its_text(seconds in 0..315_576_000_000_i64, nanos in 0..1_000_000_000, negative: bool) {
        let sign = if negative { -1 } else { 1 };
        let length = Duration { seconds: i64::from(sign) * seconds, nanos: sign * nanos };
        prop_assert_eq!(length.to_string().parse::<Duration>(), Ok(length));
    }
}
