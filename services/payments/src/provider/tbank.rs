//! T-Bank's internet acquiring: Init with the hosted page, GetState, CheckOrder, Cancel, and its notifications.
//!
//! One-stage payments (PayType O). Amounts are whole kopecks, roubles only. An attempt's id is the bank's OrderId: 36
//! ASCII characters, the most that every generation of its documents allows. Business errors come with HTTP 200.

mod code;
mod token;

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Context, anyhow};
use futures::future::BoxFuture;
use reqwest::{Certificate, Client, Proxy, redirect};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, UtcOffset, macros::format_description};
use url::Url;
use values::{Currency, Language, Money};

use super::{NotBelieved, Notification, Payment, Provider, Refund, Reply, Start, Started, Trouble};
use crate::domain::{AttemptId, Failure, Refusal, Report, Status};

/// The bank takes no card payment of less than a rouble.
const LEAST: i64 = 100;
/// Ten digits are the most that it takes.
const MOST: i64 = 9_999_999_999;
/// What fits into every generation of its Description.
const LONGEST_DESCRIPTION: usize = 128;

/// How to reach the bank and who we are there.
#[derive(Debug, Clone)]
pub struct Config {
    /// Base of the method names, such as `https://securepay.tinkoff.ru/v2/`.
    pub url: Url,
    pub terminal: String,
    pub password: SecretString,
    /// Where the bank notifies us.
    pub notify: Url,
    /// How long one call may take.
    pub timeout: Duration,
    /// Certificates that are trusted beside the usual ones, PEM.
    pub roots: Option<Vec<u8>>,
    /// The way out of the cluster.
    pub proxy: Option<Url>,
}

/// A client of the bank.
pub struct Tbank {
    http: Client,
    url: Url,
    terminal: String,
    password: SecretString,
    notify: Url,
}

impl fmt::Debug for Tbank {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tbank").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

impl Tbank {
    /// Makes a client; opens nothing.
    pub fn new(config: Config) -> anyhow::Result<Self> {
        let mut http = Client::builder()
            .timeout(config.timeout)
            .connect_timeout(config.timeout.min(Duration::from_secs(3)))
            .redirect(redirect::Policy::none())
            .user_agent("lyceum-payments")
            .no_proxy();
        if let Some(pem) = &config.roots {
            http = http.tls_certs_merge(Certificate::from_pem_bundle(pem).context("the extra root certificates")?);
        }
        if let Some(proxy) = config.proxy {
            http = http.proxy(Proxy::all(proxy).context("the egress proxy")?);
        }
        let http = http.build().context("the HTTP client of T-Bank")?;
        // Without the slash the last segment of the path would be replaced by the method's name.
        let mut url = config.url;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self { http, url, terminal: config.terminal, password: config.password, notify: config.notify })
    }

    /// Calls a method and gives its answer's fields, whether it says Success or not.
    async fn call(&self, method: &'static str, request: Value) -> Result<Map<String, Value>, Trouble> {
        let started = tokio::time::Instant::now();
        let answer = self.send(method, request).await;
        let outcome = match &answer {
            Ok(answer) if succeeded(answer) => "success",
            Ok(_) => "refused",
            Err(Trouble::NotReached(_)) => "not_reached",
            Err(_) => "lost",
        };
        metrics::counter!("provider_calls_total", "provider" => "tbank", "call" => method, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("provider_call_duration_seconds", "provider" => "tbank", "call" => method)
            .record(started.elapsed());
        if let Err(error) = &answer {
            tracing::warn!(call = method, error = rpc::chain(error), "T-Bank gave no answer to {method}.");
        }
        answer
    }

    async fn send(&self, method: &'static str, request: Value) -> Result<Map<String, Value>, Trouble> {
        let lost = |error: anyhow::Error| Trouble::Lost(error);
        let Value::Object(mut fields) = request else { return Err(lost(anyhow!("a request is an object"))) };
        fields.insert("TerminalKey".into(), self.terminal.clone().into());
        let token = token::of(&fields, &self.password);
        fields.insert("Token".into(), token.into());
        let url = self.url.join(method).map_err(|error| lost(error.into()))?;
        let answer = self.http.post(url).json(&fields).send().await.map_err(unanswered)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(lost(anyhow!("HTTP status {status}")));
        }
        let body = answer.bytes().await.map_err(|error| lost(error.without_url().into()))?;
        // `CheckOrder` of a strange shop, a proxy's page: whatever is not an object is no answer.
        serde_json::from_slice(&body).map_err(|error| lost(anyhow!("not a JSON object: {error}")))
    }

