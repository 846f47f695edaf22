//! Fields of messages as values. Every function answers with `None` after a mistake, which `fields` remembers under the
//! field's name; so all mistakes of a request are told at once.

mod mask;

use std::{
    collections::{BTreeMap, HashSet},
    hash::Hash,
    ops::RangeInclusive,
    str::FromStr,
};

use proto::{lyceum::values::v1::Money as MoneyMessage, wkt};
use rpc::{Fields, Invalid, Mistake, Violation, ViolationCode};
use time::OffsetDateTime;
use values::{Currency, Id, Kind, Money, Named, Text};

use crate::{Secret, wire::same};

pub use mask::Mask;

/// Reads a whole request, or refuses it with everything that is wrong.
pub fn request<M, R>(sent: M, read: impl FnOnce(M, &mut Fields) -> Option<R>) -> Result<R, Invalid> {
    let mut fields = Fields::new();
    let read = read(sent, &mut fields);
    let (request,) = fields.finish((read,))?;
    Ok(request)
}

/// A message inside the request.
pub fn message<M, R>(
    fields: &mut Fields,
    name: &str,
    sent: M,
    read: impl FnOnce(M, &mut Fields) -> Option<R>,
) -> Option<R> {
    fields.within(name, |fields| read(sent, fields))
}

/// A field that must be there.
pub fn required<S, R>(
    fields: &mut Fields,
    name: &str,
    sent: Option<S>,
    read: impl FnOnce(&mut Fields, S) -> Option<R>,
) -> Option<R> {
    let sent = fields.required(name, sent)?;
    read(fields, sent)
}

/// A field that may be left out.
pub fn optional<S, R>(
    fields: &mut Fields,
    sent: Option<S>,
    read: impl FnOnce(&mut Fields, S) -> Option<R>,
) -> Option<Option<R>> {
    match sent {
        Some(sent) => read(fields, sent).map(Some),
        None => Some(None),
    }
}

/// A text that is left out by leaving it empty.
pub fn given(sent: String) -> Option<String> {
    Some(sent).filter(|sent| !sent.is_empty())
}

/// The items of a list.
pub fn list<S, R>(
    fields: &mut Fields,
    name: &str,
    sent: Vec<S>,
    many: RangeInclusive<u64>,
    read: impl Fn(&mut Fields, &str, S) -> Option<R>,
) -> Option<Vec<R>> {
    let count = size(sent.len());
    if !many.contains(&count) {
        fields.note(out_of(name, count, &many, (ViolationCode::TooFewItems, ViolationCode::TooManyItems), "items"));
        return None;
    }
    let items: Vec<Option<R>> =
        (sent.into_iter().enumerate()).map(|(index, sent)| read(fields, &format!("{name}[{index}]"), sent)).collect();
    items.into_iter().collect()
}

/// The items of a list in which none may stand twice, in whatever spelling it was sent.
pub fn list_unique<S, R: Eq + Hash>(
    fields: &mut Fields,
    name: &str,
    sent: Vec<S>,
    many: RangeInclusive<u64>,
    read: impl Fn(&mut Fields, &str, S) -> Option<R>,
) -> Option<Vec<R>> {
    let items = list(fields, name, sent, many, read)?;
    let mut seen = HashSet::new();
    if items.iter().all(|item| seen.insert(item)) {
        return Some(items);
    }
    fields.note(Violation::new(name, ViolationCode::NotUnique, "expected each only once"));
    None
}

/// An id.
pub fn id<K: Kind>(fields: &mut Fields, name: &str, sent: &str) -> Option<Id<K>> {
    if sent.is_empty() {
        return missing(fields, name);
    }
    fields.take(name, sent.parse())
}

/// A text that people type.
pub fn text<const MIN: usize, const MAX: usize>(fields: &mut Fields, name: &str, sent: &str) -> Option<Text<MIN, MAX>> {
    fields.take(name, Text::parse(sent))
}

/// A text that only has to fit its bounds, in characters.
pub fn string(fields: &mut Fields, name: &str, sent: String, many: RangeInclusive<u64>) -> Option<String> {
    fits(fields, name, count(&sent), &many, "characters").then_some(sent)
}

/// The same for a text that is never printed.
pub fn secret(fields: &mut Fields, name: &str, sent: String, many: RangeInclusive<u64>) -> Option<Secret> {
    string(fields, name, sent, many).map(Secret::new)
}

/// Bytes that only have to fit their bounds.
pub fn bytes(fields: &mut Fields, name: &str, sent: Vec<u8>, many: RangeInclusive<u64>) -> Option<Vec<u8>> {
    fits(fields, name, size(sent.len()), &many, "bytes").then_some(sent)
}

/// Texts by texts: so many entries, keys of so many characters, values of so many bytes.
pub fn map(
    fields: &mut Fields,
    name: &str,
    sent: BTreeMap<String, String>,
    many: RangeInclusive<u64>,
    keys: RangeInclusive<u64>,
    values: RangeInclusive<u64>,
) -> Option<BTreeMap<String, String>> {
    // A key may be too long to stand in the name of what is wrong, so that the whole map is named.
    let fit = fits(fields, name, size(sent.len()), &many, "entries")
        && sent.keys().all(|key| fits(fields, name, count(key), &keys, "characters in a key"))
        && sent.values().all(|value| fits(fields, name, size(value.len()), &values, "bytes in a value"));
    fit.then_some(sent)
}

