//! Orders: placed, then paid, cancelled or expired; a paid one may be refunded. Nothing else.

use std::str::FromStr;

use time::{Duration, OffsetDateTime};
use values::base32;

use super::{Amounts, AttemptId, OrderId, ProductId, PromoCodeId, Quote, Refusal, UserId, product::Grant};

/// What somebody bought or is about to buy, as it was offered at that moment.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Order {
    #[record(name = "order_id")]
    pub id: OrderId,
    pub number: Number,
    #[record(name = "buyer_id")]
    pub buyer: UserId,
    pub state: State,
    #[record(skip)]
    pub items: Vec<Item>,
    #[record(flatten)]
    pub amounts: Amounts,
    #[record(flatten)]
    pub promo: Option<Promo>,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub paid_at: Option<OffsetDateTime>,
    /// The attempt that paid it; none before, and where nothing had to be paid.
    pub paid_by: Option<AttemptId>,
    pub ended_at: Option<OffsetDateTime>,
    /// Version of the last event about it.
    pub version: i64,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub product: ProductId,
    pub title: String,
    pub amounts: Amounts,
    pub grants: Vec<Grant>,
}

/// The promo code that an order uses.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Promo {
    #[record(name = "promo_code_id")]
    pub id: PromoCodeId,
    #[record(name = "promo_code")]
    pub code: String,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
pub enum State {
    Placed,
    Paid,
    Refunded,
    Cancelled,
    Expired,
}

/// In which order orders are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, values::Named)]
pub enum OrderBy {
    #[default]
    CreatedAtDesc,
    CreatedAt,
}

/// What a buyer places.
#[derive(Debug, Clone)]
pub struct Placing {
    pub buyer: UserId,
    pub title: String,
    pub grants: Vec<Grant>,
    pub quote: Quote,
    pub promo: Option<Promo>,
}

impl Order {
    /// Places an order that holds for `lifetime`.
    pub fn placed(id: OrderId, placing: Placing, lifetime: Duration, now: OffsetDateTime) -> Self {
        let Quote { product, amounts } = placing.quote;
        let item = Item { product, title: placing.title, amounts, grants: placing.grants };
        Self {
            id,
            number: Number::of(id),
            buyer: placing.buyer,
            state: State::Placed,
            items: vec![item],
            amounts,
            promo: placing.promo,
            created_at: now,
            expires_at: now + lifetime,
            paid_at: None,
            paid_by: None,
            ended_at: None,
            version: 1,
        }
    }

    /// The version of one more event about it.
    #[must_use]
    pub fn announced(self) -> Self {
        Self { version: self.version + 1, ..self }
    }

    /// Whether a payment may be started.
    pub fn expect_payable(&self, now: OffsetDateTime) -> Result<(), Refusal> {
        match self.state {
            State::Placed if self.expires_at <= now => Err(Refusal::OrderOverdue { until: self.expires_at }),
            State::Placed => Ok(()),
            over => Err(Refusal::OrderNotPayable { state: over.as_str() }),
        }
    }

    /// Pays it: by an attempt, or with nothing where nothing is owed.
    pub fn paid(self, by: Option<AttemptId>, now: OffsetDateTime) -> Result<Self, Refusal> {
        match self.state {
            State::Placed => Ok(Self { state: State::Paid, paid_at: Some(now), paid_by: by, ..self }.announced()),
            over => Err(Refusal::OrderNotPayable { state: over.as_str() }),
        }
    }

    /// Cancels it for its buyer; doing it twice changes nothing.
    pub fn cancelled(self, now: OffsetDateTime) -> Result<Self, Refusal> {
        match self.state {
            State::Placed => Ok(Self { state: State::Cancelled, ended_at: Some(now), ..self }),
            State::Cancelled => Ok(self),
            over => Err(Refusal::OrderNotCancellable { state: over.as_str() }),
        }
    }

    /// Ends what nobody paid in time; none where that is not (any more) so. `grace` is for payers who started in time.
    pub fn expired(self, grace: Duration, now: OffsetDateTime) -> Option<Self> {
        let due = self.state == State::Placed && self.expires_at + grace <= now;
        due.then_some(Self { state: State::Expired, ended_at: Some(now), ..self })
    }

    /// Ends it after its money went back.
    pub fn refunded(self, now: OffsetDateTime) -> Result<Self, Refusal> {
        match self.state {
            State::Paid => Ok(Self { state: State::Refunded, ended_at: Some(now), ..self }.announced()),
            over => Err(Refusal::OrderNotRefundable { state: over.as_str() }),
        }
    }
}

/// An order's number as people read it aloud, such as `LY-7K2M-9QXD`.
///
/// Forty random bits in an alphabet without I, L, O and U: a number says nothing about how many orders there are or
/// what comes next. They are the last bits of the order's id, which are random in a UUIDv7, so that no second source of
/// chance is needed. Another id is taken where the number is used already; of two at the same moment the database refuses one.
#[derive(Debug, Clone, PartialEq, Eq, values::Column)]
#[column(parse)]
pub struct Number(String);

