//! What was worded for a person: an e-mail, and an entry of the feed. Neither knows how it gets there.

use std::fmt;

use values::Record;

use crate::domain::id::DeliveryId;

/// A worded e-mail. It may hold a code, so it is not printed.
#[derive(Clone, PartialEq, Eq, Record)]
pub struct Mail {
    pub subject: String,
    #[record(name = "text_part")]
    pub text: String,
    #[record(name = "html_part")]
    pub html: String,
    /// Where the person can switch off mails like this one, if they may.
    pub unsubscribe_url: Option<String>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mail(…)")
    }
}

/// An e-mail to one person.
#[derive(Record)]
pub struct Letter {
    /// Makes the Message-ID, which stays the same however often the letter is sent.
    #[record(name = "delivery_id")]
    pub id: DeliveryId,
    pub name: String,
    pub address: String,
    #[record(flatten)]
    pub mail: Mail,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A worded entry of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub title: String,
    pub text: String,
}
