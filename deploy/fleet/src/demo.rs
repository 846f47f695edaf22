//! `cargo fleet demo`: somebody finds a course, buys it, learns it to the end and holds a certificate, all through the public API.

mod learn;
mod prove;
mod timeline;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use self::timeline::Timeline;
use crate::home::{Home, random_hex};
use crate::interrupt::Interrupt;
use crate::plan::Plan;
use crate::rest::{Rest, encode, eventually, list, text};
use crate::sandbox::{Inbox, PAYING_CARD};
use crate::school::School;
use crate::supervisor::Supervisor;
use crate::up::{self, Launcher, Options};
use crate::web;

/// How long an event may take to have its effect in another service.
const EFFECT: Duration = Duration::from_secs(30);
/// What the learner looks for, and finds in one course of the demo school.
const QUERY: &str = "силуэт";
const PROMO_CODE: &str = "START10";
const PASSWORD: &str = "bobbin-and-needle";

/// Plays the journey in the fleet that runs, or in one that is started for it and stopped afterwards.
pub(crate) async fn demo(home: &Home, options: Options, interrupt: &Interrupt) -> Result<()> {
    if let Some(plan) = up::running(home)? {
        return interrupt.guard(play(home, &Doors::of(&plan)?)).await;
    }
    println!("The fleet does not run: it is started for the demo and stopped afterwards.\n");
    let lock = home.lock()?;
    let launcher = Launcher::announce(home, "demo")?;
    let mut supervisor = Supervisor::new(home);
    let played = match up::start(home, options, &mut supervisor, interrupt).await {
        Ok(plan) => interrupt.guard(async { play(home, &Doors::of(&plan)?).await }).await,
        Err(error) => Err(error),
    };
    up::stop(home, &mut supervisor, interrupt).await?;
    drop((launcher, lock));
    played
}

/// Where the journey goes.
pub(crate) struct Doors {
    pub(crate) gateway: String,
    pub(crate) sandbox: String,
}

impl Doors {
    fn of(plan: &Plan) -> Result<Self> {
        Ok(Self { gateway: plan.public_url()?, sandbox: plan.sandbox_url()? })
    }
}

pub(crate) async fn play(home: &Home, doors: &Doors) -> Result<()> {
    let school = School::read(home)?;
    let learner = Learner {
        rest: Rest::new(&doors.gateway)?,
        inbox: Inbox::new(&doors.sandbox)?,
        email: format!("vera-{}@lyceum.example", random_hex(4)?),
    };
    println!("\nThe main journey, through {}\n", doors.gateway);
    let mut timeline = Timeline::begin();
    let learner = learner.open_account(&mut timeline).await?;
    let course = find_course(&learner.rest, &mut timeline).await?;
    let order_id = buy(&learner.rest, &course, &mut timeline).await?;
    let run_id = become_enrolled(&learner.rest, &order_id, &mut timeline).await?;
    learn::to_the_end(&learner.rest, &run_id, &school, &mut timeline).await?;
    prove::certificate(&learner.rest, &mut timeline).await?;
    learner.read_mails(&mut timeline).await?;
    prove::report(&doors.gateway, &school, &mut timeline).await?;
    timeline.end();
    println!("The steps of a trace, through every service: curl {}/control/traces/TRACE", doors.sandbox);
    Ok(())
}

/// Somebody with a mailbox.
struct Learner {
    rest: Rest,
    inbox: Inbox,
    email: String,
}

impl Learner {
    /// Registers, confirms the address by the code in the mail, and signs in.
    async fn open_account(mut self, timeline: &mut Timeline) -> Result<Self> {
        let Self { rest, inbox, email } = &mut self;
        timeline
            .step(rest, "register", async |rest| {
                let body = json!({
                    "email": email, "password": PASSWORD, "displayName": "Вера Соколова", "language": "ru",
                    "timeZone": "Europe/Moscow", "consents": [{"document": "terms", "version": "2026-11-01"}],
                });
                rest.post("/v1/auth/register", body).await?;
                Ok(email.clone())
            })
            .await?;
        let code = timeline
            .step(rest, "the e-mail with the code", async |_| {
                let mail = inbox.next(email, 0, EFFECT).await?;
                let code = six_digits(&mail.text).with_context(|| format!("no code in: {}", mail.text))?;
                Ok((format!("«{}», code {code}", mail.subject), code))
            })
            .await?;
        timeline
            .step(rest, "confirm the address", async |rest| {
                rest.post("/v1/auth/confirm-email", json!({"email": email, "code": code})).await?;
                Ok(String::new())
            })
            .await?;
        timeline
            .step_mut(rest, "sign in", async |rest| {
                rest.sign_in(email, PASSWORD).await?;
                let me = rest.get("/v1/me").await?;
                Ok(format!("as {}", text(&me, "displayName")?))
            })
            .await?;
        Ok(self)
    }

    /// Waits for the mail about the certificate and shows what came altogether.
    async fn read_mails(&self, timeline: &mut Timeline) -> Result<()> {
        timeline
            .step(&self.rest, "mails received", async |_| {
                let mails = eventually("that every mail has come", EFFECT, async || {
                    let mails = self.inbox.all(&self.email).await?;
                    Ok(Some(mails).filter(|mails| mails.len() >= EXPECTED_MAILS))
                })
                .await?;
                let subjects: Vec<String> = mails.iter().map(|mail| format!("«{}»", mail.subject)).collect();
                Ok(subjects.join(", "))
            })
            .await
    }
}

/// The code, the paid order, the opened access, the finished course, the certificate.
const EXPECTED_MAILS: usize = 5;

