//! One try to pay an intent at one provider, and what a provider's report changes in it.
//!
//! The rules: failed → succeeded is legal, the reverse is not; what is over ignores what comes late; a report that does
//! not fit is never a success; an attempt whose answer was lost is unknown until the provider has been asked.

use time::{Duration, OffsetDateTime};
use values::Money;

use super::{
    AttemptId, Failure, IntentId, OrderId, Refusal,
    report::{Mismatch, Report, Status},
};

/// How many tries one order gets.
pub const MAX_PER_ORDER: usize = 20;

/// A provider that does not know an attempt this long after it was sent will not get it any more.
pub const KNOWN_WITHIN: Duration = Duration::seconds(60);

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Attempt {
    #[record(name = "attempt_id")]
    pub id: AttemptId,
    #[record(name = "intent_id")]
    pub intent: IntentId,
    #[record(name = "order_id")]
    pub order: OrderId,
    pub provider: Provider,
    pub method: Method,
    #[record(flatten)]
    pub amount: Money,
    /// The provider's own id of the payment, as soon as it is known.
    pub payment: Option<String>,
    /// Where the payer pays.
    pub page: Option<String>,
    /// Where the provider sends the payer back to.
    #[record(flatten)]
    pub back: Back,
    #[record(flatten)]
    pub state: State,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// Through whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, values::Named)]
pub enum Provider {
    #[default]
    Tbank,
}

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, values::Named)]
pub enum Method {
    #[default]
    HostedPage,
}

/// Addresses of our own pages.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Back {
    #[record(name = "success_url")]
    pub success: String,
    #[record(name = "fail_url")]
    pub fail: String,
}

/// Where a try stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Record)]
pub enum State {
    /// Written down; the provider has not answered yet. After a crash it may have got the call or not.
    Created,
    /// The provider waits for the payer.
    Pending,
    /// The provider's answer was lost.
    Unknown,
    Failed(#[record(name = "detail")] Failure),
    /// Paid the intent.
    Succeeded,
    /// Paid, though nothing was owed any more; the money goes back.
    Overpaid,
    /// The provider's report does not fit what was asked for; a person has to look.
    Mismatched(#[record(name = "detail")] Mismatch),
    /// Paid and given back.
    Refunded,
}

impl State {
    /// Whether the provider may still have something to say that we do not know.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Created | Self::Pending | Self::Unknown)
    }
}

/// Captured money of an attempt, before the intent has said what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured(Attempt);

impl Captured {
    pub(super) fn settling(self) -> Attempt {
        Attempt { state: State::Succeeded, ..self.0 }
    }

    pub(super) fn surplus(self) -> Attempt {
        Attempt { state: State::Overpaid, ..self.0 }
    }
}

/// What a report means for an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Goes on, or goes on being asked for.
    Waits(Attempt),
    Captured(Captured),
    Failed(Attempt),
    /// The money went back: by our refund, or by somebody at the provider. `was` tells which money it was.
    Returned {
        attempt: Attempt,
        was: State,
    },
    Mismatched(Attempt, Mismatch),
    /// Nothing new, or too late to matter.
    Ignored,
}

/// Refuses one more attempt while it is not known what became of another, or when there were too many.
pub fn admit(earlier: &[Attempt]) -> Result<(), Refusal> {
    if earlier.iter().any(|attempt| matches!(attempt.state, State::Created | State::Unknown)) {
        return Err(Refusal::PaymentUnresolved);
    }
    if earlier.len() >= MAX_PER_ORDER {
        return Err(Refusal::TooManyPayments);
    }
    Ok(())
}

impl Attempt {
    /// The provider took the order to pay and said where its page is. It may have happened more since.
    #[must_use]
    pub fn started(self, payment: String, page: String) -> Self {
        let state = match self.state {
            State::Created | State::Unknown | State::Failed(Failure::ProviderUnavailable) => State::Pending,
            further => further,
        };
        Self { payment: self.payment.or(Some(payment)), page: Some(page), state, ..self }
    }