    /// What Init's refusal means: without a page nobody can pay, whatever the bank may have written down. Only an
    /// OrderId that it has seen before says that there may be a page.
    fn not_started(answer: &Map<String, Value>) -> Trouble {
        let code = text(answer, "ErrorCode").unwrap_or_default();
        match code::is_wrong_state(&code) {
            true => Trouble::Lost(anyhow!("error code {code}")),
            false => Trouble::Refused { failure: code::failure(&code).unwrap_or(Failure::Declined), code },
        }
    }

    /// What Cancel's refusal means: trouble that may pass and a state that we did not expect have to be looked at.
    fn not_returned(answer: &Map<String, Value>) -> Trouble {
        let code = text(answer, "ErrorCode").unwrap_or_default();
        match code::is_transient(&code) || code::is_wrong_state(&code) {
            true => Trouble::Lost(anyhow!("error code {code}")),
            false => Trouble::Refused { failure: code::failure(&code).unwrap_or(Failure::Declined), code },
        }
    }

    async fn init(&self, start: &Start) -> Result<Started, Trouble> {
        let attempt = &start.attempt;
        let answer = self
            .call(
                "Init",
                json!({
                    "Amount": attempt.amount.minor(),
                    "OrderId": attempt.id.to_string(),
                    "Description": start.description.chars().take(LONGEST_DESCRIPTION).collect::<String>(),
                    "PayType": "O",
                    "Language": match start.language { Language::Russian => "ru", Language::English => "en" },
                    "NotificationURL": self.notify.as_str(),
                    "SuccessURL": attempt.back.success,
                    "FailURL": attempt.back.fail,
                    "RedirectDueDate": due_date(start.until),
                }),
            )
            .await?;
        if !succeeded(&answer) {
            return Err(Self::not_started(&answer));
        }
        let (Some(payment), Some(page)) = (text(&answer, "PaymentId"), text(&answer, "PaymentURL")) else {
            return Err(Trouble::Lost(anyhow!("Init's answer names no PaymentId or no PaymentURL")));
        };
        let page_is_web = Url::parse(&page).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
        if !page_is_web {
            return Err(Trouble::Lost(anyhow!("Init's PaymentURL is no web address")));
        }
        Ok(Started { payment, page })
    }

    async fn state(&self, payment: &str) -> Result<Option<Report>, Trouble> {
        let answer = self.call("GetState", json!({ "PaymentId": payment })).await?;
        if !succeeded(&answer) && !answer.contains_key("Status") {
            return unknown_or(&answer);
        }
        self.report(&answer, &answer).map(Some)
    }

    async fn order(&self, attempt: AttemptId) -> Result<Option<Report>, Trouble> {
        let answer = self.call("CheckOrder", json!({ "OrderId": attempt.to_string() })).await?;
        let Some(payments) = answer.get("Payments").and_then(Value::as_array) else { return unknown_or(&answer) };
        let reports = payments.iter().filter_map(Value::as_object).map(|payment| self.report(&answer, payment));
        let mut reports = reports.collect::<Result<Vec<_>, _>>()?;
        // One attempt is one payment; should a terminal let an OrderId repeat, the payment with money in it matters.
        let paid = reports.iter().position(|report| report.status == Status::Captured);
        Ok(match paid {
            Some(at) => Some(reports.swap_remove(at)),
            None => reports.pop(),
        })
    }

    /// Reads where a payment stands. `whole` says whose order it is, `part` what the payment is.
    fn report(&self, whole: &Map<String, Value>, part: &Map<String, Value>) -> Result<Report, Trouble> {
        let missing = |name: &str| Trouble::Lost(anyhow!("the answer names no {name}"));
        let status = text(part, "Status").ok_or_else(|| missing("Status"))?;
        let code = text(part, "ErrorCode").unwrap_or_default();
        let amount = part.get("Amount").and_then(whole_number).ok_or_else(|| missing("Amount"))?;
        // What is missing is not wrong: an answer that says too little is asked for once more.
        let terminal = text(whole, "TerminalKey").ok_or_else(|| missing("TerminalKey"))?;
        let order = text(whole, "OrderId").ok_or_else(|| missing("OrderId"))?;
        Ok(Report {
            payment: text(part, "PaymentId").ok_or_else(|| missing("PaymentId"))?,
            attempt: order.parse().ok(),
            our_shop: terminal == self.terminal,
            amount: Money::new(amount, Currency::RUB),
            status: code::status(&status, &code),
        })
    }

