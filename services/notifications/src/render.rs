//! How notices are worded: templates in the person's language, filled with a notice's facts. What is told to whom is `domain`'s.
//!
//! A template is one file with parts: `subject`, `text` and `html` for the mail, `title` and `summary` for the feed, and `why`
//! where several parts share a sentence. HTML is escaped; a fact that a template asks for and nobody gave is an error.

mod words;

use anyhow::{Context, ensure};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use time::{Date, OffsetDateTime};
use url::Url;
use values::Language;

use crate::domain::{
    letter::{Entry, Mail},
    notice::{EndReason, Item, Kind, Notice},
    recipient::Person,
};

/// Every template, built into the binary.
macro_rules! templates {
    ($($name:literal)*) => {
        [$(
            (concat!("en/", $name), include_str!(concat!("../templates/en/", $name, ".mail"))),
            (concat!("ru/", $name), include_str!(concat!("../templates/ru/", $name, ".mail"))),
        )*]
    };
}
const TEMPLATES: [(&str, &str); 36] = templates!(
    "confirm-email" "reset-password" "order-paid" "order-refunded" "payment-failed"
    "enrolment-started" "course-completed" "password-changed" "sessions-revoked"
    "certificate-issued" "certificate-revoked" "document-verified" "document-rejected" "document-expiring"
    "document-expired" "tutor-verified" "tutor-verification-ended" "digest"
);

const LAYOUTS: [(&str, &str); 2] = [
    ("layout.txt", include_str!("../templates/layout.txt")),
    ("layout.html", include_str!("../templates/layout.html")),
];

/// What stands before the name of a part.
const PART: &str = "=== ";

/// Fills templates. Made once; all of them are read then.
#[derive(Debug)]
pub struct Renderer {
    templates: Environment<'static>,
    school: String,
    url: Url,
}

