//! The verb `dead-letters`, which every service with a consumer has: what it gave up on and why, sending it back, or
//! throwing it away.
//!
//! Whoever can run a program in the service's place may do so; there is nothing else to sign in with. Who shows what is
//! in a message, or does something to it, says who they are, and that is noted in the service's database first.

mod print;
mod words;

use anyhow::{Result, ensure};
use bus::dead_letter::{self, Choice, DeadLetter, Deed};
use bus::{Amqp, Envelope};
use pg::Pool;
use values::SharedClock;

use print::{Format, Shown};
use words::{Action, Words};

/// The verb's name.
pub(crate) const DEAD_LETTERS: &str = "dead-letters";

/// What the verb needs of a service.
pub(crate) struct Of<'a, B, R> {
    pub(crate) name: &'static str,
    pub(crate) db: &'a Pool,
    pub(crate) clock: &'a SharedClock,
    /// Which broker a queue is on.
    pub(crate) broker: B,
    /// What an event says, as JSON.
    pub(crate) read: R,
}

/// Does what the words after the verb say.
pub(crate) async fn run<B, R>(of: &Of<'_, B, R>, words: &[&str]) -> Result<()>
where
    B: Fn(&str) -> Amqp,
    R: Fn(&Envelope) -> Option<String>,
{
    let words = Words::read(words)?;
    match words.action {
        Action::List => list(of, &words).await,
        Action::Log => print::log(&dead_letter::log(of.db).await?, words.format),
        Action::Show | Action::Replay | Action::Drop => act(of, &words).await,
    }
}

async fn list<B, R>(of: &Of<'_, B, R>, words: &Words) -> Result<()> {
    let (mut after, mut found) = (0, 0);
    loop {
        let page = dead_letter::page(of.db, &words.choice, after).await?;
        let Some(last) = page.last() else { break };
        print::list(&page, words.format, found == 0)?;
        (after, found) = (last.position, found + page.len());
    }
    if words.format == Format::Text {
        println!("{}: {found} dead letters", of.name);
    }
    Ok(())
}

async fn act<B, R>(of: &Of<'_, B, R>, words: &Words) -> Result<()>
where
    B: Fn(&str) -> Amqp,
    R: Fn(&Envelope) -> Option<String>,
{
    all_there(of.db, &words.choice).await?;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let (host, action) = (host.trim(), words.action.as_str());
    // What is given up again meanwhile is not touched a second time.
    let (mut after, newest, mut done) = (0, dead_letter::newest(of.db).await?, 0);
    while after < newest {
        let mut page = dead_letter::page(of.db, &words.choice, after).await?;
        page.retain(|letter| letter.position <= newest);
        let Some(last) = page.last() else { break };
        after = last.position;
        let deed = Deed { action, actor: &words.by, host, at: of.clock.now() };
        dead_letter::note(of.db, deed, &page).await?;
        done += match words.action {
            Action::Replay => replay(of, &page).await?,
            Action::Drop => dead_letter::discard(of.db, &page).await?,
            _ => show(of, &page, words.format)?,
        };
    }
    match words.action {
        Action::Replay => println!("{}: {done} dead letters were sent back to their queues", of.name),
        Action::Drop => println!("{}: {done} dead letters were thrown away", of.name),
        _ => {}
    }
    Ok(())
}

/// A message that is named must be there, before anything is done to the others.
async fn all_there(db: &Pool, choice: &Choice) -> Result<()> {
    for id in &choice.ids {
        let one = Choice { ids: vec![id.clone()], kind: choice.kind.clone() };
        ensure!(!dead_letter::page(db, &one, 0).await?.is_empty(), "there is no dead letter {id}");
    }
    Ok(())
}

async fn replay<B: Fn(&str) -> Amqp, R>(of: &Of<'_, B, R>, page: &[DeadLetter]) -> Result<usize> {
    let mut replayed = 0;
    for letters in page.chunk_by(|one, next| one.queue == next.queue) {
        replayed += dead_letter::replay(of.db, &(of.broker)(&letters[0].queue), letters).await?;
    }
    Ok(replayed)
}

fn show<B, R: Fn(&Envelope) -> Option<String>>(
    of: &Of<'_, B, R>,
    page: &[DeadLetter],
    format: Format,
) -> Result<usize> {
    for letter in page {
        let envelope = letter.envelope();
        let payload = envelope.as_ref().and_then(&of.read);
        Shown::whole(letter, envelope.as_ref(), payload.as_deref())?.print(format);
    }
    Ok(page.len())
}

#[cfg(test)]
mod tests {
    use pg::Migrations;
    use testkit::{Broker, Database, FixedClock};
    use time::OffsetDateTime;

    use super::*;

    async fn store(db: &Pool, id: &str, kind: &str) {
        let letter = DeadLetter {
            position: 0,
            queue: "probe.events".to_owned(),
            message_id: id.to_owned(),
            kind: kind.to_owned(),
            content_type: None,
            correlation_id: None,
            attempts: 20,
            reason: "unknown currency".to_owned(),
            given_up_at: OffsetDateTime::UNIX_EPOCH,
            body: b"{}".to_vec(),
        };
        dead_letter::store(db, &letter).await.unwrap();
    }

    #[tokio::test]
    async fn an_operator_looks_replays_and_drops_and_each_deed_is_noted() {
        let (database, broker) = (Database::new(&Migrations::of(&bus::MIGRATOR)).await, Broker::new().await);
        let (db, clock) = (&database.pool, FixedClock::default().shared());
        let amqp: Amqp = broker.url.parse().unwrap();
        let consumer = bus::Consumer::new("probe", db.clone(), amqp.clone(), clock.clone());
        consumer.declare().await.unwrap();
        let broker = |_: &str| amqp.clone();
        let of = Of { name: "probe", db, clock: &clock, broker, read: |_: &Envelope| None };
        let left = async || {
            let left = dead_letter::list(db).await.unwrap();
            left.into_iter().map(|letter| letter.message_id).collect::<Vec<_>>()
        };
        for (id, kind) in [("a", "x"), ("b", "x"), ("c", "y"), ("d", "z"), ("e", "z")] {
            store(db, id, kind).await;
        }
        run(&of, &[]).await.unwrap();
        run(&of, &["list", "--json"]).await.unwrap();
        run(&of, &["show", "a", "--by", "anna"]).await.unwrap();
        assert!(run(&of, &["drop", "a", "none", "--by", "anna"]).await.is_err());
        assert!(run(&of, &["drop", "a"]).await.is_err(), "nobody drops anything without a name");
        assert_eq!(left().await, ["a", "b", "c", "d", "e"], "nothing is done by halves");
        run(&of, &["drop", "--type", "x", "--by", "anna"]).await.unwrap();
        run(&of, &["replay", "c", "--by", "boris"]).await.unwrap();
        assert_eq!(left().await, ["d", "e"]);
        run(&of, &["drop", "--all", "--by", "boris"]).await.unwrap();
        assert!(left().await.is_empty());
        let log = dead_letter::log(db).await.unwrap();
        let told = log.iter().map(|entry| format!("{} {} {}", entry.actor, entry.action, entry.message_id));
        let told: Vec<String> = told.collect();
        assert_eq!(
            told,
            ["boris drop e", "boris drop d", "boris replay c", "anna drop b", "anna drop a", "anna show a"]
        );
        run(&of, &["log"]).await.unwrap();
    }
}
