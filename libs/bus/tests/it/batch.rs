use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{BatchConsumer, BatchHandler, Envelope, Failure};
use pg::{Config, Pool};
use prost::Message;
use testkit::eventually;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use uuid::Uuid;
use values::Clock;

use crate::helpers::{Running, SOON, World, envelope_of, erased};
use crate::proxy::Proxy;

/// A type that no release knows.
const UNKNOWN: &str = "lyceum.events.v9.SomethingElse";

/// How many events a batch had, and how far it said that everything was heard.
type Applied = (usize, Option<OffsetDateTime>);

/// Keeps every event in a table and remembers its batches.
#[derive(Clone)]
struct Keep {
    pool: Pool,
    /// An event that the database cannot take.
    poison: Option<String>,
    /// An event over which it thinks for too long.
    slow: Option<String>,
    gate: Option<Arc<Semaphore>>,
    batches: Arc<Mutex<Vec<Applied>>>,
}

impl BatchHandler for Keep {
    type Item = Envelope;

    fn admit(&self, envelope: Envelope) -> Result<Envelope, String> {
        if envelope.actor == "nobody" { Err("nobody did it".to_owned()) } else { Ok(envelope) }
    }

    async fn apply(&self, items: &[Envelope], complete_until: Option<OffsetDateTime>) -> Result<(), Failure> {
        let ids: Vec<Uuid> = items.iter().map(|item| item.id.parse().unwrap()).collect();
        let kinds: Vec<&str> = items.iter().map(|item| item.r#type.as_str()).collect();
        let mut transaction = self.pool.begin().await?;
        sqlx::query("insert into kept select * from unnest($1::uuid[], $2::text[]) on conflict do nothing")
            .bind(&ids)
            .bind(&kinds)
            .execute(&mut *transaction)
            .await?;
        if items.iter().any(|item| Some(&item.id) == self.poison.as_ref()) {
            sqlx::query("select 1 / 0").execute(&mut *transaction).await?;
        }
        if items.iter().any(|item| Some(&item.id) == self.slow.as_ref()) {
            sqlx::query("set local statement_timeout = '200ms'").execute(&mut *transaction).await?;
            sqlx::query("select pg_sleep(60)").execute(&mut *transaction).await?;
        }
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        transaction.commit().await?;
        self.batches.lock().unwrap().push((items.len(), complete_until));
        Ok(())
    }
}

impl Keep {
    async fn in_world(world: &World) -> Self {
        sqlx::raw_sql("create table if not exists kept (event_id uuid primary key, type text not null)")
            .execute(world.pool())
            .await
            .unwrap();
        Self { pool: world.pool().clone(), poison: None, slow: None, gate: None, batches: Arc::default() }
    }

    fn consumer(&self, world: &World) -> BatchConsumer<Self> {
        BatchConsumer::new("analytics", world.pool().clone(), world.amqp.clone(), world.clock.shared(), self.clone())
    }

    async fn run(&self, world: &World) -> Running {
        let consumer = self.consumer(world);
        consumer.declare().await.unwrap();
        Running::start(|stop| consumer.run(stop))
    }

