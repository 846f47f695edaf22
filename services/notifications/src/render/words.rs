//! Numbers, money and dates as people write them in a language.

use time::{Date, Duration, OffsetDateTime};
use values::{Language, Money, TimeZone};

use crate::domain::{hours::local, notice::Paper};

/// A space at which no line breaks.
const UNBROKEN: char = '\u{a0}';

const MONTHS_EN: [&str; 12] = [
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
const MONTHS_RU: [&str; 12] = [
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

/// An amount: `1 490,50 ₽` in Russian, `RUB 1,490.50` in English. Cents are left out where there are none.
pub(super) fn money(money: Money, language: Language) -> String {
    let plain = money.to_string();
    let number = plain.split(' ').next().unwrap_or_default();
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("−", number));
    let (whole, cents) = number.split_once('.').unwrap_or((number, ""));
    let (thousands, point) = match language {
        Language::Russian => (UNBROKEN, ','),
        Language::English => (',', '.'),
    };
    let mut amount = String::from(sign);
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            amount.push(thousands);
        }
        amount.push(digit);
    }
    if cents.bytes().any(|digit| digit != b'0') {
        amount.push(point);
        amount.push_str(cents);
    }
    let currency = money.currency();
    match (language, currency.as_str()) {
        (Language::Russian, "RUB") => format!("{amount}{UNBROKEN}₽"),
        (Language::Russian, currency) => format!("{amount}{UNBROKEN}{currency}"),
        (Language::English, currency) => format!("{currency}{UNBROKEN}{amount}"),
    }
}

/// The day of an instant where the person lives: `2 марта 2026 года`, `2 March 2026`.
pub(super) fn date(instant: OffsetDateTime, zone: &TimeZone, language: Language) -> String {
    let local = local(instant, zone);
    written(local.day().into(), local.month().into(), local.year().into(), language)
}

/// A day of the calendar, written the same way.
pub(super) fn day(date: Date, language: Language) -> String {
    written(date.day().into(), u8::from(date.month()).into(), date.year(), language)
}

fn written(day: i32, month: i32, year: i32, language: Language) -> String {
    let month = usize::try_from(month - 1).unwrap_or_default();
    match language {
        Language::Russian => format!("{day}{UNBROKEN}{} {year} года", MONTHS_RU[month]),
        Language::English => format!("{day}{UNBROKEN}{} {year}", MONTHS_EN[month]),
    }
}

/// What a paper is called.
pub(super) fn paper(paper: Paper, language: Language) -> &'static str {
    match (paper, language) {
        (Paper::Identity, Language::Russian) => "удостоверение личности",
        (Paper::Identity, Language::English) => "proof of identity",
        (Paper::Education, Language::Russian) => "документ об образовании",
        (Paper::Education, Language::English) => "proof of education",
        (Paper::NoCriminalRecord, Language::Russian) => "справка об отсутствии судимости",
        (Paper::NoCriminalRecord, Language::English) => "certificate of no criminal record",
        (Paper::TaxStatus, Language::Russian) => "документ о налоговом статусе",
        (Paper::TaxStatus, Language::English) => "proof of your tax status",
        (Paper::Other, Language::Russian) => "документ",
        (Paper::Other, Language::English) => "paper",
    }
}

/// The minutes that are left, rounded, at least one: a code of a quarter of an hour that took a moment to arrive still has 15.
pub(super) fn minutes(left: Duration) -> i64 {
    (left + Duration::seconds(30)).whole_minutes().max(1)
}

/// The form of a noun that goes with a number: two forms for English, three for Russian, separated by commas.
pub(super) fn plural(number: i64, forms: &str) -> String {
    let forms: Vec<&str> = forms.split(',').collect();
    let (tens, units) = (number.rem_euclid(100), number.rem_euclid(10));
    let form = match (forms.len(), tens, units) {
        (2, ..) => usize::from(number != 1),
        (_, 11..=14, _) => 2,
        (_, _, 1) => 0,
        (_, _, 2..=4) => 1,
        _ => 2,
    };
    forms.get(form).copied().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use values::Currency;

    use super::*;

    #[test]
    fn money_is_written_as_people_write_it() {
        let rub = |minor| Money::new(minor, Currency::RUB);
        assert_eq!(money(rub(149_000), Language::Russian), "1\u{a0}490\u{a0}₽");
        assert_eq!(money(rub(149_050), Language::Russian), "1\u{a0}490,50\u{a0}₽");
        assert_eq!(money(rub(123_456_789), Language::English), "RUB\u{a0}1,234,567.89");
        assert_eq!(money(rub(5), Language::English), "RUB\u{a0}0.05");
        assert_eq!(money(rub(-10_000), Language::Russian), "−100\u{a0}₽");
        let yen = Money::new(1_490, Currency::parse("JPY").unwrap());
        assert_eq!(money(yen, Language::English), "JPY\u{a0}1,490");
    }

    #[test]
    fn a_date_is_the_day_where_the_person_lives() {
        let late = datetime!(2026-02-28 22:30 UTC);
        let (moscow, utc) = (TimeZone::parse("Europe/Moscow").unwrap(), TimeZone::parse("UTC").unwrap());
        assert_eq!(date(late, &moscow, Language::Russian), "1\u{a0}марта 2026 года");
        assert_eq!(date(late, &utc, Language::English), "28\u{a0}February 2026");
    }

    #[test]
    fn minutes_are_rounded_and_never_none() {
        let minutes = [899, 900, 925, 61, 29, 0].map(|seconds| minutes(Duration::seconds(seconds)));
        assert_eq!(minutes, [15, 15, 15, 1, 1, 1]);
    }

    #[test]
    fn nouns_follow_their_numbers() {
        let minutes = |number| plural(number, "минуту,минуты,минут");
        let forms: Vec<_> = [1, 2, 4, 5, 11, 12, 14, 21, 22, 25, 111, 101].map(minutes).to_vec();
        assert_eq!(
            forms,
            [
                "минуту",
                "минуты",
                "минуты",
                "минут",
                "минут",
                "минут",
                "минут",
                "минуту",
                "минуты",
                "минут",
                "минут",
                "минуту"
            ]
        );
        assert_eq!((plural(1, "minute,minutes"), plural(2, "minute,minutes")), ("minute".into(), "minutes".into()));
    }
}
