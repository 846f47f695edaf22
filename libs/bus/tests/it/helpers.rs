//! A database and a broker for one test, events to announce, and effects to count.

use std::time::Duration;

use bus::{Amqp, Consumer, Envelope, Event, Failure, Relay};
use pg::{Migrations, Pool};
use prost::{Message, Name};
use proto::lyceum::events::v1::{OrderPaid, UserErased};
use sqlx::PgConnection;
use testkit::{Broker, Database, FixedClock, eventually};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use values::Clock;

/// The longest that a test waits for something that should be quick.
pub(crate) const SOON: Duration = Duration::from_secs(15);

/// Everything that a relay and a consumer need.
pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) broker: Broker,
    pub(crate) amqp: Amqp,
    pub(crate) clock: FixedClock,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = Database::new(&Migrations::of(&bus::MIGRATOR)).await;
        // No unique rule: an effect that happens twice has to show.
        sqlx::raw_sql("create table effects (order_id uuid not null)").execute(&database.pool).await.unwrap();
        let broker = Broker::new().await;
        let amqp = broker.url.parse().unwrap();
        Self { database, broker, amqp, clock: FixedClock::default() }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.database.pool
    }

    pub(crate) fn relay(&self) -> Relay {
        Relay::new(self.pool().clone(), self.amqp.clone(), self.clock.shared())
    }

    /// A consumer that hears nothing yet.
    pub(crate) fn consumer(&self) -> Consumer {
        Consumer::new("courses", self.pool().clone(), self.amqp.clone(), self.clock.shared())
    }

    /// Announces that an order was paid and answers with its id.
    pub(crate) async fn announce_paid(&self) -> Uuid {
        let order = Uuid::new_v4();
        let by = bus::By { actor: "user:1", now: self.clock.now() };
        pg::transaction(self.pool(), async |conn| bus::announce(conn, paid(order), by).await).await.unwrap();
        order
    }

    /// The same as a process does that dies after the commit: no relay is told.
    pub(crate) async fn announce_paid_and_die(&self) -> Uuid {
        let order = Uuid::new_v4();
        let mut transaction = self.pool().begin().await.unwrap();
        bus::announce(&mut transaction, paid(order), bus::By { actor: "user:1", now: self.clock.now() }).await.unwrap();
        transaction.commit().await.unwrap();
        order
    }

    pub(crate) async fn outbox(&self) -> i64 {
        sqlx::query_scalar("select count(*) from outbox").fetch_one(self.pool()).await.unwrap()
    }

    pub(crate) async fn effects(&self) -> Vec<Uuid> {
        sqlx::query_scalar("select order_id from effects order by order_id").fetch_all(self.pool()).await.unwrap()
    }

    /// Waits until there are so many effects, then looks whether each order has exactly one. What is still on its way
    /// is not waited for: see [`Self::expect_effects_at_the_end`].
    pub(crate) async fn expect_effects(&self, mut orders: Vec<Uuid>) {
        eventually("every effect", SOON, async || (self.effects().await.len() >= orders.len()).then_some(())).await;
        orders.sort();
        assert_eq!(self.effects().await, orders);
    }

    /// The same once nothing can have an effect any more: outbox and queues are empty, and a consumer that was asked
    /// to stop has finished what it had taken.
    pub(crate) async fn expect_effects_at_the_end(&self, orders: Vec<Uuid>, mut consumer: Running) {
        self.expect_effects(orders.clone()).await;
        self.expect_empty_outbox().await;
        let channel = self.channel().await;
        loop {
            eventually("nothing waits", SOON, async || (self.waiting(&channel).await == 0).then_some(())).await;
            consumer.stopped().await;
            // What it had been handed but had not begun is in the queue again.
            if self.waiting(&channel).await == 0 {
                break;
            }
            consumer = Running::consumer(self.consumer().on::<OrderPaid>(on_paid));
        }
        self.expect_effects(orders).await;
    }

    /// How many messages wait for the consumer, now or after a pause.
    async fn waiting(&self, channel: &lapin::Channel) -> u32 {
        let mut waiting = self.count(channel, "courses.events").await;
        for pause in ["100ms", "1s", "5s", "30s", "5m"] {
            waiting += self.count(channel, &format!("courses.events.retry.{pause}")).await;
        }
        waiting
    }

    pub(crate) async fn expect_empty_outbox(&self) {
        eventually("an empty outbox", SOON, async || (self.outbox().await == 0).then_some(())).await;
    }

    /// A channel for what a test does to the broker behind our back.
    pub(crate) async fn channel(&self) -> lapin::Channel {
        let connection = lapin::Connection::connect(&self.broker.url, lapin::ConnectionProperties::default());
        let channel = connection.await.unwrap().create_channel().await.unwrap();
        channel.confirm_select(lapin::options::ConfirmSelectOptions::default()).await.unwrap();
        channel
    }

    /// How many messages are ready in a queue.
    pub(crate) async fn count(&self, channel: &lapin::Channel, queue: &str) -> u32 {
        let passive = lapin::options::QueueDeclareOptions { passive: true, ..Default::default() };
        let declared = channel.queue_declare(queue.into(), passive, lapin::types::FieldTable::default()).await;
        declared.unwrap().message_count()
    }
}

pub(crate) fn paid(order: Uuid) -> Event {
    let payload = OrderPaid { order_id: order.to_string(), number: "2026-1".into(), ..OrderPaid::default() };
    Event::new(&payload, "order", order, 3)
}

pub(crate) fn erased(user: Uuid) -> Event {
    Event::new(&UserErased { user_id: user.to_string() }, "user", user, 9).personal()
}

/// A message as the relay would have published it.
pub(crate) fn envelope_of(order: Uuid) -> Vec<u8> {
    Envelope {
        id: Uuid::new_v4().to_string(),
        r#type: OrderPaid::full_name(),
        payload: OrderPaid { order_id: order.to_string(), ..OrderPaid::default() }.encode_to_vec(),
        ..Envelope::default()
    }
    .encode_to_vec()
}

/// The plain handler: one row an event.
pub(crate) async fn on_paid(conn: &mut PgConnection, _: &Envelope, event: OrderPaid) -> Result<(), Failure> {
    let order = Uuid::parse_str(&event.order_id).map_err(|error| Failure::DeadLetter(error.to_string()))?;
    sqlx::query("insert into effects (order_id) values ($1)").bind(order).execute(conn).await?;
    Ok(())
}

/// Something that runs beside the test. Dropping it is a `kill -9`; stopping it is a SIGTERM.
pub(crate) struct Running {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Running {
    pub(crate) fn start<F: Future<Output = ()> + Send + 'static>(work: impl FnOnce(CancellationToken) -> F) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        tasks.spawn(work(stop.clone()));
        Self { tasks, stop }
    }

    pub(crate) fn relay(relay: Relay) -> Self {
        Self::start(|stop| relay.run(stop))
    }

    pub(crate) fn consumer(consumer: Consumer) -> Self {
        Self::start(|stop| consumer.run(stop))
    }

    /// Asks it to stop without waiting.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.cancel();
    }

    pub(crate) async fn stopped(self) {
        self.stop.cancel();
        tokio::time::timeout(SOON, self.tasks.join_all()).await.expect("it stops in time");
    }
}
