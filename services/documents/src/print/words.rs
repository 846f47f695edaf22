//! The words of one certificate: what a template's placeholders stand for.

use time::OffsetDateTime;
use values::Language;

use super::Snapshot;

const RUSSIAN: [&str; 12] = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
];
const ENGLISH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What placeholders a template may use.
pub(super) const PLACEHOLDERS: [&str; 7] =
    ["{school}", "{holder}", "{course}", "{completed}", "{issued}", "{number}", "{check_url}"];

/// What they stand for, in the same order.
#[derive(Debug)]
pub(super) struct Words([String; PLACEHOLDERS.len()]);

impl Words {
    pub(super) fn of(snapshot: &Snapshot, school: &str, zone: &jiff::tz::TimeZone) -> Self {
        let date = |at| date(at, snapshot.language, zone);
        Self([
            one_line(school),
            one_line(&snapshot.holder_name),
            one_line(&snapshot.course_title),
            date(snapshot.completed_at),
            date(snapshot.issued_at),
            snapshot.number.clone(),
            // People read addresses without their scheme.
            snapshot.check_url.split_once("://").map_or(snapshot.check_url.as_str(), |(_, rest)| rest).to_owned(),
        ])
    }

    /// A template's text with its placeholders filled. What they stand for is not looked at again: a name may contain
    /// braces.
    pub(super) fn fill(&self, text: &str) -> String {
        let (mut filled, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('{') {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            let known = PLACEHOLDERS.iter().zip(&self.0).find(|(name, _)| rest.starts_with(**name));
            let (read, word) = known.map_or(("{", "{"), |(name, word)| (*name, word.as_str()));
            filled.push_str(word);
            rest = &rest[read.len()..];
        }
        filled + rest
    }
}

/// As much of a text as can be printed at all, in characters: more than any name or title has.
const LONGEST: usize = 400;

/// Without line breaks, control characters and doubled spaces.
fn one_line(text: &str) -> String {
    let seen = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    seen.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A day as the language writes it, in the zone of the school.
fn date(at: OffsetDateTime, language: Language, zone: &jiff::tz::TimeZone) -> String {
    let instant = jiff::Timestamp::from_second(at.unix_timestamp()).unwrap_or_default();
    let day = instant.to_zoned(zone.clone()).date();
    let (number, year, month) = (day.day(), day.year(), usize::from(day.month().unsigned_abs()).saturating_sub(1));
    match language {
        Language::Russian => format!("{number} {} {year} года", RUSSIAN.get(month).unwrap_or(&"")),
        Language::English => format!("{number} {} {year}", ENGLISH.get(month).unwrap_or(&"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn words() -> Words {
        let snapshot = Snapshot {
            number: "LYC-2026-1T51PB2DV".to_owned(),
            holder_name: " Anna {number}\n Petrova ".to_owned(),
            course_title: "Rust".to_owned(),
            language: Language::Russian,
            completed_at: datetime!(2026-01-31 22:30 UTC),
            issued_at: datetime!(2026-02-01 09:00 UTC),
            check_url: "https://school.example/certificates/LYC-2026-1T51PB2DV".to_owned(),
        };
        Words::of(&snapshot, "Lyceum", &jiff::tz::TimeZone::get("Europe/Moscow").unwrap())
    }

    #[test]
    fn placeholders_are_filled_once() {
        assert_eq!(words().fill("{holder}, {school} {unknown} {"), "Anna {number} Petrova, Lyceum {unknown} {");
    }

    #[test]
    fn a_day_is_the_schools_own() {
        assert_eq!(words().fill("{completed}"), "1 февраля 2026 года");
    }
}
