//! An event that its process dies of, really: the consumers here are processes, which this program starts anew each
//! time, as a cluster does.

use std::process::{Child, Command};
use std::time::Duration;

use bus::{BatchConsumer, BatchHandler, Consumer, Envelope, Failure};
use pg::{Config, Pool};
use prost::{Message, Name};
use proto::lyceum::events::v1::OrderPaid;
use sqlx::PgConnection;
use testkit::{FixedClock, eventually};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::helpers::{World, envelope_of, on_paid};

/// What says to the child which consumer it is, and where its database and its broker are.
const KIND: &str = "POISON_KIND";
const DATABASE: &str = "POISON_DATABASE";
const AMQP: &str = "POISON_AMQP";

/// The order number that nobody survives.
const DEADLY: &str = "deadly";

/// Longer than twenty-one deaths take.
const PATIENCE: Duration = Duration::from_secs(60);

/// As when there is no memory left.
async fn die() {
    let killed = Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
    assert!(killed.unwrap().success());
    std::future::pending::<()>().await;
}

/// The others take their time, so that they are under way when one of them is deadly.
async fn on_paid_or_die(conn: &mut PgConnection, envelope: &Envelope, event: OrderPaid) -> Result<(), Failure> {
    if event.number == DEADLY {
        die().await;
    }
    sqlx::query("select pg_sleep(0.1)").execute(&mut *conn).await?;
    on_paid(conn, envelope, event).await
}

struct Batch(Pool);

impl BatchHandler for Batch {
    type Item = OrderPaid;

    fn admit(&self, envelope: Envelope) -> Result<OrderPaid, String> {
        OrderPaid::decode(&*envelope.payload).map_err(|error| error.to_string())
    }

    async fn apply(&self, items: &[OrderPaid], _: Option<OffsetDateTime>) -> Result<(), Failure> {
        let mut transaction = self.0.begin().await?;
        for item in items {
            if item.number == DEADLY {
                die().await;
            }
            let order: Uuid = item.order_id.parse().unwrap();
            sqlx::query("insert into effects (order_id) values ($1)").bind(order).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

#[tokio::test]
#[ignore = "the child of the tests below, of no use by itself"]
async fn a_process_that_may_die() {
    let of_parent = |name: &str| std::env::var(name).unwrap();
    let pool = pg::connect(&Config::new(of_parent(DATABASE), "poison")).await.unwrap();
    let (amqp, clock, stop) = (of_parent(AMQP).parse().unwrap(), FixedClock::default(), CancellationToken::new());
    match of_parent(KIND).as_str() {
        "batch" => {
            let handler = Batch(pool.clone());
            BatchConsumer::new("courses", pool, amqp, clock.shared(), handler).run(stop).await;
        }
        _ => Consumer::new("courses", pool, amqp, clock.shared()).on::<OrderPaid>(on_paid_or_die).run(stop).await,
    }
}

/// Killed when the test is over, however it ends.
struct Started(Child);

impl Started {
    fn child(world: &World, kind: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["poison::a_process_that_may_die", "--exact", "--ignored"]);
        command.env(KIND, kind).env(DATABASE, &world.database.url).env(AMQP, &world.broker.url);
        Self(command.stdout(std::process::Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It is dead already in most cases.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Puts a deadly event between so many others, and starts processes until nobody dies any more.
async fn survive(world: &World, kind: &str, others: usize) {
    let payload = OrderPaid { order_id: Uuid::new_v4().to_string(), number: DEADLY.into(), ..OrderPaid::default() };
    let id = Uuid::new_v4().to_string();
    let deadly = Envelope {
        id: id.clone(),
        r#type: OrderPaid::full_name(),
        payload: payload.encode_to_vec(),
        ..Envelope::default()
    };
    let orders: Vec<Uuid> = (0..others).map(|_| Uuid::new_v4()).collect();
    let mut bodies: Vec<Vec<u8>> = orders.iter().map(|order| envelope_of(*order)).collect();
    bodies.insert(others / 2, deadly.encode_to_vec());
    let channel = world.channel().await;
    for body in bodies {
        let (options, properties) = Default::default();
        let sent = channel.basic_publish("".into(), "courses.events".into(), options, &body, properties).await;
        assert!(sent.unwrap().await.unwrap().is_ack());
    }
    let mut deaths = 0;
    loop {
        let mut started = Started::child(world, kind);
        let died = eventually("it dies or is done", PATIENCE, async || {
            if started.0.try_wait().unwrap().is_some() {
                return Some(true);
            }
            let dead = bus::dead_letter::list(world.pool()).await.unwrap();
            (world.effects().await.len() >= others && !dead.is_empty()).then_some(false)
        })
        .await;
        if !died {
            break;
        }
        deaths += 1;
        assert!(deaths <= 21, "the broker gives it up after twenty repetitions");
    }
    world.expect_effects(orders).await;
    let dead = bus::dead_letter::list(world.pool()).await.unwrap();
    assert_eq!(dead.iter().map(|letter| &letter.message_id).collect::<Vec<_>>(), [&id], "it took others along");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_of_one_event_takes_no_neighbours_along() {
    let world = World::new().await;
    world.consumer().on::<OrderPaid>(on_paid).declare().await.unwrap();
    survive(&world, "one by one", 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_of_one_event_of_a_batch_takes_no_others_along() {
    let world = World::new().await;
    let (pool, amqp) = (world.pool().clone(), world.amqp.clone());
    let batch = BatchConsumer::new("courses", pool.clone(), amqp, world.clock.shared(), Batch(pool));
    batch.declare().await.unwrap();
    survive(&world, "batch", 300).await;
}
