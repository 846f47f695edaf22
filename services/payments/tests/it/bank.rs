//! T-Bank's acquiring for tests: its methods, its tokens, its mistakes. Written from the documents, not from our
//! client.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

pub const TERMINAL: &str = "1700000000001DEMO";
pub const PASSWORD: &str = "k3y-P@ss_тест9";

/// What goes wrong with the next call of a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The bank does what is asked, and its answer is lost.
    LoseReply,
    /// The bank never gets to do it, and no useful answer comes back.
    Fail,
    /// The bank refuses with this code.
    Refuse(&'static str),
    /// A return is accepted and takes its time.
    Slowly,
}

#[derive(Debug, Clone)]
pub struct Payment {
    pub id: i64,
    pub order: String,
    pub amount: i64,
    pub status: String,
    pub code: String,
    pub terminal: String,
    pub init: Map<String, Value>,
    returns: Vec<String>,
}

#[derive(Debug, Default)]
struct Books {
    payments: Vec<Payment>,
    calls: HashMap<String, usize>,
    /// Per method: what is wrong with how many next calls.
    faults: HashMap<String, (Fault, usize)>,
}

/// The bank; stops with the test.
#[derive(Debug)]
pub struct Bank {
    address: SocketAddr,
    books: Arc<Mutex<Books>>,
    task: JoinHandle<()>,
}

impl Drop for Bank {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bank {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let books: Arc<Mutex<Books>> = Arc::default();
        let router = Router::new().route("/v2/{method}", post(answer)).with_state(Arc::clone(&books));
        #[expect(clippy::disallowed_methods, reason = "the task ends with the test, which aborts it")]
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, books, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/v2/", self.address)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next call of a method goes wrong.
    pub fn fault(&self, method: &str, fault: Fault) {
        self.fault_times(method, fault, 1);
    }

    /// The next calls of a method go wrong.
    pub fn fault_times(&self, method: &str, fault: Fault, times: usize) {
        self.books().faults.insert(method.into(), (fault, times));
    }

    /// Nothing goes wrong any more.
    pub fn repair(&self) {
        self.books().faults.clear();
    }

    /// How often a method was called.
    pub fn calls(&self, method: &str) -> usize {
        self.books().calls.get(method).copied().unwrap_or_default()
    }

    /// The payments of an attempt.
    pub fn of(&self, attempt: &str) -> Payment {
        let books = self.books();
        let mut found = books.payments.iter().filter(|payment| payment.order == attempt);
        let payment = found.next().expect("the bank knows the attempt").clone();
        assert!(found.next().is_none(), "an attempt is one payment");
        payment
    }

    pub fn payments(&self) -> usize {
        self.books().payments.len()
    }

    /// Something happens to the payment of an attempt, without anybody being told.
    pub fn happens(&self, attempt: &str, status: &str) {
        self.changes(attempt, |payment| payment.status = status.into());
    }

    pub fn changes(&self, attempt: &str, change: impl FnOnce(&mut Payment)) {
        let mut books = self.books();
        change(books.payments.iter_mut().find(|payment| payment.order == attempt).expect("the bank knows the attempt"));
    }

    /// The signed notification that the payment of an attempt has a status.
    pub fn notice(&self, attempt: &str, status: &str) -> Vec<u8> {
        self.notice_with(attempt, status, json!({}))
    }

