//! Pages by cursor: an opaque token says where the next page begins.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// How many items a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u16);

/// A page size that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 0 (for the default of 50) to 200")]
pub struct BadPage;

impl PageSize {
    /// What zero means.
    pub const DEFAULT: Self = Self(50);
    /// The largest page; more is clamped to it.
    pub const MAX: Self = Self(200);

    /// Takes what the request says: zero is the default, more than 200 is clamped, negative is refused.
    pub fn parse(size: i32) -> Result<Self, BadPage> {
        Self::of(size, Self::DEFAULT.0, Self::MAX.0)
    }

    /// The same with other numbers: zero is `default`, more than `most` is clamped to it, negative is refused.
    pub fn of(size: i32, default: u16, most: u16) -> Result<Self, BadPage> {
        match u16::try_from(size.min(i32::from(most))) {
            Ok(0) => Ok(Self(default)),
            Ok(size) => Ok(Self(size)),
            Err(_) => Err(BadPage),
        }
    }

    /// Items on the page.
    pub fn get(self) -> i64 {
        i64::from(self.0)
    }

    /// Rows to fetch: one more than the page holds tells whether there is a next one.
    pub fn fetch(self) -> i64 {
        self.get() + 1
    }
}

/// Writes and reads page tokens. A token is bound to its scope, the rpc and the filters, and refuses to be used with
/// others.
///
/// It is opaque, not secret: the check finds damage and mix-ups; what a page may show is decided by the query.
#[derive(Debug)]
pub struct Cursor;

/// A page token that this list did not hand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the next_page_token of the page before, with the same filters")]
pub struct BadCursor;

/// As long as a token may be; the contract says the same of the field.
const LONGEST: usize = 1_024;
const CHECK: usize = 6;
/// What a packed payload begins with, and JSON never.
const PACKED: u8 = 0;

