//! What people do in the shop: order, pay at the bank, wait until that is settled; and what staff gives back.

use anyhow::{Error, Result, bail, ensure};
use proto::lyceum::courses::v1::enrolment::State as EnrolmentState;
use proto::lyceum::courses::v1::{
    CreateEnrolmentRequest, Enrolment, ListMyEnrolmentsRequest, ListMyEnrolmentsResponse,
};
use proto::lyceum::notifications::v1::notification::Kind;
use proto::lyceum::notifications::v1::{ListNotificationsRequest, ListNotificationsResponse, Notification};
use proto::lyceum::payments::v1::order::State;
use proto::lyceum::payments::v1::{
    CreateOrderRequest, CreatePromoCodeRequest, CreateRefundRequest, GetOrderRequest, Order, PayOrderRequest, Payment,
    PromoCode, Refund,
};
use proto::lyceum::values::v1::Money;

use crate::{Card, Outcome, Person, Refused, Seen, new_key};

/// As people write it: `1490.00 RUB`.
pub fn shown(money: Option<&Money>) -> String {
    let Money { minor, currency } = money.cloned().unwrap_or_default();
    let currency = if currency.is_empty() { "RUB" } else { &currency };
    format!("{}.{:02} {currency}", minor / 100, minor.abs() % 100)
}

impl Person {
    /// Orders a product, with a promo code unless that is empty.
    pub async fn order(&self, product_id: &str, promo_code: &str) -> Result<Order> {
        let name = if promo_code.is_empty() { "order" } else { "order with a promo code" };
        let product_id = product_id.to_owned();
        let promo_code = Some(promo_code.to_owned()).filter(|code| !code.is_empty());
        let request = CreateOrderRequest { product_id, promo_code, ..Default::default() };
        let order = self.step(name, async |me| {
            let order: Order = me.call(&request).await?;
            let [price, discount, total] = [&order.price, &order.discount, &order.total].map(|sum| shown(sum.as_ref()));
            let what = format!("{}: {price} − {discount} = {total}", order.number);
            Ok(Outcome::new(order.clone()).note(what).with_id("orderId", &order.order_id))
        });
        order.await
    }

    /// Opens the bank's page for an order.
    pub async fn pay(&self, order_id: &str) -> Result<Payment> {
        self.pay_keyed(order_id, &new_key()).await
    }

    async fn pay_keyed(&self, order_id: &str, key: &str) -> Result<Payment> {
        let request = PayOrderRequest { order_id: order_id.to_owned(), ..Default::default() };
        let start = self.step("start the payment", async |me| {
            let payment: Payment = me.call_keyed(&request, key).await?;
            let what = payment.confirmation_url().to_owned();
            Ok(Outcome::new(payment.clone()).note(what).with_id("paymentId", &payment.payment_id))
        });
        start.await
    }

    /// Types a good card into the page of a payment.
    pub async fn type_card(&self, payment: &Payment) -> Result<()> {
        let page = payment.confirmation_url();
        let typed = self.step("pay on T-Bank's page", async |me| {
            let outside = &me.school.outside;
            // Who comes back to a page that has the money already finds no form any more.
            if me.school.pace.patience.is_zero() {
                outside.open_page(page).await?;
            }
            let status = outside.type_card(page, Card::Good).await?;
            // A conflict says that this payment has its money already. The way back to the shop leads nowhere here.
            let paid_before = !me.school.pace.patience.is_zero() && [404, 409].contains(&status);
            ensure!(status < 400 || paid_before, "the bank's page answers {status}");
            Ok(Outcome::new(()).note(format!("card {}", Card::Good.masked())))
        });
        typed.await
    }

    /// Pays an order with a good card. Patient people begin anew, as often as it takes until the bank has the money.
    pub async fn settle(&self, order_id: &str) -> Result<()> {
        let patient = !self.school.pace.patience.is_zero();
        let mut key = new_key();
        let tried = self.school.eventually("that the bank has the money", async || {
            let once = self.pay_once(order_id, &key).await;
            match once {
                Ok(()) => Ok(Seen::Yes(())),
                Err(error) if patient => {
                    // It may be paid by now, or the first try has failed meanwhile: a person looks, and presses the button once more.
                    if Refused::of(&error).is_some() && self.order_now(order_id).await?.state() == State::Paid {
                        return Ok(Seen::Yes(()));
                    }
                    if Refused::of(&error).is_some() || error.is::<NoPage>() {
                        key = new_key();
                    }
                    Ok(Seen::NotYet(format!("{error:#}")))
                }
                Err(error) => Err(error),
            }
        });
        tried.await?;
        self.step("webhook: the order is paid", async |me| {
            me.order_in(order_id, State::Paid).await?;
            Ok(Outcome::new(()))
        })
        .await
    }

