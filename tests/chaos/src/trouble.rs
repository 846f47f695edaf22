//! What happens to the stores and to the connections while learners are on their way.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, bail, ensure};
use people::{Answer, Person};
use proto::lyceum::courses::v1::{ListMyEnrolmentsRequest, ListMyEnrolmentsResponse};
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use url::Url;
use uuid::Uuid;

use crate::{
    fleet::{Fleet, PATIENCE, eventually},
    storm::{self, Cast, Outcome},
};

/// One kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    RedisKilled,
    RedisAway,
    RabbitmqAway,
    PostgresKilled,
    PostgresAway,
    S3Killed,
    S3AtFault,
    DatabaseCut,
    BrokerCut,
    RedisCut,
    EveryServiceKilled,
}

impl Trouble {
    pub const ALL: [Self; 11] = [
        Self::RedisKilled,
        Self::RedisAway,
        Self::RabbitmqAway,
        Self::PostgresKilled,
        Self::PostgresAway,
        Self::S3Killed,
        Self::S3AtFault,
        Self::DatabaseCut,
        Self::BrokerCut,
        Self::RedisCut,
        Self::EveryServiceKilled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::RedisKilled => "redis: kill -9",
            Self::RedisAway => "redis: away all the time",
            Self::RabbitmqAway => "rabbitmq: kill -9 and away while orders are paid",
            Self::PostgresKilled => "postgres: kill -9",
            Self::PostgresAway => "postgres: away, and back without a restart of services",
            Self::S3Killed => "seaweedfs: kill -9",
            Self::S3AtFault => "s3: errors, cuts and lost answers",
            Self::DatabaseCut => "postgres: every connection cut, three times",
            Self::BrokerCut => "rabbitmq: every connection cut, three times",
            Self::RedisCut => "redis: every connection cut, three times",
            Self::EveryServiceKilled => "every service: kill -9, one after another",
        }
    }
}

/// One run with the trouble.
pub async fn run(fleet: &Arc<Fleet>, cast: &Cast, trouble: Trouble, chance: &mut StdRng) -> Result<Outcome> {
    let pids = fleet.pids()?;
    let outcome = storm::run(fleet, cast, trouble.name(), &[], chance, async |run| {
        strike(fleet, cast, trouble, run, &pids).await
    });
    let outcome = outcome.await;
    for store in ["redis", "rabbitmq", "postgres", "seaweedfs"] {
        fleet.release(store)?;
    }
    let outcome = outcome?;
    if trouble != Trouble::EveryServiceKilled {
        ensure!(fleet.pids()? == pids, "a service was started again, though only stores were in trouble");
    }
    Ok(outcome)
}

async fn strike(
    fleet: &Arc<Fleet>,
    cast: &Cast,
    trouble: Trouble,
    run: Uuid,
    pids: &BTreeMap<String, i32>,
) -> Result<Vec<(String, Duration)>> {
    match trouble {
        Trouble::RedisKilled => killed(fleet, "redis", run).await,
        Trouble::PostgresKilled => killed(fleet, "postgres", run).await,
        Trouble::S3Killed => killed(fleet, "seaweedfs", run).await,
        Trouble::RedisAway => redis_away(fleet, run).await,
        Trouble::RabbitmqAway => rabbitmq_away(fleet, run).await,
        Trouble::PostgresAway => postgres_away(fleet, &cast.manager, run).await,
        Trouble::S3AtFault => s3_at_fault(fleet).await,
        Trouble::DatabaseCut => cut(fleet, run, async || cut_databases(fleet).await).await,
        Trouble::BrokerCut => cut(fleet, run, async || cut_broker(fleet).await).await,
        Trouble::RedisCut => cut(fleet, run, async || cut_redis(fleet).await).await,
        Trouble::EveryServiceKilled => every_service(fleet, run, pids).await,
    }
}

/// Waits until so many learners have paid: most are on their way.
async fn paid(fleet: &Fleet, run: Uuid, count: i64) -> Result<()> {
    eventually(PATIENCE, async || {
        let found: i64 = sqlx::query_scalar("select count(*) from entitlements where run_id = $1")
            .bind(run)
            .fetch_one(fleet.database("payments")?)
            .await?;
        ensure!(found >= count, "{found} of {count} have paid");
        Ok(())
    })
    .await
}

async fn killed(fleet: &Fleet, store: &str, run: Uuid) -> Result<Vec<(String, Duration)>> {
    paid(fleet, run, 2).await?;
    let died_at = fleet.kill(store)?;
    let took = fleet.comes_back(store, died_at).await?;
    // A backend outlives the server a little, and may commit; of other stores nobody holds anything from afterwards.
    let held_until = if store == "postgres" { fleet.started_at(store)? } else { died_at };
    storm::run_out_all_leases(fleet, held_until).await?;
    Ok(vec![(store.to_owned(), took)])
}

/// Nothing but limits, caches and revocations leans on Redis: everybody arrives while it is away.
async fn redis_away(fleet: &Fleet, run: Uuid) -> Result<Vec<(String, Duration)>> {
    fleet.hold("redis")?;
    let died_at = fleet.kill("redis")?;
    eventually(PATIENCE * 2, async || {
        let done: i64 = sqlx::query_scalar("select count(*) from enrolments where run_id = $1 and state = 'completed'")
            .bind(run)
            .fetch_one(fleet.database("courses")?)
            .await?;
        ensure!(done > storm::LEARNERS as i64, "{done} have finished without Redis");
        Ok(())
    })
    .await?;
    fleet.release("redis")?;
    Ok(vec![("redis".to_owned(), fleet.comes_back("redis", died_at).await?)])
}

