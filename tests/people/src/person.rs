//! Somebody who calls the REST door: a visitor, or a person with a session.
//!
//! Patient people are as real clients are: what failed is repeated under the same idempotency key, `Retry-After` is honoured, and a
//! token that ran out is renewed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Error, Result};
use proto::lyceum::users::v1::{SessionTokens, SignInRequest};
use proto::{Message, Name};
use reqwest::Method;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::contract::{self, Outgoing};
use crate::{Account, Answer, Outcome, School, new_key};

/// How soon a patient client tries again where nobody says when.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest that it waits when it is told to: where the fleet says minutes, a test makes time pass.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A caller of the REST API; cheap to clone.
#[derive(Debug, Clone)]
pub struct Person {
    /// The school that is called.
    pub school: School,
    /// The person's address; empty for a visitor.
    pub email: String,
    /// The person's id; empty for a visitor.
    pub user_id: String,
    password: String,
    session: Session,
    trace: Option<String>,
}

/// Tokens that clones of a person share, so that one renewal serves all.
pub(crate) type Session = Arc<Mutex<SessionTokens>>;

/// What came of one try.
enum Tried {
    Answered(Answer),
    /// The token has run out.
    Unknown(Error),
    /// It may succeed later.
    Later(Duration, Error),
    Refused(Error),
}

impl School {
    /// Opens a session.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<Person> {
        let account = Account { role: String::new(), email: email.to_owned(), password: password.to_owned() };
        self.visitor()
            .step("sign in", async |me| {
                let tokens: SessionTokens = me.call(&credentials(email, password)).await?;
                let person = Person::signed_in(self.clone(), &account, tokens);
                Ok(Outcome::new(person.clone()).note(email).with_id("userId", &person.user_id).with_id("email", email))
            })
            .await
    }
}

fn credentials(email: &str, password: &str) -> SignInRequest {
    SignInRequest { email: email.to_owned(), password: password.to_owned() }
}

impl Person {
    pub(crate) fn visitor(school: School) -> Self {
        let none = Account { role: String::new(), email: String::new(), password: String::new() };
        Self::signed_in(school, &none, SessionTokens::default())
    }

    fn signed_in(school: School, account: &Account, tokens: SessionTokens) -> Self {
        Self {
            school,
            email: account.email.clone(),
            user_id: tokens.user_id.clone(),
            password: account.password.clone(),
            session: Arc::new(Mutex::new(tokens)),
            trace: None,
        }
    }

    /// The same in a session that others use as well.
    pub(crate) async fn with_session(school: School, account: &Account, session: &Session) -> Self {
        let person = Self::signed_in(school, account, session.lock().await.clone());
        Self { session: Arc::clone(session), ..person }
    }

    pub(crate) fn session(&self) -> Session {
        Arc::clone(&self.session)
    }

    /// The same person with another access token, good or bad.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        let tokens = SessionTokens { access_token: token.to_owned(), ..Default::default() };
        Self { session: Arc::new(Mutex::new(tokens)), ..self.clone() }
    }

    /// The same person, whose requests belong to a trace.
    pub(crate) fn under(&self, trace: &str) -> Self {
        Self { trace: Some(trace.to_owned()), ..self.clone() }
    }

    pub(crate) fn password(&self) -> String {
        self.password.clone()
    }

    /// The session as it is now.
    pub async fn tokens(&self) -> SessionTokens {
        self.session.lock().await.clone()
    }

    /// The access token; empty for a visitor.
    pub async fn token(&self) -> String {
        self.tokens().await.access_token
    }

    /// Calls an operation of the contract, with an idempotency key of its own.
    pub async fn call<R: Message + Name, A: Message + Name + Default>(&self, request: &R) -> Result<A> {
        self.call_keyed(request, &new_key()).await
    }

    /// The same under a given key.
    pub async fn call_keyed<R: Message + Name, A: Message + Name + Default>(
        &self,
        request: &R,
        key: &str,
    ) -> Result<A> {
        let outgoing = contract::outgoing(request)?;
        contract::incoming::<R, A>(&self.answered(&outgoing, key).await?)
    }

    /// Asks as often as the school's pace allows.
    async fn answered(&self, outgoing: &Outgoing, key: &str) -> Result<Answer> {
        let patience = self.school.pace.patience;
        let deadline = Instant::now() + patience;
        loop {
            let token = self.token().await;
            let why = match self.try_once(outgoing, key, &token).await {
                Tried::Answered(answer) => return Ok(answer),
                Tried::Refused(why) => return Err(why),
                Tried::Later(_, why) | Tried::Unknown(why) if patience.is_zero() => return Err(why),
                Tried::Later(pause, why) => {
                    tokio::time::sleep(pause).await;
                    why
                }
                Tried::Unknown(why) => {
                    Box::pin(self.renew(&token)).await?;
                    why
                }
            };
            if Instant::now() > deadline {
                return Err(why.context(format!("tried in vain for {} s", patience.as_secs())));
            }
        }
    }

    async fn try_once(&self, outgoing: &Outgoing, key: &str, token: &str) -> Tried {
        let mut headers: Vec<(&str, &str)> = vec![("idempotency-key", key)];
        headers.extend(outgoing.headers.iter().map(|(name, value)| (*name, value.as_str())));
        let asked = self.ask(outgoing.method.clone(), &outgoing.path, outgoing.body.clone(), &headers).await;
        let answer = match asked {
            Ok(answer) => answer,
            Err(error) => return Tried::Later(PAUSE, error),
        };
        let wait = answer.header("retry-after").and_then(|value| value.parse().ok()).map(Duration::from_secs);
        match answer.status {
            _ if answer.is_success() => Tried::Answered(answer),
            401 if !token.is_empty() => Tried::Unknown(answer.refused().into()),
            // Somebody is at it under the same key, asks for patience, or is not himself.
            status if wait.is_some() || status >= 500 || status == 429 => {
                Tried::Later(wait.unwrap_or(PAUSE).min(LONGEST_PAUSE), answer.refused().into())
            }
            _ => Tried::Refused(answer.refused().into()),
        }
    }

    /// Signs in again, unless a clone has done it meanwhile.
    async fn renew(&self, old: &str) -> Result<()> {
        let mut session = self.session.lock().await;
        if session.access_token == old {
            *session = self.school.visitor().call(&credentials(&self.email, &self.password)).await?;
        }
        Ok(())
    }

    /// Sends any request once, and takes any answer: body and headers are the caller's own business.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let mut request = self.school.http.request(method.clone(), self.school.address(path));
        let token = self.token().await;
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(trace) = &self.trace {
            request = request.header("traceparent", format!("00-{trace}-{}-01", &new_key().replace('-', "")[..16]));
        }
        if let Some(body) = body {
            request = request.body(body);
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                request = request.header("content-type", "application/json");
            }
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let asked = format!("{method} {path}");
        let response = request.send().await.with_context(|| format!("{asked} got no answer"))?;
        Answer::read(asked, response).await
    }
}