/// A text with rules of its own.
pub fn value<V: FromStr<Err: Mistake>>(
    fields: &mut Fields,
    name: &str,
    sent: &str,
    many: RangeInclusive<u64>,
) -> Option<V> {
    if sent.is_empty() && *many.start() > 0 {
        return missing(fields, name);
    }
    if !fits(fields, name, count(sent), &many, "characters") {
        return None;
    }
    fields.take(name, sent.parse())
}

/// A value of the service that is made of a number.
pub fn made<N, V: TryFrom<N, Error: Mistake>>(fields: &mut Fields, name: &str, sent: N) -> Option<V> {
    fields.take(name, V::try_from(sent))
}

/// A whole number.
pub fn integer<N: TryFrom<i128>>(
    fields: &mut Fields,
    name: &str,
    sent: i128,
    fitting: RangeInclusive<i128>,
) -> Option<N> {
    let number = Some(sent).filter(|sent| fitting.contains(sent)).and_then(|sent| N::try_from(sent).ok());
    if number.is_none() {
        let mut wrong = Violation::new(name, ViolationCode::OutOfRange, expected(&fitting));
        wrong = wrong.with("min", fitting.start());
        if *fitting.end() < WIDE {
            wrong = wrong.with("max", fitting.end());
        }
        fields.note(wrong);
    }
    number
}

/// A bound from here on only says how wide the field is.
const WIDE: i128 = i32::MAX as i128;

fn expected(fitting: &RangeInclusive<i128>) -> String {
    match (*fitting.start(), *fitting.end()) {
        (least, most) if most < WIDE => format!("expected {least} to {most}"),
        (least, _) => format!("expected {least} or more"),
    }
}

/// A value of an enum that must be there; `table` holds its numbers and the service's names for them.
pub fn named<E: Named>(fields: &mut Fields, name: &str, sent: i32, table: &[(i32, &str)]) -> Option<E> {
    match named_or_none(fields, name, sent, table)? {
        Some(value) => Some(value),
        None => missing(fields, name),
    }
}

/// A value of an enum that may be left out.
pub fn named_or_none<E: Named>(fields: &mut Fields, name: &str, sent: i32, table: &[(i32, &str)]) -> Option<Option<E>> {
    if sent == 0 {
        return Some(None);
    }
    let known = table.iter().find(|(number, _)| *number == sent).and_then(|(_, known)| {
        let named = |value: &&E| same(known, value.as_str());
        E::ALL.iter().find(named).copied()
    });
    if known.is_none() {
        let wrong = Violation::new(name, ViolationCode::UnknownValue, format!("expected {}", E::EXPECTED));
        fields.note(wrong.with("allowed", E::EXPECTED));
    }
    known.map(Some)
}

/// An instant, as exact as PostgreSQL keeps it, so that a stored one equals the one that was sent.
pub fn instant(fields: &mut Fields, name: &str, sent: wkt::Timestamp) -> Option<OffsetDateTime> {
    let Some(at) = sent.to_time() else {
        return malformed(fields, name, "expected an instant of the years 1 to 9999");
    };
    Some(at.replace_nanosecond(at.nanosecond() / 1_000 * 1_000).unwrap_or(at))
}

/// A length of time, whose bounds are nanoseconds.
pub fn duration(
    fields: &mut Fields,
    name: &str,
    sent: wkt::Duration,
    fitting: RangeInclusive<i128>,
) -> Option<time::Duration> {
    let Some(length) = sent.to_duration() else {
        return malformed(fields, name, "expected a length of time, such as 3.5s");
    };
    if fitting.contains(&length.whole_nanoseconds()) {
        return Some(length);
    }
    let bound =
        |nanoseconds: &i128| Some(seconds(*nanoseconds)).filter(|_| ![i128::MIN, i128::MAX].contains(nanoseconds));
    let (least, most) = (bound(fitting.start()), bound(fitting.end()));
    let expected = match (&least, &most) {
        (Some(least), Some(most)) => format!("expected {least} to {most}"),
        (Some(least), None) => format!("expected {least} or more"),
        (None, most) => format!("expected {} or less", most.clone().unwrap_or_default()),
    };
    let mut wrong = Violation::new(name, ViolationCode::OutOfRange, expected);
    for (param, bound) in [("min", least), ("max", most)] {
        if let Some(bound) = bound {
            wrong = wrong.with(param, bound);
        }
    }
    fields.note(wrong);
    None
}

/// A length of time as in JSON: `10s`, `0.001s`.
fn seconds(nanoseconds: i128) -> String {
    let (whole, rest) = (nanoseconds / 1_000_000_000, (nanoseconds % 1_000_000_000).abs());
    let fraction = format!("{rest:09}");
    match fraction.trim_end_matches('0') {
        "" => format!("{whole}s"),
        fraction => format!("{whole}.{fraction}s"),
    }
}

