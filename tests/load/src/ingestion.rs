//! From confirmed publishing in batches to a quorum queue until the rows can be queried, beside a bare COPY of the same rows.
//!
//! Events are put straight into the queue of the analytics service, so that no other service acts on what never happened.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use prost::{Message, Name};
use proto::lyceum::{
    events::v1::{EnrolmentStarted, Envelope, LessonCompleted, OrderPaid, OrderPlaced, UserRegistered},
    values::v1::Money,
};
use sqlx::{PgPool, postgres::PgPoolCopyExt};
use time::OffsetDateTime;
use uuid::Uuid;
use values::{Clock, Id, SystemClock};

use crate::{
    drive::Outcome,
    process::{CpuWatch, Process},
    report::{Report, Row, Target},
};

values::kinds! { Thing => "thing" }

/// The queue that the analytics service reads.
const QUEUE: &str = "analytics.events";

/// How many events are published, and in what portions before all of a portion are confirmed.
const EVENTS: usize = 200_000;
const BATCH: usize = 1_000;

/// How many channels publish at once: as many services have a relay each.
const CHANNELS: usize = 4;

/// The rate that is to be reached, in events a second.
const WANTED: u64 = 20_000;

/// How many events are published at a pace of how many a second to see how late each can be queried, in portions of which length.
/// At the highest rate there would be nothing to see but the length of a queue.
const PACED: usize = 60_000;
const PACE: u32 = 10_000;
const PORTION: Duration = Duration::from_millis(10);

/// How late the slowest of a hundred events may be.
const LAG: Duration = Duration::from_secs(1);

/// How long the service may take for all of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// AMQP's number for "store it on disk".
const PERSISTENT: u8 = 2;

/// Publishes events to the analytics service that reads the broker's queue into `database`, and waits until they can be queried.
///
/// `watched` are processes whose CPU time is told.
pub async fn run(amqp: &str, database: &PgPool, watched: &[Process]) -> Result<Report> {
    let run = Uuid::new_v4();
    let now = SystemClock.now();
    // As precise as the database keeps it.
    let first = now.replace_nanosecond(now.microsecond() * 1_000)?;
    let bodies = bodies(run, first, EVENTS, Duration::from_micros(1));
    let bytes: usize = bodies.iter().map(Bytes::len).sum();
    let connection = Connection::connect(amqp, ConnectionProperties::default()).await.context("no broker")?;
    let channels = try_join_all((0..CHANNELS).map(|_| confirmed(&connection))).await?;
    // What was left by an earlier run is stored first.
    settled(&channels[0]).await?;

    let cpu = CpuWatch::start(watched)?;
    let started = Instant::now();
    let share = bodies.len().div_ceil(CHANNELS);
    let publishing = channels.iter().zip(bodies.chunks(share)).map(|(channel, share)| publish(channel, share));
    let published = async {
        try_join_all(publishing).await?;
        anyhow::Ok(started.elapsed())
    };
    let (published, stored) = tokio::try_join!(published, stored(database, run, first, started))?;
    let used = cpu.per_request(EVENTS as u64)?;

    let copied = bare_copy(database, run).await?;
    let lags = lags(&channels[0], database).await?;
    let (rate, copy_rate) = (rate(stored), rate(copied));
    let mut fleet = Row::new("fleet")
        .with("events", EVENTS as u64, "")
        .with("bytes an event", (bytes / EVENTS) as u64, "")
        .with("confirmed", self::rate(published), "1/s")
        .with("can be queried", rate, "1/s");
    for (name, micros) in used {
        fleet.figures.push(crate::report::Figure { name: leaked(&name), value: micros, unit: "µs" });
    }
    Ok(Report {
        scenario: "ingestion",
        about: format!("{EVENTS} events, confirmed in batches of {BATCH} by a quorum queue, until all can be queried"),
        rows: vec![
            fleet,
            Row::new("fleet, paced")
                .with("events", PACED as u64, "")
                .with("published", PACE.into(), "1/s")
                .with("lag p50", lags.percentile(50), "µs")
                .with("lag p99", lags.percentile(99), "µs"),
            Row::new("bare COPY of the same rows").with("can be queried", copy_rate, "1/s"),
        ],
        targets: vec![
            Target::new(format!("at least {WANTED} events/s"), rate >= WANTED),
            Target::new(format!("lag p99 < {} s at {PACE} events/s", LAG.as_secs()), lags.percentile(99) < micros(LAG)),
        ],
    })
}

