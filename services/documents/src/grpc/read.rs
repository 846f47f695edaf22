//! Wire to values: parsed once, here.

use std::{fmt::Display, ops::RangeInclusive};

use rpc::{Fields, Invalid};
use serde::de::DeserializeOwned;
use values::{Cursor, Id, Kind, PageSize};

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

/// Ids, each once, as many as are allowed.
pub(super) fn ids<K: Kind>(
    fields: &mut Fields,
    field: &str,
    texts: &[String],
    many: RangeInclusive<usize>,
) -> Option<Vec<Id<K>>> {
    if !many.contains(&texts.len()) {
        fields.refuse(field, format!("expected {} to {}", many.start(), many.end()));
        return None;
    }
    let read: Vec<Option<Id<K>>> =
        texts.iter().enumerate().map(|(at, text)| fields.take(&format!("{field}[{at}]"), text.parse())).collect();
    let read: Vec<Id<K>> = read.into_iter().collect::<Option<_>>()?;
    let mut once: Vec<_> = read.iter().map(|id| id.uuid()).collect();
    once.sort_unstable();
    once.dedup();
    if once.len() != read.len() {
        fields.refuse(field, "expected each only once");
        return None;
    }
    Some(read)
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
