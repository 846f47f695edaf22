//! The verb `dead-letters`, which every service with a consumer has: what it gave up on and why, and sending it back.

use anyhow::{Context, bail, ensure};
use bus::Amqp;
use bus::dead_letter::{self, DeadLetter};
use time::format_description::well_known::Rfc3339;

use crate::Parts;

/// The verb's name.
pub(crate) const DEAD_LETTERS: &str = "dead-letters";

const USAGE: &str = "expected dead-letters [list] [--json], dead-letters replay [MESSAGE-ID…] or \
                     dead-letters discard MESSAGE-ID…|--all";

/// Does what the words after the verb say. `broker` tells where a queue is.
pub(crate) async fn run(parts: &Parts, broker: impl Fn(&str) -> Amqp, words: &[&str]) -> anyhow::Result<()> {
    let letters = dead_letter::list(&parts.db).await?;
    match words {
        [] | ["list"] => print(parts.name, &letters),
        ["--json"] | ["list", "--json"] => {
            for letter in &letters {
                println!("{}", json(letter)?);
            }
        }
        ["replay", ids @ ..] => {
            let mut replayed = 0;
            for letters in chosen(letters, ids)?.chunk_by(|one, next| one.queue == next.queue) {
                replayed += dead_letter::replay(&parts.db, &broker(&letters[0].queue), letters).await?;
            }
            println!("{}: {replayed} dead letters were sent back to their queues", parts.name);
        }
        ["discard", "--all"] => {
            let discarded = dead_letter::discard(&parts.db, &letters).await?;
            println!("{}: {discarded} dead letters were thrown away", parts.name);
        }
        ["discard", ids @ ..] if !ids.is_empty() => {
            let discarded = dead_letter::discard(&parts.db, &chosen(letters, ids)?).await?;
            println!("{}: {discarded} dead letters were thrown away", parts.name);
        }
        _ => bail!("{USAGE}"),
    }
    Ok(())
}

/// Those that are named, or all where none is named.
fn chosen(letters: Vec<DeadLetter>, ids: &[&str]) -> anyhow::Result<Vec<DeadLetter>> {
    for id in ids {
        ensure!(letters.iter().any(|letter| letter.message_id == *id), "there is no dead letter {id}");
    }
    let is_chosen = |letter: &DeadLetter| ids.is_empty() || ids.contains(&letter.message_id.as_str());
    Ok(letters.into_iter().filter(is_chosen).collect())
}

/// One block a letter: reasons are long, and a table would cut them.
fn print(service: &str, letters: &[DeadLetter]) {
    if letters.is_empty() {
        println!("{service}: no dead letters");
    }
    for letter in letters {
        let DeadLetter { queue, message_id, kind, attempts, reason, given_up_at, .. } = letter;
        println!("{message_id}  {kind}\n    {queue}, given up {given_up_at} after {attempts} attempts: {reason}");
    }
}

/// For tools: everything but the body, which may hold personal data.
fn json(letter: &DeadLetter) -> anyhow::Result<serde_json::Value> {
    let envelope = letter.envelope();
    let event = envelope.as_ref();
    Ok(serde_json::json!({
        "queue": letter.queue,
        "message_id": letter.message_id,
        "type": letter.kind,
        "attempts": letter.attempts,
        "reason": letter.reason,
        "given_up_at": letter.given_up_at.format(&Rfc3339).context("a row holds no instant")?,
        "aggregate_type": event.map(|event| &event.aggregate_type),
        "aggregate_id": event.map(|event| &event.aggregate_id),
    }))
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn letter(queue: &str, id: &str) -> DeadLetter {
        DeadLetter {
            position: 1,
            queue: queue.to_owned(),
            message_id: id.to_owned(),
            kind: "lyceum.events.v1.OrderPaid".to_owned(),
            content_type: None,
            correlation_id: None,
            attempts: 20,
            reason: "unknown currency".to_owned(),
            given_up_at: OffsetDateTime::UNIX_EPOCH,
            body: b"anna@example.com".to_vec(),
        }
    }

    #[test]
    fn one_that_is_not_there_is_an_error_and_none_named_means_all() {
        let all = vec![letter("courses.events", "a"), letter("courses.events", "b")];
        assert_eq!(chosen(all.clone(), &[]).unwrap().len(), 2);
        assert_eq!(chosen(all.clone(), &["b"]).unwrap()[0].message_id, "b");
        assert!(chosen(all, &["b", "c"]).unwrap_err().to_string().contains('c'));
    }

    #[test]
    fn a_tool_reads_why_but_not_what_is_in_it() {
        let shown = json(&letter("courses.events", "a")).unwrap();
        assert_eq!(shown["reason"], "unknown currency");
        assert_eq!(shown["given_up_at"], "1970-01-01T00:00:00Z");
        assert!(!shown.to_string().contains("anna@"));
    }
}