    /// The provider's answer was lost.
    #[must_use]
    pub fn lost(self) -> Self {
        match self.state {
            State::Created => Self { state: State::Unknown, ..self },
            _ => self,
        }
    }

    /// The provider refused the order to pay, or never got it; only an attempt that nothing else is known of fails by
    /// it.
    #[must_use]
    pub fn not_started(self, failure: Failure) -> Self {
        match self.state {
            State::Created | State::Unknown => Self { state: State::Failed(failure), ..self },
            _ => self,
        }
    }

    /// Whether the provider is certain never to have got it, so that sending it once more starts it only once.
    pub fn is_unsent(&self) -> bool {
        self.state == State::Failed(Failure::ProviderUnavailable)
    }

    /// Sends an attempt once more that the provider never got.
    #[must_use]
    pub fn resent(self) -> Self {
        if self.is_unsent() { Self { state: State::Created, ..self } } else { self }
    }

    /// The provider, asked, does not know it. An answer that comes early is not believed yet: the call may be under
    /// way.
    #[must_use]
    pub fn unknown_to_provider(self, now: OffsetDateTime) -> Self {
        if self.payment.is_some() || now - self.updated_at < KNOWN_WITHIN {
            return self;
        }
        self.not_started(Failure::NotStarted)
    }

    /// An answer that has not come by now is lost: whoever waited for it waits no more.
    #[must_use]
    pub fn overdue(self, now: OffsetDateTime) -> Self {
        if now - self.updated_at < KNOWN_WITHIN { self } else { self.lost() }
    }

    /// Takes the provider's answer.
    pub fn apply(self, report: &Report) -> Outcome {
        if let Some(mismatch) = report.mismatch(self.id, self.amount) {
            return self.doubt(mismatch);
        }
        let attempt = Self { payment: self.payment.or_else(|| Some(report.payment.clone())), ..self };
        match (attempt.state, report.status) {
            (State::Mismatched(_) | State::Refunded, _) => Outcome::Ignored,
            (was @ (State::Succeeded | State::Overpaid), Status::Returned) => {
                Outcome::Returned { attempt: Self { state: State::Refunded, ..attempt }, was }
            }
            (State::Succeeded | State::Overpaid, _) => Outcome::Ignored,
            (_, Status::Captured) => Outcome::Captured(Captured(attempt)),
            (State::Failed(_), _) => Outcome::Ignored,
            (_, Status::Failed(failure)) => Outcome::Failed(Self { state: State::Failed(failure), ..attempt }),
            // Taken and given back between two looks: for us it never was paid.
            (_, Status::Returned) => Outcome::Failed(Self { state: State::Failed(Failure::Cancelled), ..attempt }),
            // The provider waits for a payer who was never told where to pay.
            (State::Created | State::Unknown, Status::Open) if attempt.page.is_none() => attempt.without_page(),
            (_, Status::Open) => Outcome::Waits(Self { state: State::Pending, ..attempt }),
            (_, Status::Returning | Status::PartlyReturned) => Outcome::Waits(attempt),
        }
    }

    /// An answer that is on its way may still bring the page's address; one that was lost will not.
    fn without_page(self) -> Outcome {
        match self.state {
            State::Unknown => Outcome::Failed(Self { state: State::Failed(Failure::PageLost), ..self }),
            _ => Outcome::Waits(self),
        }
    }

