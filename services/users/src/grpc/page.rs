//! Pages at the door: sizes and tokens in, pages out. Every list here is ordered by id, from the newest on.

use rpc::Fields;
use uuid::Uuid;
use values::{Cursor, Id, Page, PageSize};

/// Which page is asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) size: PageSize,
    after: Option<Uuid>,
    scope: String,
}

impl Asked {
    /// Reads the two fields that every list has. The scope names the list and its filters, so that a token fits only there.
    pub(super) fn read(fields: &mut Fields, size: i32, token: &str, scope: String) -> Option<Self> {
        let size = fields.take("page_size", PageSize::parse(size));
        let after = fields.take("page_token", Cursor::decode::<Uuid>(&scope, token));
        Some(Self { size: size?, after: after?, scope })
    }

    /// The last item of the page before.
    pub(super) fn after<K>(&self) -> Option<Id<K>> {
        self.after.map(Id::from_uuid)
    }

    /// The page, and the token of the next one; empty on the last.
    pub(super) fn cut<T, K>(&self, rows: Vec<T>, id: impl Fn(&T) -> Id<K>) -> (Vec<T>, String) {
        let page = Page::cut(rows, self.size, &self.scope, |row| id(row).uuid());
        (page.items, page.next.unwrap_or_default())
    }
}
