//! Notifications to the merchant: signed, repeated until they are answered with `OK`, and sometimes faulty.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    payment::{Payment, Status},
    token::token,
};
use crate::{
    fault::{Kind, Trouble},
    world::{World, meanwhile},
};

/// As often as the bank repeats in its first day.
const TRIES: u32 = 24;
/// How long the bank waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Notifies of these statuses, all at once, as the bank does: their order of arrival is nobody's promise.
pub(super) fn send(world: &World, payment: Payment, statuses: Vec<Status>) {
    if !statuses.is_empty() {
        let world = world.clone();
        meanwhile(async move { tell(&world, &payment, &statuses).await });
    }
}

/// The same, waiting for the first answers: the bank redirects the payer only then.
pub(super) async fn tell(world: &World, payment: &Payment, statuses: &[Status]) {
    if payment.field("NotificationURL").is_empty() {
        return;
    }
    let about = Value::Object(payment.init.clone()).to_string();
    let trouble = world.faults().take("tbank.notification", &about);
    let kind = trouble.map(|trouble| trouble.kind);
    match trouble {
        Some(Trouble { kind: Kind::Never, .. }) => return,
        Some(Trouble { kind: Kind::Late, delay, .. }) => {
            // The payer does not wait for a late notification.
            let (world, payment, statuses) = (world.clone(), payment.clone(), statuses.to_vec());
            meanwhile(async move {
                tokio::time::sleep(delay).await;
                futures::future::join_all(statuses.iter().map(|status| deliver(&world, &payment, *status, false)))
                    .await;
            });
            return;
        }
        _ => {}
    }
    let forged = kind == Some(Kind::BadSignature);
    if kind == Some(Kind::OutOfOrder) {
        for status in statuses.iter().rev() {
            deliver(world, payment, *status, forged).await;
        }
        return;
    }
    let times = if kind == Some(Kind::Twice) { 2 } else { 1 };
    let all = statuses.iter().flat_map(|status| std::iter::repeat_n(*status, times));
    futures::future::join_all(all.map(|status| deliver(world, payment, status, forged))).await;
}

/// One try now; if it is not answered with `OK`, more in the background.
async fn deliver(world: &World, payment: &Payment, status: Status, forged: bool) {
    let era = world.bank().era;
    if attempt(world, payment, status, forged).await {
        return;
    }
    let (world, payment) = (world.clone(), payment.clone());
    meanwhile(async move {
        for _ in 1..TRIES {
            tokio::time::sleep(world.config().retry).await;
            let forgotten = world.bank().era != era;
            if forgotten || attempt(&world, &payment, status, false).await {
                return;
            }
        }
    });
}

async fn attempt(world: &World, payment: &Payment, status: Status, forged: bool) -> bool {
    let url = payment.field("NotificationURL").to_owned();
    let body = notification(world, payment, status, forged);
    let sent = world.http().post(&url).timeout(PATIENCE).json(&body).send().await;
    let (http, text) = match sent {
        Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
        Err(_) => (0, String::new()),
    };
    let accepted = http == 200 && text == "OK";
    world.bank().notices.push(json!({"paymentId": payment.id.to_string(), "orderId": payment.field("OrderId"),
        "status": status, "forged": forged, "http": http, "accepted": accepted}));
    accepted
}

fn notification(world: &World, payment: &Payment, status: Status, forged: bool) -> Value {
    let failed = matches!(status, Status::Rejected | Status::AuthFail | Status::DeadlineExpired);
    let mut fields = Map::new();
    fields.insert("TerminalKey".into(), world.config().terminal.clone().into());
    fields.insert("OrderId".into(), payment.field("OrderId").into());
    fields.insert("Success".into(), (!failed).into());
    fields.insert("Status".into(), status.name().into());
    fields.insert("PaymentId".into(), payment.id.into());
    fields.insert("ErrorCode".into(), payment.error.map_or("0", |error| error.code).into());
    fields.insert("Amount".into(), payment.amount.into());
    if let Some(error) = payment.error.filter(|_| failed) {
        fields.insert("Message".into(), error.message.into());
    }
    if !payment.pan.is_empty() {
        fields.insert("Pan".into(), payment.pan.clone().into());
        fields.insert("ExpDate".into(), "1230".into());
        fields.insert("CardId".into(), 10_452_089.into());
    }
    fields.insert("Data".into(), json!({"Source": "cards", "Route": "ACQ"}));
    let password = if forged { "somebody-else" } else { &world.config().password };
    fields.insert("Token".into(), token(&fields, password).into());
    fields.into()
}
