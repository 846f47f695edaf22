//! The simulated world outside: the bank's page, the mail, the faults. See `tests/sandbox/README.md`.

use serde_json::{Value, json};

use crate::{School, eventually};

/// A card for the hosted payment page.
#[derive(Debug, Clone, Copy)]
pub enum Card {
    /// Pays.
    Good,
    /// Is declined for lack of money.
    NoFunds,
}

impl Card {
    fn number(self) -> &'static str {
        match self {
            Self::Good => "2201382000000013",
            Self::NoFunds => "2201382000000831",
        }
    }
}

/// A mail that the school sent.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// Its subject.
    pub subject: String,
    /// Its plain text.
    pub text: String,
    /// The id that stays the same when it is sent again.
    pub message_id: String,
}

/// A step of a trace, as the services reported it.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Its id.
    pub span_id: String,
    /// The id of the step that caused it.
    pub parent_span_id: String,
    /// Whose step it is.
    pub service: String,
}

impl School {
    /// The spans of a trace that have arrived so far.
    pub async fn spans(&self, trace_id: &str) -> Vec<Span> {
        let answer = self.http.get(format!("{}/control/traces/{trace_id}", self.sandbox)).send().await;
        let answer = answer.unwrap_or_else(|e| panic!("the sandbox does not answer: {e}"));
        answer.json().await.unwrap_or_else(|e| panic!("the traces cannot be read: {e}"))
    }

    /// Types a card into the bank's page, as the payer's browser does; answers the page's HTTP status.
    pub async fn type_card(&self, confirmation_url: &str, card: Card) -> u16 {
        let form = [("card", card.number())];
        let answer = self.browser.post(confirmation_url).form(&form).send().await;
        answer.unwrap_or_else(|e| panic!("the bank's page does not answer: {e}")).status().as_u16()
    }

    /// Switches a fault on: `{"on": "tbank.notification", "kind": "late", "delayMs": 300, "containing": "…"}`.
    pub async fn fault(&self, fault: Value) {
        let answer = self.http.post(format!("{}/control/faults", self.sandbox)).json(&fault).send().await;
        let answer = answer.unwrap_or_else(|e| panic!("the sandbox does not answer: {e}"));
        assert!(answer.status().is_success(), "{fault}: {}", answer.status());
    }

    /// Mails to this address, oldest first.
    pub async fn mails(&self, to: &str) -> Vec<Mail> {
        let answer = self.http.get(format!("{}/mail", self.sandbox)).query(&[("to", to)]).send().await;
        let answer = answer.unwrap_or_else(|e| panic!("the sandbox does not answer: {e}"));
        answer.json().await.unwrap_or_else(|e| panic!("the inbox cannot be read: {e}"))
    }

    /// The newest mail to this address that is the one wanted.
    pub async fn mail(&self, to: &str, what: &str, wanted: impl Fn(&Mail) -> bool) -> Mail {
        eventually(&format!("{what} to {to}"), async || self.mails(to).await.into_iter().rev().find(&wanted)).await
    }

    /// The notifications that the bank sent for a payment of ours, as the sandbox recorded them.
    pub async fn bank_notices(&self, payment: &str) -> Vec<Value> {
        let report = self.http.get(format!("{}/control/tbank", self.sandbox)).send().await;
        let report: Value = report.expect("the sandbox answers").json().await.expect("the bank reports");
        let notices = report["notifications"].as_array().cloned().unwrap_or_default();
        notices.into_iter().filter(|notice| notice["orderId"] == json!(payment)).collect()
    }
}
