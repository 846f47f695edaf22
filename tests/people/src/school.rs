//! The school from outside: its addresses, who can sign in there, how patient its people are, and who hears of their steps.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Once};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Client;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::person::Session;
use crate::{Listener, Outside, Person, Seen, Step};

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(20);

/// How patient people are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long an event may take to have its effect in another service.
    pub effect: Duration,
    /// How often they look whether it has.
    pub look: Duration,
    /// How long they repeat a request that failed, under the same idempotency key; zero for not at all.
    pub patience: Duration,
}

impl Pace {
    /// A test: everything works at the first time, and soon.
    pub const STRICT: Self =
        Self { effect: Duration::from_secs(10), look: Duration::from_millis(50), patience: Duration::ZERO };
    /// A demonstration: the same on a machine that does other things besides.
    pub const CALM: Self = Self { effect: Duration::from_secs(60), ..Self::STRICT };
    /// A fleet whose parts die: longer than anything may be away.
    pub const PATIENT: Self =
        Self { effect: Duration::from_secs(90), look: Duration::from_millis(150), patience: Duration::from_secs(90) };
}

/// Somebody who can sign in.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// In lower case, such as `manager`.
    pub role: String,
    /// Where mails go.
    pub email: String,
    /// What is typed.
    pub password: String,
}

/// What `cargo fleet` writes for other programs: `fleet.json`.
#[derive(Deserialize)]
struct Addresses {
    gateway: String,
    sandbox: String,
    people: Vec<Account>,
}

/// A running school; cheap to clone.
#[derive(Debug, Clone)]
pub struct School {
    pub(crate) http: Client,
    /// The public door.
    pub gateway: String,
    /// The simulated world outside.
    pub outside: Outside,
    people: Arc<[Account]>,
    pub(crate) pace: Pace,
    listener: Option<Arc<dyn Listener>>,
}

impl School {
    /// The school behind a door, with its sandbox.
    pub fn at(gateway: &str, sandbox: &str, people: Vec<Account>, pace: Pace) -> Result<Self> {
        // reqwest wants a TLS provider even for plain HTTP; whoever came first has installed the same one.
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let http = Client::builder().timeout(LIMIT).no_proxy().build()?;
        let gateway = gateway.trim_end_matches('/').to_owned();
        let outside = Outside::at(sandbox, http.clone(), pace)?;
        Ok(Self { http, gateway, outside, people: people.into(), pace, listener: None })
    }

    /// The fleet whose addresses a file holds.
    pub fn of_file(path: &Path, pace: Pace) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let found: Addresses = serde_json::from_slice(&text).with_context(|| format!("{}", path.display()))?;
        Self::at(&found.gateway, &found.sandbox, found.people, pace)
    }

    /// The fleet that `LYCEUM_FLEET` names, as tests meet it.
    pub fn of_tests() -> Result<Self> {
        let path = std::env::var("LYCEUM_FLEET").context("no fleet to go to: run `cargo fleet test journeys`")?;
        Self::of_file(Path::new(&path), Pace::STRICT)
    }

    /// The same with somebody who hears of each step.
    #[must_use]
    pub fn with_listener(self, listener: Arc<dyn Listener>) -> Self {
        Self { listener: Some(listener), ..self }
    }

    pub(crate) fn tell(&self, step: &Step<'_>) {
        if let Some(listener) = &self.listener {
            listener.done(step);
        }
    }

    /// The gateway's address of a path.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.gateway)
    }

    /// The HTTP client, for what a [`Person`] does not do.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// Somebody who has not signed in.
    pub fn visitor(&self) -> Person {
        Person::visitor(self.clone())
    }

    /// The school's person with this role. Everybody in this program shares one session: more than five sign-ins of one account at
    /// once look like guessing to the school.
    pub async fn staff(&self, role: &str) -> Result<Person> {
        static SESSIONS: Mutex<BTreeMap<String, Session>> = Mutex::const_new(BTreeMap::new());
        let account = self.people.iter().find(|person| person.role == role);
        let account = account.with_context(|| format!("the school has no {role}"))?;
        let mut sessions = SESSIONS.lock().await;
        if let Some(session) = sessions.get(&account.email) {
            return Ok(Person::with_session(self.clone(), account, session).await);
        }
        let person = self.sign_in(&account.email, &account.password).await?;
        sessions.insert(account.email.clone(), person.session());
        Ok(person)
    }

    /// Looks again and again until something has happened.
    pub async fn eventually<T>(&self, what: &str, look: impl AsyncFnMut() -> Result<Seen<T>>) -> Result<T> {
        eventually(what, self.pace, look).await
    }
}

/// Looks again and again, at this pace, until something has happened.
pub async fn eventually<T>(what: &str, pace: Pace, mut look: impl AsyncFnMut() -> Result<Seen<T>>) -> Result<T> {
    let deadline = Instant::now() + pace.effect;
    loop {
        match look().await? {
            Seen::Yes(found) => return Ok(found),
            Seen::NotYet(instead) if Instant::now() > deadline => {
                bail!("{what} did not happen within {} s: {instead}", pace.effect.as_secs())
            }
            Seen::NotYet(_) => tokio::time::sleep(pace.look).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_never_happens_is_named_with_what_was_there_instead() {
        let hurry = Pace { effect: Duration::ZERO, ..Pace::STRICT };
        let never = eventually("the enrolment", hurry, async || Ok(Seen::<()>::NotYet("none".to_owned()))).await;
        assert_eq!(never.unwrap_err().to_string(), "the enrolment did not happen within 0 s: none");
    }
}
