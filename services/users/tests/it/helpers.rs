//! A school with a door: the app on a database of its own, a clock that is set, and people who come through the gateway.

use std::{net::IpAddr, sync::Arc};

use auth::{CallerToken, Outgoing, ServiceIdentity, ServiceName, Signer, Verifier};
use proto::lyceum::{
    events::v1::{CodeIssued, code_issued},
    users::v1::{
        ConfirmEmailRequest, RegisterRequest, SessionTokens, SignInRequest, auth_service_client::AuthServiceClient,
        user_service_client::UserServiceClient,
    },
};
use rpc::{Kind, Problem};
use testkit::{Database, FixedClock, Recorded, Served, announced, serve, stores};
use time::Duration;
use tonic::{Request, Response, Status};
use users::{
    app::{App, migrations},
    config::Config,
    domain::{
        email::EmailAddress,
        password::NewPassword,
        profile::{DisplayName, Profile},
        role::{Role, Roles},
        session, signing_key,
    },
    flows::{
        create_user::{self, CreateUser, Created},
        rotate_keys,
    },
    grpc, hasher,
    vault::KeySecret,
};
use values::{Clock, Language, TimeZone};

pub(crate) const PASSWORD: &str = "needle and thread";

/// The service as tests see it.
pub(crate) struct School {
    pub(crate) app: Arc<App>,
    services: auth::Jwks,
    pub(crate) config: Config,
    pub(crate) db: Database,
    pub(crate) clock: FixedClock,
    door: Served,
    gateway: Arc<ServiceIdentity>,
    stranger: Arc<ServiceIdentity>,
}

/// Somebody with an account.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
}

impl School {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// A school with another configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let db = Database::new(&migrations()).await;
        let clock = FixedClock::default();
        let gateway = identity(auth::GATEWAY, &clock);
        let stranger = identity("courses", &clock);
        let services = [gateway.public_jwk(), stranger.public_jwk()];
        let mut config = Config {
            redis_url: stores().redis.as_str().into(),
            redis_authority: None,
            redis_prefix: testkit::redis_prefix(),
            secret: KeySecret::parse(&"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into()).unwrap(),
            access_token_lifetime: Duration::minutes(10),
            sessions: session::Policy {
                lifetime: Duration::days(30),
                idle: Duration::days(14),
                grace: Duration::seconds(10),
            },
            keys: signing_key::Policy {
                rotation: Duration::days(30),
                lead: Duration::hours(1),
                tail: Duration::minutes(20),
            },
            zone: TimeZone::parse("Europe/Moscow").unwrap(),
            hasher: hasher::Config { memory: 8, iterations: 1, parallelism: 1, threads: 4, queue: 200 },
        };
        change(&mut config);
        let app = Self::app(&config, &db, &clock);
        rotate_keys::run(&app).await.unwrap();
        let services = auth::Jwks::new(services).unwrap();
        let verifier = Verifier::new(testkit::ISSUER, app.keys(), services.clone(), clock.shared());
        let door = serve(grpc::routes(Arc::clone(&app)), auth::Layer::new(Arc::new(verifier))).await;
        Self { app, services, config, db, clock, door, gateway, stranger }
    }

    /// Another replica with another configuration.
    pub(crate) fn other(&self, config: &Config) -> Arc<App> {
        Self::app(config, &self.db, &self.clock)
    }

    fn app(config: &Config, db: &Database, clock: &FixedClock) -> Arc<App> {
        App::new(config, testkit::ISSUER, db.pool.clone(), clock.shared()).unwrap()
    }

    /// Another replica on the same database, which has loaded no keys yet.
    pub(crate) fn replica(&self) -> Arc<App> {
        Self::app(&self.config, &self.db, &self.clock)
    }

    /// Who checks tokens with the keys of a replica.
    pub(crate) fn verifier(&self, app: &App) -> Verifier {
        Verifier::new(testkit::ISSUER, app.keys(), self.services.clone(), self.clock.shared())
    }

    /// AuthService for somebody who is not signed in.
    pub(crate) fn auth(&self) -> AuthServiceClient<auth::Channel> {
        AuthServiceClient::new(self.visitor())
    }

    /// AuthService for a signed-in person.
    pub(crate) fn auth_of(&self, tokens: &SessionTokens) -> AuthServiceClient<auth::Channel> {
        AuthServiceClient::new(self.bearer(&tokens.access_token))
    }

    /// UserService for a signed-in person.
    pub(crate) fn users_of(&self, tokens: &SessionTokens) -> UserServiceClient<auth::Channel> {
        UserServiceClient::new(self.bearer(&tokens.access_token))
    }

    /// UserService for somebody who is not signed in.
    pub(crate) fn users(&self) -> UserServiceClient<auth::Channel> {
        UserServiceClient::new(self.visitor())
    }

    /// UserService for another service of the fleet.
    pub(crate) fn users_of_service(&self) -> UserServiceClient<auth::Channel> {
        UserServiceClient::new(self.door.to(Outgoing::as_service(Arc::clone(&self.stranger))))
    }

    /// UserService for whoever holds this token.
    pub(crate) fn users_with(&self, token: &str) -> UserServiceClient<auth::Channel> {
        UserServiceClient::new(self.bearer(token))
    }

    fn visitor(&self) -> auth::Channel {
        self.door.to(Outgoing::on_behalf(Arc::clone(&self.gateway), None))
    }