impl Renderer {
    /// For a school with this name and address.
    ///
    /// # Errors
    ///
    /// A template cannot be read; the tests of this file see to that.
    pub fn new(school: String, url: Url) -> anyhow::Result<Self> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        // A template's error must not repeat the facts, because a code may be among them.
        templates.set_debug(false);
        templates.set_auto_escape_callback(|name| match name.ends_with(".html") {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        templates.add_filter("plural", words::plural);
        for (name, source) in LAYOUTS {
            templates.add_template(name, source)?;
        }
        for (name, source) in TEMPLATES {
            for (part, text) in parts(source).with_context(|| format!("the template {name}"))? {
                let (name, text) = match part {
                    "text" => (format!("{name}.txt"), within("layout.txt", text)),
                    "html" => (format!("{name}.html"), within("layout.html", text)),
                    part => (format!("{name}.{part}"), text.to_owned()),
                };
                templates.add_template_owned(name, text)?;
            }
        }
        Ok(Self { templates, school, url })
    }

    /// Words a notice as an e-mail. `token` is the secret of the link by which mails like it are switched off, if they can be.
    ///
    /// # Errors
    ///
    /// A template asks for what there is not.
    pub fn mail(
        &self,
        notice: &Notice,
        person: &Person,
        token: Option<&str>,
        now: OffsetDateTime,
    ) -> anyhow::Result<Mail> {
        let unsubscribe_url = token.map(|token| self.page(&format!("unsubscribe/{token}")));
        let facts = self.facts(notice, person, now)?;
        let facts = context! { unsubscribe => &unsubscribe_url, ..facts };
        let part = |part| self.part(notice.kind(), person.language, part, &facts);
        Ok(Mail { subject: part("subject")?, text: part("txt")?, html: part("html")?, unsubscribe_url })
    }

    /// What the school is called.
    pub fn school(&self) -> &str {
        &self.school
    }

    /// Words a notice as an entry of the feed.
    ///
    /// # Errors
    ///
    /// A template asks for what there is not, or has no such part.
    pub fn entry(&self, notice: &Notice, person: &Person, now: OffsetDateTime) -> anyhow::Result<Entry> {
        let facts = self.facts(notice, person, now)?;
        let part = |part| self.part(notice.kind(), person.language, part, &facts);
        Ok(Entry { title: part("title")?, text: part("summary")? })
    }

    fn part(&self, kind: Kind, language: Language, part: &str, facts: &Value) -> anyhow::Result<String> {
        let name = format!("{language}/{}.{part}", kind.as_str());
        Ok(self.templates.get_template(&name)?.render(facts)?)
    }

    fn facts(&self, notice: &Notice, person: &Person, now: OffsetDateTime) -> anyhow::Result<Value> {
        let lang = person.language;
        let general = context! {
            lang => lang.as_str(),
            name => &person.name,
            school => &self.school,
            url => self.url.as_str(),
        };
        let special = match notice {
            Notice::ConfirmEmail { code, expires_at } | Notice::ResetPassword { code, expires_at } => {
                context! { code => code.reveal(), minutes => words::minutes(*expires_at - now) }
            }
            Notice::OrderPaid { number, total, .. } => context! { number, total => words::money(*total, lang) },
            Notice::OrderRefunded { number, amount, .. } => context! { number, amount => words::money(*amount, lang) },
            Notice::PaymentFailed { number, reason, .. } => context! { number, reason },
            Notice::EnrolmentStarted { title, .. } => context! { title },
            Notice::CourseCompleted { title, completed_at, .. } => {
                context! { title, date => words::date(*completed_at, &person.time_zone, lang) }
            }
            Notice::PasswordChanged => context! {},
            Notice::CertificateIssued { number, title, again, .. } => context! { number, title, again },
            Notice::CertificateRevoked { number, .. } => context! { number },
            Notice::DocumentVerified { paper, valid_until, .. } => {
                context! { paper => words::paper(*paper, lang), date => day(*valid_until, lang) }
            }
            Notice::DocumentRejected { paper, .. } | Notice::DocumentExpired { paper, .. } => {
                context! { paper => words::paper(*paper, lang) }
            }
            Notice::DocumentExpiring { paper, valid_until, days_left, .. } => {
                let date = words::day(*valid_until, lang);
                context! { paper => words::paper(*paper, lang), date, days => i64::from(*days_left) }
            }
            Notice::TutorVerified { valid_until } => context! { date => day(*valid_until, lang) },
            Notice::TutorVerificationEnded { expired } => context! { expired },
            Notice::Digest { items } => {
                context! { items => items.iter().map(|item| self.item(item)).collect::<Vec<_>>() }
            }
            Notice::SessionsRevoked { reason } => context! { reason => end_reason(*reason) },
        };
        let page = notice.page().map_or_else(|| self.url.to_string(), |page| self.page(&page));
        let facts = context! { ..special, ..general };
        let facts = context! { page => page, ..facts };
        let why = format!("{lang}/{}.why", notice.kind().as_str());
        match self.templates.get_template(&why) {
            Ok(template) => Ok(context! { why => template.render(&facts)?, ..facts }),
            Err(_) => Ok(facts),
        }
    }

    fn item(&self, item: &Item) -> Value {
        let page = if item.resource.is_empty() { self.url.to_string() } else { self.page(&item.resource) };
        context! { title => &item.title, text => &item.text, page }
    }

    /// The address of a page of the school.
    fn page(&self, path: &str) -> String {
        format!("{}/{path}", self.url.as_str().trim_end_matches('/'))
    }
}

fn day(date: Option<Date>, language: Language) -> Option<String> {
    date.map(|date| words::day(date, language))
}

/// As the templates know it.
fn end_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::SignedOut => "signed-out",
        EndReason::TokenReused => "token-reused",
        EndReason::PasswordChanged => "password-changed",
        EndReason::Blocked => "blocked",
    }
}

fn within(layout: &str, body: &str) -> String {
    format!("{{% extends \"{layout}\" %}}{{% block body %}}{body}{{% endblock %}}")
}

/// The parts of a template's file by name.
fn parts(source: &'static str) -> anyhow::Result<Vec<(&'static str, &'static str)>> {
    let mut parts = Vec::new();
    let body = source.strip_prefix(PART).context("does not begin with a part")?;
    for part in body.split("\n=== ") {
        let (name, text) = part.split_once('\n').context("has a part without text")?;
        ensure!(["why", "subject", "text", "html", "title", "summary"].contains(&name), "has a part named {name}");
        parts.push((name, text.trim_end()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests;
