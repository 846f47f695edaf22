//! The bank's API for merchants: POST with JSON, business errors under HTTP 200.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    notice,
    payment::{Declined, Payment, Status},
    token::token,
};
use crate::{
    fault::{Kind, Trouble},
    world::World,
};

/// How soon and how late a link may expire.
const SOONEST_DUE: Duration = Duration::minutes(1);
const LATEST_DUE: Duration = Duration::days(90);

const WRONG_TOKEN: Declined = Declined {
    code: "204",
    message: "Неверный токен. Проверьте пару TerminalKey/SecretKey.",
};
const WRONG_TERMINAL: Declined = Declined {
    code: "205",
    message: "Неверный токен. Проверьте пару TerminalKey/SecretKey.",
};
const WRONG_AMOUNT: Declined = Declined { code: "251", message: "Неверная сумма." };
const WRONG_FIELD: Declined = Declined { code: "201", message: "Поле задано неверно." };
const REPEATED_ORDER: Declined =
    Declined { code: "20", message: "Повторный идентификатор заказа." };
const NO_PAYMENT: Declined = Declined { code: "255", message: "Платёж не найден." };
const NO_METHOD: Declined = Declined { code: "501", message: "Метод не поддерживается." };

type Fields = Map<String, Value>;

pub(super) fn routes() -> Router<World> {
    Router::new().route("/tbank/v2/{method}", post(call)).route("/control/tbank", get(report).delete(reset))
}

async fn reset(State(world): State<World>) -> StatusCode {
    world.bank().reset();
    StatusCode::NO_CONTENT
}

async fn report(State(world): State<World>) -> Json<Value> {
    Json(world.bank().report())
}

async fn call(State(world): State<World>, Path(method): Path<String>, body: Bytes) -> Response {
    let text = String::from_utf8_lossy(&body).into_owned();
    let trouble = world.faults().take(&format!("tbank.{method}"), &text);
    match trouble {
        Some(Trouble { kind: Kind::ServerError, .. }) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Trouble { kind: Kind::Slow, delay, .. }) => tokio::time::sleep(delay).await,
        _ => {}
    }
    let answer = match serde_json::from_slice::<Fields>(&body) {
        Ok(fields) => dispatch(&world, &method, fields).unwrap_or_else(|declined| refusal(&world, declined)),
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    };
    if matches!(trouble, Some(Trouble { kind: Kind::DropReply, .. })) {
        // A body that breaks off makes the server cut the connection.
        return Body::from_stream(futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("dropped"))]))
            .into_response();
    }
    Json(answer).into_response()
}

fn refusal(world: &World, declined: Declined) -> Value {
    json!({"Success": false, "ErrorCode": declined.code, "Message": declined.message, "Details": declined.message,
        "TerminalKey": world.config().terminal})
}

fn dispatch(world: &World, method: &str, fields: Fields) -> Result<Value, Declined> {
    let config = world.config();
    if text(&fields, "TerminalKey") != config.terminal {
        return Err(WRONG_TERMINAL);
    }
    if text(&fields, "Token") != token(&fields, &config.password) {
        return Err(WRONG_TOKEN);
    }
    match method {
        "Init" => init(world, fields),
        "GetState" => Ok(with_payment(world, &fields, |_| Ok(Vec::new()))?.0),
        "Confirm" => Ok(with_payment(world, &fields, |payment| payment.confirm(amount(&fields)))?.0),
        "Cancel" => cancel(world, &fields),
        "CheckOrder" => check_order(world, &fields),
        _ => Err(NO_METHOD),
    }
}