    fn bearer(&self, token: &str) -> auth::Channel {
        self.door.to(Outgoing::on_behalf(Arc::clone(&self.gateway), CallerToken::new(token)))
    }

    /// Opens an account that waits to be confirmed.
    pub(crate) async fn register(&self, name: &str) -> Person {
        let email = format!("{name}@example.com");
        let registered = self.auth().register(registration(&email)).await.unwrap().into_inner();
        Person { id: registered.user_id, email }
    }

    /// Somebody with a confirmed account.
    pub(crate) async fn person(&self, name: &str) -> Person {
        let person = self.register(name).await;
        let code = self.code(&person, code_issued::Purpose::ConfirmEmail).await;
        self.auth().confirm_email(ConfirmEmailRequest { email: person.email.clone(), code }).await.unwrap();
        person
    }

    /// Somebody with these roles.
    pub(crate) async fn staff(&self, name: &str, roles: &[Role]) -> Person {
        let email = format!("{name}@example.com");
        let command = CreateUser {
            email: EmailAddress::parse(&email).unwrap(),
            password: NewPassword::parse(PASSWORD).unwrap(),
            profile: Profile {
                display_name: DisplayName::parse(name).unwrap(),
                language: Language::Russian,
                time_zone: TimeZone::parse("Europe/Moscow").unwrap(),
            },
            roles: roles.iter().copied().collect::<Roles>(),
        };
        match create_user::run(&self.app, command).await.unwrap() {
            Created::New(id) => Person { id: id.to_string(), email },
            Created::Found(id) => panic!("{name} has the account {id} already"),
        }
    }

    pub(crate) async fn try_sign_in(&self, email: &str, password: &str) -> Result<SessionTokens, Status> {
        self.auth().sign_in(credentials(email, password)).await.map(Response::into_inner)
    }

    pub(crate) async fn sign_in(&self, person: &Person) -> SessionTokens {
        self.try_sign_in(&person.email, PASSWORD).await.unwrap()
    }

    /// Signs in somebody new with these roles.
    pub(crate) async fn signed_in(&self, name: &str, roles: &[Role]) -> SessionTokens {
        let person = self.staff(name, roles).await;
        self.sign_in(&person).await
    }

    /// The newest code that was issued to a person.
    pub(crate) async fn code(&self, person: &Person, purpose: code_issued::Purpose) -> String {
        let issued = self.codes(person, purpose).await;
        issued.last().expect("a code was issued").clone()
    }

    /// Every code that was issued to a person.
    pub(crate) async fn codes(&self, person: &Person, purpose: code_issued::Purpose) -> Vec<String> {
        let issued = self.events::<CodeIssued>().await.into_iter();
        issued.filter(|code| code.user_id == person.id && code.purpose() == purpose).map(|code| code.code).collect()
    }

    /// Everything of one kind that was announced.
    pub(crate) async fn events<P: prost::Message + prost::Name + Default>(&self) -> Vec<P> {
        announced(&self.db.pool).await.iter().filter_map(Recorded::decode::<P>).collect()
    }

    /// What the audit log says was done to a person's account, in order.
    pub(crate) async fn audit(&self, person: &Person) -> Vec<String> {
        sqlx::query_scalar("select action from audit_entries where target_user_id = $1::uuid order by entry_id")
            .bind(&person.id)
            .fetch_all(&self.db.pool)
            .await
            .unwrap()
    }

    /// Whether the gateway was told that a session ended.
    pub(crate) async fn is_revoked(&self, tokens: &SessionTokens) -> bool {
        let revoked = self.app.cache.revoked(self.clock.now()).await.unwrap();
        revoked.contains(&tokens.session_id.parse().unwrap())
    }
}

fn identity(name: &str, clock: &FixedClock) -> Arc<ServiceIdentity> {
    let name = ServiceName::parse(name).unwrap();
    Arc::new(ServiceIdentity::new(name, &Signer::generate().unwrap(), clock.shared()).unwrap())
}

pub(crate) fn registration(email: &str) -> RegisterRequest {
    RegisterRequest {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        display_name: "Anna".to_owned(),
        ..RegisterRequest::default()
    }
}

pub(crate) fn credentials(email: &str, password: &str) -> SignInRequest {
    SignInRequest { email: email.to_owned(), password: password.to_owned() }
}

/// A request as the gateway passes it on for a client at this address.
pub(crate) fn from<T>(address: &str, message: T) -> Request<T> {
    let address: IpAddr = address.parse().unwrap();
    let mut request = Request::new(message);
    request.metadata_mut().insert(auth::CLIENT_ADDRESS, address.to_string().parse().unwrap());
    request.metadata_mut().insert(auth::CLIENT_AGENT, "Browser/1.0".parse().unwrap());
    request
}

/// A request with an idempotency key.
pub(crate) fn keyed<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(rpc::IDEMPOTENCY_KEY, key.parse().unwrap());
    request
}

/// Asserts that a call was refused, and hands out how.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, kind: Kind, reason: &str) -> Problem {
    let problem = Problem::from(&answer.expect_err("the call should have been refused"));
    assert_eq!((problem.kind, problem.reason.as_str()), (kind, reason), "{problem:?}");
    problem
}

/// Asserts that a call was refused because of these fields.
#[track_caller]
pub(crate) fn invalid<T: std::fmt::Debug>(answer: Result<T, Status>, fields: &[&str]) {
    let problem = refused(answer, Kind::Invalid, "INVALID");
    let named: Vec<_> = problem.violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(named, fields, "{problem:?}");
}
