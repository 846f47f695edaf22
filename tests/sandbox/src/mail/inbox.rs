//! What arrived, parsed as a mail program would.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use mail_parser::MessageParser;
use serde::Serialize;
use time::OffsetDateTime;
use tokio::sync::{Notify, futures::Notified};

/// A mail, its texts decoded.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mail {
    pub(crate) id: u64,
    /// When it came.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) at: OffsetDateTime,
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
    /// How many there ever were: ids go on after the inbox was emptied.
    kept: AtomicU64,
    arrived: Notify,
}

impl Inbox {
    /// Keeps a mail that was handed over for `to` at `now`.
    pub(crate) fn keep(&self, from: &str, to: Vec<String>, source: &[u8], now: OffsetDateTime) {
        let parsed = MessageParser::default().parse(source);
        let text =
            |of: fn(&mail_parser::Message<'_>) -> Option<String>| parsed.as_ref().and_then(of).unwrap_or_default();
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        let mail = Mail {
            id: self.kept.fetch_add(1, Ordering::Relaxed) + 1,
            at: now,
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
    pub(crate) fn one(&self, id: u64) -> Option<(Mail, String)> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.iter().find(|(mail, _)| mail.id == id).cloned()
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
        let now = time::macros::datetime!(2026-03-02 09:00 UTC);
        inbox.keep("school@lyceum.example", vec!["Anna@example.com".into()], source.as_bytes(), now);
        let mails = inbox.list("anna@example.com", 0);
        assert_eq!(mails[0].subject, "Ваш код");
        assert_eq!(mails[0].message_id, "7@lyceum.example");
        assert!(mails[0].text.starts_with("Код: 123456"));
        assert!(inbox.list("boris@example.com", 0).is_empty());
        assert!(inbox.list("", 1).is_empty());
        inbox.clear();
        inbox.keep("", vec!["anna@example.com".into()], source.as_bytes(), now);
        assert_eq!(inbox.list("", 1)[0].id, 2, "whoever waits for what comes after the first is not fooled by a reset");
    }

    #[test]
    fn both_parts_of_a_mail_are_read_whatever_their_encoding() {
        let source = "From: a@b\r\nSubject: Code\r\nMIME-Version: 1.0\r\n\
            Content-Type: multipart/alternative; boundary=x\r\n\r\n\
            --x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n0JrQvtC0OiAxMjM0NTY=\r\n\
            --x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            <b>=D0=9A=D0=BE=D0=B4: 12=\r\n3456</b>\r\n--x--\r\n";
        let inbox = Inbox::default();
        inbox.keep("a@b", vec!["c@d".into()], source.as_bytes(), time::macros::datetime!(2026-03-02 09:00 UTC));
        let mail = inbox.list("c@d", 0).remove(0);
        assert_eq!(mail.text.trim(), "Код: 123456");
        assert_eq!(mail.html.trim(), "<b>Код: 123456</b>");
    }
}