/// Looks around, searches, and reads what everybody may read.
async fn find_course(rest: &Rest, timeline: &mut Timeline) -> Result<Value> {
    timeline
        .step(rest, "browse the catalogue", async |rest| {
            let page = rest.get("/v1/courses?language=ru").await?;
            let titles: Vec<&str> = list(&page, "courses").iter().filter_map(|card| card["title"].as_str()).collect();
            Ok(titles.join("; "))
        })
        .await?;
    let course = timeline
        .step(rest, "search", async |rest| {
            let page = rest.get(&format!("/v1/courses/search?query={}", encode(QUERY))).await?;
            let best = list(&page, "courses").first().with_context(|| format!("nothing was found for {QUERY}"))?;
            Ok((format!("«{QUERY}» → {}", text(best, "title")?), best.clone()))
        })
        .await?;
    let course_id = text(&course, "courseId")?;
    timeline
        .step(rest, "read a free lesson", async |rest| {
            let runs = rest.get(&format!("/v1/courses/{course_id}/runs")).await?;
            let run_id = text(list(&runs, "runs").first().context("the course has no run")?, "runId")?;
            let outline = rest.get(&format!("/v1/runs/{run_id}/outline")).await?;
            let lessons = learn::lessons(&outline);
            let open =
                lessons.iter().find(|lesson| list(lesson, "locks").is_empty()).context("every lesson is locked")?;
            let lesson = rest.get(&format!("/v1/runs/{run_id}/lessons/{}", text(open, "lessonId")?)).await?;
            let locked = lessons.iter().filter(|lesson| !list(lesson, "locks").is_empty()).count();
            Ok(format!("«{}»; {locked} others are locked", text(&lesson, "title")?))
        })
        .await?;
    Ok(course)
}

/// Orders with a promo code and pays on the bank's page. Gives the order's id.
async fn buy(rest: &Rest, course: &Value, timeline: &mut Timeline) -> Result<String> {
    let order = timeline
        .step(rest, "order with a promo code", async |rest| {
            let products = rest.get(&format!("/v1/products?courseId={}", text(course, "courseId")?)).await?;
            let product = list(&products, "products").first().context("nothing sells this course")?;
            let body = json!({"productId": text(product, "productId")?, "promoCode": PROMO_CODE});
            let order = rest.post("/v1/orders", body).await?;
            let shown = format!(
                "{}: {} − {} = {}",
                text(&order, "number")?,
                money(&order["price"])?,
                money(&order["discount"])?,
                money(&order["total"])?
            );
            Ok((shown, order))
        })
        .await?;
    let order_id = text(&order, "orderId")?.to_owned();
    let page = timeline
        .step(rest, "start the payment", async |rest| {
            let payment = rest.post(&format!("/v1/orders/{order_id}/pay"), json!({})).await?;
            let page = text(&payment, "confirmationUrl")?.to_owned();
            Ok((page.clone(), page))
        })
        .await?;
    timeline.step(rest, "pay on T-Bank's page", async |_| pay_on_page(&page).await).await?;
    Ok(order_id)
}

/// What a browser does: opens the page and sends its form.
async fn pay_on_page(page: &str) -> Result<String> {
    let browser = web::client(EFFECT)?;
    let shown = browser.get(page).send().await?.error_for_status()?.text().await?;
    if !shown.contains("<form") {
        bail!("the bank's page has no form: {shown}");
    }
    let sent = browser.post(page).form(&[("card", PAYING_CARD)]).send().await?;
    if sent.status().is_client_error() || sent.status().is_server_error() {
        bail!("the bank's page answered {}", sent.status());
    }
    let (first, last) = PAYING_CARD.split_at(PAYING_CARD.len() - 4);
    Ok(format!("card {}{last}", "•".repeat(first.len())))
}

/// Waits for what the bank's notification sets off: the order is paid, and the learner is enrolled.
async fn become_enrolled(rest: &Rest, order_id: &str, timeline: &mut Timeline) -> Result<String> {
    timeline
        .step(rest, "webhook: the order is paid", async |rest| {
            eventually("that the order is paid", EFFECT, async || {
                let order = rest.get(&format!("/v1/orders/{order_id}")).await?;
                Ok(Some(()).filter(|()| order["state"] == "STATE_PAID"))
            })
            .await?;
            Ok(String::new())
        })
        .await?;
    timeline
        .step(rest, "enrolled", async |rest| {
            let mine = eventually("the enrolment", EFFECT, async || {
                let page = rest.get("/v1/me/enrolments").await?;
                Ok(list(&page, "enrolments").first().cloned())
            })
            .await?;
            let run_id = text(&mine["enrolment"], "runId")?.to_owned();
            Ok((text(&mine, "courseTitle")?.to_owned(), run_id))
        })
        .await
}

/// `1490.00 RUB` out of `{minor, currency}`, which carries the number as a text.
fn money(money: &Value) -> Result<String> {
    let minor: i64 = money["minor"].as_str().unwrap_or("0").parse().context("money is a whole number")?;
    let currency = money["currency"].as_str().unwrap_or("RUB");
    Ok(format!("{}.{:02} {currency}", minor / 100, minor % 100))
}

/// The first run of exactly six digits.
fn six_digits(text: &str) -> Option<String> {
    text.split(|character: char| !character.is_ascii_digit()).find(|digits| digits.len() == 6).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_among_other_numbers() {
        assert_eq!(six_digits("Код 048213 действует 15 минут, © 2026"), Some("048213".to_owned()));
        assert_eq!(six_digits("12345 и 1234567"), None);
    }

    #[test]
    fn money_is_shown_in_units() {
        assert_eq!(money(&json!({"minor": "1341000", "currency": "RUB"})).unwrap(), "13410.00 RUB");
        assert_eq!(money(&json!({"currency": "RUB"})).unwrap(), "0.00 RUB");
    }
}
