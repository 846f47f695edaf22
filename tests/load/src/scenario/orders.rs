//! From the payer's card to the access: orders come at a fixed rate, whatever the answers take.
//!
//! The clock starts when the card is sent to the bank's page, so that the bank's own work counts too, and stops when another
//! connection to the database of courses sees the enrolment.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use people::{Card, Course, Person, School};
use serde_json::Value;
use sqlx::PgPool;
use tokio::{task::JoinSet, time::interval};
use uuid::Uuid;

use crate::{
    drive::{self, Connection, Outcome},
    fleet::Fleet,
    process::CpuWatch,
    reference::Reference,
    report::{Report, Target},
};

/// Orders a second.
const RATE: u64 = 50;
/// How many orders; each is one learner's first of one product.
const LEARNERS: usize = 40;
const PRODUCTS: usize = 15;

const SERVICES: [&str; 5] = ["gateway", "payments", "courses", "notifications", "analytics"];

type Times = Arc<Mutex<HashMap<Uuid, Instant>>>;

pub(super) async fn run(fleet: &Fleet) -> Result<Report> {
    let school = School::of_tests()?;
    let manager = school.staff("manager").await?;
    let mut products = Vec::new();
    for number in 0..PRODUCTS {
        products.push(Course::publish(&manager, &format!("Замер заказов {number}")).await?.product_id);
    }
    let people = stream::iter(0..LEARNERS).map(|_| school.learner()).buffer_unordered(8);
    let people: Vec<Person> = people.try_collect().await?;
    let courses = fleet.database("courses").await?;
    let watch = CpuWatch::start(&fleet.processes(&SERVICES)?)?;
    let (paid, seen) = (Times::default(), Times::default());
    let begin = Instant::now();
    let mut buyers = JoinSet::new();
    let watcher = see_entitlements(courses.clone(), Arc::clone(&seen), LEARNERS * PRODUCTS);
    let order_all = async {
        let mut tick = interval(Duration::from_micros(1_000_000 / RATE));
        for (product, person) in products.iter().flat_map(|product| people.iter().map(move |person| (product, person)))
        {
            tick.tick().await;
            buyers.spawn(buy(person.clone(), product.clone(), Arc::clone(&paid)));
        }
        while let Some(bought) = buyers.join_next().await {
            bought??;
        }
        anyhow::Ok(())
    };
    let (ordered, watched) = tokio::join!(order_all, watcher);
    ordered?;
    watched?;
    let elapsed = begin.elapsed();
    let cpu = watch.per_request((LEARNERS * PRODUCTS) as u64)?;
    let outcome = outcome(&paid, &seen, elapsed)?;
    enrolled_once(&courses, &seen).await?;
    let bare = reference(fleet).await?;
    let met = outcome.percentile(99) < 250_000;
    Ok(Report {
        scenario: "orders",
        about: format!(
            "{} orders at {RATE} a second: from the card to the enrolment that others see",
            LEARNERS * PRODUCTS
        ),
        rows: vec![outcome.row_with_cpu("fleet", &cpu), bare.row("reference: one transaction")],
        targets: vec![Target::new("p99 below 250 ms", met)],
    })
}

/// Orders, opens the bank's page and types a good card.
async fn buy(person: Person, product: String, paid: Times) -> Result<()> {
    let order = person.order(&product, "").await?.order_id;
    let payment = person.pay(&order).await?;
    let id: Uuid = order.parse().context("an order has an id")?;
    lock(&paid).insert(id, Instant::now());
    let status = person.school.outside.type_card(payment.confirmation_url(), Card::Good).await?;
    ensure!(status < 400, "the bank's page answered {status}");
    Ok(())
}

