//! Money on its way back, with the same discipline as an attempt: written down, sent, asked for when the answer is
//! lost.

use time::OffsetDateTime;
use values::{Money, Text};

use super::{
    AttemptId, Failure, OrderId, RefundId, Refusal,
    attempt::Attempt,
    order::{self, Order},
    report::Status,
};

/// Why somebody wants it, for the file.
pub type Reason = Text<1, 500>;

/// One refund of one payment, or of an order that was paid with nothing.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Refund {
    #[record(name = "refund_id")]
    pub id: RefundId,
    #[record(name = "order_id")]
    pub order: OrderId,
    /// The payment whose money goes back; none where nothing was paid.
    #[record(name = "attempt_id")]
    pub attempt: Option<AttemptId>,
    #[record(flatten)]
    pub amount: Money,
    pub cause: Cause,
    pub reason: String,
    #[record(flatten)]
    pub state: State,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// What it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
pub enum Cause {
    /// Somebody of the school decided it.
    Requested,
    /// The money was not owed (any more); nobody had to decide.
    Overpaid,
    /// It went back without us: somebody used the provider's console, or the bank did it.
    Provider,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Record)]
pub enum State {
    /// Written down; perhaps sent, perhaps under way.
    Pending,
    /// The provider's answer was lost.
    Unknown,
    Succeeded,
    Failed(#[record(name = "failure")] Failure),
}

impl State {
    /// Why it failed.
    pub const fn failure(self) -> Option<Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// Whether it is over.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed(_))
    }
}

/// What a provider's answer means for a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing has been given back yet: send it (once more), under the same id.
    Send(Refund),
    /// Under way; ask later.
    Waits(Refund),
    Succeeded(Refund),
    Refused(Refund),
    /// It is over already.
    Ignored,
}

impl Refund {
    /// Gives back all of an order that somebody decided to refund. `paid_by` is the attempt that settled it, none where
    /// it was free.
    pub fn requested(
        id: RefundId,
        order: &Order,
        paid_by: Option<&Attempt>,
        amount: Option<Money>,
        reason: Reason,
        now: OffsetDateTime,
    ) -> Result<Self, Refusal> {
        if order.state != order::State::Paid {
            return Err(Refusal::OrderNotRefundable { state: order.state.as_str() });
        }
        let total = order.amounts.total;
        if amount.is_some_and(|amount| amount != total) {
            return Err(Refusal::RefundNotWhole { minor: total.minor(), currency: total.currency() });
        }
        Ok(Self {
            id,
            order: order.id,
            attempt: paid_by.map(|attempt| attempt.id),
            amount: total,
            cause: Cause::Requested,
            reason: reason.into_string(),
            state: State::Pending,
            created_at: now,
            updated_at: now,
        })
    }

    /// Gives back what an attempt took though nothing was owed.
    pub fn overpaid(id: RefundId, attempt: &Attempt, now: OffsetDateTime) -> Self {
        Self {
            id,
            order: attempt.order,
            attempt: Some(attempt.id),
            amount: attempt.amount,
            cause: Cause::Overpaid,
            reason: "The order needed no more money.".into(),
            state: State::Pending,
            created_at: now,
            updated_at: now,
        }
    }

    /// Writes down what went back without us.
    pub fn by_provider(id: RefundId, attempt: &Attempt, now: OffsetDateTime) -> Self {
        let reason = "Given back at the provider.".into();
        Self { cause: Cause::Provider, reason, state: State::Succeeded, ..Self::overpaid(id, attempt, now) }
    }

    /// The provider's answer was lost.
    #[must_use]
    pub fn lost(self) -> Self {
        match self.state {
            State::Pending => Self { state: State::Unknown, ..self },
            _ => self,
        }
    }

    /// Takes the provider's answer about the payment's state.
    pub fn apply(self, status: Status) -> Outcome {
        if self.state.is_over() {
            return Outcome::Ignored;
        }
        match status {
            Status::Returned => Outcome::Succeeded(self.succeeded()),
            Status::Captured | Status::Open => Outcome::Send(Self { state: State::Pending, ..self }),
            Status::Returning => Outcome::Waits(Self { state: State::Pending, ..self }),
            // We never give back a part; whoever did has to sort it out with the provider.
            Status::PartlyReturned => Outcome::Refused(self.refused(Failure::ShopSetup)),
            Status::Failed(failure) => Outcome::Refused(self.refused(failure)),
        }
    }

    /// Nothing had to be sent, or the provider has done it.
    #[must_use]
    pub fn succeeded(self) -> Self {
        if self.state.is_over() { self } else { Self { state: State::Succeeded, ..self } }
    }

    /// The provider refused. What somebody asked for fails by it, and may be asked for once more; money that is not
    /// ours goes on being sent back, because nobody else will think of it.
    #[must_use]
    pub fn refused(self, failure: Failure) -> Self {
        match (self.state.is_over(), self.cause) {
            (true, _) => self,
            (false, Cause::Overpaid) => Self { state: State::Pending, ..self },
            (false, Cause::Requested | Cause::Provider) => Self { state: State::Failed(failure), ..self },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;
    use values::{Currency, Id};

    const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    fn refund(state: State) -> Refund {
        Refund {
            id: Id::new(NOW),
            order: Id::new(NOW),
            attempt: Some(Id::new(NOW)),
            amount: Money::new(149_000, Currency::RUB),
            cause: Cause::Requested,
            reason: "Ill".into(),
            state,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    #[test]
    fn a_lost_refund_is_asked_for_before_it_is_sent_once_more() {
        let lost = refund(State::Pending).lost();
        assert_eq!(lost.state, State::Unknown);
        assert!(matches!(lost.clone().apply(Status::Returned), Outcome::Succeeded(r) if r.state == State::Succeeded));
        assert!(matches!(lost.clone().apply(Status::Captured), Outcome::Send(r) if r.state == State::Pending));
        assert!(matches!(lost.apply(Status::Returning), Outcome::Waits(_)));
    }

    #[test]
    fn money_that_is_not_ours_goes_on_being_sent_back() {
        let overpaid = Refund { cause: Cause::Overpaid, ..refund(State::Pending) };
        assert_eq!(overpaid.refused(Failure::ShopSetup).state, State::Pending);
        assert_eq!(refund(State::Pending).refused(Failure::ShopSetup).state, State::Failed(Failure::ShopSetup));
    }

    #[test]
    fn a_refund_that_is_over_stays_so() {
        for over in [State::Succeeded, State::Failed(Failure::Declined)] {
            for status in [Status::Returned, Status::Captured, Status::Returning, Status::PartlyReturned] {
                assert_eq!(refund(over).apply(status), Outcome::Ignored);
            }
            assert_eq!(refund(over).lost().state, over);
            assert_eq!(refund(over).succeeded().state, over);
            assert_eq!(refund(over).refused(Failure::ShopSetup).state, over);
        }
    }
}