    fn largest(&self) -> usize {
        self.batches.lock().unwrap().iter().map(|(events, _)| *events).max().unwrap_or_default()
    }
}

async fn kept(world: &World) -> i64 {
    sqlx::query_scalar("select count(*) from kept").fetch_one(world.pool()).await.unwrap()
}

async fn expect_kept(world: &World, events: i64) {
    eventually("every event", SOON, async || (kept(world).await >= events).then_some(())).await;
    assert_eq!(kept(world).await, events);
}

/// Publishes messages into the queue of the batch consumer, all stored when it returns.
async fn publish(channel: &lapin::Channel, bodies: &[Vec<u8>]) {
    let mut confirmations = Vec::new();
    for body in bodies {
        let (options, properties) = Default::default();
        let published = channel.basic_publish("".into(), "analytics.events".into(), options, body, properties).await;
        confirmations.push(published.unwrap());
    }
    for confirmation in confirmations {
        assert!(confirmation.await.unwrap().is_ack());
    }
}

fn changed(change: impl FnOnce(&mut Envelope)) -> Vec<u8> {
    let mut envelope = Envelope::decode(&*envelope_of(Uuid::new_v4())).unwrap();
    change(&mut envelope);
    envelope.encode_to_vec()
}

async fn expect_empty_queue(world: &World, channel: &lapin::Channel) {
    eventually("an empty queue", SOON, async || (world.count(channel, "analytics.events").await == 0).then_some(()))
        .await;
}

#[tokio::test]
async fn every_type_is_heard_but_nothing_personal() {
    let world = World::new().await;
    let keep = Keep::in_world(&world).await;
    let _consumer = keep.run(&world).await;
    let _relay = Running::relay(world.relay());
    let channel = world.channel().await;
    world.announce_paid().await;
    let mut transaction = world.pool().begin().await.unwrap();
    bus::announce(&mut transaction, erased(Uuid::new_v4()), bus::By { actor: "user:1", now: world.clock.now() })
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    world.expect_empty_outbox().await;
    let (options, properties) = Default::default();
    let body = changed(|envelope| envelope.r#type = UNKNOWN.to_owned());
    channel.basic_publish("lyceum.events".into(), UNKNOWN.into(), options, &body, properties).await.unwrap();
    expect_kept(&world, 2).await;
    let unknown: bool = sqlx::query_scalar("select exists (select from kept where type = $1)")
        .bind(UNKNOWN)
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert!(unknown);
}

#[tokio::test]
async fn a_backlog_is_applied_in_few_batches_and_acknowledged() {
    let world = World::new().await;
    let keep = Keep::in_world(&world).await;
    keep.consumer(&world).declare().await.unwrap();
    let channel = world.channel().await;
    let bodies: Vec<Vec<u8>> = (0..3_000).map(|_| envelope_of(Uuid::new_v4())).collect();
    publish(&channel, &bodies).await;
    let consumer = keep.run(&world).await;
    expect_kept(&world, 3_000).await;
    expect_empty_queue(&world, &channel).await;
    consumer.stopped().await;
    assert!(keep.largest() > 100, "{} were the most in one batch", keep.largest());
    assert_eq!(world.count(&channel, "analytics.events").await, 0);
}

#[tokio::test]
async fn what_makes_no_sense_becomes_a_dead_letter_with_its_reason_and_the_rest_is_kept() {
    let world = World::new().await;
    let keep = Keep::in_world(&world).await;
    keep.consumer(&world).declare().await.unwrap();
    let refused = changed(|envelope| envelope.actor = "nobody".to_owned());
    let bodies = [vec![0xff, 0xff], envelope_of(Uuid::new_v4()), refused, envelope_of(Uuid::new_v4())];
    publish(&world.channel().await, &bodies).await;
    let _consumer = keep.run(&world).await;
    expect_kept(&world, 2).await;
    let dead = eventually("dead letters", SOON, async || {
        let dead = bus::dead_letter::list(world.pool()).await.unwrap();
        (dead.len() == 2).then_some(dead)
    })
    .await;
    assert!(dead[0].reason.starts_with("not an envelope"), "{}", dead[0].reason);
    assert_eq!(dead[1].reason, "nobody did it");
}

#[tokio::test]
async fn one_bad_event_is_tried_again_and_does_not_keep_the_others() {
    let world = World::new().await;
    let mut keep = Keep::in_world(&world).await;
    keep.consumer(&world).declare().await.unwrap();
    let id = Uuid::new_v4().to_string();
    let mut bodies: Vec<Vec<u8>> = (0..300).map(|_| envelope_of(Uuid::new_v4())).collect();
    bodies.insert(111, changed(|envelope| envelope.id.clone_from(&id)));
    let channel = world.channel().await;
    publish(&channel, &bodies).await;
    keep.poison = Some(id.clone());
    let poisoned = keep.run(&world).await;
    expect_kept(&world, 300).await;
    eventually("the bad one waits", SOON, async || {
        (world.count(&channel, "analytics.events.retry.1s").await == 1).then_some(())
    })
    .await;
    poisoned.stopped().await;
    // What is mended is applied when it comes again.
    keep.poison = None;
    let _mended = keep.run(&world).await;
    expect_kept(&world, 301).await;
}

#[tokio::test]
async fn a_slow_batch_is_halved_until_the_slow_event_is_alone() {
    let world = World::new().await;
    let mut keep = Keep::in_world(&world).await;
    keep.consumer(&world).declare().await.unwrap();
    let id = Uuid::new_v4().to_string();
    let mut bodies: Vec<Vec<u8>> = (0..60).map(|_| envelope_of(Uuid::new_v4())).collect();
    bodies.insert(17, changed(|envelope| envelope.id.clone_from(&id)));
    let channel = world.channel().await;
    publish(&channel, &bodies).await;
    keep.slow = Some(id);
    let _consumer = keep.run(&world).await;
    expect_kept(&world, 60).await;
    eventually("the slow one waits", SOON, async || {
        (world.count(&channel, "analytics.events.retry.1s").await == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn while_the_database_is_out_of_reach_a_batch_waits() {
    let world = World::new().await;
    let mut keep = Keep::in_world(&world).await;
    let mut config = Config::new(&world.database.url, "test");
    (config.max_connections, config.acquire_timeout) = (1, Duration::from_millis(50));
    keep.pool = pg::connect(&config).await.unwrap();
    let taken = keep.pool.acquire().await.unwrap();
    let _consumer = keep.run(&world).await;
    let channel = world.channel().await;
    publish(&channel, &[envelope_of(Uuid::new_v4()), envelope_of(Uuid::new_v4())]).await;
    let elsewhere = eventually("nothing", SOON, async || {
        for queue in ["analytics.events.retry.1s", "analytics.events.dead-letters"] {
            if world.count(&channel, queue).await > 0 {
                return Some(());
            }
        }
        None
    });
    assert!(tokio::time::timeout(Duration::from_secs(1), elsewhere).await.is_err());
    drop(taken);
    expect_kept(&world, 2).await;
}

#[tokio::test]
async fn one_replica_works_and_when_it_dies_the_next_one_gets_what_it_had() {
    let world = World::new().await;
    let (mut first, second) = (Keep::in_world(&world).await, Keep::in_world(&world).await);
    let gate = Arc::new(Semaphore::new(0));
    first.gate = Some(Arc::clone(&gate));
    let working = first.run(&world).await;
    let channel = world.channel().await;
    // The first one's own tick is let through: then it is at work.
    gate.add_permits(1);
    eventually("a tick", SOON, async || (!first.batches.lock().unwrap().is_empty()).then_some(())).await;
    let _standing_by = second.run(&world).await;
    publish(&channel, &(0..50).map(|_| envelope_of(Uuid::new_v4())).collect::<Vec<_>>()).await;
    let stolen = eventually("nothing", SOON, async || (kept(&world).await > 0).then_some(()));
    assert!(tokio::time::timeout(Duration::from_millis(500), stolen).await.is_err());
    drop(working);
    expect_kept(&world, 50).await;
    expect_empty_queue(&world, &channel).await;
}

#[tokio::test]
async fn how_far_everything_was_heard_is_told_also_where_nothing_happens() {
    let world = World::new().await;
    let keep = Keep::in_world(&world).await;
    let started = world.clock.now();
    let _consumer = keep.run(&world).await;
    let until =
        eventually("a tick", SOON, async || keep.batches.lock().unwrap().iter().find_map(|batch| batch.1)).await;
    assert_eq!(until, started);
    // A clock that is ahead proves nothing.
    let ahead = started + time::Duration::hours(1);
    publish(&world.channel().await, &[changed(|envelope| envelope.occurred_at = Some(ahead.into()))]).await;
    expect_kept(&world, 1).await;
    assert!(keep.batches.lock().unwrap().iter().all(|(_, until)| *until <= Some(started)));
}

#[tokio::test]
async fn connections_cut_again_and_again_lose_no_batch() {
    let mut world = World::new().await;
    let proxy = Proxy::before(&world.broker.url).await;
    let keep = Keep::in_world(&world).await;
    let direct = std::mem::replace(&mut world.amqp, proxy.amqp.clone());
    let _consumer = keep.run(&world).await;
    world.amqp = direct;
    let channel = world.channel().await;
    for round in 0..40 {
        publish(&channel, &(0..20).map(|_| envelope_of(Uuid::new_v4())).collect::<Vec<_>>()).await;
        if round % 10 == 7 {
            proxy.cut();
        }
    }
    expect_kept(&world, 800).await;
    expect_empty_queue(&world, &channel).await;
}
