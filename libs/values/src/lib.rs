//! Small values that every service speaks: parsed once at a door, then trusted. They know their column and their JSON
//! form, so that a domain names neither sqlx nor serde.
//!
//! No I/O, no rules of one business. Reading order: ids, money, pages, keys, texts, clock; then names, records and
//! refusals, which a service derives for its own types.

// What the derives print names this crate from outside; its own types use them too.
extern crate self as values;

pub mod base32;
mod clock;
mod column;
mod id;
mod key;
mod locale;
pub mod made;
pub mod mistake;
mod money;
mod named;
mod page;
pub mod record;
pub mod refusal;
mod text;

pub use clock::{Clock, SharedClock, SystemClock};
pub use id::{Id, Kind, NotAnId};
pub use key::{BadKey, IdempotencyKey};
pub use locale::{BadTimeZone, Language, TimeZone};
pub use mistake::{Mistake, Params, ViolationCode};
pub use money::{BadCurrency, Currency, Money, MoneyError};
pub use named::{Named, UnknownName};
pub use page::{BadCursor, BadPage, Cursor, Page, PageSize};
pub use record::Record;
pub use text::{BadText, Text};
pub use values_derive::{Column, Named, Patch, Record, refusals};

/// What the derives print; nobody else uses it.
#[doc(hidden)]
pub mod private {
    pub use crate::column::Parsed;
    pub use crate::named::{decode_name, deserialize_name};
    pub use {serde, sqlx};
}
