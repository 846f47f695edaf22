//! Wire to values: parsed once, here.

use std::fmt::Display;

use proto::{
    lyceum::{payments::v1 as pb, values::v1::Money as MoneyPb},
    wkt::{Duration, FieldMask, Timestamp},
};
use rpc::{Fields, Invalid};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use values::{Currency, Cursor, Id, Kind, Money, PageSize};

use crate::{
    domain::product::{Access, MAX_GRANTS, MAX_PRICE},
    flows::{create_product::Granting, set_price::NewPrice},
};

/// One id that a request cannot do without.
pub(super) fn id<K: Kind>(field: &str, text: &str) -> Result<Id<K>, Invalid> {
    text.parse().map_err(|error: values::NotAnId| Invalid::field(field, error.to_string()))
}

/// An id that may be left out.
pub(super) fn id_if<K: Kind>(fields: &mut Fields, field: &str, text: &str) -> Option<Option<Id<K>>> {
    fields.take_if(field, given(text).map(str::parse::<Id<K>>))
}

/// A text that may be left out by leaving it empty.
pub(super) fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A currency, roubles where none is given.
pub(super) fn currency(text: &str) -> Result<Currency, values::BadCurrency> {
    given(text).map_or(Ok(Currency::RUB), Currency::parse)
}

/// An instant, as exact as the database keeps it.
pub(super) fn instant(at: Timestamp) -> Result<OffsetDateTime, &'static str> {
    let at = at.to_time().ok_or("expected an instant between the years 1 and 9999")?;
    Ok(at.replace_nanosecond(at.nanosecond() / 1_000 * 1_000).unwrap_or(at))
}

fn access(length: Duration) -> Result<Access, String> {
    let length = length.to_duration().ok_or("expected a length of time")?;
    Access::parse(length).map_err(|error| error.to_string())
}

/// An amount that is not negative and not absurd.
pub(super) fn amount(fields: &mut Fields, field: &str, amount: Option<MoneyPb>) -> Option<Money> {
    let amount = fields.required(field, amount)?;
    let currency = fields.take(&format!("{field}.currency"), Currency::parse(&amount.currency));
    if !(0..=MAX_PRICE).contains(&amount.minor) {
        fields.refuse(format!("{field}.minor"), format!("expected 0 to {MAX_PRICE}"));
        return None;
    }
    Some(Money::new(amount.minor, currency?))
}

/// Runs with their lengths, each run once.
pub(super) fn grants(fields: &mut Fields, field: &str, grants: &[pb::Grant]) -> Option<Vec<Granting>> {
    if grants.is_empty() || grants.len() > MAX_GRANTS {
        fields.refuse(field, format!("expected 1 to {MAX_GRANTS} runs"));
        return None;
    }
    let read: Vec<Option<Granting>> = grants
        .iter()
        .enumerate()
        .map(|(at, grant)| {
            let run = fields.take(&format!("{field}[{at}].run_id"), grant.run_id.parse());
            let length = fields.take_if(&format!("{field}[{at}].access_duration"), grant.access_duration.map(access));
            Some(Granting { run: run?, access: length? })
        })
        .collect();
    let read: Vec<Granting> = read.into_iter().collect::<Option<_>>()?;
    if repeats(read.iter().map(|grant| grant.run.uuid())) {
        fields.refuse(field, "expected each run once");
        return None;
    }
    Some(read)
}

/// A list of ids, each once, of a sane length.
pub(super) fn ids<K: Kind>(fields: &mut Fields, field: &str, texts: &[String]) -> Option<Vec<Id<K>>> {
    if texts.len() > 200 {
        fields.refuse(field, "expected at most 200");
        return None;
    }
    let read: Vec<Option<Id<K>>> =
        texts.iter().enumerate().map(|(at, text)| fields.take(&format!("{field}[{at}]"), text.parse())).collect();
    let read: Vec<Id<K>> = read.into_iter().collect::<Option<_>>()?;
    if repeats(read.iter().map(|id| id.uuid())) {
        fields.refuse(field, "expected each only once");
        return None;
    }
    Some(read)
}

fn repeats<T: Ord>(items: impl Iterator<Item = T>) -> bool {
    let mut items: Vec<T> = items.collect();
    let all = items.len();
    items.sort();
    items.dedup();
    items.len() != all
}

/// A price with its window.
pub(super) fn price(fields: &mut Fields, field: &str, price: pb::Price) -> Option<NewPrice> {
    let amount = amount(fields, &format!("{field}.amount"), price.amount);
    let starts_at = fields.take_if(&format!("{field}.starts_at"), price.starts_at.map(instant));
    let ends_at = fields.take_if(&format!("{field}.ends_at"), price.ends_at.map(instant));
    Some(NewPrice { amount: amount?, starts_at: starts_at?, ends_at: ends_at? })
}

/// What to change: names of the list, at least one.
pub(super) fn mask(mask: Option<FieldMask>, known: &[&str]) -> Result<Vec<String>, Invalid> {
    let paths = mask.map(|mask| mask.paths).unwrap_or_default();
    let refuse = || Invalid::field("update_mask", format!("expected some of {}", known.join(", ")));
    let fits = !paths.is_empty() && paths.iter().all(|path| known.contains(&path.as_str()));
    if fits { Ok(paths) } else { Err(refuse()) }
}

/// Which page of which list.
#[derive(Debug)]
pub(super) struct Paging<K> {
    pub(super) size: PageSize,
    /// Binds the token to the list and its filters.
    pub(super) scope: String,
    pub(super) after: Option<K>,
}

/// Reads the page of a list. `filters` are all that shape the list, so that a token does not fit another one.
pub(super) fn paging<K: DeserializeOwned>(
    fields: &mut Fields,
    list: &str,
    filters: &[&dyn Display],
    size: i32,
    token: &str,
) -> Option<Paging<K>> {
    let filters: Vec<String> = filters.iter().map(ToString::to_string).collect();
    let scope = format!("{list}?{}", filters.join("&"));
    let size = fields.take("page_size", PageSize::parse(size));
    let after = fields.take("page_token", Cursor::decode(&scope, token));
    Some(Paging { size: size?, scope, after: after? })
}
