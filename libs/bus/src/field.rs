//! Fields of an event's payload, read into values. What cannot be read today cannot be read tomorrow: the event
//! becomes a dead letter whose reason names the field.
//!
//! ```ignore
//! let run: RunId = field::id("run_id", &event.run_id)?;
//! ```

use std::fmt::Display;
use std::str::FromStr;

use proto::lyceum::values::v1::Money as WireMoney;
use proto::wkt::Timestamp;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, OffsetDateTime};
use uuid::Uuid;
use values::{Currency, Id, Kind, Money};

use crate::Failure;

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// A field that does not hold what it should.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct BadField {
    field: &'static str,
    reason: String,
}

impl BadField {
    /// Names the field and what is wrong with it.
    pub fn new(field: &'static str, reason: impl Display) -> Self {
        Self { field, reason: reason.to_string() }
    }
}

impl From<BadField> for Failure {
    fn from(bad: BadField) -> Self {
        Self::DeadLetter(bad.to_string())
    }
}

/// Anything that has a text form.
///
/// # Errors
///
/// The text is not of that form.
pub fn parse<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<T, BadField> {
    text.parse().map_err(|error| BadField::new(field, error))
}

/// A typed id.
///
/// # Errors
///
/// The text is no id.
pub fn id<K: Kind>(field: &'static str, text: &str) -> Result<Id<K>, BadField> {
    parse(field, text)
}

/// A typed id that may be absent, which is the empty text.
///
/// # Errors
///
/// The text is neither empty nor an id.
pub fn optional_id<K: Kind>(field: &'static str, text: &str) -> Result<Option<Id<K>>, BadField> {
    if text.is_empty() { Ok(None) } else { id(field, text).map(Some) }
}

/// An id of no particular kind, as of an aggregate.
///
/// # Errors
///
/// The text is no id.
pub fn uuid(field: &'static str, text: &str) -> Result<Uuid, BadField> {
    Uuid::try_parse(text).map_err(|_| BadField::new(field, "is no id"))
}

/// Something that has to be there.
///
/// # Errors
///
/// It is not.
pub fn required<T>(field: &'static str, value: Option<T>) -> Result<T, BadField> {
    value.ok_or_else(|| BadField::new(field, "is missing"))
}

/// An instant.
///
/// # Errors
///
/// It is missing, or outside of the calendar.
pub fn instant(field: &'static str, at: Option<Timestamp>) -> Result<OffsetDateTime, BadField> {
    required(field, at)?.to_time().ok_or_else(|| BadField::new(field, "is no instant"))
}

/// An instant that may be absent.
///
/// # Errors
///
/// It is outside of the calendar.
pub fn optional_instant(field: &'static str, at: Option<Timestamp>) -> Result<Option<OffsetDateTime>, BadField> {
    at.map(|at| instant(field, Some(at))).transpose()
}

/// A day such as `2031-05-31`.
///
/// # Errors
///
/// The text is no day.
pub fn date(field: &'static str, text: &str) -> Result<Date, BadField> {
    Date::parse(text, DATE).map_err(|error| BadField::new(field, error))
}

/// A day that may be absent, which is the empty text.
///
/// # Errors
///
/// The text is neither empty nor a day.
pub fn optional_date(field: &'static str, text: &str) -> Result<Option<Date>, BadField> {
    if text.is_empty() { Ok(None) } else { date(field, text).map(Some) }
}

/// An amount of money.
///
/// # Errors
///
/// It is missing, or in a currency that is not known.
pub fn money(field: &'static str, money: Option<WireMoney>) -> Result<Money, BadField> {
    let money = required(field, money)?;
    let currency = Currency::parse(&money.currency).map_err(|error| BadField::new(field, error))?;
    Ok(Money::new(money.minor, currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    values::kinds! { TestKind => "test" }

    #[test]
    fn a_bad_field_becomes_a_dead_letter_that_names_it() {
        let failures: [Failure; 5] = [
            id::<TestKind>("run_id", "eleven").unwrap_err().into(),
            instant("paid_at", None).unwrap_err().into(),
            date("valid_until", "31.05.2031").unwrap_err().into(),
            money("total", Some(WireMoney { minor: 1, currency: "???".to_owned() })).unwrap_err().into(),
            uuid("order_id", "").unwrap_err().into(),
        ];
        for (failure, field) in failures.iter().zip(["run_id", "paid_at", "valid_until", "total", "order_id"]) {
            assert!(matches!(failure, Failure::DeadLetter(reason) if reason.starts_with(field)), "{failure}");
        }
    }

    #[test]
    fn what_may_be_absent_is_absent_when_it_is_empty() {
        assert_eq!(optional_id::<TestKind>("predecessor_id", ""), Ok(None));
        assert_eq!(optional_date("valid_until", ""), Ok(None));
        assert_eq!(optional_instant("ends_at", None), Ok(None));
        assert!(optional_id::<TestKind>("predecessor_id", "x").is_err());
        assert!(optional_date("valid_until", "x").is_err());
    }
}
