//! The simulated world outside: the bank's page, the mail, the faults. See `tests/sandbox/README.md`.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::{Client, redirect::Policy};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::school::eventually;
use crate::{Pace, Seen};

/// A card for the hosted payment page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// As receipts show it.
    pub fn masked(self) -> String {
        let (first, last) = self.number().split_at(12);
        format!("{}{last}", "•".repeat(first.len()))
    }
}

/// A mail that the school sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// Counts the mails that the sandbox took.
    pub id: u64,
    /// Its subject.
    pub subject: String,
    /// Its plain text.
    pub text: String,
    /// The id that stays the same when it is sent again.
    pub message_id: String,
}

/// A step of a trace, as the services reported it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Its id.
    pub span_id: String,
    /// The id of the step that caused it.
    pub parent_span_id: String,
    /// Whose step it is.
    pub service: String,
}

/// The sandbox; cheap to clone.
#[derive(Debug, Clone)]
pub struct Outside {
    http: Client,
    /// Does not follow the bank's way back to the shop, which is nowhere.
    browser: Client,
    address: String,
    pace: Pace,
}

impl Outside {
    pub(crate) fn at(address: &str, http: Client, pace: Pace) -> Result<Self> {
        let browser = Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(30)).no_proxy().build()?;
        Ok(Self { http, browser, address: address.trim_end_matches('/').to_owned(), pace })
    }

    async fn read<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T> {
        let asked = self.http.get(format!("{}{path}", self.address)).query(query);
        let answer = asked.send().await.with_context(|| format!("the sandbox does not answer {path}"))?;
        answer.error_for_status()?.json().await.with_context(|| format!("{path} of the sandbox cannot be read"))
    }

    /// Types a card into the bank's page, as the payer's browser does; answers the page's HTTP status.
    pub async fn type_card(&self, page: &str, card: Card) -> Result<u16> {
        let sent = self.browser.post(page).form(&[("card", card.number())]).send().await;
        Ok(sent.context("the bank's page does not answer")?.status().as_u16())
    }

    /// Opens the bank's page, which has a form.
    pub async fn open_page(&self, page: &str) -> Result<()> {
        let shown = self.browser.get(page).send().await?.error_for_status()?.text().await?;
        ensure!(shown.contains("<form"), "the bank's page has no form: {shown}");
        Ok(())
    }

    /// Switches a fault on: `{"on": "tbank.notification", "kind": "late", "delayMs": 300, "containing": "…"}`.
    pub async fn fault(&self, fault: Value) -> Result<()> {
        let sent = self.http.post(format!("{}/control/faults", self.address)).json(&fault).send().await?;
        ensure!(sent.status().is_success(), "{fault}: {}", sent.status());
        Ok(())
    }

    /// Mails to this address that came after another one, oldest first; all people's for an empty address.
    pub async fn mails_after(&self, to: &str, after: u64) -> Result<Vec<Mail>> {
        self.read("/mail", &[("to", to), ("after", &after.to_string())]).await
    }

    /// Mails to this address, oldest first.
    pub async fn mails(&self, to: &str) -> Result<Vec<Mail>> {
        self.mails_after(to, 0).await
    }

    /// The newest mail to this address that is the one wanted, as soon as it is there.
    pub async fn mail(&self, to: &str, what: &str, wanted: impl Fn(&Mail) -> bool) -> Result<Mail> {
        eventually(&format!("{what} to {to}"), self.pace, async || {
            let mails = self.mails(to).await?;
            let missing = format!("{} other mails came", mails.len());
            Ok(Seen::found(mails.into_iter().rev().find(&wanted), &missing))
        })
        .await
    }

    /// The newest mail to this address that has a code, and the code's six digits.
    pub async fn code(&self, to: &str) -> Result<(Mail, String)> {
        let mail = self.mail(to, "a mail with a code", |mail| six_digits(&mail.text).is_some()).await?;
        let code = six_digits(&mail.text).context("the code is gone")?;
        Ok((mail, code))
    }

    /// The spans of a trace that have arrived so far.
    pub async fn spans(&self, trace: &str) -> Result<Vec<Span>> {
        self.read(&format!("/control/traces/{trace}"), &[]).await
    }
}

/// The first run of exactly six digits.
fn six_digits(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_among_other_numbers() {
        assert_eq!(six_digits("Код 048213 действует 15 минут, © 2026"), Some("048213".to_owned()));
        assert_eq!(six_digits("12345 и 1234567"), None);
    }

    #[test]
    fn a_card_is_shown_by_its_last_digits() {
        assert_eq!(Card::Good.masked(), "••••••••••••0013");
    }
}