/// Notes when the enrolment of an order is seen first, until all are or a minute is over.
async fn see_entitlements(courses: PgPool, seen: Times, wanted: usize) -> Result<()> {
    let mut known = HashSet::new();
    let before: Vec<Uuid> = sqlx::query_scalar("select enrolment_id from enrolments").fetch_all(&courses).await?;
    known.extend(before);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut since = time::OffsetDateTime::UNIX_EPOCH;
    while lock(&seen).len() < wanted {
        ensure!(Instant::now() < deadline, "{} of {wanted} enrolments came within a minute", lock(&seen).len());
        // A little back, because rows become visible later than they were dated.
        let rows: Vec<(Uuid, Uuid, time::OffsetDateTime)> = sqlx::query_as(
            "select e.enrolment_id, g.order_id, e.updated_at
             from enrolments e
             join entitlements g on g.learner_id = e.learner_id and g.entitlement_id = e.entitlement_id
             where e.updated_at >= $1 - interval '2 seconds'",
        )
        .bind(since)
        .fetch_all(&courses)
        .await?;
        let now = Instant::now();
        for (enrolment, order, at) in rows {
            since = since.max(at);
            if known.insert(enrolment) {
                lock(&seen).insert(order, now);
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

fn outcome(paid: &Times, seen: &Times, elapsed: Duration) -> Result<Outcome> {
    let (paid, seen) = (lock(paid), lock(seen));
    let times = paid.iter().map(|(order, paid)| {
        let seen = seen.get(order).context("a paid order led to no enrolment")?;
        Ok(u32::try_from(seen.saturating_duration_since(*paid).as_micros()).unwrap_or(u32::MAX))
    });
    Ok(Outcome::of(times.collect::<Result<_>>()?, 0, elapsed))
}

/// Each order has one entitlement and one enrolment.
async fn enrolled_once(courses: &PgPool, seen: &Times) -> Result<()> {
    let orders: Vec<Uuid> = lock(seen).keys().copied().collect();
    let (entitlements, enrolments): (i64, i64) = sqlx::query_as(
        "select count(distinct g.entitlement_id), count(distinct e.enrolment_id)
         from entitlements g
         left join enrolments e on e.learner_id = g.learner_id and e.entitlement_id = g.entitlement_id
         where g.order_id = any($1)",
    )
    .bind(&orders)
    .fetch_one(courses)
    .await?;
    let wanted = i64::try_from(orders.len())?;
    ensure!(
        (entitlements, enrolments) == (wanted, wanted),
        "{wanted} orders, {entitlements} entitlements, {enrolments} enrolments"
    );
    Ok(())
}

/// The same number of orders at the same rate, each one request to one program with one transaction.
async fn reference(fleet: &Fleet) -> Result<Outcome> {
    let courses = fleet.database("courses").await?;
    sqlx::raw_sql(
        "create schema if not exists reference;
         create table if not exists reference.orders (order_id uuid primary key, paid_at timestamptz not null);
         create table if not exists reference.enrolments (order_id uuid primary key, started_at timestamptz not null);",
    )
    .execute(&courses)
    .await?;
    let bare = Reference::start(fleet).await?;
    let mut connections = JoinSet::new();
    let mut connection = Connection::open(&bare.url, &mut connections).await?;
    let mut tick = interval(Duration::from_micros(1_000_000 / RATE));
    let (mut times, begin) = (Vec::new(), Instant::now());
    for _ in 0..LEARNERS * PRODUCTS {
        tick.tick().await;
        let asked = Instant::now();
        let path = format!("/orders/{}/paid", Uuid::new_v4());
        let (status, body) = connection.ask(drive::post(&path, "", Value::Null.to_string())).await?;
        ensure!(status.is_success(), "the reference answered {status} {}", String::from_utf8_lossy(&body));
        times.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    sqlx::raw_sql("drop schema reference cascade").execute(&courses).await?;
    Ok(Outcome::of(times, 0, begin.elapsed()))
}

fn lock(times: &Times) -> std::sync::MutexGuard<'_, HashMap<Uuid, Instant>> {
    times.lock().unwrap_or_else(PoisonError::into_inner)
}
