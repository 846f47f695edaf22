//! The seam to payment providers: what every one of them can do, in words that none of them owns.
//!
//! Another provider is another file here. Nothing in a provider decides what its answers mean for an order: that is the
//! law's.

pub mod tbank;

use std::{collections::BTreeMap, fmt, sync::Arc};

use futures::future::BoxFuture;
use values::{Language, Money};

use crate::domain::{Attempt, AttemptId, Failure, RefundId, Refusal, Report, Status, attempt};

/// What every provider can do. Calls go out, so none may be made inside a transaction.
pub trait Provider: fmt::Debug + Send + Sync {
    /// Refuses an amount that the provider does not take.
    fn accept(&self, amount: Money) -> Result<(), Refusal>;

    /// Orders a page on which the payer pays. The attempt must be committed before.
    fn start<'a>(&'a self, start: &'a Start) -> BoxFuture<'a, Result<Started, Trouble>>;

    /// Asks where a payment stands; none when the provider does not know it.
    fn ask<'a>(&'a self, payment: &'a Payment) -> BoxFuture<'a, Result<Option<Report>, Trouble>>;

    /// Gives all the money of a payment back. Repeating it under the same id has no second effect.
    fn refund<'a>(&'a self, refund: &'a Refund) -> BoxFuture<'a, Result<Status, Trouble>>;

    /// Reads a notification and checks that the provider wrote it.
    fn read(&self, body: &[u8], headers: &BTreeMap<String, String>) -> Result<Notification, NotBelieved>;

    /// What the provider wants to read so that it does not repeat a notification.
    fn acknowledge(&self) -> Reply;
}

/// An attempt as a provider is asked to start it.
#[derive(Debug, Clone)]
pub struct Start {
    pub attempt: Attempt,
    /// What the payer reads.
    pub description: String,
    pub language: Language,
    /// When nobody may pay any more.
    pub until: time::OffsetDateTime,
}

/// A page to pay on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The provider's id of the payment.
    pub payment: String,
    pub page: String,
}

/// By what a provider knows a payment: its own id, or ours while its own was lost.
#[derive(Debug, Clone)]
pub struct Payment {
    pub attempt: AttemptId,
    pub payment: Option<String>,
}

/// A refund as a provider is asked for it.
#[derive(Debug, Clone)]
pub struct Refund {
    pub id: RefundId,
    pub payment: String,
    pub amount: Money,
}

/// Why a call gave no answer that can be used. The difference between them decides what may be done next.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The provider understood and refused: nothing happened.
    #[error("the provider refused with code {code}")]
    Refused { failure: Failure, code: String },
    /// The provider was never reached: nothing happened.
    #[error("the provider could not be reached")]
    NotReached(#[source] anyhow::Error),
    /// Anything may have happened: ask.
    #[error("the provider's answer was lost")]
    Lost(#[source] anyhow::Error),
}

/// What a genuine notification is about. It proves nothing: where the payment stands, the provider is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notification {
    /// About a payment.
    Payment {
        payment: String,
        /// None where the reference is not one of ours.
        attempt: Option<AttemptId>,
        /// Why it failed, if that is what the notification says; the answer to a question often does not.
        failure: Option<Failure>,
    },
    /// About something else, such as a receipt.
    Other,
}

/// Why a notification is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotBelieved {
    Malformed,
    Forged,
    ForeignShop,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: &'static [u8],
}

impl Reply {
    /// An answer that says nothing but its status.
    pub const fn bare(status: u16) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: b"" }
    }
}

/// The providers that this school uses.
#[derive(Debug, Clone)]
pub struct Providers {
    tbank: Arc<dyn Provider>,
}

impl Providers {
    /// With T-Bank alone, which is also the usual one.
    pub fn new(tbank: Arc<dyn Provider>) -> Self {
        Self { tbank }
    }

    /// The one of this name.
    pub fn get(&self, name: attempt::Provider) -> &dyn Provider {
        match name {
            attempt::Provider::Tbank => &*self.tbank,
        }
    }
}