/// A text that cannot be an order's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number such as LY-7K2M-9QXD")]
pub struct BadNumber;

values::mistake!(BadNumber => Malformed);

impl Number {
    /// The number of an order.
    pub fn of(id: OrderId) -> Self {
        let symbols = base32::of_last_bits(id.uuid(), 8);
        let (left, right) = symbols.split_at(4);
        Self(format!("LY-{left}-{right}"))
    }

    /// Takes what was typed or read out: any case, with or without hyphens, O for zero, I and L for one. None where it
    /// cannot be a number.
    pub fn parse(text: &str) -> Option<Self> {
        let typed = text.trim().to_ascii_uppercase();
        let bare: String =
            typed.strip_prefix("LY").unwrap_or(&typed).chars().filter(|c| !matches!(c, '-' | ' ')).collect();
        let read = bare.chars().map(|c| match c {
            'O' => Some('0'),
            'I' | 'L' => Some('1'),
            c => base32::value(c).map(|_| c),
        });
        let symbols: String = read.collect::<Option<_>>()?;
        let (left, right) = symbols.split_at_checked(4)?;
        (right.len() == 4).then(|| Self(format!("LY-{left}-{right}")))
    }

    /// The number.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Number {
    type Err = BadNumber;

    fn from_str(text: &str) -> Result<Self, BadNumber> {
        Self::parse(text).ok_or(BadNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;
    use values::{Currency, Id, Money};

    const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    fn order() -> Order {
        let price = Money::new(149_000, Currency::RUB);
        let amounts = Amounts { price, discount: Money::new(0, Currency::RUB), total: price };
        let placing = Placing {
            buyer: Id::new(NOW),
            title: "Sewing".into(),
            grants: vec![],
            quote: Quote { product: Id::new(NOW), amounts },
            promo: None,
        };
        Order::placed(Id::new(NOW), placing, Duration::days(1), NOW)
    }

    #[test]
    fn an_order_is_paid_once() {
        let attempt = Id::new(NOW);
        let paid = order().paid(Some(attempt), NOW).unwrap();
        assert_eq!((paid.state, paid.paid_by, paid.version), (State::Paid, Some(attempt), 2));
        assert_eq!(paid.paid(Some(attempt), NOW), Err(Refusal::OrderNotPayable { state: "paid" }));
    }

    #[test]
    fn what_is_over_cannot_be_paid_and_what_is_paid_cannot_be_cancelled() {
        let cancelled = order().cancelled(NOW).unwrap();
        assert_eq!(cancelled.clone().cancelled(NOW), Ok(cancelled.clone()));
        assert_eq!(cancelled.paid(None, NOW), Err(Refusal::OrderNotPayable { state: "cancelled" }));
        let paid = order().paid(None, NOW).unwrap();
        assert_eq!(paid.clone().cancelled(NOW), Err(Refusal::OrderNotCancellable { state: "paid" }));
        assert_eq!(paid.expired(Duration::ZERO, NOW + Duration::days(9)), None);
    }

    #[test]
    fn only_a_paid_order_is_refunded_and_only_once() {
        assert_eq!(order().refunded(NOW), Err(Refusal::OrderNotRefundable { state: "placed" }));
        let refunded = order().paid(None, NOW).unwrap().refunded(NOW).unwrap();
        assert_eq!(refunded.refunded(NOW), Err(Refusal::OrderNotRefundable { state: "refunded" }));
    }

    #[test]
    fn an_order_expires_after_its_time_and_a_grace() {
        let (due, grace) = (NOW + Duration::days(1), Duration::minutes(15));
        assert_eq!(order().expired(grace, due), None);
        assert_eq!(order().expired(grace, due + grace).map(|order| order.state), Some(State::Expired));
        assert_eq!(order().expect_payable(due - Duration::SECOND), Ok(()));
        assert_eq!(order().expect_payable(due), Err(Refusal::OrderOverdue { until: due }));
    }

    #[test]
    fn a_number_is_understood_however_it_is_typed() {
        let number = Number::parse("LY-7K10-90XD").unwrap();
        for typed in ["ly-7k10-90xd", "7k10 90xd", "LY7KIO9OXD", " 7KLO-9OXD "] {
            assert_eq!(Number::parse(typed), Some(number.clone()), "{typed}");
        }
        for bad in ["", "LY-7K10-90X", "LY-7K10-90XDD", "LY-7K10-90XU", "заказ123"] {
            assert_eq!(Number::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(bits in any::<u128>()) {
            let number = Number::of(Id::from_uuid(uuid::Uuid::from_u128(bits)));
            prop_assert_eq!(Number::parse(number.as_str()), Some(number));
        }
    }
}