/// Names of processes are few; the report keeps names for the whole run.
fn leaked(name: &str) -> &'static str {
    String::leak(format!("CPU {name}"))
}

fn rate(time: Duration) -> u64 {
    EVENTS as u64 * 1_000_000 / micros(time).max(1)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Publishes events at a pace, and tells for each the time from the moment at which it was due to be published until a query saw it.
async fn lags(channel: &Channel, database: &PgPool) -> Result<Outcome> {
    let run = Uuid::new_v4();
    let step = Duration::from_secs(1) / PACE;
    let now = SystemClock.now() + LAG;
    let first = now.replace_nanosecond(now.microsecond() * 1_000)?;
    let bodies = bodies(run, first, PACED, step);
    let publishing = async {
        let portion = (PORTION.as_micros() / step.as_micros()) as usize;
        let mut confirmations = Vec::with_capacity(PACED);
        for (number, bodies) in bodies.chunks(portion).enumerate() {
            wait_until(first + PORTION * number as u32).await;
            for body in bodies {
                confirmations.push(publish_one(channel, body).await?);
            }
        }
        for confirmation in confirmations {
            ensure!(confirmation.await?.is_ack(), "the broker did not store an event");
        }
        anyhow::Ok(())
    };
    // They are stored in the order in which they came, so that the newest tells about all before it.
    let newest = "select occurred_at from events where occurred_at between $1 and $2 and aggregate_id = $3 \
        order by occurred_at desc limit 1";
    let last = first + step * (PACED as u32 - 1);
    let watching = async {
        let mut lags = Vec::with_capacity(PACED);
        while lags.len() < PACED {
            tokio::time::sleep(PORTION).await;
            ensure!(SystemClock.now() < last + PATIENCE, "the events were not stored in time");
            let query = sqlx::query_scalar(newest).bind(first).bind(last).bind(run);
            let Some(newest): Option<OffsetDateTime> = query.fetch_optional(database).await? else { continue };
            let seen = SystemClock.now();
            let due = |number: usize| first + step * number as u32;
            while lags.len() < PACED && due(lags.len()) <= newest {
                let lag = Duration::try_from(seen - due(lags.len())).unwrap_or_default();
                lags.push(u32::try_from(lag.as_micros()).unwrap_or(u32::MAX));
            }
        }
        anyhow::Ok(lags)
    };
    let ((), lags) = tokio::try_join!(publishing, watching)?;
    ensure!(count(database, run, first, last).await? == PACED as i64, "an event is missing");
    Ok(Outcome::of(lags, 0, step * PACED as u32))
}

async fn wait_until(moment: OffsetDateTime) {
    let left = Duration::try_from(moment - SystemClock.now()).unwrap_or_default();
    tokio::time::sleep(left).await;
}

async fn confirmed(connection: &Connection) -> Result<Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// Waits until nothing waits in the queue.
async fn settled(channel: &Channel) -> Result<()> {
    let started = Instant::now();
    loop {
        let passive = lapin::options::QueueDeclareOptions { passive: true, ..Default::default() };
        let queue = channel.queue_declare(QUEUE.into(), passive, Default::default()).await?;
        if queue.message_count() == 0 {
            return Ok(());
        }
        ensure!(started.elapsed() < PATIENCE, "nobody reads {QUEUE}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Publishes bodies; at most one batch is ahead of the confirmations.
async fn publish(channel: &Channel, bodies: &[Bytes]) -> Result<()> {
    let publishing = stream::iter(bodies).map(|body| publish_one(channel, body));
    let mut batches = publishing.buffered(1).try_chunks(BATCH);
    let mut before = Vec::new();
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| error.1)?;
        for confirmation in std::mem::replace(&mut before, batch) {
            ensure!(confirmation.await?.is_ack(), "the broker did not store an event");
        }
    }
    for confirmation in before {
        ensure!(confirmation.await?.is_ack(), "the broker did not store an event");
    }
    Ok(())
}

async fn publish_one(channel: &Channel, body: &[u8]) -> lapin::Result<PublisherConfirm> {
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    channel.basic_publish("".into(), QUEUE.into(), BasicPublishOptions::default(), body, properties).await
}

/// Waits until every event of the run can be queried.
///
/// The last ones are looked for by the key, and all are counted only once they are there: counting takes from what is measured.
async fn stored(database: &PgPool, run: Uuid, first: OffsetDateTime, started: Instant) -> Result<Duration> {
    let last = first + Duration::from_micros(EVENTS as u64 - 1);
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let elapsed = started.elapsed();
        ensure!(elapsed < PATIENCE, "the events were not stored in time");
        if count(database, run, last, last).await? > 0 && count(database, run, first, last).await? == EVENTS as i64 {
            return Ok(elapsed);
        }
    }
}

async fn count(database: &PgPool, run: Uuid, from: OffsetDateTime, to: OffsetDateTime) -> Result<i64> {
    let statement = "select count(*) from events where occurred_at between $1 and $2 and aggregate_id = $3";
    Ok(sqlx::query_scalar(statement).bind(from).bind(to).bind(run).fetch_one(database).await?)
}

/// Copies the rows of the run into a table like the one they are in, in one transaction, and says how long that took.
async fn bare_copy(database: &PgPool, run: Uuid) -> Result<Duration> {
    let select = format!("copy (select * from events where aggregate_id = '{run}') to stdout (format binary)");
    let rows: Vec<Bytes> = database.copy_out_raw(&select).await?.try_collect().await?;
    sqlx::raw_sql("drop table if exists bare; create table bare (like events including all)").execute(database).await?;
    let started = Instant::now();
    let mut copy = database.copy_in_raw("copy bare from stdin (format binary)").await?;
    for row in rows.chunks(512) {
        copy.send(row.concat()).await?;
    }
    let copied = copy.finish().await?;
    let time = started.elapsed();
    sqlx::raw_sql("drop table bare").execute(database).await?;
    ensure!(copied == EVENTS as u64, "{copied} rows were copied");
    Ok(time)
}

/// What a school announces: of a hundred events a few are sales, most are lessons.
fn bodies(run: Uuid, first: OffsetDateTime, events: usize, step: Duration) -> Vec<Bytes> {
    let courses: Vec<(String, String)> = (0..20).map(|_| (id(), id())).collect();
    let lessons: Vec<String> = (0..100).map(|_| id()).collect();
    let (mut learner, mut enrolment) = (id(), id());
    let bodies = (0..events).map(|number| {
        let now = first + step * number as u32;
        let (course_id, run_id) = courses[number / 100 % courses.len()].clone();
        let total = || Some(Money { minor: 490_000, currency: "RUB".to_owned() });
        let (order_id, place) = (id(), number % 100);
        match place {
            0 => {
                (learner, enrolment) = (id(), id());
                envelope(run, number, now, &UserRegistered { user_id: learner.clone() })
            }
            1..=5 => {
                let (number_, buyer_id) = (format!("LY-{number}"), learner.clone());
                envelope(run, number, now, &OrderPlaced { order_id, number: number_, buyer_id, total: total() })
            }
            6..=10 => {
                let (number_, buyer_id) = (format!("LY-{number}"), learner.clone());
                envelope(run, number, now, &OrderPaid { order_id, number: number_, buyer_id, total: total() })
            }
            11..=13 => {
                enrolment = id();
                let event = EnrolmentStarted {
                    enrolment_id: enrolment.clone(),
                    learner_id: learner.clone(),
                    course_id,
                    run_id,
                    entitlement_id: id(),
                };
                envelope(run, number, now, &event)
            }
            _ => {
                let event = LessonCompleted {
                    enrolment_id: enrolment.clone(),
                    learner_id: learner.clone(),
                    course_id,
                    run_id,
                    lesson_id: lessons[place].clone(),
                };
                envelope(run, number, now, &event)
            }
        }
    });
    bodies.collect()
}

fn id() -> String {
    Id::<Thing>::new(SystemClock.now()).to_string()
}

fn envelope<P: Message + Name>(run: Uuid, number: usize, now: OffsetDateTime, payload: &P) -> Bytes {
    Envelope {
        id: id(),
        r#type: P::full_name(),
        aggregate_type: "bench".to_owned(),
        aggregate_id: run.to_string(),
        aggregate_version: i64::try_from(number).unwrap_or_default() + 1,
        occurred_at: Some(now.into()),
        actor: "service:bench".to_owned(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        payload: payload.encode_to_vec(),
    }
    .encode_to_vec()
    .into()
}
