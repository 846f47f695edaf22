//! What several questions share: days, currencies, how time is cut.

use proto::lyceum::analytics::v1 as pb;
use rpc::{Fields, Invalid};
use values::Currency;

use crate::domain::{
    calendar::{Granularity, Span, parse_day},
    id::RunId,
};

/// Years that reports of sums cover at most.
pub(super) const FIVE_YEARS: i32 = 5;
/// Years that reports of people cover at most.
pub(super) const TWO_YEARS: i32 = 2;

/// The days of a report, both of them included.
pub(super) fn span(fields: &mut Fields, from: &str, to: &str, years: i32) -> Option<Span> {
    let (from, to) = (fields.take("from", parse_day(from)), fields.take("to", parse_day(to)));
    let (from, to) = from.zip(to)?;
    fields.take("to", Span::new(from, to, years))
}

/// Roubles where nothing is said.
pub(super) fn currency(fields: &mut Fields, code: &str) -> Option<Currency> {
    let currency = fields.take_if("currency", (!code.is_empty()).then(|| Currency::parse(code)));
    currency.map(|given| given.unwrap_or(Currency::RUB))
}

/// By day where nothing is said.
pub(super) fn granularity(fields: &mut Fields, number: i32) -> Option<Granularity> {
    let read = match pb::Granularity::try_from(number) {
        Ok(pb::Granularity::Unspecified | pb::Granularity::Day) => Ok(Granularity::Day),
        Ok(pb::Granularity::Week) => Ok(Granularity::Week),
        Ok(pb::Granularity::Month) => Ok(Granularity::Month),
        Err(_) => Err("expected day, week or month"),
    };
    fields.take("granularity", read)
}

/// By month where nothing is said; a day is too short to come back in.
pub(super) fn cohort(fields: &mut Fields, number: i32) -> Option<Granularity> {
    let read = match pb::Granularity::try_from(number) {
        Ok(pb::Granularity::Unspecified | pb::Granularity::Month) => Ok(Granularity::Month),
        Ok(pb::Granularity::Week) => Ok(Granularity::Week),
        Ok(pb::Granularity::Day) | Err(_) => Err("expected week or month"),
    };
    fields.take("granularity", read)
}

pub(super) fn run(text: &str) -> Result<RunId, Invalid> {
    text.parse().map_err(|error: values::NotAnId| Invalid::field("run_id", error.to_string()))
}
