//! Addresses of the running fleet and the people of the demo school.

use std::{
    collections::{BTreeMap, HashMap},
    env, fs,
    sync::Arc,
};

use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{Person, answer::text};

/// The password of everybody whom the journeys register.
pub const PASSWORD: &str = "tailor-made-trousers-42";

/// The running school; cheap to clone.
#[derive(Debug, Clone)]
pub struct School {
    pub(crate) http: Client,
    /// Does not follow the bank's way back to the shop, which is nowhere.
    pub(crate) browser: Client,
    pub(crate) gateway: String,
    pub(crate) sandbox: String,
    staff: Arc<HashMap<String, (String, String)>>,
}

/// What `cargo fleet test journeys` writes for the tests.
#[derive(serde::Deserialize)]
struct Addresses {
    gateway: String,
    sandbox: String,
    people: Vec<Account>,
}

#[derive(serde::Deserialize)]
struct Account {
    role: String,
    email: String,
    password: String,
}

impl School {
    /// The fleet that `LYCEUM_FLEET` describes.
    pub fn new() -> Self {
        // reqwest wants a TLS provider even for plain HTTP; whoever came first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let path = env::var("LYCEUM_FLEET").expect("no fleet to travel in: run `cargo fleet test journeys`");
        let file = fs::read_to_string(&path).unwrap_or_else(|e| panic!("cannot read {path}: {e}"));
        let addresses: Addresses = serde_json::from_str(&file).unwrap_or_else(|e| panic!("{path}: {e}"));
        let staff = addresses.people.into_iter().map(|a| (a.role, (a.email, a.password))).collect();
        let browser = Client::builder().redirect(Policy::none()).build().expect("a client without settings");
        Self {
            http: Client::new(),
            browser,
            gateway: addresses.gateway,
            sandbox: addresses.sandbox,
            staff: Arc::new(staff),
        }
    }

    /// The gateway's address of a path.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.trim_end_matches('/'))
    }

    /// The HTTP client, for what a [`Person`] does not do.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// Somebody who has not signed in.
    pub fn visitor(&self) -> Person {
        let school = self.clone();
        Person { school, token: None, refresh_token: String::new(), email: String::new(), user_id: String::new() }
    }

    /// The demo school's person with this role. All tests share one session: more than five sign-ins of one account at once look
    /// like guessing to the school.
    pub async fn staff(&self, role: &str) -> Person {
        static SESSIONS: Mutex<BTreeMap<String, Value>> = Mutex::const_new(BTreeMap::new());
        let (email, password) = self.staff.get(role).unwrap_or_else(|| panic!("the demo school has no {role}"));
        let mut sessions = SESSIONS.lock().await;
        if let Some(tokens) = sessions.get(role) {
            return self.person(email, tokens);
        }
        let tokens = self.tokens(email, password).await;
        let person = self.person(email, &tokens);
        sessions.insert(role.to_owned(), tokens);
        person
    }

    /// Opens a session.
    pub async fn sign_in(&self, email: &str, password: &str) -> Person {
        self.person(email, &self.tokens(email, password).await)
    }

    async fn tokens(&self, email: &str, password: &str) -> Value {
        self.visitor().post("/v1/auth/sign-in", json!({"email": email, "password": password})).await.ok()
    }

    /// A new learner: registers, reads the code in the mail, confirms, signs in.
    pub async fn learner(&self) -> Person {
        let email = format!("learner-{}@example.com", Uuid::new_v4().simple());
        self.register(&email).await;
        let code = self.code(&email).await;
        self.visitor().post("/v1/auth/confirm-email", json!({"email": email, "code": code})).await.ok();
        self.sign_in(&email, PASSWORD).await
    }

    /// Opens an account that still has to be confirmed.
    pub async fn register(&self, email: &str) {
        let account = json!({
            "email": email, "password": PASSWORD, "displayName": "Анна Каренина", "language": "ru", "timeZone": "Europe/Moscow",
            "consents": [{"document": "terms", "version": "2026-11-01"}],
        });
        self.visitor().post("/v1/auth/register", account).await.ok();
    }

    /// The six digits of the newest mail to this address that has any.
    pub async fn code(&self, email: &str) -> String {
        let mail = self.mail(email, "a mail with a code", |mail| six_digits(&mail.text).is_some()).await;
        six_digits(&mail.text).unwrap_or_default()
    }

    fn person(&self, email: &str, tokens: &Value) -> Person {
        Person {
            school: self.clone(),
            token: Some(text(tokens, "/accessToken")),
            refresh_token: text(tokens, "/refreshToken"),
            email: email.to_owned(),
            user_id: text(tokens, "/userId"),
        }
    }
}

impl Default for School {
    fn default() -> Self {
        Self::new()
    }
}

fn six_digits(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6).map(str::to_owned)
}