    async fn cancel(&self, refund: &Refund) -> Result<Status, Trouble> {
        let request = json!({
            "PaymentId": refund.payment,
            "Amount": refund.amount.minor(),
            "ExternalRequestId": refund.id.to_string(),
        });
        let answer = self.call("Cancel", request).await?;
        if !succeeded(&answer) {
            return Err(Self::not_returned(&answer));
        }
        let status = text(&answer, "Status").unwrap_or_default();
        Ok(code::status(&status, "0"))
    }
}

impl Provider for Tbank {
    fn accept(&self, amount: Money) -> Result<(), Refusal> {
        let fits = amount.currency() == Currency::RUB && (LEAST..=MOST).contains(&amount.minor());
        let refused = Refusal::AmountNotAccepted { min: LEAST, max: MOST, currency: Currency::RUB };
        if fits { Ok(()) } else { Err(refused) }
    }

    fn start<'a>(&'a self, start: &'a Start) -> BoxFuture<'a, Result<Started, Trouble>> {
        Box::pin(self.init(start))
    }

    fn ask<'a>(&'a self, payment: &'a Payment) -> BoxFuture<'a, Result<Option<Report>, Trouble>> {
        match &payment.payment {
            Some(id) => Box::pin(self.state(id)),
            None => Box::pin(self.order(payment.attempt)),
        }
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> BoxFuture<'a, Result<Status, Trouble>> {
        Box::pin(self.cancel(refund))
    }

    fn read(&self, body: &[u8], _headers: &BTreeMap<String, String>) -> Result<Notification, NotBelieved> {
        let fields: Map<String, Value> = serde_json::from_slice(body).map_err(|_| NotBelieved::Malformed)?;
        if !token::proves(&fields, &self.password) {
            return Err(NotBelieved::Forged);
        }
        if text(&fields, "TerminalKey").is_none_or(|terminal| terminal != self.terminal) {
            return Err(NotBelieved::ForeignShop);
        }
        let (Some(payment), Some(order)) = (text(&fields, "PaymentId"), text(&fields, "OrderId")) else {
            return Ok(Notification::Other);
        };
        if text(&fields, "Status").is_none_or(|status| status == "RECEIPT") {
            return Ok(Notification::Other);
        }
        let failure = text(&fields, "ErrorCode").and_then(|code| code::failure(&code));
        Ok(Notification::Payment { payment, attempt: order.parse().ok(), failure })
    }

    fn acknowledge(&self) -> Reply {
        Reply { status: 200, content_type: "text/plain; charset=utf-8", body: b"OK" }
    }
}

/// Only a connection that never came about is certain to have carried nothing.
fn unanswered(error: reqwest::Error) -> Trouble {
    let never_sent = error.is_connect();
    let error = error.without_url().into();
    if never_sent { Trouble::NotReached(error) } else { Trouble::Lost(error) }
}

/// The bank says that it knows no such payment, or refuses to answer.
fn unknown_or(answer: &Map<String, Value>) -> Result<Option<Report>, Trouble> {
    match text(answer, "ErrorCode").as_deref() {
        Some(code::NOT_FOUND) => Ok(None),
        code => Err(Trouble::Lost(anyhow!("error code {}", code.unwrap_or("missing")))),
    }
}

fn succeeded(answer: &Map<String, Value>) -> bool {
    answer.get("Success").and_then(Value::as_bool) == Some(true)
}

/// A field as text: the bank writes its ids and codes now as strings, now as numbers.
fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    match fields.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn whole_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The bank reads only this form, with an offset; Moscow is its own.
fn due_date(at: OffsetDateTime) -> Option<String> {
    let moscow = at.to_offset(UtcOffset::from_hms(3, 0, 0).ok()?);
    let form = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second][offset_hour sign:mandatory]:[offset_minute]"
    );
    moscow.format(&form).ok()
}

#[cfg(test)]
mod tests;
