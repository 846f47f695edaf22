//! Starting the sandbox, being its shop, and signing as the bank's documents say.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, routing::post};
use reqwest::{Client, StatusCode, redirect::Policy};
use serde_json::{Map, Value, json};
use testkit::eventually;
use tokio::task::JoinSet;

pub const PATIENCE: Duration = Duration::from_secs(10);
pub const TERMINAL: &str = "1700000000001DEMO";
pub const PASSWORD: &str = "k3y-P@ss_тест9";

pub const GOOD: &str = "2201382000000013";
pub const CHALLENGE: &str = "2201382000000047";
pub const NO_FUNDS: &str = "2201382000000831";

/// A running sandbox; killed on drop.
pub struct Sandbox {
    child: Child,
    pub url: String,
    pub smtp: SocketAddr,
    /// Where the proxy of S3 is, if there is one.
    pub s3: String,
    pub client: Client,
}

impl Sandbox {
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sandbox"))
            .env("SANDBOX_HTTP_LISTEN", "127.0.0.1:0")
            .env("SANDBOX_SMTP_LISTEN", "127.0.0.1:0")
            .env("SANDBOX_TERMINAL", TERMINAL)
            .env("SANDBOX_PASSWORD", PASSWORD)
            .env("SANDBOX_RETRY_MS", "20")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let (http, smtp) = said.trim_end().strip_prefix("sandbox: ").and_then(|said| said.split_once(" and ")).unwrap();
        let (smtp, s3) = smtp.split_once(" and s3 at ").unwrap_or((smtp, ""));
        let client = Client::builder().redirect(Policy::none()).timeout(PATIENCE).build().unwrap();
        let smtp = smtp.strip_prefix("smtp://").unwrap().parse().unwrap();
        Self { child, url: http.to_owned(), smtp, s3: s3.to_owned(), client }
    }

    /// A signed call of the bank; `None` when the connection broke.
    pub async fn try_call(&self, method: &str, fields: Value) -> Option<(StatusCode, Value)> {
        let mut fields = fields.as_object().unwrap().clone();
        fields.insert("TerminalKey".to_owned(), TERMINAL.into());
        fields.insert("Token".to_owned(), token(&fields).into());
        let sent = self.client.post(format!("{}/tbank/v2/{method}", self.url)).json(&fields).send().await;
        let answer = sent.ok()?;
        let status = answer.status();
        let body = answer.bytes().await.ok()?;
        Some((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    pub async fn call(&self, method: &str, fields: Value) -> Value {
        let (status, answer) = self.try_call(method, fields).await.unwrap();
        assert_eq!(status, StatusCode::OK);
        answer
    }

    /// Opens a payment of 1490 roubles; the shop hears of it.
    pub async fn init(&self, order: &str, shop: &Shop) -> Value {
        let answer = self.call("Init", wanted(order, shop)).await;
        assert_eq!(answer["Success"], true, "{answer}");
        answer
    }

    /// Types a card, and a code where one is asked for, into the payment page.
    pub async fn pay(&self, payment: &Value, form: &[(&str, &str)]) -> reqwest::Response {
        self.client.post(payment["PaymentURL"].as_str().unwrap()).form(form).send().await.unwrap()
    }

    pub async fn status(&self, payment: &Value) -> String {
        let state = self.call("GetState", json!({ "PaymentId": payment["PaymentId"] })).await;
        state["Status"].as_str().unwrap().to_owned()
    }

    pub async fn fault(&self, fault: Value) -> StatusCode {
        self.client.post(format!("{}/control/faults", self.url)).json(&fault).send().await.unwrap().status()
    }

    pub async fn get(&self, path: &str) -> Value {
        self.client.get(format!("{}{path}", self.url)).send().await.unwrap().json().await.unwrap()
    }

    pub async fn delete(&self, path: &str) -> StatusCode {
        self.client.delete(format!("{}{path}", self.url)).send().await.unwrap().status()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a shop asks for.
pub fn wanted(order: &str, shop: &Shop) -> Value {
    json!({
        "OrderId": order, "Amount": 149_000, "Description": "Курс «Крой»", "NotificationURL": shop.url,
        "SuccessURL": "http://shop.example/ok", "FailURL": "http://shop.example/fail",
        "DATA": { "order": order },
    })
}

/// The signature, from the bank's documents once more.
pub fn token(fields: &Map<String, Value>) -> String {
    let mut scalars = BTreeMap::from([("Password", PASSWORD.to_owned())]);
    for (name, value) in fields {
        if let Some(text) = value.as_str() {
            scalars.insert(name, text.to_owned());
        } else if value.is_number() || value.is_boolean() {
            scalars.insert(name, value.to_string());
        }
    }
    scalars.remove("Token");
    let line: String = scalars.into_values().collect();
    hex::encode(ring::digest::digest(&ring::digest::SHA256, line.as_bytes()))
}

/// The merchant's side of notifications.
pub struct Shop {
    pub url: String,
    received: Arc<Received>,
    _serving: JoinSet<()>,
}

struct Received {
    notices: Mutex<Vec<Value>>,
    /// So many notifications are answered with something that is not quite `OK`.
    refusals: AtomicU32,
}

impl Shop {
    pub async fn open() -> Self {
        Self::reluctant(0).await
    }

    /// A shop that accepts a notification only after so many others.
    pub async fn reluctant(refusals: u32) -> Self {
        let received = Arc::new(Received { notices: Mutex::default(), refusals: AtomicU32::new(refusals) });
        let router = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&received));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, received, _serving: serving }
    }

    pub fn notices(&self) -> Vec<Value> {
        self.received.notices.lock().unwrap().clone()
    }

    /// The statuses received so far, in the order of arrival.
    pub fn statuses(&self) -> Vec<String> {
        self.notices().iter().map(|notice| notice["Status"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits for so many notifications.
    pub async fn hears(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} notifications"), PATIENCE, async || {
            let notices = self.notices();
            (notices.len() >= count).then_some(notices)
        })
        .await
    }
}

async fn receive(State(received): State<Arc<Received>>, Json(notice): Json<Value>) -> &'static str {
    received.notices.lock().unwrap().push(notice);
    let left = received.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if left.is_ok() { "ok" } else { "OK" }
}