    async fn pay_once(&self, order_id: &str, key: &str) -> Result<()> {
        let payment = self.pay_keyed(order_id, key).await?;
        if payment.confirmation_url().is_empty() {
            bail!(Error::new(NoPage(payment)));
        }
        self.type_card(&payment).await
    }

    /// Orders and pays with a good card, and waits until that is settled.
    pub async fn buy(&self, product_id: &str, promo_code: &str) -> Result<Order> {
        let order = self.order(product_id, promo_code).await?;
        self.settle(&order.order_id).await?;
        Ok(order)
    }

    /// An order of one's own.
    pub async fn order_now(&self, order_id: &str) -> Result<Order> {
        self.call(&GetOrderRequest { order_id: order_id.to_owned() }).await
    }

    /// Waits until the order is in this state.
    pub async fn order_in(&self, order_id: &str, state: State) -> Result<Order> {
        let what = format!("order {order_id} in {}", state.as_str_name());
        self.school
            .eventually(&what, async || {
                let order = self.order_now(order_id).await?;
                let missing = format!("it is in {}", order.state().as_str_name());
                Ok(Seen::found(Some(order).filter(|order| order.state() == state), &missing))
            })
            .await
    }

    /// The enrolment that a purchase brought.
    pub async fn become_enrolled(&self, run_id: &str) -> Result<Enrolment> {
        self.step("enrolled", async |me| {
            let states = [EnrolmentState::Active, EnrolmentState::Completed];
            let (enrolment, title) = me.look_for_enrolment(run_id, &states).await?;
            Ok(Outcome::new(enrolment).note(title).with_id("runId", run_id))
        })
        .await
    }

    /// Waits until the person's enrolment in the run is in this state.
    pub async fn enrolment_in(&self, run_id: &str, state: EnrolmentState) -> Result<Enrolment> {
        Ok(self.look_for_enrolment(run_id, &[state]).await?.0)
    }

    async fn look_for_enrolment(&self, run_id: &str, states: &[EnrolmentState]) -> Result<(Enrolment, String)> {
        self.school
            .eventually(&format!("an enrolment in {states:?}"), async || {
                let list: ListMyEnrolmentsResponse = self.call(&ListMyEnrolmentsRequest::default()).await?;
                let mut mine = list.enrolments.into_iter().filter_map(|one| Some((one.enrolment?, one.course_title)));
                Ok(match mine.find(|(enrolment, _)| enrolment.run_id == run_id) {
                    Some(found) if states.contains(&found.0.state()) => Seen::Yes(found),
                    Some((other, _)) => Seen::NotYet(format!("it is in {}", other.state().as_str_name())),
                    None => Seen::NotYet("there is none".to_owned()),
                })
            })
            .await
    }

    /// Entries of one kind in the person's feed, newest first.
    pub async fn notices(&self, kind: Kind) -> Result<Vec<Notification>> {
        let request = ListNotificationsRequest { page_size: 200, ..Default::default() };
        let feed: ListNotificationsResponse = self.call(&request).await?;
        Ok(feed.notifications.into_iter().filter(|notice| notice.kind() == kind).collect())
    }

    /// Waits for a feed entry of this kind.
    pub async fn notice(&self, kind: Kind) -> Result<Notification> {
        self.school
            .eventually(&format!("a notice of {}", kind.as_str_name()), async || {
                Ok(Seen::found(self.notices(kind).await?.into_iter().next(), "there is none"))
            })
            .await
    }

    /// As staff: makes a promo code of so many basis points, or whatever else it says.
    pub async fn create_promo_code(&self, promo_code: PromoCode) -> Result<PromoCode> {
        self.call(&CreatePromoCodeRequest { promo_code: Some(promo_code) }).await
    }

    /// As staff: gives the money of an order back.
    pub async fn refund(&self, order_id: &str, reason: &str) -> Result<Refund> {
        let (order_id, reason) = (order_id.to_owned(), reason.to_owned());
        self.call(&CreateRefundRequest { order_id, reason, ..Default::default() }).await
    }

    /// As staff: enrols somebody without an order.
    pub async fn enrol(&self, learner: &Self, run_id: &str) -> Result<Enrolment> {
        let (learner_id, run_id) = (learner.user_id.clone(), run_id.to_owned());
        self.call(&CreateEnrolmentRequest { learner_id, run_id, ..Default::default() }).await
    }
}

/// A payment that has no page to pay on.
#[derive(Debug)]
struct NoPage(Payment);

impl std::fmt::Display for NoPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the payment has no page: {:?}", self.0)
    }
}

impl std::error::Error for NoPage {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_shown_in_units() {
        let price = Money { minor: 1_341_005, currency: "RUB".to_owned() };
        assert_eq!((shown(Some(&price)), shown(None)), ("13410.05 RUB".to_owned(), "0.00 RUB".to_owned()));
    }
}
