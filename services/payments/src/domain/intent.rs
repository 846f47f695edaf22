//! What is owed for an order, apart from the tries to pay it: a subscription's invoice will owe in the same way.

use values::Money;

use super::{
    AttemptId, IntentId, OrderId,
    attempt::{Attempt, Captured},
};

/// What is owed, once, whatever the number of tries.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Intent {
    #[record(name = "intent_id")]
    pub id: IntentId,
    #[record(name = "order_id")]
    pub order: OrderId,
    #[record(flatten)]
    pub amount: Money,
    #[record(flatten)]
    pub state: State,
}

/// Whether it is owed still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Record)]
pub enum State {
    Owed,
    /// Paid by this attempt, and by no other.
    Settled(#[record(name = "settled_by")] AttemptId),
    /// Nobody owes it any more: the order was cancelled or expired.
    Released,
}

/// What captured money did to the intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It paid what was owed.
    Settled(Intent, Attempt),
    /// It was not owed (any more) and has to go back.
    Surplus(Attempt),
}

impl Intent {
    /// What an order owes when it is placed.
    pub fn owed(id: IntentId, order: OrderId, amount: Money) -> Self {
        Self { id, order, amount, state: State::Owed }
    }

    /// Takes money that a provider captured: the first settles, all other is surplus.
    pub fn take(self, captured: Captured) -> Taken {
        match self.state {
            State::Owed => {
                let attempt = captured.settling();
                Taken::Settled(Self { state: State::Settled(attempt.id), ..self }, attempt)
            }
            State::Settled(_) | State::Released => Taken::Surplus(captured.surplus()),
        }
    }

    /// Nothing is owed any more; what is settled stays settled.
    pub fn release(self) -> Self {
        match self.state {
            State::Owed => Self { state: State::Released, ..self },
            State::Settled(_) | State::Released => self,
        }
    }
}
