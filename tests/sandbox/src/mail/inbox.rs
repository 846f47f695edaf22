//! What arrived, parsed as a mail program would.

use std::sync::{Mutex, PoisonError};

use mail_parser::MessageParser;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{Notify, futures::Notified};

/// A mail, its texts decoded.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mail {
    pub(crate) id: u64,
    /// Who it was handed over for, whatever its headers say.
    pub(crate) to: Vec<String>,
    pub(crate) from: String,
    pub(crate) subject: String,
    pub(crate) message_id: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// Every mail since the start, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    mails: Mutex<Vec<(Mail, String)>>,
    arrived: Notify,
}

impl Inbox {
    /// Keeps a mail that was handed over for `to`.
    pub(crate) fn keep(&self, from: &str, to: Vec<String>, source: &[u8]) {
        let parsed = MessageParser::default().parse(source);
        let text =
            |of: fn(&mail_parser::Message<'_>) -> Option<String>| parsed.as_ref().and_then(of).unwrap_or_default();
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        let mail = Mail {
            id: mails.last().map_or(1, |(last, _)| last.id + 1),
            to,
            from: from.to_owned(),
            subject: text(|mail| mail.subject().map(str::to_owned)),
            message_id: text(|mail| mail.message_id().map(str::to_owned)),
            text: text(|mail| mail.body_text(0).map(std::borrow::Cow::into_owned)),
            html: text(|mail| mail.body_html(0).map(std::borrow::Cow::into_owned)),
        };
        mails.push((mail, String::from_utf8_lossy(source).into_owned()));
        drop(mails);
        self.arrived.notify_waiters();
    }

    /// Mails to an address (to everybody if it is empty) that came after another.
    pub(crate) fn list(&self, to: &str, after: u64) -> Vec<Mail> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted =
            |mail: &&Mail| mail.id > after && (to.is_empty() || mail.to.iter().any(|one| one.eq_ignore_ascii_case(to)));
        mails.iter().map(|(mail, _)| mail).filter(wanted).cloned().collect()
    }

    /// A mail with its source.
    pub(crate) fn source(&self, id: u64) -> Option<Value> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.iter().find(|(mail, _)| mail.id == id).map(|(mail, source)| json!({"mail": mail, "source": source}))
    }

    pub(crate) fn clear(&self) {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Becomes ready with the next mail; ask for it before looking, so that none slips through.
    pub(crate) fn arrived(&self) -> Notified<'_> {
        self.arrived.notified()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_texts_are_read_as_people_read_them() {
        let source = "From: Lyceum <school@lyceum.example>\r\nTo: anna@example.com\r\nMessage-ID: <7@lyceum.example>\r\n\
            Subject: =?utf-8?b?0JLQsNGIINC60L7QtA==?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\n=D0=9A=D0=BE=D0=B4: 123456\r\n";
        let inbox = Inbox::default();
        inbox.keep("school@lyceum.example", vec!["Anna@example.com".into()], source.as_bytes());
        let mails = inbox.list("anna@example.com", 0);
        assert_eq!(mails[0].subject, "Ваш код");
        assert_eq!(mails[0].message_id, "7@lyceum.example");
        assert!(mails[0].text.starts_with("Код: 123456"));
        assert!(inbox.list("boris@example.com", 0).is_empty());
        assert!(inbox.list("", 1).is_empty());
    }
}