    pub fn notice_with(&self, attempt: &str, status: &str, more: Value) -> Vec<u8> {
        let payment = self.of(attempt);
        let mut fields = json!({
            "TerminalKey": TERMINAL, "OrderId": payment.order, "Success": true, "Status": status, "PaymentId": payment.id,
            "ErrorCode": "0", "Amount": payment.amount, "CardId": 10452089, "Pan": "220138******0013", "ExpDate": "1230",
            "Data": {"Route": "ACQ"},
        });
        for (name, value) in more.as_object().unwrap() {
            fields[name] = value.clone();
        }
        signed(fields)
    }
}

/// A body with its token.
pub fn signed(fields: Value) -> Vec<u8> {
    let Value::Object(mut fields) = fields else { panic!("fields are an object") };
    fields.insert("Token".into(), token(&fields).into());
    serde_json::to_vec(&fields).unwrap()
}

/// Root scalars and the password, ordered by name, their values joined and digested.
fn token(fields: &Map<String, Value>) -> String {
    let mut parts: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "Token") {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => continue,
        };
        parts.insert(name, text);
    }
    parts.insert("Password", PASSWORD.into());
    let line: Vec<String> = parts.into_values().collect();
    digest(&SHA256, line.concat().as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn answer(
    State(books): State<Arc<Mutex<Books>>>,
    Path(method): Path<String>,
    Json(fields): Json<Map<String, Value>>,
) -> Response {
    let mut books = books.lock().unwrap_or_else(PoisonError::into_inner);
    *books.calls.entry(method.clone()).or_default() += 1;
    let fault = books.next_fault(&method);
    match fault {
        Some(Fault::Fail) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Fault::Refuse(code)) => return Json(no(code)).into_response(),
        _ => {}
    }
    let honest = fields["TerminalKey"] == TERMINAL && fields["Token"] == Value::String(token(&fields));
    let reply = match method.as_str() {
        _ if !honest => no("204"),
        "Init" => books.init(fields),
        "GetState" => books.state(&fields),
        "CheckOrder" => books.order(&fields),
        "Cancel" => books.cancel(&fields, fault == Some(Fault::Slowly)),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    match fault {
        Some(Fault::LoseReply) => StatusCode::BAD_GATEWAY.into_response(),
        _ => Json(reply).into_response(),
    }
}

fn no(code: &str) -> Value {
    json!({"Success": false, "ErrorCode": code, "Message": "Нет", "Details": "Почему-то."})
}

impl Books {
    fn next_fault(&mut self, method: &str) -> Option<Fault> {
        let (fault, left) = self.faults.get_mut(method)?;
        let fault = fault.clone();
        *left -= 1;
        if *left == 0 {
            self.faults.remove(method);
        }
        Some(fault)
    }

    fn init(&mut self, fields: Map<String, Value>) -> Value {
        let order = fields["OrderId"].as_str().unwrap_or_default().to_owned();
        if order.len() > 36 || self.payments.iter().any(|payment| payment.order == order) {
            return no("20");
        }
        let id = 13_660_000_000 + i64::try_from(self.payments.len()).unwrap();
        let amount = fields["Amount"].as_i64().unwrap();
        let payment = Payment {
            id,
            order: order.clone(),
            amount,
            status: "NEW".into(),
            code: "0".into(),
            terminal: TERMINAL.into(),
            init: fields,
            returns: vec![],
        };
        self.payments.push(payment);
        json!({
            "Success": true, "ErrorCode": "0", "TerminalKey": TERMINAL, "Status": "NEW", "PaymentId": id.to_string(),
            "OrderId": order, "Amount": amount, "PaymentURL": format!("https://bank.test/pay/{id}"),
        })
    }

    fn find(&mut self, fields: &Map<String, Value>) -> Option<&mut Payment> {
        let id: i64 = fields["PaymentId"].as_str().unwrap().parse().unwrap();
        self.payments.iter_mut().find(|payment| payment.id == id)
    }

    fn state(&mut self, fields: &Map<String, Value>) -> Value {
        let Some(payment) = self.find(fields) else { return no("255") };
        json!({
            "Success": payment.code == "0", "ErrorCode": payment.code, "TerminalKey": payment.terminal,
            "Status": payment.status, "PaymentId": payment.id.to_string(), "OrderId": payment.order,
            "Amount": payment.amount,
        })
    }

    fn order(&self, fields: &Map<String, Value>) -> Value {
        let order = fields["OrderId"].as_str().unwrap();
        let payments: Vec<Value> = self
            .payments
            .iter()
            .filter(|payment| payment.order == order)
            .map(|payment| {
                json!({
                    "PaymentId": payment.id.to_string(), "Amount": payment.amount, "Status": payment.status,
                    "Success": payment.code == "0", "ErrorCode": payment.code.parse::<i64>().unwrap(),
                })
            })
            .collect();
        match payments.is_empty() {
            true => no("255"),
            false => json!({
                "Success": true, "ErrorCode": "0", "TerminalKey": TERMINAL, "OrderId": order, "Payments": payments,
            }),
        }
    }

    fn cancel(&mut self, fields: &Map<String, Value>, slowly: bool) -> Value {
        let Some(payment) = self.find(fields) else { return no("255") };
        let request = fields["ExternalRequestId"].as_str().unwrap().to_owned();
        if !payment.returns.contains(&request) {
            if payment.status != "CONFIRMED" {
                return no("8");
            }
            payment.returns.push(request);
            payment.status = if slowly { "ASYNC_REFUNDING" } else { "REFUNDED" }.into();
        }
        json!({
            "Success": true, "ErrorCode": "0", "TerminalKey": TERMINAL, "Status": payment.status,
            "PaymentId": payment.id.to_string(), "OrderId": payment.order, "OriginalAmount": payment.amount, "NewAmount": 0,
        })
    }
}