    fn doubt(self, mismatch: Mismatch) -> Outcome {
        match self.state {
            // What was counted once is not uncounted by a strange report; the flow says it loudly all the same.
            State::Succeeded | State::Overpaid | State::Refunded => Outcome::Ignored,
            State::Mismatched(_) => Outcome::Ignored,
            _ => Outcome::Mismatched(Self { state: State::Mismatched(mismatch), ..self }, mismatch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::intent::{Intent, Taken};
    use time::macros::datetime;
    use values::{Currency, Id};

    const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    fn roubles(minor: i64) -> Money {
        Money::new(minor, Currency::RUB)
    }

    fn attempt(state: State) -> Attempt {
        Attempt {
            id: Id::new(NOW),
            intent: Id::new(NOW),
            order: Id::new(NOW),
            provider: Provider::Tbank,
            method: Method::HostedPage,
            amount: roubles(149_000),
            payment: Some("13660000001".into()),
            page: Some("https://pay.example/1".into()),
            back: Back { success: "https://school.example/".into(), fail: "https://school.example/".into() },
            state,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn report(attempt: &Attempt, status: Status) -> Report {
        Report {
            payment: "13660000001".into(),
            attempt: Some(attempt.id),
            our_shop: true,
            amount: attempt.amount,
            status,
        }
    }

    fn outcome(state: State, status: Status) -> Outcome {
        let attempt = attempt(state);
        let report = report(&attempt, status);
        attempt.apply(&report)
    }

    const DECLINED: Status = Status::Failed(Failure::Declined);

    #[test]
    fn a_success_counts_from_every_state_that_is_not_over() {
        for state in [
            State::Created,
            State::Pending,
            State::Unknown,
            State::Failed(Failure::Declined),
            State::Failed(Failure::NotStarted),
        ] {
            assert!(matches!(outcome(state, Status::Captured), Outcome::Captured(_)), "{state:?}");
        }
    }

    #[test]
    fn nothing_undoes_a_success_but_the_money_going_back() {
        for state in [State::Succeeded, State::Overpaid] {
            for late in [DECLINED, Status::Open, Status::Captured, Status::Returning, Status::PartlyReturned] {
                assert_eq!(outcome(state, late), Outcome::Ignored, "{state:?} {late:?}");
            }
            assert!(matches!(outcome(state, Status::Returned), Outcome::Returned { was, .. } if was == state));
        }
    }

    #[test]
    fn what_is_over_stays_so() {
        for state in [State::Refunded, State::Mismatched(Mismatch::Amount)] {
            for late in [DECLINED, Status::Open, Status::Captured, Status::Returned] {
                assert_eq!(outcome(state, late), Outcome::Ignored, "{state:?} {late:?}");
            }
        }
        assert_eq!(outcome(State::Failed(Failure::Declined), Status::Open), Outcome::Ignored);
    }

    #[test]
    fn a_report_that_does_not_fit_is_never_a_success() {
        let asked = attempt(State::Pending);
        let fits = report(&asked, Status::Captured);
        for (wrong, mismatch) in [
            (Report { amount: roubles(1), ..fits.clone() }, Mismatch::Amount),
            (Report { amount: Money::new(149_000, Currency::parse("USD").unwrap()), ..fits.clone() }, Mismatch::Amount),
            (Report { attempt: Some(Id::new(NOW)), ..fits.clone() }, Mismatch::Attempt),
            (Report { attempt: None, ..fits.clone() }, Mismatch::Attempt),
            (Report { our_shop: false, ..fits }, Mismatch::Shop),
        ] {
            let Outcome::Mismatched(doubtful, found) = asked.clone().apply(&wrong) else {
                panic!("{wrong:?} was believed")
            };
            assert_eq!((doubtful.state, found), (State::Mismatched(mismatch), mismatch));
            let paid = Attempt { state: State::Succeeded, ..asked.clone() };
            assert_eq!(paid.apply(&wrong), Outcome::Ignored);
        }
    }

    #[test]
    fn the_second_capture_of_an_intent_is_surplus() {
        let (first, second) = (attempt(State::Pending), attempt(State::Failed(Failure::Declined)));
        let intent = Intent::owed(first.intent, first.order, first.amount);
        let (first_report, second_report) = (report(&first, Status::Captured), report(&second, Status::Captured));
        let Outcome::Captured(captured) = first.apply(&first_report) else { panic!() };
        let Taken::Settled(intent, paid) = intent.take(captured) else { panic!() };
        assert_eq!(paid.state, State::Succeeded);
        let Outcome::Captured(captured) = second.apply(&second_report) else { panic!() };
        let Taken::Surplus(surplus) = intent.take(captured) else { panic!() };
        assert_eq!(surplus.state, State::Overpaid);
    }

    #[test]
    fn money_for_what_is_not_owed_any_more_is_surplus() {
        let late = attempt(State::Pending);
        let intent = Intent::owed(late.intent, late.order, late.amount).release();
        let report = report(&late, Status::Captured);
        let Outcome::Captured(captured) = late.apply(&report) else { panic!() };
        assert!(matches!(intent.take(captured), Taken::Surplus(_)));
    }

    #[test]
    fn a_lost_answer_is_not_a_failure() {
        let lost = attempt(State::Created).lost();
        assert_eq!(lost.state, State::Unknown);
        assert_eq!(admit(std::slice::from_ref(&lost)), Err(Refusal::PaymentUnresolved));
    }

    #[test]
    fn a_provider_that_does_not_know_it_is_believed_only_after_a_while() {
        let lost = Attempt { payment: None, page: None, ..attempt(State::Unknown) };
        assert_eq!(lost.clone().unknown_to_provider(NOW + Duration::seconds(5)).state, State::Unknown);
        assert_eq!(lost.unknown_to_provider(NOW + KNOWN_WITHIN).state, State::Failed(Failure::NotStarted));
        let known = attempt(State::Pending);
        assert_eq!(known.clone().unknown_to_provider(NOW + Duration::days(1)), known);
    }

    #[test]
    fn a_page_whose_address_was_lost_is_given_up() {
        let lost = Attempt { payment: None, page: None, ..attempt(State::Unknown) };
        let open = report(&lost, Status::Open);
        assert!(matches!(lost.apply(&open), Outcome::Failed(a) if a.state == State::Failed(Failure::PageLost)));
        let in_flight = Attempt { payment: None, page: None, ..attempt(State::Created) };
        let open = report(&in_flight, Status::Open);
        assert!(matches!(in_flight.apply(&open), Outcome::Waits(a) if a.state == State::Created));
    }

    #[test]
    fn an_answer_that_nobody_waits_for_any_more_is_lost() {
        assert_eq!(attempt(State::Created).overdue(NOW + Duration::seconds(5)).state, State::Created);
        assert_eq!(attempt(State::Created).overdue(NOW + KNOWN_WITHIN).state, State::Unknown);
        assert_eq!(attempt(State::Pending).overdue(NOW + Duration::days(1)).state, State::Pending);
    }

    #[test]
    fn only_what_the_provider_never_got_is_sent_once_more() {
        assert_eq!(attempt(State::Failed(Failure::ProviderUnavailable)).resent().state, State::Created);
        for state in [State::Unknown, State::Pending, State::Succeeded, State::Failed(Failure::Declined)] {
            assert_eq!(attempt(state).resent().state, state);
        }
    }

    #[test]
    fn an_answer_that_comes_after_the_payment_does_not_turn_it_back() {
        let paid = Attempt { page: None, ..attempt(State::Succeeded) };
        let started = paid.started("13660000001".into(), "https://pay.example/1".into());
        assert_eq!(started.state, State::Succeeded);
        assert!(started.page.is_some());
        assert_eq!(attempt(State::Succeeded).lost().state, State::Succeeded);
        assert_eq!(attempt(State::Pending).not_started(Failure::Declined).state, State::Pending);
    }

    #[test]
    fn states_are_stored_by_names_that_stay() {
        let states = [
            State::Created,
            State::Pending,
            State::Unknown,
            State::Failed(Failure::InsufficientFunds),
            State::Succeeded,
            State::Overpaid,
            State::Mismatched(Mismatch::Shop),
            State::Refunded,
        ];
        let names = ["created", "pending", "unknown", "failed", "succeeded", "overpaid", "mismatched", "refunded"];
        assert_eq!(states.map(|state| state.as_str()), names);
    }
}
