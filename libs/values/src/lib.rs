//! Small values that every service speaks: parsed once at a door, then trusted.
//!
//! No I/O, no wire format, no rules of one business. Reading order: ids, money, pages, keys, texts, clock.

mod clock;
mod id;
mod key;
mod locale;
pub mod mistake;
mod money;
mod page;
mod text;

pub use clock::{Clock, SharedClock, SystemClock};
pub use id::{Id, Kind, NotAnId};
pub use key::{BadKey, IdempotencyKey};
pub use locale::{BadLanguage, BadTimeZone, Language, TimeZone};
pub use mistake::{Mistake, Params, ViolationCode};
pub use money::{BadCurrency, Currency, Money, MoneyError};
pub use page::{BadCursor, BadPage, Cursor, Page, PageSize};
pub use text::{BadText, Text};