/// An amount of money.
pub fn money(fields: &mut Fields, name: &str, sent: MoneyMessage) -> Option<Money> {
    let currency = fields.within(name, |fields| fields.take("currency", Currency::parse(&sent.currency)));
    currency.map(|currency| Money::new(sent.minor, currency))
}

/// A revision that nothing has: they count from 0.
const NO_REVISION: i64 = -1;

/// The revision that an etag names; none was sent where the text is empty. An etag is opaque to clients, so that one which is not
/// ours is no wrong field: it names a revision that nothing has, and the change is refused as that of a stale version.
pub fn etag(sent: &str) -> Option<Option<i64>> {
    Some((!sent.is_empty()).then(|| sent.parse().unwrap_or(NO_REVISION)))
}

/// A oneof of which one case must be set.
pub fn one_of<S, R>(
    fields: &mut Fields,
    sent: Option<S>,
    cases: &[&str],
    read: impl FnOnce(S, &mut Fields) -> Option<R>,
) -> Option<R> {
    match sent {
        Some(sent) => read(sent, fields),
        None => {
            let cases = cases.join(", ");
            let wrong = Violation::new("", ViolationCode::Required, format!("expected one of {cases}"));
            fields.note(wrong.with("allowed", cases));
            None
        }
    }
}

fn missing<R>(fields: &mut Fields, name: &str) -> Option<R> {
    fields.note(Violation::new(name, ViolationCode::Required, "is required"));
    None
}

fn malformed<R>(fields: &mut Fields, name: &str, expected: &str) -> Option<R> {
    fields.note(Violation::new(name, ViolationCode::Malformed, expected));
    None
}

fn count(text: &str) -> u64 {
    size(text.chars().count())
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn fits(fields: &mut Fields, name: &str, count: u64, many: &RangeInclusive<u64>, what: &str) -> bool {
    let fits = many.contains(&count);
    if !fits {
        fields.note(out_of(name, count, many, (ViolationCode::TooShort, ViolationCode::TooLong), what));
    }
    fits
}

/// Says which of the two bounds a size breaks.
fn out_of(
    name: &str,
    count: u64,
    many: &RangeInclusive<u64>,
    (few, much): (ViolationCode, ViolationCode),
    what: &str,
) -> Violation {
    let (least, most) = (many.start(), many.end());
    if count < *least {
        Violation::new(name, few, format!("expected at least {least} {what}")).with("min", least)
    } else {
        Violation::new(name, much, format!("expected at most {most} {what}")).with("max", most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_id_in_two_spellings_stands_twice() {
        values::kinds! { Thing => "thing" }
        let read = |second: &str| {
            let mut fields = Fields::new();
            let sent = vec!["01a0c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4d".to_owned(), second.to_owned()];
            list_unique(&mut fields, "ids", sent, 0..=2, |fields, name, sent| id::<Thing>(fields, name, &sent))
                .ok_or_else(|| fields.check().err().map(|invalid| rpc::Refusal::violations(&invalid)))
                .map_err(|told| told.unwrap_or_default().into_iter().map(|wrong| wrong.code).collect::<Vec<_>>())
        };
        assert!(read("01a0c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4e").is_ok());
        assert_eq!(read("01A0C2F4-7B1E-7C3A-9D55-3F0E8A1B2C4D").unwrap_err(), [ViolationCode::NotUnique]);
    }

    #[test]
    fn keys_and_values_of_a_map_have_bounds() {
        let map = |key: &str, value: &str| {
            let mut fields = Fields::new();
            let sent = BTreeMap::from([("a".to_owned(), "b".to_owned()), (key.to_owned(), value.to_owned())]);
            let read = map(&mut fields, "headers", sent, 0..=2, 1..=3, 0..=4);
            let told = fields.check().err().map(|invalid| rpc::Refusal::violations(&invalid)).unwrap_or_default();
            (read.is_some(), told.into_iter().map(|wrong| (wrong.field, wrong.message)).collect::<Vec<_>>())
        };
        let told = |message: &str| (false, vec![("headers".to_owned(), message.to_owned())]);
        assert_eq!(map("жжж", "жж"), (true, Vec::new()));
        assert_eq!(map("жжжж", ""), told("expected at most 3 characters in a key"));
        assert_eq!(map("", ""), told("expected at least 1 characters in a key"));
        assert_eq!(map("c", "жжж"), told("expected at most 4 bytes in a value"));
    }

    #[test]
    fn a_secret_is_read_and_not_printed() {
        let mut fields = Fields::new();
        let read = secret(&mut fields, "token", "hush".to_owned(), 1..=4).unwrap();
        assert_eq!((read.as_str(), format!("{read:?}").as_str()), ("hush", "Secret"));
        assert!(secret(&mut fields, "token", "hush!".to_owned(), 1..=4).is_none());
    }

    #[test]
    fn an_etag_of_nobody_is_stale_and_not_malformed() {
        assert_eq!(etag(""), Some(None));
        assert_eq!(etag("7"), Some(Some(7)));
        assert_eq!(etag("somebody else's"), Some(Some(NO_REVISION)));
    }
}
