//! People and services with real tokens.

use std::{fmt, sync::Arc, time::Duration};

use auth::{CallerToken, Claims, Jwks, Keys, Layer, Outgoing, Person, ServiceIdentity, ServiceName, Signer, Verifier};
use uuid::Uuid;
use values::SharedClock;

/// Who issues the tokens of the tests' people.
pub const ISSUER: &str = "https://school.test";

/// The keys of a fleet: whoever tests a door comes through it with a token that the door really checks.
pub struct Fleet {
    people: Signer,
    gateway: Arc<ServiceIdentity>,
    stranger: Arc<ServiceIdentity>,
    clock: SharedClock,
}

impl Fleet {
    /// Makes fresh keys; tokens are issued at the clock's time.
    pub fn new(clock: SharedClock) -> Self {
        let people = Signer::generate().and_then(|key| Signer::from_pkcs8("people", &key)).expect("a key is made");
        let gateway = service(auth::GATEWAY, &clock);
        let stranger = service("stranger", &clock);
        Self { people, gateway, stranger, clock }
    }

    /// What a door needs to check these tokens.
    pub fn verifier(&self) -> Arc<Verifier> {
        let people = Jwks::new([self.people.public_jwk()]).expect("one key is a set");
        let services = [&self.gateway, &self.stranger].map(|service| service.public_jwk());
        let services = Jwks::new(services).expect("two keys are a set");
        Arc::new(Verifier::new(ISSUER, Keys::fixed(people), services, self.clock.clone()))
    }

    /// The guard of a door.
    pub fn layer(&self) -> Layer {
        Layer::new(self.verifier())
    }

    /// A ten-minute token of a person with these permissions, in a session of its own.
    pub fn token(&self, user: Uuid, permissions: &[&str]) -> String {
        let person = Person {
            user,
            session: Uuid::new_v4(),
            roles: Vec::new(),
            permissions: permissions.iter().map(|&permission| permission.to_owned()).collect(),
            amr: vec!["pwd".to_owned()],
            org: None,
        };
        self.people.sign(&Claims::new(ISSUER, &person, self.clock.now(), Duration::from_secs(600)))
    }

    /// Somebody with this token who comes through the gateway.
    pub fn with_token(&self, token: &str) -> Outgoing {
        Outgoing::on_behalf(Arc::clone(&self.gateway), CallerToken::new(token))
    }

    /// A person with these permissions who comes through the gateway.
    pub fn person(&self, user: Uuid, permissions: &[&str]) -> Outgoing {
        self.with_token(&self.token(user, permissions))
    }

    /// Somebody who has not signed in and comes through the gateway.
    pub fn visitor(&self) -> Outgoing {
        Outgoing::on_behalf(Arc::clone(&self.gateway), None)
    }

    /// The gateway acting by itself.
    pub fn gateway(&self) -> Outgoing {
        Outgoing::as_service(Arc::clone(&self.gateway))
    }

    /// Another service of the fleet, named `stranger`, acting by itself.
    pub fn service(&self) -> Outgoing {
        Outgoing::as_service(Arc::clone(&self.stranger))
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Fleet").finish_non_exhaustive()
    }
}

fn service(name: &str, clock: &SharedClock) -> Arc<ServiceIdentity> {
    let name = ServiceName::parse(name).expect("a good name");
    let key = Signer::generate().expect("a key is made");
    Arc::new(ServiceIdentity::new(name, &key, clock.clone()).expect("a good key"))
}