impl Cursor {
    /// The token for the page that begins after `key` in the list called `scope`.
    pub fn encode(scope: &str, key: &impl Serialize) -> String {
        // A key is numbers and texts, which JSON can always write.
        let json = serde_json::to_string(key).unwrap_or_default();
        let fits = CHECK + json.len() <= LONGEST / 4 * 3;
        let payload = if fits { json.into_bytes() } else { pack(&json) };
        let mut bytes = check(scope, &payload).to_vec();
        bytes.extend_from_slice(&payload);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The key inside `token`; none for the first page, whose token is empty.
    pub fn decode<T: DeserializeOwned>(scope: &str, token: &str) -> Result<Option<T>, BadCursor> {
        if token.is_empty() {
            return Ok(None);
        }
        if token.len() > LONGEST {
            return Err(BadCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| BadCursor)?;
        let (sum, payload) = bytes.split_at_checked(CHECK).ok_or(BadCursor)?;
        if sum != check(scope, payload) {
            return Err(BadCursor);
        }
        let key = match payload {
            [PACKED, packed @ ..] => serde_json::from_str(&unpack(packed).ok_or(BadCursor)?),
            json => serde_json::from_slice(json),
        };
        let key: Value = key.map_err(|_| BadCursor)?;
        if !is_storable(&key) {
            return Err(BadCursor);
        }
        serde_json::from_value(key).map(Some).map_err(|_| BadCursor)
    }
}

/// Whether a database keeps every instant and text in a key: anybody can work out the check of a token that they wrote
/// themselves. An instant is nine numbers, of which the first is the year; no text may hold a zero byte.
fn is_storable(key: &Value) -> bool {
    match key {
        Value::Array(items) if items.len() == 9 && items.iter().all(Value::is_number) => {
            items.first().and_then(Value::as_i64).is_some_and(|year| (1..9_999).contains(&year))
        }
        Value::Array(items) => items.iter().all(is_storable),
        Value::Object(fields) => fields.values().all(is_storable),
        Value::String(text) => !text.contains('\0'),
        _ => true,
    }
}

/// Writes letters beyond ASCII in three bytes, of which the first has its highest bit set: where UTF-8 needs four bytes
/// for each of 200, a token would be too long.
fn pack(text: &str) -> Vec<u8> {
    let mut bytes = vec![PACKED];
    for letter in text.chars() {
        let [_, high, middle, low] = u32::from(letter).to_be_bytes();
        match letter.is_ascii() {
            true => bytes.push(low),
            false => bytes.extend([high | 0x80, middle, low]),
        }
    }
    bytes
}

fn unpack(bytes: &[u8]) -> Option<String> {
    let (mut text, mut bytes) = (String::new(), bytes.iter().copied());
    while let Some(first) = bytes.next() {
        let letter = match first & 0x80 {
            0 => u32::from(first),
            _ => u32::from_be_bytes([0, first & 0x7f, bytes.next()?, bytes.next()?]),
        };
        text.push(char::from_u32(letter)?);
    }
    Some(text)
}

fn check(scope: &str, payload: &[u8]) -> [u8; CHECK] {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    // The length keeps ("ab", "c") apart from ("a", "bc").
    digest.update(&scope.len().to_be_bytes());
    digest.update(scope.as_bytes());
    digest.update(payload);
    let mut sum = [0; CHECK];
    sum.copy_from_slice(&digest.finish().as_ref()[..CHECK]);
    sum
}

/// Some items of a list, and the token of the next page if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The next page's token.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Cuts what was fetched by [`PageSize::fetch`] into a page; `key` says what the list is ordered by.
    pub fn cut<K: Serialize>(mut rows: Vec<T>, size: PageSize, scope: &str, key: impl Fn(&T) -> K) -> Self {
        let wanted = usize::from(size.0);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let next = rows.last().filter(|_| more).map(|last| Cursor::encode(scope, &key(last)));
        Self { items: rows, next }
    }

    /// The same page of something else.
    pub fn map<U>(self, of: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(of).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_size_is_defaulted_clamped_or_refused() {
        assert_eq!(PageSize::parse(0), Ok(PageSize::DEFAULT));
        assert_eq!(PageSize::parse(7).unwrap().get(), 7);
        assert_eq!(PageSize::parse(i32::MAX), Ok(PageSize::MAX));
        assert_eq!(PageSize::parse(-1), Err(BadPage));
    }

    #[test]
    fn an_instant_that_no_database_keeps_is_refused_even_in_a_token_that_fits() {
        use time::{OffsetDateTime, macros::datetime};
        let forged =
            |at: OffsetDateTime| Cursor::decode::<(OffsetDateTime, u8)>("list", &Cursor::encode("list", &(at, 1)));
        let usual = datetime!(2026-12-01 10:00 UTC);
        assert_eq!(forged(usual), Ok(Some((usual, 1))));
        for at in [datetime!(-9999-01-01 0:00 UTC), datetime!(0000-12-31 0:00 UTC), datetime!(9999-12-31 23:00 -23:00)]
        {
            assert_eq!(forged(at), Err(BadCursor), "{at}");
        }
        assert_eq!(Cursor::decode::<String>("list", &Cursor::encode("list", &"a\0")), Err(BadCursor));
    }

    #[test]
    fn a_token_of_another_list_is_refused() {
        let token = Cursor::encode("courses?language=ru", &("Крой", 7));
        assert_eq!(Cursor::decode("courses?language=ru", &token), Ok(Some(("Крой".to_owned(), 7))));
        assert_eq!(Cursor::decode::<(String, i32)>("courses?language=en", &token), Err(BadCursor));
        assert_eq!(Cursor::decode::<(i32, String)>("courses?language=ru", &token), Err(BadCursor));
        assert_eq!(Cursor::decode::<(String, i32)>("courses?language=ru", ""), Ok(None));
    }

    #[test]
    fn a_title_of_the_widest_letters_fits() {
        for title in ["\u{1d11e}".repeat(200), "\u{10ffff}".repeat(177) + &"\"".repeat(23), "\\".repeat(200)] {
            let key = (title, Some(i64::MAX), uuid::Uuid::max());
            let token = Cursor::encode("courses", &key);
            assert!(token.len() <= LONGEST, "{}", token.len());
            assert_eq!(Cursor::decode("courses", &token), Ok(Some(key)));
        }
    }

    #[test]
    fn the_last_page_has_no_next() {
        let size = PageSize::parse(2).unwrap();
        assert_eq!(Page::cut(vec![1, 2], size, "n", |n| *n), Page { items: vec![1, 2], next: None });
        let page = Page::cut(vec![1, 2, 3], size, "n", |n| *n);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(Cursor::decode("n", &page.next.unwrap()), Ok(Some(2)));
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_was_ours(token in ".{0,80}") {
            prop_assume!(!token.is_empty());
            prop_assert_eq!(Cursor::decode::<String>("list", &token), Err(BadCursor));
        }

        #[test]
        fn any_title_comes_back(title in "\\PC{0,200}") {
            let token = Cursor::encode("list", &title);
            prop_assert!(token.len() <= LONGEST);
            prop_assert_eq!(Cursor::decode("list", &token), Ok(Some(title)));
        }

        #[test]
        fn what_is_packed_is_unpacked(text in ".{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let back = unpack(&pack(&text)[1..]);
            prop_assert_eq!(back.as_deref(), Some(text.as_str()));
            if let Some(text) = unpack(&bytes) {
                prop_assert!(text.chars().count() <= bytes.len());
            }
        }

        #[test]
        fn damage_is_found(key in ".{0,20}", at in any::<prop::sample::Index>()) {
            let token = Cursor::encode("list", &key);
            let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1;
            prop_assert_eq!(Cursor::decode::<String>("list", &URL_SAFE_NO_PAD.encode(bytes)), Err(BadCursor));
        }
    }
}
