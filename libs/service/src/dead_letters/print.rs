//! How dead letters look: a table for the eyes, one JSON object a line for tools.

use anyhow::{Context, Result};
use bus::Envelope;
use bus::dead_letter::{DeadLetter, Entry};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// For whom is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
}

/// Facts about one dead letter, or of the log, in the order in which they are read.
#[derive(Debug)]
pub(super) struct Shown(Vec<(&'static str, Value)>);

impl Shown {
    /// What a list says: nothing of the body, which may hold personal data.
    fn listed(letter: &DeadLetter) -> Result<Self> {
        let envelope = letter.envelope();
        let event = envelope.as_ref();
        Ok(Self(vec![
            ("message_id", json!(letter.message_id)),
            ("type", json!(letter.kind)),
            ("attempts", json!(letter.attempts)),
            ("given_up_at", json!(instant(letter.given_up_at)?)),
            ("queue", json!(letter.queue)),
            ("aggregate_type", json!(event.map(|event| &event.aggregate_type))),
            ("aggregate_id", json!(event.map(|event| &event.aggregate_id))),
            ("reason", json!(letter.reason)),
        ]))
    }

    /// All that is known; `payload` is what the event says, as JSON, if this release can read it.
    pub(super) fn whole(letter: &DeadLetter, event: Option<&Envelope>, payload: Option<&str>) -> Result<Self> {
        let Self(mut facts) = Self::listed(letter)?;
        let occurred_at = event.and_then(|event| event.occurred_at.as_ref()).and_then(|at| at.to_time());
        facts.extend([
            ("aggregate_version", json!(event.map(|event| event.aggregate_version))),
            ("occurred_at", json!(occurred_at.map(instant).transpose()?)),
            ("actor", json!(event.map(|event| &event.actor))),
            ("traceparent", json!(event.map(|event| &event.traceparent))),
            ("content_type", json!(letter.content_type)),
            ("correlation_id", json!(letter.correlation_id)),
        ]);
        match payload.map(serde_json::from_str::<Value>) {
            Some(payload) => facts.push(("payload", payload.context("the payload has no JSON form")?)),
            None => match std::str::from_utf8(&letter.body) {
                Ok(text) if event.is_none() => facts.push(("body", json!(text))),
                _ => facts.push(("body_hex", json!(hex(&letter.body)))),
            },
        }
        Ok(Self(facts))
    }

    fn logged(entry: &Entry) -> Result<Self> {
        Ok(Self(vec![
            ("at", json!(instant(entry.at)?)),
            ("actor", json!(entry.actor)),
            ("action", json!(entry.action)),
            ("message_id", json!(entry.message_id)),
            ("type", json!(entry.kind)),
            ("host", json!(entry.host)),
            ("queue", json!(entry.queue)),
            ("attempts", json!(entry.attempts)),
            ("given_up_at", json!(instant(entry.given_up_at)?)),
            ("reason", json!(entry.reason)),
        ]))
    }

    /// One fact a line, or one line of JSON.
    pub(super) fn print(&self, format: Format) {
        match format {
            Format::Json => println!("{}", self.json()),
            Format::Text => {
                for (name, value) in &self.0 {
                    match value {
                        Value::Object(_) => println!("{name:<18}{value:#}"),
                        value => println!("{name:<18}{}", text(value)),
                    }
                }
                println!();
            }
        }
    }

    fn json(&self) -> Value {
        self.0.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<serde_json::Map<_, _>>().into()
    }
}

/// Prints a page of a list.
pub(super) fn list(page: &[DeadLetter], format: Format, first: bool) -> Result<()> {
    let rows = page.iter().map(Shown::listed).collect::<Result<Vec<_>>>()?;
    print(&rows, &["message_id", "type", "attempts", "given_up_at", "queue", "reason"], format, first);
    Ok(())
}

/// Prints entries of the log.
pub(super) fn log(entries: &[Entry], format: Format) -> Result<()> {
    let rows = entries.iter().map(Shown::logged).collect::<Result<Vec<_>>>()?;
    print(&rows, &["at", "actor", "action", "message_id", "type", "host", "reason"], format, !rows.is_empty());
    Ok(())
}

fn print(rows: &[Shown], columns: &[&str], format: Format, titled: bool) {
    match format {
        Format::Json => rows.iter().for_each(|row| println!("{}", row.json())),
        Format::Text => print!("{}", table(rows, columns, titled)),
    }
}

/// The last column is a reason, which is long and never cut.
fn table(rows: &[Shown], columns: &[&str], titled: bool) -> String {
    let title = titled.then(|| columns.iter().map(|name| name.to_uppercase().replace('_', " ")).collect());
    let row = |row: &Shown| columns.iter().map(|name| text(&row.json()[*name])).collect::<Vec<String>>();
    let lines: Vec<Vec<String>> = title.into_iter().chain(rows.iter().map(row)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut table = String::new();
    for line in lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        table.push_str(cells.join("  ").trim_end());
        table.push('\n');
    }
    table
}

/// A value on one line. What a stranger wrote into a message does not move the cursor of a terminal.
fn text(value: &Value) -> String {
    let text = match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn instant(at: OffsetDateTime) -> Result<String> {
    let at = at.replace_nanosecond(0).unwrap_or(at);
    at.format(&Rfc3339).context("a row holds no instant that can be written")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    fn letter(body: &[u8]) -> DeadLetter {
        DeadLetter {
            position: 1,
            queue: "courses.events".to_owned(),
            message_id: "a".to_owned(),
            kind: "lyceum.events.v1.OrderPaid".to_owned(),
            content_type: None,
            correlation_id: None,
            attempts: 20,
            reason: "unknown currency\n\u{1b}[31m".to_owned(),
            given_up_at: OffsetDateTime::UNIX_EPOCH,
            body: body.to_vec(),
        }
    }

    #[test]
    fn a_list_tells_why_but_not_what_is_in_it() {
        let listed = Shown::listed(&letter(b"anna@example.com")).unwrap().json();
        assert_eq!(listed["reason"], "unknown currency\n\u{1b}[31m");
        assert_eq!(listed["given_up_at"], "1970-01-01T00:00:00Z");
        assert!(!listed.to_string().contains("anna@"));
    }

    #[test]
    fn a_table_has_a_line_for_each_and_a_stranger_cannot_colour_it() {
        let rows = [Shown::listed(&letter(b"")).unwrap()];
        let shown = table(&rows, &["message_id", "attempts", "queue", "reason"], true);
        let expected = "MESSAGE ID  ATTEMPTS  QUEUE           REASON\n\
                        a           20        courses.events  unknown currency  [31m\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_whole_shows_what_the_event_says_or_else_its_bytes() {
        let event = Envelope { actor: "user:1".to_owned(), ..Envelope::default() };
        let bytes = event.encode_to_vec();
        let shown = Shown::whole(&letter(&bytes), Some(&event), Some(r#"{"orderId":"1"}"#)).unwrap().json();
        assert_eq!((&shown["payload"]["orderId"], &shown["actor"]), (&json!("1"), &json!("user:1")));
        let unread = Shown::whole(&letter(&bytes), Some(&event), None).unwrap().json();
        assert_eq!(unread["body_hex"], json!(hex(&bytes)));
        let answer = Shown::whole(&letter(b"{}"), None, None).unwrap().json();
        assert_eq!(answer["body"], "{}");
    }
}