/// Orders are settled without the broker; what follows from them happens when it is back.
async fn rabbitmq_away(fleet: &Fleet, run: Uuid) -> Result<Vec<(String, Duration)>> {
    fleet.hold("rabbitmq")?;
    let died_at = fleet.kill("rabbitmq")?;
    // As many as are on their way at once: they wait for their seats.
    paid(fleet, run, 4).await?;
    fleet.release("rabbitmq")?;
    let took = fleet.comes_back("rabbitmq", died_at).await?;
    storm::run_out_all_leases(fleet, died_at).await?;
    Ok(vec![("rabbitmq".to_owned(), took)])
}

/// 503 with Retry-After while it is away, and everything goes on by itself when it is back.
async fn postgres_away(fleet: &Fleet, manager: &Person, run: Uuid) -> Result<Vec<(String, Duration)>> {
    paid(fleet, run, 2).await?;
    fleet.hold("postgres")?;
    let died_at = fleet.kill_with_children("postgres").await?;
    for path in ["/v1/me/enrolments", "/v1/orders?pageSize=1", "/v1/notifications?pageSize=1", "/v1/me/certificates"] {
        refused_for_now(manager, path).await?;
    }
    fleet.release("postgres")?;
    let took = fleet.comes_back("postgres", died_at).await?;
    let back = Instant::now();
    let _: ListMyEnrolmentsResponse = manager.call(&ListMyEnrolmentsRequest::default()).await?;
    storm::run_out_all_leases(fleet, fleet.started_at("postgres")?).await?;
    Ok(vec![("postgres".to_owned(), took), ("services after it".to_owned(), back.elapsed())])
}

/// The answer to a read while the database is away.
async fn refused_for_now(manager: &Person, path: &str) -> Result<()> {
    let answer = manager.ask(Method::GET, path, None, &[]).await?;
    let Answer { status, headers, body, .. } = answer;
    ensure!(status == 503, "{path} answers {status} without a database: {body}");
    ensure!(headers.contains_key("retry-after"), "{path} does not say when to come again: {body}");
    ensure!(headers["content-type"].as_bytes().starts_with(b"application/problem+json"), "{path}: {body}");
    Ok(())
}

/// The store of files is at fault again and again; nothing of it may be seen but time.
async fn s3_at_fault(fleet: &Fleet) -> Result<Vec<(String, Duration)>> {
    for (on, kind) in
        [("s3.PUT", "503"), ("s3.PUT", "drop-reply"), ("s3.PUT", "cut-upload"), ("s3", "429"), ("s3", "500")]
    {
        fleet.school.outside.fault(json!({"on": on, "kind": kind, "count": 1})).await?;
    }
    Ok(vec![])
}

/// Cuts connections three times while people pay and learn.
async fn cut(fleet: &Fleet, run: Uuid, strike: impl AsyncFn() -> Result<()>) -> Result<Vec<(String, Duration)>> {
    for count in 1..=3 {
        paid(fleet, run, count * 2).await?;
        strike().await?;
        // A claim whose answer was cut is as lost as one whose owner died.
        storm::run_out_all_leases(fleet, SystemTime::now()).await?;
    }
    Ok(vec![])
}

async fn cut_databases(fleet: &Fleet) -> Result<()> {
    sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()")
        .execute(fleet.superuser())
        .await?;
    Ok(())
}

async fn cut_broker(fleet: &Fleet) -> Result<()> {
    let connections = fleet.broker(Method::GET, "connections", None).await?;
    for connection in connections.as_array().into_iter().flatten() {
        let Some(name) = connection["name"].as_str() else { continue };
        let mut path = Url::parse("http://broker/connections")?;
        path.path_segments_mut().ok().context("a path")?.push(name);
        let closed = fleet.broker(Method::DELETE, path.path().trim_start_matches('/'), None).await;
        // The list is a few seconds old, so that one of it may be gone.
        if let Err(error) = closed
            && !format!("{error:#}").contains("404")
        {
            bail!(error);
        }
    }
    Ok(())
}

async fn cut_redis(fleet: &Fleet) -> Result<()> {
    let address: Url = fleet.stores.redis.parse()?;
    let (host, port) = (address.host_str().context("a host")?, address.port().context("a port")?);
    let mut stream = TcpStream::connect((host, port)).await?;
    let password = address.password().unwrap_or_default();
    let words = format!("AUTH {password}\r\nCLIENT KILL TYPE normal SKIPME yes\r\nQUIT\r\n");
    stream.write_all(words.as_bytes()).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

/// Kills each service once, the next as soon as the one before serves again.
async fn every_service(fleet: &Fleet, run: Uuid, pids: &BTreeMap<String, i32>) -> Result<Vec<(String, Duration)>> {
    paid(fleet, run, 1).await?;
    let mut recoveries = Vec::new();
    for name in pids.keys() {
        let died_at = fleet.kill(name)?;
        let took = fleet.comes_back(name, died_at).await?;
        storm::end_claims(fleet, name).await?;
        recoveries.push((name.clone(), took));
    }
    Ok(recoveries)
}
