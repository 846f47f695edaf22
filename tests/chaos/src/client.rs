//! A client as real ones are: it repeats what failed, with the same key, as long as it is told to and not for ever.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use reqwest::{Method, StatusCode, header::RETRY_AFTER};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::fleet::{Account, Fleet};

/// How long a client tries before it gives up: longer than anything may be away.
const PATIENCE: Duration = Duration::from_secs(90);
/// How soon it tries again where nobody says when.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest that it waits when it is told to: where the fleet says minutes, the storm makes time pass.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Somebody who signs in again when the token has run out.
#[derive(Debug, Clone)]
pub struct Person {
    fleet: Arc<Fleet>,
    pub account: Account,
    session: Arc<Mutex<Option<Session>>>,
}

#[derive(Debug, Clone)]
struct Session {
    token: String,
    user: Uuid,
}

/// What came of one try.
enum Tried {
    Answered(Value),
    /// The token has run out.
    Unknown,
    Later(Duration, String),
    Refused(StatusCode, Value),
}

/// A refusal that repeating does not change.
#[derive(Debug)]
pub struct Refused {
    pub status: u16,
    pub code: String,
    asked: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} was refused: {} {}", self.asked, self.status, self.code)
    }
}

impl std::error::Error for Refused {}

impl Person {
    pub fn new(fleet: &Arc<Fleet>, account: Account) -> Self {
        Self { fleet: Arc::clone(fleet), account, session: Arc::default() }
    }

    /// The person's id.
    pub async fn user(&self) -> Result<Uuid> {
        Ok(self.session().await?.user)
    }

    /// A token that is good for some minutes.
    pub async fn token(&self) -> Result<String> {
        Ok(self.session().await?.token)
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, None, None).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Result<Value> {
        self.send(Method::PUT, path, Some(body), None).await
    }

    /// Does something under a key of its own, which stays the same however often it has to be said.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.post_keyed(path, Uuid::new_v4(), body).await
    }

    pub async fn post_keyed(&self, path: &str, key: Uuid, body: Value) -> Result<Value> {
        self.send(Method::POST, path, Some(body), Some(key)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>, key: Option<Uuid>) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let session = self.session().await?;
            let why = match self.fleet.try_once(&method, path, body.as_ref(), key, Some(&session.token)).await {
                Tried::Answered(answer) => return Ok(answer),
                Tried::Refused(status, answer) => bail!(refused(&method, path, status, &answer)),
                Tried::Unknown => {
                    self.forget(&session).await;
                    "the token has run out".to_owned()
                }
                Tried::Later(pause, why) => {
                    tokio::time::sleep(pause).await;
                    why
                }
            };
            if Instant::now() > deadline {
                bail!("{method} {path} was tried in vain for {} s: {why}", PATIENCE.as_secs());
            }
        }
    }

    async fn session(&self) -> Result<Session> {
        let mut session = self.session.lock().await;
        if let Some(session) = &*session {
            return Ok(session.clone());
        }
        let wanted = json!({"email": self.account.email, "password": self.account.password});
        let answer = self.fleet.anonymous("/v1/auth/sign-in", wanted).await?;
        let fresh = Session {
            token: answer["accessToken"].as_str().context("a token")?.to_owned(),
            user: answer["userId"].as_str().context("an id")?.parse()?,
        };
        *session = Some(fresh.clone());
        Ok(fresh)
    }

    /// Forgets a token that is no good any more, unless somebody has got a new one meanwhile.
    async fn forget(&self, old: &Session) {
        let mut session = self.session.lock().await;
        session.take_if(|session| session.token == old.token);
    }
}

impl Fleet {
    /// Does something that needs no account, as often as it takes.
    pub async fn anonymous(&self, path: &str, body: Value) -> Result<Value> {
        let (deadline, key) = (Instant::now() + PATIENCE, Uuid::new_v4());
        loop {
            match self.try_once(&Method::POST, path, Some(&body), Some(key), None).await {
                Tried::Answered(answer) => return Ok(answer),
                Tried::Refused(status, answer) => bail!(refused(&Method::POST, path, status, &answer)),
                Tried::Unknown => bail!("POST {path} wants a token"),
                Tried::Later(_, why) if Instant::now() > deadline => bail!("POST {path} was tried in vain: {why}"),
                Tried::Later(pause, _) => tokio::time::sleep(pause).await,
            }
        }
    }

    async fn try_once(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: Option<Uuid>,
        token: Option<&str>,
    ) -> Tried {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.addresses.gateway));
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key.to_string());
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Tried::Later(PAUSE, format!("{:#}", anyhow!(error))),
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = match answer.bytes().await {
            Ok(body) => serde_json::from_slice(&body).unwrap_or_default(),
            Err(error) => return Tried::Later(PAUSE, format!("the answer broke off: {error}")),
        };
        let wait =
            headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
        match status {
            StatusCode::UNAUTHORIZED if token.is_some() => Tried::Unknown,
            _ if status.is_success() => Tried::Answered(body),
            // Somebody is at it under the same key, asks for patience, or is not himself.
            _ if wait.is_some() || status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Tried::Later(wait.unwrap_or(PAUSE).min(LONGEST_PAUSE), format!("{status} {body}"))
            }
            _ => Tried::Refused(status, body),
        }
    }
}

fn refused(method: &Method, path: &str, status: StatusCode, answer: &Value) -> Refused {
    let code = answer["code"].as_str().unwrap_or_default().to_owned();
    Refused { status: status.as_u16(), code: format!("{code} {answer}"), asked: format!("{method} {path}") }
}
