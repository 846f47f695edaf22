//! What a learner does in the shop and afterwards.

use serde_json::{Value, json};

use crate::{Card, Person, answer::text, eventually};

/// A try to pay an order.
#[derive(Debug, Clone)]
pub struct Payment {
    /// Our id, which the bank knows as its order id.
    pub payment_id: String,
    /// The bank's page.
    pub confirmation_url: String,
}

impl Person {
    /// Orders a product, with a promo code unless that is empty; answers the order's id.
    pub async fn order(&self, product_id: &str, promo_code: &str) -> String {
        let order = json!({"productId": product_id, "promoCode": promo_code});
        text(&self.post("/v1/orders", order).await.ok(), "/orderId")
    }

    /// Opens the bank's page for an order.
    pub async fn pay(&self, order_id: &str) -> Payment {
        let payment = self.post(&format!("/v1/orders/{order_id}/pay"), json!({})).await.ok();
        Payment { payment_id: text(&payment, "/paymentId"), confirmation_url: text(&payment, "/confirmationUrl") }
    }

    /// Orders and pays with a good card, and waits until that is settled; answers the order's id.
    pub async fn buy(&self, product_id: &str) -> String {
        let order = self.order(product_id, "").await;
        let payment = self.pay(&order).await;
        assert!(self.school.type_card(&payment.confirmation_url, Card::Good).await < 400);
        self.order_in(&order, "STATE_PAID").await;
        order
    }

    /// Waits until the order is in this state.
    pub async fn order_in(&self, order_id: &str, state: &str) -> Value {
        eventually(&format!("order {order_id} in {state}"), async || {
            let order = self.get(&format!("/v1/orders/{order_id}")).await.ok();
            (order["state"] == json!(state)).then_some(order)
        })
        .await
    }

    /// Waits until the person's enrolment in the run is in this state.
    pub async fn enrolment_in(&self, run_id: &str, state: &str) -> Value {
        eventually(&format!("an enrolment in {state}"), async || self.enrolment(run_id, state).await).await
    }

    /// The person's enrolment in the run, if it is in this state.
    pub async fn enrolment(&self, run_id: &str, state: &str) -> Option<Value> {
        let list = self.get("/v1/me/enrolments").await.ok();
        let mine = list["enrolments"].as_array().cloned().unwrap_or_default();
        let mut mine = mine.into_iter().map(|one| one["enrolment"].clone());
        mine.find(|one| one["runId"] == json!(run_id) && one["state"] == json!(state))
    }

    /// Entries of one kind in the person's feed, newest first.
    pub async fn notices(&self, kind: &str) -> Vec<Value> {
        let feed = self.get("/v1/notifications?pageSize=200").await.ok();
        let feed = feed["notifications"].as_array().cloned().unwrap_or_default();
        feed.into_iter().filter(|notice| notice["kind"] == json!(kind)).collect()
    }

    /// Waits for a feed entry of this kind; answers its id.
    pub async fn notice(&self, kind: &str) -> String {
        eventually(&format!("a notice of {kind}"), async || {
            self.notices(kind).await.first().map(|notice| text(notice, "/notificationId"))
        })
        .await
    }

    /// Learns a course to its end: reads, watches, opens the file, passes the quiz.
    pub async fn learn(&self, course: &crate::Course) {
        self.post(&format!("{}/complete", course.lesson_path("text")), json!({})).await.ok();
        self.watch(course, 1, 0, crate::VIDEO_SECONDS).await;
        self.post(&format!("{}/complete", course.lesson_path("file")), json!({})).await.ok();
        let attempt = self.post(&format!("{}/attempts", course.lesson_path("quiz")), json!({})).await.ok();
        let path = format!("/v1/attempts/{}", text(&attempt, "/attemptId"));
        let questions = attempt["questions"].as_array().cloned().unwrap_or_default();
        let answers: Vec<Value> = questions.iter().map(right_answer).collect();
        self.put(&format!("{path}/answers"), json!({"answers": answers})).await.ok();
        let graded = self.post(&format!("{path}/submit"), json!({})).await.ok();
        assert_eq!(graded["passed"], json!(true), "{graded}");
    }

    /// Reports that seconds of the course's video were watched.
    pub async fn watch(&self, course: &crate::Course, sequence: u64, from: u32, to: u32) -> Value {
        let heartbeat = json!({
            "mediaId": course.media_id, "playerId": "journey-player-1", "sequence": sequence.to_string(),
            "clientAt": "2026-03-02T09:00:00Z", "position": format!("{to}s"), "duration": format!("{}s", crate::VIDEO_SECONDS),
            "ranges": [{"start": format!("{from}s"), "end": format!("{to}s")}],
        });
        self.post(&format!("{}/heartbeats", course.lesson_path("video")), heartbeat).await.ok()
    }
}

/// The journeys' own course asks only what they know.
fn right_answer(question: &Value) -> Value {
    let id = &question["questionId"];
    let options = question["options"].as_array().cloned().unwrap_or_default();
    match options.iter().find(|option| option["text"] == json!("Вдоль кромки")) {
        Some(option) => json!({"questionId": id, "optionIds": [option["optionId"]]}),
        None => json!({"questionId": id, "number": "100"}),
    }
}
