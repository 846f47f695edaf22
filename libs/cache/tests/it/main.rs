//! The cache against a real Redis, against a closed port, and against a Redis that goes away and comes back.

#![expect(clippy::unwrap_used, reason = "a test has nobody else to tell")]

mod door;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use cache::{Cache, Down, RateLimit};
use door::Door;
use testkit::{Authority, Begins, Mounted, encrypted, eventually};
use time::macros::datetime;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use uuid::Uuid;
use values::SystemClock;

const MINUTE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);

fn real() -> Cache {
    Cache::connect(&testkit::stores().redis, &testkit::redis_prefix()).unwrap()
}

/// A port where nobody listens.
fn absent() -> Cache {
    Cache::connect("redis://127.0.0.1:1", "absent:").unwrap()
}

#[tokio::test]
async fn the_limit_is_shared_by_all_replicas_and_counted_for_each_key() {
    let prefix = testkit::redis_prefix();
    let replica = || {
        let cache = Cache::connect(&testkit::stores().redis, &prefix).unwrap();
        RateLimit::new(&cache, "caller", 5, MINUTE)
    };
    let (one, other) = (replica(), replica());
    for remaining in [4, 2, 0] {
        let decision = one.check("anna").await;
        assert!(decision.allowed);
        assert_eq!(decision.remaining, remaining);
        assert_eq!(other.check("anna").await.allowed, remaining > 0);
    }
    let refused = one.check("anna").await;
    assert!(!refused.allowed && refused.remaining == 0);
    assert!(refused.retry_after > Duration::from_secs(10) && refused.retry_after <= Duration::from_secs(12));
    assert!(refused.reset_after > Duration::from_secs(58) && refused.reset_after <= MINUTE);
    assert!(one.check("boris").await.allowed);
}

#[tokio::test]
async fn a_race_for_the_limit_lets_exactly_the_limit_pass() {
    let limit = RateLimit::new(&real(), "race", 10, MINUTE);
    let mut checks = JoinSet::new();
    for _ in 0..100 {
        let limit = limit.clone();
        checks.spawn(async move { limit.check("anna").await.allowed });
    }
    assert_eq!(checks.join_all().await.into_iter().filter(|allowed| *allowed).count(), 10);
}

#[tokio::test(start_paused = true)]
async fn without_redis_each_replica_counts_for_itself_and_forgets_with_time() {
    let limit = RateLimit::new(&absent(), "caller", 2, MINUTE);
    assert_eq!(limit.check("anna").await.remaining, 1);
    assert_eq!(limit.check("anna").await.remaining, 0);
    let refused = limit.check("anna").await;
    assert!(!refused.allowed);
    assert!(limit.check("boris").await.allowed);
    tokio::time::advance(refused.retry_after).await;
    assert!(limit.check("anna").await.allowed);
    assert!(!limit.check("anna").await.allowed);
}

#[tokio::test]
async fn a_revoked_session_is_listed_as_long_as_it_matters() {
    let cache = real();
    let now = datetime!(2026-03-02 09:00 UTC);
    let (anna, boris) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let minutes = time::Duration::minutes;
    cache.revoke(anna, now + minutes(10)).await.unwrap();
    cache.revoke(anna, now + minutes(5)).await.unwrap();
    cache.revoke(boris, now + minutes(5)).await.unwrap();
    assert_eq!(cache.revoked(now).await, Ok(HashSet::from([anna, boris])));
    assert_eq!(cache.revoked(now + minutes(6)).await, Ok(HashSet::from([anna])));
    assert_eq!(cache.revoked(now + minutes(11)).await, Ok(HashSet::new()));
    assert_eq!(absent().revoked(now).await, Err(Down));
    assert_eq!(absent().revoke(anna, now).await, Err(Down));
}

#[tokio::test]
async fn when_redis_comes_back_it_is_used_again_without_a_restart() {
    let door = Door::open(&testkit::stores().redis).await;
    let cache = Cache::connect(&door.url(), &testkit::redis_prefix()).unwrap();
    let (anna, now) = (Uuid::from_u128(1), datetime!(2026-03-02 09:00 UTC));
    cache.revoke(anna, now + time::Duration::minutes(5)).await.unwrap();

    door.shut();
    assert_eq!(cache.revoked(now).await, Err(Down));
    let limit = RateLimit::new(&cache, "caller", 2, MINUTE);
    assert!(limit.check("anna").await.allowed, "the replica counts for itself");

    door.reopen();
    let read = eventually("Redis is used again", PATIENCE, async || cache.revoked(now).await.ok()).await;
    assert_eq!(read, HashSet::from([anna]));
}

