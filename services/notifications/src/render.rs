//! How notices are worded: templates in the person's language, filled with a notice's facts. What is told to whom is `domain`'s.
//!
//! A template is one file with parts: `subject`, `text` and `html` for the mail, `title` and `summary` for the feed, and `why`
//! where several parts share a sentence. HTML is escaped; a fact that a template asks for and nobody gave is an error.

mod words;

use anyhow::{Context, ensure};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use time::OffsetDateTime;
use url::Url;
use values::Language;

use crate::domain::{
    letter::{Entry, Mail},
    notice::{EndReason, Kind, Notice},
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
const TEMPLATES: [(&str, &str); 18] = templates!(
    "confirm-email" "reset-password" "order-paid" "order-refunded" "payment-failed"
    "enrolment-started" "course-completed" "password-changed" "sessions-revoked"
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

    /// Words a notice as an e-mail.
    ///
    /// # Errors
    ///
    /// A template asks for what there is not.
    pub fn mail(&self, notice: &Notice, person: &Person, now: OffsetDateTime) -> anyhow::Result<Mail> {
        let facts = self.facts(notice, person, now)?;
        let part = |part| self.part(notice.kind(), person.language, part, &facts);
        Ok(Mail { subject: part("subject")?, text: part("txt")?, html: part("html")? })
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
            Notice::SessionsRevoked { reason } => context! { reason => end_reason(*reason) },
        };
        let facts = context! { ..special, ..general };
        let why = format!("{lang}/{}.why", notice.kind().as_str());
        match self.templates.get_template(&why) {
            Ok(template) => Ok(context! { why => template.render(&facts)?, ..facts }),
            Err(_) => Ok(facts),
        }
    }
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
