//! Many clients write at once, and each transaction announces an event; beside them the same transaction without one.
//!
//! The transaction is that of a request with an idempotency key: claim, load, save, record. A relay is at work as in a
//! service, the broker keeps what it publishes in a quorum queue. Both halves take turns, so that neither has the
//! quieter minute.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bus::{Amqp, By, Consumer, Envelope, Event, Failure, Relay};
use pg::{Idempotent, Migrations, Pool};
use proto::lyceum::events::v1::OrderPaid;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use values::{Clock, Id, IdempotencyKey, SystemClock};

use crate::{
    drive::Outcome,
    fleet::Fleet,
    report::{Report, Target},
};

values::kinds! { Order => "order" }

const CLIENTS: u32 = 32;
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(4);
/// So much of the rate without announcements is to be reached with them, in percent.
const TARGET: u64 = 80;

/// The database and the queue of this scenario.
const NAME: &str = "bench_announcing";

pub(super) async fn run(fleet: &Fleet) -> Result<Report> {
    let pool = database(fleet).await?;
    // Not where the fleet's services hear: nobody bought anything.
    let amqp: Amqp = fleet.stores.amqp.as_str().parse()?;
    let clock = Arc::new(SystemClock);
    Consumer::new(NAME, pool.clone(), amqp.clone(), clock.clone()).on::<OrderPaid>(nothing).declare().await?;
    let stop = CancellationToken::new();
    let mut relay = JoinSet::new();
    relay.spawn(Relay::new(pool.clone(), amqp, clock).run(stop.clone()));
    // Warm.
    round(&pool, true).await?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.extend(round(&pool, false).await?);
        with.extend(round(&pool, true).await?);
    }
    let left: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(&pool).await?;
    let ended = Instant::now();
    while sqlx::query_scalar("select exists (select from outbox)").fetch_one(&pool).await? {
        ensure!(ended.elapsed() < Duration::from_secs(60), "the relay does not come to an end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let behind = u64::try_from(ended.elapsed().as_micros())?;
    stop.cancel();
    relay.join_all().await;
    pool.close().await;
    let elapsed = ROUND * u32::try_from(ROUNDS)?;
    let (with, without) = (Outcome::of(with, 0, elapsed), Outcome::of(without, 0, elapsed));
    let share = with.per_second() * 100 / without.per_second().max(1);
    let row = with.row("announcing").with("share", share, "%");
    let row = row.with("left to publish", u64::try_from(left)?, "").with("published after", behind, "µs");
    Ok(Report {
        scenario: "announcing",
        about: format!("{CLIENTS} clients, each transaction announces an event"),
        rows: vec![row, without.row("reference: the same without")],
        targets: vec![
            Target::new(format!("{TARGET} % of the rate without announcements"), share >= TARGET),
            Target::new("published within a second", behind < 1_000_000),
        ],
    })
}

async fn nothing(_: &mut PgConnection, _: &Envelope, _: OrderPaid) -> Result<(), Failure> {
    Ok(())
}

/// A database that is made anew, with the tables of the libs and one of its own.
async fn database(fleet: &Fleet) -> Result<Pool> {
    let mut admin = PgConnection::connect(fleet.database_url("postgres").as_str()).await?;
    for statement in ["drop database if exists bench_announcing with (force)", "create database bench_announcing"] {
        sqlx::raw_sql(statement).execute(&mut admin).await?;
    }
    let config = pg::Config { max_connections: CLIENTS + 2, ..pg::Config::new(fleet.database_url(NAME), NAME) };
    Migrations::of(&bus::MIGRATOR).and(&pg::MIGRATOR).run(&config).await?;
    let pool = pg::connect(&config).await?;
    let table =
        "create table orders (order_id uuid primary key, learner_id uuid not null, paid_at timestamptz not null)";
    sqlx::raw_sql(table).execute(&pool).await.context("the scenario's table")?;
    Ok(pool)
}

/// All clients for a while: how long each transaction took, in microseconds.
async fn round(pool: &Pool, announces: bool) -> Result<Vec<u32>> {
    let (mut clients, end) = (JoinSet::new(), Instant::now() + ROUND);
    for _ in 0..CLIENTS {
        let pool = pool.clone();
        clients.spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < end {
                let began = Instant::now();
                write(&pool, announces).await?;
                times.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(client) = clients.join_next().await {
        times.extend(client??);
    }
    Ok(times)
}

async fn write(pool: &Pool, announces: bool) -> Result<()> {
    let now = SystemClock.now();
    let (order, learner) = (Id::<Order>::new(now).uuid(), Uuid::new_v4());
    let paid = OrderPaid { order_id: order.to_string(), buyer_id: learner.to_string(), ..OrderPaid::default() };
    let key = IdempotencyKey::parse(&order.to_string())?;
    let idempotent = Idempotent::of("user:1", "OrderService/PlaceOrder", key, &paid);
    let event = announces.then(|| Event::new(&paid, "order", order, 1));
    pg::transaction(pool, async |conn| {
        idempotent.claim(conn, now).await?;
        save(conn, order, learner, now).await?;
        if let Some(event) = event {
            bus::announce(conn, event, By { actor: "user:1", now }).await?;
        }
        idempotent.record(conn, order, now).await?;
        Ok::<_, Error>(())
    })
    .await?;
    Ok(())
}

async fn save(conn: &mut PgConnection, order: Uuid, learner: Uuid, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    let load = sqlx::query("select paid_at from orders where order_id = $1").bind(order);
    load.fetch_optional(&mut *conn).await?;
    let save = sqlx::query("insert into orders (order_id, learner_id, paid_at) values ($1, $2, $3)");
    save.bind(order).bind(learner).bind(now).execute(conn).await?;
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error(transparent)]
    Key(#[from] pg::idempotency::Error),
}
