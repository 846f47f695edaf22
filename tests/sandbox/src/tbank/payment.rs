//! A payment at the bank: its statuses and what moves it. Pure; the callers know the time and tell others.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// Tries at the hosted page before a payment is given up.
const TRIES: u32 = 3;

/// Where a payment stands, in the bank's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    New,
    FormShowed,
    #[serde(rename = "3DS_CHECKING")]
    ThreeDsChecking,
    Authorized,
    Confirmed,
    Canceled,
    Reversed,
    PartialReversed,
    PartialRefunded,
    Refunded,
    Rejected,
    AuthFail,
    AttemptsExpired,
    DeadlineExpired,
}

impl Status {
    /// The name in requests and notifications.
    pub(crate) fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// A refused card, a wrong state: the bank's code and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Declined {
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

pub(crate) const WRONG_STATE: Declined =
    Declined { code: "8", message: "Неверный статус транзакции." };
pub(crate) const TOO_MUCH: Declined =
    Declined { code: "330", message: "Сумма превышает сумму исходной операции." };

/// What a payer typed into the hosted page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Card {
    Good,
    /// Asks for a code first.
    Challenge,
    NotAuthenticated,
    NoFunds,
    Rejected,
}

impl Card {
    /// The bank's public test cards; any other number is refused as unknown.
    pub(crate) fn of(number: &str) -> Option<Self> {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        match digits.as_str() {
            "2201382000000013" | "2200770239097761" | "2201382000000039" => Some(Self::Good),
            "2201382000000047" => Some(Self::Challenge),
            "2201382000000021" => Some(Self::NotAuthenticated),
            "2201382000000831" => Some(Self::NoFunds),
            "2201382000000005" => Some(Self::Rejected),
            _ => None,
        }
    }
}

/// What is remembered of a payment.
#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) id: u64,
    /// The request that opened it, as it came.
    pub(crate) init: Map<String, Value>,
    pub(crate) amount: i64,
    pub(crate) refunded: i64,
    pub(crate) status: Status,
    pub(crate) error: Option<Declined>,
    pub(crate) pan: String,
    pub(crate) due: OffsetDateTime,
    tries: u32,
    /// Cancels by their ExternalRequestId, so that a repetition has no effect.
    cancels: BTreeMap<String, i64>,
}

impl Payment {
    pub(crate) fn new(id: u64, init: Map<String, Value>, amount: i64, due: OffsetDateTime) -> Self {
        let cancels = BTreeMap::new();
        Self {
            id,
            init,
            amount,
            refunded: 0,
            status: Status::New,
            error: None,
            pan: String::new(),
            due,
            tries: 0,
            cancels,
        }
    }

    /// A text of the request that opened it.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.init.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// What of the amount is neither given back nor given up, in kopecks.
    pub(crate) fn left(&self) -> i64 {
        if self.status == Status::Canceled { 0 } else { self.amount - self.refunded }
    }

    /// Whether the hosted page may still take a card.
    pub(crate) fn is_open(&self) -> bool {
        use Status::{AuthFail, FormShowed, New, Rejected, ThreeDsChecking};
        matches!(self.status, New | FormShowed | ThreeDsChecking)
            || (matches!(self.status, Rejected | AuthFail) && self.tries < TRIES)
    }

    /// The payer looks at the hosted page.
    pub(crate) fn show(&mut self) {
        if self.status == Status::New {
            self.status = Status::FormShowed;
        }
    }

    /// Lets an untouched link expire. Says whether it did just now.
    pub(crate) fn expire(&mut self, now: OffsetDateTime) -> bool {
        let expires = now >= self.due && self.is_open();
        if expires {
            self.status = Status::DeadlineExpired;
        }
        expires
    }

    /// The payer tries a card. Answers the statuses that the merchant is notified of; none while a code is awaited.
    pub(crate) fn pay(&mut self, card: Card, pan: String, code_given: bool) -> Result<Vec<Status>, Declined> {
        if !self.is_open() {
            return Err(WRONG_STATE);
        }
        self.pan = pan;
        match card {
            Card::Challenge if !code_given => {
                self.status = Status::ThreeDsChecking;
                Ok(Vec::new())
            }
            Card::Good | Card::Challenge => {
                self.error = None;
                if self.field("PayType") == "T" {
                    self.status = Status::Authorized;
                    return Ok(vec![Status::Authorized]);
                }
                self.status = Status::Confirmed;
                Ok(vec![Status::Authorized, Status::Confirmed])
            }
            Card::NoFunds => Ok(self.refuse(Status::Rejected, "1051", "Недостаточно средств на карте.")),
            Card::Rejected => Ok(self.refuse(Status::Rejected, "1005", "Операция отклонена банком.")),
            Card::NotAuthenticated => Ok(self.refuse(Status::AuthFail, "101", "Не пройдена идентификация 3DS.")),
        }
    }