fn init(world: &World, fields: Fields) -> Result<Value, Declined> {
    let (now, order) = (world.now(), text(&fields, "OrderId").to_owned());
    let amount = amount(&fields).filter(|amount| (100..=9_999_999_999).contains(amount)).ok_or(WRONG_AMOUNT)?;
    let too_long = |name: &str, most: usize| text(&fields, name).chars().count() > most;
    if order.is_empty() || too_long("OrderId", 36) || too_long("Description", 140) || too_long("CustomerKey", 36) {
        return Err(WRONG_FIELD);
    }
    let due = match text(&fields, "RedirectDueDate") {
        "" => now + Duration::days(1),
        due => OffsetDateTime::parse(due, &Rfc3339).map_err(|_| WRONG_FIELD)?,
    };
    if due < now + SOONEST_DUE || due > now + LATEST_DUE {
        return Err(WRONG_FIELD);
    }
    let mut bank = world.bank();
    if !world.config().repeated_orders && bank.payments.values().any(|payment| payment.field("OrderId") == order) {
        return Err(REPEATED_ORDER);
    }
    let id = bank.next;
    bank.next += 1;
    bank.payments.insert(id, Payment::new(id, fields, amount, due));
    Ok(json!({"Success": true, "ErrorCode": "0", "TerminalKey": world.config().terminal, "Status": Status::New,
        "PaymentId": id.to_string(), "OrderId": order, "Amount": amount,
        "PaymentURL": format!("{}/tbank/pay/{id}", world.public_url())}))
}

/// Finds the payment, works on it and tells the merchant what came of it. Answers with what was left of its amount before.
fn with_payment(
    world: &World,
    fields: &Fields,
    work: impl FnOnce(&mut Payment) -> Result<Vec<Status>, Declined>,
) -> Result<(Value, i64), Declined> {
    let mut bank = world.bank();
    let payment = bank.payments.get_mut(&payment_id(fields)?).ok_or(NO_PAYMENT)?;
    payment.expire(world.now());
    let before = payment.left();
    let notices = work(payment)?;
    let payment = payment.clone();
    drop(bank);
    let state = json!({"Success": true, "ErrorCode": "0", "TerminalKey": world.config().terminal, "Status": payment.status,
        "PaymentId": payment.id.to_string(), "OrderId": payment.field("OrderId"), "Amount": payment.amount});
    notice::send(world, payment, notices);
    Ok((state, before))
}

fn cancel(world: &World, fields: &Fields) -> Result<Value, Declined> {
    let mut after = 0;
    let (mut answer, before) = with_payment(world, fields, |payment| {
        let notices = payment.cancel(amount(fields), text(fields, "ExternalRequestId"))?;
        after = payment.left();
        Ok(notices)
    })?;
    answer["OriginalAmount"] = before.into();
    answer["NewAmount"] = after.into();
    Ok(answer)
}

fn check_order(world: &World, fields: &Fields) -> Result<Value, Declined> {
    let order = text(fields, "OrderId");
    let bank = world.bank();
    let payments: Vec<_> = bank.payments.values().filter(|payment| payment.field("OrderId") == order).collect();
    if payments.is_empty() {
        return Err(NO_PAYMENT);
    }
    let one = |payment: &&Payment| {
        let error = payment.error.map_or(0, |error| error.code.parse().unwrap_or(0));
        json!({"PaymentId": payment.id.to_string(), "Amount": payment.amount, "Status": payment.status,
            "RRN": payment.id.to_string(), "Success": error == 0, "ErrorCode": error})
    };
    Ok(
        json!({"Success": true, "ErrorCode": "0", "Message": "OK", "TerminalKey": world.config().terminal, "OrderId": order,
        "Payments": payments.iter().map(one).collect::<Vec<_>>()}),
    )
}

fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn amount(fields: &Fields) -> Option<i64> {
    fields.get("Amount").and_then(Value::as_i64)
}

/// The documents say text, clients send numbers too.
fn payment_id(fields: &Fields) -> Result<u64, Declined> {
    let id = fields.get("PaymentId").ok_or(WRONG_FIELD)?;
    id.as_u64().or_else(|| id.as_str()?.parse().ok()).ok_or(NO_PAYMENT)
}
