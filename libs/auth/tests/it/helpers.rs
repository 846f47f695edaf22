//! A clock that stands still, keys, people and services; and a small guarded server without a contract.

use auth::{Caller, Claims, Jwks, Keys, Layer, Person, ServiceIdentity, ServiceName, Signer, Verifier};
use proto::Access;
use ring::signature::Ed25519KeyPair;
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use time::OffsetDateTime;
use tonic::{Request, Response, Status, body::Body, codegen::BoxFuture, server::NamedService};
use tonic_prost::ProstCodec;
use uuid::Uuid;
use values::Clock;

pub const ISSUER: &str = "https://school.example";

/// A clock that only moves when it is told to.
#[derive(Debug)]
pub struct Still(AtomicI64);

impl Still {
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Still {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A school: one key for people, three services, and whoever checks tokens.
pub struct School {
    pub clock: Arc<Still>,
    pub signer: Signer,
    /// The signer's key, to sign what the signer would not.
    pub key: Ed25519KeyPair,
    pub gateway: Arc<ServiceIdentity>,
    pub courses: Arc<ServiceIdentity>,
    pub users: Arc<ServiceIdentity>,
    pub verifier: Arc<Verifier>,
}

pub fn signer(kid: &str) -> Signer {
    Signer::from_pkcs8(kid, &Signer::generate().unwrap()).unwrap()
}

pub fn service(name: &str, clock: &Arc<Still>) -> Arc<ServiceIdentity> {
    let name = ServiceName::parse(name).unwrap();
    Arc::new(ServiceIdentity::new(name, &Signer::generate().unwrap(), clock.clone()).unwrap())
}

impl School {
    pub fn new() -> Self {
        let clock = Arc::new(Still(AtomicI64::new(1_800_000_000)));
        let pkcs8 = Signer::generate().unwrap();
        let key = Ed25519KeyPair::from_pkcs8(&pkcs8).unwrap();
        let signer = Signer::from_pkcs8("2027-01", &pkcs8).unwrap();
        let [gateway, courses, users] = ["gateway", "courses", "users"].map(|name| service(name, &clock));
        let services = Jwks::new([&gateway, &courses, &users].map(|service| service.public_jwk())).unwrap();
        let keys = Keys::fixed(Jwks::new([signer.public_jwk()]).unwrap());
        let verifier = Arc::new(Verifier::new(ISSUER, keys, services, clock.clone()));
        Self { clock, signer, key, gateway, courses, users, verifier }
    }

    pub fn claims(&self, permissions: &[&str]) -> Claims {
        Claims::new(ISSUER, &person(permissions), self.clock.now(), Duration::from_secs(600))
    }

    pub fn token(&self, permissions: &[&str]) -> String {
        self.signer.sign(&self.claims(permissions))
    }
}

pub fn person(permissions: &[&str]) -> Person {
    Person {
        user: Uuid::from_u128(7),
        session: Uuid::from_u128(8),
        roles: vec!["manager".into()],
        permissions: permissions.iter().map(|permission| (*permission).to_owned()).collect(),
        amr: vec!["pwd".into()],
        org: None,
    }
}

/// The access table of the small server.
pub fn table(path: &str) -> Option<Access> {
    match path.rsplit('/').next()? {
        "Open" => Some(Access::Public),
        "Mine" | "Ask" => Some(Access::SignedIn),
        "Edit" => Some(Access::Permission("courses.edit")),
        "Internal" => Some(Access::ServiceOnly),
        _ => None,
    }
}

pub fn layer(school: &School) -> Layer {
    Layer::by(Arc::clone(&school.verifier), table)
}

/// What an rpc of the small server does with a request.
pub type Handler = Arc<dyn Fn(Request<()>) -> BoxFuture<Response<String>, Status> + Send + Sync>;

/// A gRPC server written by hand; every rpc does the same.
#[derive(Clone)]
pub struct Probe(pub Handler);

impl Probe {
    /// Tells who called, through whom, from where, and with which request id.
    pub fn telling() -> Self {
        Self(Arc::new(|request| Box::pin(std::future::ready(Ok(Response::new(described(&request)))))))
    }
}

pub fn described<T>(request: &Request<T>) -> String {
    let origin = auth::origin(request);
    let caller = match auth::caller(request) {
        Caller::Person(person) => format!("person with {}", person.permissions.join(" ")),
        other => other.actor(),
    };
    let via = auth::peer(request).map_or("nobody".into(), |peer| peer.to_string());
    let address = origin.address.map_or("nowhere".into(), |address| address.to_string());
    let agent = origin.user_agent.unwrap_or("nothing".into());
    let token = if auth::caller_token(request).is_some() { "token" } else { "no token" };
    format!("{caller} via {via} from {address} by {agent} as {} with {token}", origin.request_id)
}

impl NamedService for Probe {
    const NAME: &'static str = "lyceum.users.v1.Probe";
}

impl tower::Service<http::Request<Body>> for Probe {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        struct Unary(Handler);
        impl tonic::server::UnaryService<()> for Unary {
            type Response = String;
            type Future = BoxFuture<Response<String>, Status>;

            fn call(&mut self, request: Request<()>) -> Self::Future {
                (self.0)(request)
            }
        }
        let unary = Unary(Arc::clone(&self.0));
        Box::pin(async move {
            let mut server = tonic::server::Grpc::new(ProstCodec::<String, ()>::default());
            Ok(server.unary(unary, request).await)
        })
    }
}