    fn refuse(&mut self, status: Status, code: &'static str, message: &'static str) -> Vec<Status> {
        self.tries += 1;
        self.error = Some(Declined { code, message });
        self.status = if self.tries < TRIES { status } else { Status::AttemptsExpired };
        vec![Status::Rejected]
    }

    /// Takes what is held on a two-stage terminal.
    pub(crate) fn confirm(&mut self, amount: Option<i64>) -> Result<Vec<Status>, Declined> {
        if self.status != Status::Authorized {
            return Err(WRONG_STATE);
        }
        let amount = amount.unwrap_or(self.amount);
        if amount <= 0 || amount > self.amount {
            return Err(TOO_MUCH);
        }
        self.amount = amount;
        self.status = Status::Confirmed;
        Ok(vec![Status::Confirmed])
    }

    /// Gives back or gives up. Answers the statuses to notify of; a repeated `request` changes nothing.
    pub(crate) fn cancel(&mut self, amount: Option<i64>, request: &str) -> Result<Vec<Status>, Declined> {
        if self.cancels.contains_key(request) {
            return Ok(Vec::new());
        }
        let left = self.left();
        let wanted = amount.unwrap_or(left);
        let next = match self.status {
            Status::New | Status::FormShowed => Status::Canceled,
            _ if wanted <= 0 || wanted > left => return Err(TOO_MUCH),
            Status::Authorized | Status::PartialReversed if wanted == left => Status::Reversed,
            Status::Authorized | Status::PartialReversed => Status::PartialReversed,
            Status::Confirmed | Status::PartialRefunded if wanted == left => Status::Refunded,
            Status::Confirmed | Status::PartialRefunded => Status::PartialRefunded,
            _ => return Err(WRONG_STATE),
        };
        if next != Status::Canceled {
            self.refunded += wanted;
        }
        self.status = next;
        if !request.is_empty() {
            self.cancels.insert(request.to_owned(), wanted);
        }
        Ok(vec![next])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn payment() -> Payment {
        Payment::new(1, Map::new(), 149_000, datetime!(2026-03-03 09:00 UTC))
    }

    #[test]
    fn a_declined_card_may_be_followed_by_a_good_one_on_the_same_payment() {
        let mut payment = payment();
        assert_eq!(payment.pay(Card::NoFunds, "*".into(), false).unwrap(), [Status::Rejected]);
        assert!(payment.is_open());
        assert_eq!(payment.pay(Card::Good, "*".into(), false).unwrap(), [Status::Authorized, Status::Confirmed]);
        assert_eq!(payment.pay(Card::Good, "*".into(), false), Err(WRONG_STATE));
    }

    #[test]
    fn three_declined_cards_end_a_payment() {
        let mut payment = payment();
        for _ in 0..3 {
            payment.pay(Card::Rejected, "*".into(), false).unwrap();
        }
        assert_eq!(payment.status, Status::AttemptsExpired);
        assert!(!payment.is_open());
    }

    #[test]
    fn a_challenge_waits_for_the_code() {
        let mut payment = payment();
        assert!(payment.pay(Card::Challenge, "*".into(), false).unwrap().is_empty());
        assert_eq!(payment.status.name(), "3DS_CHECKING");
        payment.pay(Card::Challenge, "*".into(), true).unwrap();
        assert_eq!(payment.status, Status::Confirmed);
    }

    #[test]
    fn a_repeated_cancel_gives_back_once_and_never_more_than_was_paid() {
        let mut payment = payment();
        payment.pay(Card::Good, "*".into(), false).unwrap();
        assert_eq!(payment.cancel(Some(149_001), "r0"), Err(TOO_MUCH));
        assert_eq!(payment.cancel(Some(100_000), "r1").unwrap(), [Status::PartialRefunded]);
        assert!(payment.cancel(Some(100_000), "r1").unwrap().is_empty());
        assert_eq!(payment.refunded, 100_000);
        assert_eq!(payment.cancel(None, "r2").unwrap(), [Status::Refunded]);
        assert_eq!(payment.cancel(None, "r3"), Err(TOO_MUCH));
    }

    #[test]
    fn an_unused_link_expires_and_a_used_one_does_not() {
        let (mut unused, mut used) = (payment(), payment());
        used.pay(Card::Good, "*".into(), false).unwrap();
        let late = datetime!(2026-03-04 09:00 UTC);
        assert!(unused.expire(late) && !unused.expire(late));
        assert!(!used.expire(late));
    }
}
