//! One learner's way: order, pay, learn, get the certificate; patiently, whatever dies meanwhile.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::{Person, Refused},
    course::{Course, VIDEO_SECONDS, id, seconds},
    fleet::{Account, Fleet, eventually},
};

/// A card that pays.
const CARD: &str = "2201382000000013";
/// How long one stage may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// The password of everybody who registers here.
const PASSWORD: &str = "tailor-made-trousers-42";

/// Who went the whole way.
#[derive(Debug, Clone)]
pub struct Travelled {
    pub user: Uuid,
    pub email: String,
    pub order: Uuid,
}

/// A mail as the sandbox keeps it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    pub id: u64,
    pub text: String,
    pub message_id: String,
}

/// Opens an account: registers, reads the code in the mail and confirms.
pub async fn register(fleet: &Arc<Fleet>) -> Result<Person> {
    let email = format!("storm-{}@example.com", Uuid::new_v4().simple());
    let account = json!({
        "email": email, "password": PASSWORD, "displayName": "Анна Каренина", "language": "ru", "timeZone": "Europe/Moscow",
        "consents": [{"document": "terms", "version": "2026-11-01"}],
    });
    fleet.anonymous("/v1/auth/register", account).await?;
    let code = eventually(PATIENCE, async || {
        let mails = mails(fleet, &email, 0).await?;
        mails.iter().rev().find_map(|mail| six_digits(&mail.text)).with_context(|| format!("no code came to {email}"))
    })
    .await?;
    fleet.anonymous("/v1/auth/confirm-email", json!({"email": email, "code": code})).await?;
    let account = Account { role: "learner".to_owned(), email, password: PASSWORD.to_owned() };
    Ok(Person::new(fleet, account))
}

/// Mails to an address that came after another one.
pub async fn mails(fleet: &Fleet, to: &str, after: u64) -> Result<Vec<Mail>> {
    let url = format!("{}/mail", fleet.addresses.sandbox);
    let answer = fleet.http.get(url).query(&[("to", to), ("after", &after.to_string())]).send().await?;
    Ok(answer.error_for_status()?.json().await?)
}

fn six_digits(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6).map(str::to_owned)
}

/// Orders the course and pays by card.
pub async fn buy(fleet: &Fleet, learner: &Person, course: &Course) -> Result<Uuid> {
    let order = json!({"productId": course.product, "promoCode": ""});
    let order = id(&learner.post("/v1/orders", order).await?, "orderId")?;
    pay(fleet, learner, order).await?;
    let path = format!("/v1/orders/{order}");
    eventually(PATIENCE, async || {
        let order = learner.get(&path).await?;
        ensure!(order["state"] == "STATE_PAID", "the order is not paid: {order}");
        Ok(())
    })
    .await?;
    Ok(order)
}

/// Opens the bank's page and types the card there, as often as it takes until the bank has the money.
async fn pay(fleet: &Fleet, learner: &Person, order: Uuid) -> Result<()> {
    let path = format!("/v1/orders/{order}/pay");
    let mut key = Uuid::new_v4();
    eventually(PATIENCE, async || {
        let payment = match learner.post_keyed(&path, key, json!({})).await {
            Ok(payment) => payment,
            Err(error) => {
                // It may be paid by now, or the first try has failed meanwhile: a person looks, and presses the button once more.
                if error.downcast_ref::<Refused>().is_some() {
                    let order = learner.get(&format!("/v1/orders/{order}")).await?;
                    if order["state"] == "STATE_PAID" {
                        return Ok(());
                    }
                    key = Uuid::new_v4();
                }
                return Err(error);
            }
        };
        let page = payment["confirmationUrl"].as_str().filter(|page| !page.is_empty());
        let Some(page) = page else {
            key = Uuid::new_v4();
            bail!("the payment has no page: {payment}");
        };
        let answer = fleet.http.post(page).form(&[("card", CARD)]).send().await?;
        let status = answer.status().as_u16();
        // A conflict says that this payment has its money already. The way back to the shop leads nowhere here.
        ensure!(status < 400 || status == 404 || status == 409, "the bank's page answers {status}");
        Ok(())
    })
    .await
}

/// Waits for the seat and learns the course to its end.
pub async fn learn(learner: &Person, course: &Course) -> Result<()> {
    enrolled(learner, course, &["STATE_ACTIVE", "STATE_COMPLETED"]).await?;
    learner.post(&format!("{}/complete", course.lesson("text")?), json!({})).await?;
    let heartbeat = json!({
        "mediaId": course.media, "playerId": "chaos-player-1", "sequence": "1", "clientAt": "2026-03-02T09:00:00Z",
        "position": seconds(VIDEO_SECONDS), "duration": seconds(VIDEO_SECONDS),
        "ranges": [{"start": seconds(0), "end": seconds(VIDEO_SECONDS)}],
    });
    learner.post(&format!("{}/heartbeats", course.lesson("video")?), heartbeat).await?;
    learner.post(&format!("{}/complete", course.lesson("file")?), json!({})).await?;
    let attempt = learner.post(&format!("{}/attempts", course.lesson("quiz")?), json!({})).await?;
    let path = format!("/v1/attempts/{}", id(&attempt, "attemptId")?);
    let questions = attempt["questions"].as_array().cloned().unwrap_or_default();
    let answers: Vec<Value> = questions.iter().filter_map(right_answer).collect();
    learner.put(&format!("{path}/answers"), json!({"answers": answers})).await?;
    let graded = learner.post(&format!("{path}/submit"), json!({})).await?;
    ensure!(graded["passed"] == true, "the quiz was not passed: {graded}");
    enrolled(learner, course, &["STATE_COMPLETED"]).await
}

fn right_answer(question: &Value) -> Option<Value> {
    let options = question["options"].as_array()?;
    let right = options.iter().find(|option| option["text"] == "Вдоль кромки")?;
    Some(json!({"questionId": question["questionId"], "optionIds": [right["optionId"]]}))
}

/// Waits until the enrolment is in one of the states.
pub async fn enrolled(learner: &Person, course: &Course, states: &[&str]) -> Result<()> {
    let run = course.run.to_string();
    eventually(PATIENCE, async || {
        let list = learner.get("/v1/me/enrolments").await?;
        let mut mine = list["enrolments"].as_array().into_iter().flatten().map(|one| &one["enrolment"]);
        let found = mine.find(|one| one["runId"] == run.as_str()).context("there is no enrolment")?;
        ensure!(states.iter().any(|state| found["state"] == *state), "the enrolment is {}", found["state"]);
        Ok(())
    })
    .await
}

/// Reads one's enrolments.
pub async fn enrolments(person: &Person) -> Result<Value> {
    person.get("/v1/me/enrolments").await
}

/// Waits for the certificate with its PDF.
pub async fn certified(learner: &Person, course: &Course) -> Result<()> {
    let run = course.run.to_string();
    eventually(PATIENCE, async || {
        let list = learner.get("/v1/me/certificates").await?;
        let mut mine = list["certificates"].as_array().into_iter().flatten();
        let found = mine.find(|one| one["runId"] == run.as_str()).context("there is no certificate")?;
        ensure!(found["state"] == "STATE_PRINTED", "the certificate is {}", found["state"]);
        Ok(())
    })
    .await
}

/// The whole way.
pub async fn travel(fleet: &Fleet, learner: &Person, course: &Course) -> Result<Travelled> {
    let user = learner.user().await?;
    let order = buy(fleet, learner, course).await.context("buying")?;
    learn(learner, course).await.context("learning")?;
    certified(learner, course).await.context("the certificate")?;
    Ok(Travelled { user, email: learner.account.email.clone(), order })
}
