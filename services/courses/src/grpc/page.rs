//! Pages at the door: sizes and tokens in, pages out.

use rpc::Fields;
use serde::{Serialize, de::DeserializeOwned};
use values::{Cursor, Page, PageSize};

/// Which page is asked for; `T` is what the list is ordered by.
#[derive(Debug, Clone)]
pub(super) struct Asked<T> {
    size: PageSize,
    pub(super) after: Option<T>,
    scope: String,
}

impl<T: Serialize + DeserializeOwned> Asked<T> {
    /// Reads the two fields that every list has. The scope names the list and its filters, so that a token fits only there.
    pub(super) fn read(fields: &mut Fields, size: i32, token: &str, scope: String) -> Option<Self> {
        let size = fields.take("page_size", PageSize::parse(size));
        let after = fields.take("page_token", Cursor::decode::<T>(&scope, token));
        Some(Self { size: size?, after: after?, scope })
    }

    /// How many rows to fetch: one more than the page shows.
    pub(super) fn limit(&self) -> i64 {
        self.size.fetch()
    }

    /// The page, and the token of the next one; empty on the last.
    pub(super) fn cut<R>(&self, rows: Vec<R>, key: impl Fn(&R) -> T) -> (Vec<R>, String) {
        let page = Page::cut(rows, self.size, &self.scope, key);
        (page.items, page.next.unwrap_or_default())
    }
}
