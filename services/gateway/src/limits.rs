//! How often somebody may ask. The counts are shared through Redis; without it every replica counts for itself.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cache::{Cache, Decision, RateLimit};
use http::{HeaderMap, HeaderValue, StatusCode};
use uuid::Uuid;

use crate::{config::Rates, origin::Visitor, problem::Problem};

const WINDOW: Duration = Duration::from_secs(60);

/// The limits of all doors; one that is not there was configured away.
pub struct Limits {
    caller: Option<RateLimit>,
    address: Option<RateLimit>,
    sign_in: Option<RateLimit>,
    hooks: Option<RateLimit>,
}

impl Limits {
    /// Limits that count in `cache`.
    pub fn new(cache: &Cache, rates: Rates) -> Self {
        let limit = |name, rate| (rate > 0).then(|| RateLimit::new(cache, name, rate, WINDOW));
        Self {
            caller: limit("caller", rates.caller),
            address: limit("address", rates.address),
            sign_in: limit("sign-in", rates.sign_in),
            hooks: limit("hooks", rates.hooks),
        }
    }

    /// Counts a request of a signed-in person, wherever from: a class behind one address does not block itself.
    pub async fn caller(&self, visitor: &Visitor, user: Uuid) -> Result<(), Problem> {
        count(self.caller.as_ref(), &user.to_string(), &visitor.decisions).await
    }

    /// Counts a request of somebody who is not signed in.
    pub async fn address(&self, visitor: &Visitor) -> Result<(), Problem> {
        count(self.address.as_ref(), &visitor.household(), &visitor.decisions).await
    }

    /// Counts a request that guesses could be made with.
    pub async fn sign_in(&self, visitor: &Visitor) -> Result<(), Problem> {
        count(self.sign_in.as_ref(), &visitor.household(), &visitor.decisions).await
    }

    /// Counts a provider's notification.
    pub async fn hooks(&self, visitor: &Visitor) -> Result<(), Problem> {
        count(self.hooks.as_ref(), &visitor.household(), &visitor.decisions).await
    }
}

async fn count(limit: Option<&RateLimit>, key: &str, decisions: &Decisions) -> Result<(), Problem> {
    let Some(limit) = limit else { return Ok(()) };
    let decision = limit.check(key).await;
    decisions.note(decision);
    if decision.allowed {
        return Ok(());
    }
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", "Too many requests: slow down.");
    Err(problem.retry_after(decision.retry_after_seconds()))
}

/// What the limits said about one request, for the headers of its answer.
#[derive(Debug, Clone, Default)]
pub struct Decisions(Arc<Mutex<Vec<Decision>>>);

impl Decisions {
    fn note(&self, decision: Decision) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(decision);
    }

    /// Writes `RateLimit` and `RateLimit-Policy`.
    pub fn write(&self, headers: &mut HeaderMap) {
        let decisions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut write = |name: &'static str, values: Vec<String>| {
            if let Ok(value) = HeaderValue::try_from(values.join(", "))
                && !values.is_empty()
            {
                headers.insert(name, value);
            }
        };
        write("ratelimit", decisions.iter().map(|decision| decision.header().to_string()).collect());
        write("ratelimit-policy", decisions.iter().map(|decision| decision.policy().to_string()).collect());
    }
}
