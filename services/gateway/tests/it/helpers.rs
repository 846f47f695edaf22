//! A gateway on a free port and people who come to it.

use std::{net::TcpListener, sync::Arc, time::Duration};

use auth::{Claims, Jwks, Keys, Layer, Person, ServiceIdentity, ServiceName, Signer, Verifier};
use base64::{Engine, prelude::BASE64_STANDARD};
use chassis::{Env, Runtime, Service};
use gateway::Gateway;
use proto::lyceum::users::v1::{GetJwksRequest, GetJwksResponse, JsonWebKey};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use testkit::{FixedClock, Served, eventually};
use tokio::task::JoinHandle;
use tonic::Status;
use uuid::Uuid;
use values::{Clock, SharedClock};

use crate::backend::Backend;

pub const ISSUER: &str = "https://school.test";
pub const KEYS: &str = "users.v1.AuthService/GetJwks";
/// Where browsers find the gateway.
pub const HOME: &str = "https://school.test";

/// Everything that a test needs.
pub struct World {
    pub backend: Backend,
    pub clock: FixedClock,
    pub people: Signer,
    pub redis_prefix: String,
    gateway: ServiceIdentity,
    url: String,
    client: Client,
    runtime: Runtime,
    serving: JoinHandle<anyhow::Result<()>>,
    _served: Served,
}

impl World {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A gateway with these variables besides the usual ones.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        // Fails when another test was first, which does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = FixedClock::default();
        let shared: SharedClock = Arc::new(clock.clone());
        let people = Signer::from_pkcs8("people", &Signer::generate().unwrap()).unwrap();
        let key = Signer::generate().unwrap();
        let gateway = ServiceIdentity::new(ServiceName::parse("gateway").unwrap(), &key, shared.clone()).unwrap();
        let services = Jwks::new([gateway.public_jwk()]).unwrap();

        let backend = Backend::default();
        let (kid, x) = (people.public_jwk().kid().to_owned(), people.public_jwk().x());
        backend.on(KEYS, move |_: GetJwksRequest| {
            let key = JsonWebKey { kid: kid.clone(), x: x.clone(), ..JsonWebKey::default() };
            Ok(GetJwksResponse { keys: vec![key] })
        });
        let keys = Keys::fixed(Jwks::new([people.public_jwk()]).unwrap());
        let guard = Layer::new(Arc::new(Verifier::new(ISSUER, keys, services.clone(), shared.clone())));
        let served = testkit::serve(backend.routes(), guard).await;

        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let redis_prefix = testkit::redis_prefix();
        let usual = [
            ("LYCEUM_HTTP_LISTEN", format!("127.0.0.1:{port}")),
            ("LYCEUM_PUBLIC_URL", HOME.to_owned()),
            ("LYCEUM_REDIS_URL", testkit::stores().redis.clone()),
            ("LYCEUM_REDIS_PREFIX", redis_prefix.clone()),
            ("LYCEUM_ISSUER", ISSUER.to_owned()),
            ("LYCEUM_SERVICE_KEY", BASE64_STANDARD.encode(&key)),
            ("LYCEUM_SERVICE_KEYS", serde_json::to_string(&services).unwrap()),
        ];
        let backends = ["USERS", "COURSES", "PAYMENTS", "NOTIFICATIONS", "DOCUMENTS", "ANALYTICS"];
        let backends = backends.map(|owner| (format!("LYCEUM_{owner}_URL"), format!("http://{}", served.address)));
        let usual = usual.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(backends);
        let usual = usual.filter(|(name, _)| !variables.iter().any(|(own, _)| own == name));
        let own = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut env = Env::of(usual.chain(own));
        let config = Gateway::read(&mut env);
        assert!(env.mistakes().is_empty(), "{:?}", env.mistakes());

        let runtime = Runtime::new(shared, Duration::from_secs(5));
        #[expect(clippy::disallowed_methods, reason = "the task ends with the test, which aborts it")]
        let serving = tokio::spawn(Gateway::serve(config.unwrap(), runtime.clone()));
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        eventually("the gateway listens", Duration::from_secs(10), async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Self { backend, clock, people, redis_prefix, gateway, url, client, runtime, serving, _served: served }
    }

    /// A request to the gateway by somebody who is not signed in.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// The address of the gateway, for those who speak HTTP by hand.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Tells the gateway to end what would go on for ever.
    pub fn drain(&self) {
        self.runtime.draining.cancel();
    }

    /// A person with these permissions.
    pub fn person(permissions: &[&str]) -> Person {
        Person {
            user: Uuid::new_v4(),
            session: Uuid::new_v4(),
            roles: Vec::new(),
            permissions: permissions.iter().map(|&permission| permission.to_owned()).collect(),
            amr: vec!["pwd".to_owned()],
            org: None,
        }
    }

    /// A ten-minute token of a person.
    pub fn token_of(&self, person: &Person) -> String {
        self.people.sign(&Claims::new(ISSUER, person, self.clock.now(), Duration::from_secs(600)))
    }

    /// A token of somebody with these permissions.
    pub fn token(&self, permissions: &[&str]) -> String {
        self.token_of(&Self::person(permissions))
    }

    /// The gateway's own token for a service.
    pub fn service_token(&self) -> String {
        self.gateway.token_for("users")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.runtime.draining.cancel();
        self.runtime.shutdown.cancel();
        self.serving.abort();
    }
}

/// Expects a refusal in the shape that every refusal has, and gives its JSON.
#[track_caller]
pub fn problem(answer: Answer, status: u16, code: &str) -> Value {
    let told = format!("{} {}", answer.status, answer.text);
    assert_eq!(answer.status, StatusCode::from_u16(status).unwrap(), "{told}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{told}");
    assert_eq!(answer.header("cache-control"), "no-store", "{told}");
    let json = answer.json();
    assert_eq!(json["status"], status, "{told}");
    assert_eq!(json["code"], code, "{told}");
    assert_eq!(json["type"], format!("urn:lyceum:problem:{}", code.to_lowercase().replace('_', "-")));
    assert_eq!(json["requestId"], answer.header("x-request-id"));
    assert!(json["title"].is_string() && json["detail"].is_string(), "{told}");
    json
}

/// The violations of a problem as `field: message`.
pub fn violations(problem: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let listed = problem["violations"].as_array().unwrap();
    listed.iter().map(|one| format!("{}: {}", text(&one["field"]), text(&one["message"]))).collect()
}

/// The codes of a problem's violations.
pub fn codes(problem: &Value) -> Vec<&str> {
    problem["violations"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

/// An answer that was read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text))
    }
}

/// Sends a request and reads the answer.
pub async fn ask(request: RequestBuilder) -> Answer {
    let response: Response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

/// A refusal by a service, as `rpc` writes it.
pub fn refusal(kind: rpc::Kind, reason: &str, violations: &[(&str, &str)]) -> Status {
    let wrong = |(field, message): &(&str, &str)| rpc::Violation::of(*field, message);
    let violations = violations.iter().map(wrong).collect();
    rpc::Problem { violations, ..rpc::Problem::new(kind, reason, "No.") }.into()
}
