//! A page to look at: the mails and the payments.

use std::fmt::Write;

use axum::{Router, extract::State, response::Html, routing::get};

use crate::{
    html::{escape, page},
    world::World,
};

/// So many mails and payments are shown.
const SHOWN: usize = 50;

pub(crate) fn routes() -> Router<World> {
    Router::new().route("/", get(show))
}

async fn show(State(world): State<World>) -> Html<String> {
    let mut body = String::from("<h2>Mails</h2><table><tr><th>To<th>Subject<th></tr>");
    for mail in world.inbox().list("", 0).iter().rev().take(SHOWN) {
        let (to, subject) = (escape(&mail.to.join(", ")), escape(&mail.subject));
        let _ = write!(body, "<tr><td>{to}<td>{subject}<td><a href=\"/mail/{}\">read</a></tr>", mail.id);
    }
    body.push_str("</table><h2>Payments</h2><table><tr><th>Payment<th>Order<th>Kopecks<th>Status</tr>");
    let report = world.bank().report();
    for payment in report["payments"].as_array().into_iter().flatten().take(SHOWN) {
        let text = |name: &str| escape(payment[name].as_str().unwrap_or_default());
        let (id, order, status) = (text("paymentId"), text("orderId"), text("status"));
        let _ = write!(
            body,
            "<tr><td><a href=\"/tbank/pay/{id}\">{id}</a><td>{order}<td>{}<td>{status}</tr>",
            payment["amount"]
        );
    }
    body.push_str("</table><p>Faults: <a href=\"/control/faults\">/control/faults</a></p>");
    page("Lyceum's sandbox", &body)
}