#[tokio::test]
async fn a_redis_that_accepts_and_says_nothing_costs_a_moment_once_and_then_nothing() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let cache = Cache::connect(&url, "silent:").unwrap();
    let begun = Instant::now();
    for _ in 0..100 {
        assert_eq!(cache.revoked(datetime!(2026-03-02 09:00 UTC)).await, Err(Down));
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn an_address_that_is_not_redis_s_is_refused_without_repeating_it() {
    let refused = Cache::connect("http://:hunter2@host", "x:").unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("hunter2"));
    let cache = Cache::connect("redis://:hunter2@127.0.0.1:1", "x:").unwrap();
    assert!(!format!("{cache:?}").contains("hunter2"));
}

/// Answers as a Redis that was the primary before a failover: it is there, but takes no writes. `promoted` ends that
/// for connections that begin afterwards.
async fn demoted(promoted: Arc<AtomicBool>) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let takes_writes = promoted.load(Ordering::SeqCst);
            connections.spawn(async move {
                let mut stream = BufReader::new(stream);
                while let Some(words) = command(&mut stream).await {
                    let answer = match words[0].to_ascii_uppercase().as_str() {
                        "PING" => format!("+{}\r\n", words.get(1).map_or("PONG", String::as_str)),
                        "ZADD" if takes_writes => ":1\r\n".to_owned(),
                        "ZADD" => "-READONLY You can't write against a read only replica.\r\n".to_owned(),
                        _ => "+OK\r\n".to_owned(),
                    };
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (url, serving)
}

/// One command as clients send it: an array of texts, each behind its length.
async fn command(stream: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let mut line = async || {
        let mut line = String::new();
        let read = stream.read_line(&mut line).await.ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let words: usize = line().await?.trim_start_matches('*').parse().unwrap();
    let mut command = Vec::new();
    for _ in 0..words {
        line().await?;
        command.push(line().await?);
    }
    Some(command)
}

#[tokio::test]
async fn a_connection_to_what_was_the_primary_is_not_used_again() {
    let promoted = Arc::new(AtomicBool::new(false));
    let (url, _serving) = demoted(Arc::clone(&promoted)).await;
    let cache = Cache::connect(&url, "x:").unwrap();
    let until = datetime!(2030-01-01 00:00 UTC);
    assert_eq!(cache.revoke(Uuid::from_u128(1), until).await, Err(Down));
    promoted.store(true, Ordering::SeqCst);
    eventually("the new primary", PATIENCE, async || cache.revoke(Uuid::from_u128(1), until).await.ok()).await;
}

#[tokio::test]
async fn an_encrypted_redis_is_believed_by_its_authority_only_and_a_new_one_needs_no_restart() {
    // Before any connection, as the chassis does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (authority, other) = (Authority::new(), Authority::new());
    let certificate = authority.issue(&["localhost"]);
    let url = encrypted(&testkit::stores().redis, &certificate, Begins::AtOnce).await;
    let url = url.replacen("redis", "rediss", 1);
    let prefix = testkit::redis_prefix();
    let mounted = Mounted::new(&certificate, other.pem());
    let loaded = || Some(tls::Authority::load(mounted.file("ca.crt"), &(Arc::new(SystemClock) as _)).unwrap());
    let (anna, now) = (Uuid::from_u128(1), datetime!(2029-12-31 00:00 UTC));
    let cache = Cache::trusting(&url, &prefix, loaded()).unwrap();
    assert_eq!(cache.revoke(anna, now + time::Duration::DAY).await, Err(Down), "another authority vouches for nothing");
    let none = Cache::trusting(&url, &prefix, None).unwrap();
    assert_eq!(none.revoke(anna, now + time::Duration::DAY).await, Err(Down));
    mounted.exchange(&certificate, authority.pem());
    let revoke = async || cache.revoke(anna, now + time::Duration::DAY).await.ok();
    eventually("the new authority is believed", PATIENCE, revoke).await;
    assert_eq!(cache.revoked(now).await, Ok(HashSet::from([anna])));
    assert!(Cache::trusting("redis://localhost", "x:", loaded()).is_err(), "not encrypted");
}
