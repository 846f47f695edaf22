//! What a provider says about a payment when it is asked, in words that no provider owns.

use values::Money;

use super::{AttemptId, Failure};

/// A provider's answer about one payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The provider's own id of the payment.
    pub payment: String,
    /// The attempt it says the payment is for; none where the reference is not one of ours.
    pub attempt: Option<AttemptId>,
    /// Whether it speaks of the shop that we are.
    pub our_shop: bool,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub status: Status,
}

/// Where a payment stands at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Waits for the payer, the bank or the provider.
    Open,
    /// The money was taken.
    Captured,
    /// It ended without money.
    Failed(Failure),
    /// Money is on its way back.
    Returning,
    /// All the money was given back.
    Returned,
    /// Some of the money was given back, which we never ask for yet.
    PartlyReturned,
}

/// In what a report differs from what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
pub enum Mismatch {
    Shop,
    Attempt,
    Amount,
}

impl Report {
    /// Holds the report against what was asked for. The amount counts only where money was taken or is about to be.
    pub fn mismatch(&self, attempt: AttemptId, amount: Money) -> Option<Mismatch> {
        if !self.our_shop {
            return Some(Mismatch::Shop);
        }
        if self.attempt != Some(attempt) {
            return Some(Mismatch::Attempt);
        }
        let counts = matches!(self.status, Status::Open | Status::Captured);
        (counts && self.amount != amount).then_some(Mismatch::Amount)
    }
}
