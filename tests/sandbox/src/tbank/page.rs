//! The hosted payment page: where a payer's browser goes, and where a test posts a card.

use axum::{
    Form, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{
    notice,
    payment::{Card, Payment, Status},
};
use crate::{
    html::{escape, page},
    world::World,
};

/// The code that the bank's challenge card expects.
const CODE: &str = "1qwezxc";

pub(super) fn routes() -> Router<World> {
    Router::new().route("/tbank/pay/{id}", get(show)).route("/tbank/pay/{id}", post(pay))
}

#[derive(Debug, Deserialize)]
struct Typed {
    #[serde(default)]
    card: String,
    #[serde(default)]
    code: String,
}

async fn show(State(world): State<World>, Path(id): Path<u64>) -> Response {
    let payment = {
        let mut bank = world.bank();
        let Some(payment) = bank.payments.get_mut(&id) else { return StatusCode::NOT_FOUND.into_response() };
        payment.expire(world.now());
        payment.show();
        payment.clone()
    };
    form(&payment, "").into_response()
}

async fn pay(State(world): State<World>, Path(id): Path<u64>, Form(typed): Form<Typed>) -> Response {
    let Some(card) = Card::of(&typed.card) else {
        let payment = world.bank().payments.get(&id).cloned();
        return payment
            .map_or_else(|| StatusCode::NOT_FOUND.into_response(), |payment| wrong(&payment, "Неизвестная карта."));
    };
    let paid = {
        let mut bank = world.bank();
        let Some(payment) = bank.payments.get_mut(&id) else { return StatusCode::NOT_FOUND.into_response() };
        payment.expire(world.now());
        let notices = payment.pay(card, masked(&typed.card), typed.code == CODE);
        notices.map(|notices| (payment.clone(), notices))
    };
    let (payment, notices) = match paid {
        Ok(paid) => paid,
        Err(declined) => return (StatusCode::CONFLICT, page("Оплата", &escape(declined.message))).into_response(),
    };
    notice::tell(&world, &payment, &notices).await;
    match payment.status {
        Status::ThreeDsChecking => challenge(&payment, &typed.card, !typed.code.is_empty()),
        Status::Authorized | Status::Confirmed => leave(&payment, "SuccessURL", "Оплата прошла"),
        _ if payment.is_open() => wrong(&payment, payment.error.map_or("Отказ.", |error| error.message)),
        _ => leave(&payment, "FailURL", "Оплата не прошла"),
    }
}

/// Back to the shop, if it said where that is.
fn leave(payment: &Payment, to: &str, title: &str) -> Response {
    match payment.field(to) {
        "" => page(title, "<p>Можно вернуться в магазин.</p>").into_response(),
        url => Redirect::to(url).into_response(),
    }
}

fn wrong(payment: &Payment, message: &str) -> Response {
    (StatusCode::PAYMENT_REQUIRED, form(payment, message)).into_response()
}

fn form(payment: &Payment, message: &str) -> axum::response::Html<String> {
    if !payment.is_open() {
        return page("Оплата", &format!("<p>Платёж завершён: {}</p>", payment.status.name()));
    }
    let cards = [
        ("2201382000000013", "успешная оплата", "checked"),
        ("2200770239097761", "успешная оплата без 3-D Secure", ""),
        ("2201382000000039", "успешная оплата, попытка 3-D Secure", ""),
        ("2201382000000047", "с кодом 3-D Secure", ""),
        ("2201382000000831", "недостаточно средств", ""),
        ("2201382000000005", "отказ банка", ""),
        ("2201382000000021", "не пройдена проверка 3-D Secure", ""),
    ];
    let cards = cards.map(|(number, about, checked)| {
        format!("<label><input type=\"radio\" name=\"card\" value=\"{number}\" {checked}> {number} — {about}</label>")
    });
    let (roubles, kopecks) = (payment.amount / 100, payment.amount % 100);
    let body = format!(
        "<p>{}</p><p class=\"total\">{roubles},{kopecks:02} ₽</p><p class=\"no\">{}</p>\
         <form method=\"post\">{}<p><button>Оплатить</button></p></form><p><small>Заказ {}. Это песочница: деньги не списываются.</small></p>",
        escape(payment.field("Description")),
        escape(message),
        cards.concat(),
        escape(payment.field("OrderId"))
    );
    page("Оплата заказа", &body)
}

fn challenge(payment: &Payment, card: &str, wrong: bool) -> Response {
    let message = if wrong { "Неверный код." } else { "" };
    let body = format!(
        "<p>Банк отправил код на ваш телефон. В песочнице это <b>{CODE}</b>.</p><p class=\"no\">{message}</p><form method=\"post\">\
         <input type=\"hidden\" name=\"card\" value=\"{}\"><input type=\"text\" name=\"code\" autocomplete=\"one-time-code\">\
         <p><button>Подтвердить</button></p></form><p><small>Платёж {}</small></p>",
        escape(card),
        payment.id
    );
    page("Подтверждение", &body).into_response()
}

fn masked(card: &str) -> String {
    let digits: String = card.chars().filter(char::is_ascii_digit).collect();
    match (digits.get(..6), digits.len().checked_sub(4).and_then(|at| digits.get(at..))) {
        (Some(first), Some(last)) => format!("{first}******{last}"),
        _ => String::new(),
    }
}
