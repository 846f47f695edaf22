//! Believing tokens, or not.

use crate::{
    AUDIENCE, Caller, Claims, Jwks, Keys, Person, Refused, SERVICE_ISSUER, ServiceName,
    jws::Unchecked,
    names::{LEEWAY, PERSON_TYPE, SERVICE_TYPE},
    remembered::{Proof, Remembered},
    service::{ServiceClaims, speaks_for},
};
use std::sync::Arc;
use values::SharedClock;

/// Checks tokens of people and of services against their keys, their claims and the clock.
#[derive(Debug)]
pub struct Verifier {
    issuer: String,
    keys: Keys,
    services: Jwks,
    clock: SharedClock,
    remembered: Remembered,
}

impl Verifier {
    /// Believes people's tokens of this issuer that are signed with these keys, and services' tokens that are signed
    /// with the services' own.
    pub fn new(issuer: impl Into<String>, keys: Keys, services: Jwks, clock: SharedClock) -> Self {
        Self { issuer: issuer.into(), keys, services, clock, remembered: Remembered::default() }
    }

    /// The person whose token this is. A service's token is refused. This is what the public door asks.
    pub async fn person(&self, token: &str) -> Result<Person, Refused> {
        match self.prove(token).await?.caller.as_ref() {
            Caller::Person(person) => Ok(person.clone()),
            Caller::Service(_) | Caller::Anonymous => Err(Refused::token("not a person's")),
        }
    }

    /// The service whose token this is, made for the service `target`. A person's token is refused.
    pub async fn service(&self, token: &str, target: &str) -> Result<ServiceName, Refused> {
        match self.prove(token).await?.caller_for(target)?.as_ref() {
            Caller::Service(name) => Ok(name.clone()),
            Caller::Person(_) | Caller::Anonymous => Err(Refused::token("not a service's")),
        }
    }

    /// Whoever's token this is, for the service `target`. This is what the [`Layer`](crate::Layer) asks.
    pub async fn verify(&self, token: &str, target: &str) -> Result<Arc<Caller>, Refused> {
        self.prove(token).await?.caller_for(target)
    }

    async fn prove(&self, token: &str) -> Result<Arc<Proof>, Refused> {
        let now = self.clock.now().unix_timestamp();
        if let Some(proof) = self.remembered.find(token, now) {
            return Ok(proof);
        }
        let unchecked = Unchecked::parse(token)?;
        let proof = match unchecked.typ() {
            PERSON_TYPE => self.prove_person(&unchecked, now).await?,
            SERVICE_TYPE => self.prove_service(&unchecked, now)?,
            _ => return Err(Refused::token("another sort of token")),
        };
        let proof = Arc::new(proof);
        self.remembered.note(token, Arc::clone(&proof), now);
        Ok(proof)
    }

    async fn prove_person(&self, token: &Unchecked<'_>, now: i64) -> Result<Proof, Refused> {
        let key = self.keys.find(token.kid()).await?.ok_or(Refused::token("unknown key"))?;
        let claims: Claims = token.check(&key)?;
        if claims.iss != self.issuer {
            return Err(Refused::token("another issuer"));
        }
        if claims.aud != AUDIENCE {
            return Err(Refused::token("another audience"));
        }
        in_time(claims.iat, claims.exp, now)?;
        let expires = claims.exp;
        Ok(Proof { caller: Arc::new(Caller::Person(claims.person())), audience: None, expires })
    }

    fn prove_service(&self, token: &Unchecked<'_>, now: i64) -> Result<Proof, Refused> {
        let key = self.services.get(token.kid()).ok_or(Refused::token("unknown key"))?;
        let claims: ServiceClaims = token.check(key)?;
        if claims.iss != SERVICE_ISSUER {
            return Err(Refused::token("another issuer"));
        }
        if !speaks_for(key.kid(), &claims.sub) {
            return Err(Refused::token("another service's key"));
        }
        let name = ServiceName::parse(&claims.sub).map_err(|_| Refused::token("no name of a service"))?;
        in_time(claims.iat, claims.exp, now)?;
        Ok(Proof { caller: Arc::new(Caller::Service(name)), audience: Some(claims.aud), expires: claims.exp })
    }
}

/// Whether a token has been issued and has not expired, give or take the leeway.
fn in_time(iat: i64, exp: i64, now: i64) -> Result<(), Refused> {
    if iat > now.saturating_add(LEEWAY) || exp <= iat {
        return Err(Refused::token("not issued yet"));
    }
    if exp.saturating_add(LEEWAY) <= now {
        return Err(Refused::TokenExpired);
    }
    Ok(())
}
