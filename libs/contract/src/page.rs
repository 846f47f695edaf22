//! Which page of a list is asked for, and the page that answers.

use prost::Message;
use ring::digest::{SHA256, digest};
use rpc::{Fields, Invalid};
use serde::{Serialize, de::DeserializeOwned};
use values::{BadCursor, Cursor, Page, PageSize};

/// Which page of a list is asked for. The token of a page is bound to the list and its filters.
#[derive(Debug, Clone)]
pub struct PageRequest {
    size: PageSize,
    scope: String,
    token: String,
}

impl PageRequest {
    /// Reads the two fields that every list has; `filters` is the request without them.
    pub(crate) fn read(
        fields: &mut Fields,
        rpc: &str,
        filters: &impl Message,
        size: i32,
        token: &str,
        (default, most): (u16, u16),
    ) -> Option<Self> {
        let filters = digest(&SHA256, &filters.encode_to_vec());
        let scope = format!("{rpc} {:x?}", filters.as_ref());
        let size = fields.take("page_size", PageSize::of(size, default, most));
        // What the token holds is known to the list alone; that it was made for this list is checked here.
        let after = fields.take("page_token", Cursor::decode::<serde_json::Value>(&scope, token));
        after.and(Some(Self { size: size?, scope, token: token.to_owned() }))
    }

    /// The key of the last item of the page before; none for the first page.
    ///
    /// # Errors
    /// When the token holds a key of another form, as one that an older release made may.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Invalid> {
        Cursor::decode(&self.scope, &self.token).map_err(|error| Invalid::field("page_token", error))
    }

    /// The same for a list of one's own, whose keys begin with whose it is: the token of somebody else's list is refused.
    ///
    /// # Errors
    /// When the token holds a key of another form or of another owner.
    pub fn after_of<O, K>(&self, owner: O) -> Result<Option<K>, Invalid>
    where
        O: DeserializeOwned + PartialEq,
        K: DeserializeOwned,
    {
        match self.after::<(O, K)>()? {
            Some((whose, _)) if whose != owner => Err(Invalid::field("page_token", BadCursor)),
            after => Ok(after.map(|(_, key)| key)),
        }
    }

    /// How many rows to fetch: one more than the page shows, which tells whether there is a next one.
    pub fn limit(&self) -> i64 {
        self.size.fetch()
    }

    /// Cuts what was fetched into a page; `key` says what the list is ordered by.
    pub fn cut<R, K: Serialize>(&self, rows: Vec<R>, key: impl Fn(&R) -> K) -> Page<R> {
        Page::cut(rows, self.size, &self.scope, key)
    }
}
