//! The cache against a real Redis, against a closed port, and against a Redis that goes away and comes back.

#![expect(clippy::unwrap_used, reason = "a test has nobody else to tell")]

mod door;

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use cache::{Cache, Down, RateLimit};
use door::Door;
use testkit::{Authority, Begins, encrypted, eventually};
use time::macros::datetime;
use tokio::task::JoinSet;
use uuid::Uuid;

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

#[tokio::test]
async fn an_encrypted_redis_is_believed_by_its_authority_only() {
    // Before any connection, as the chassis does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (authority, other) = (Authority::new(), Authority::new());
    let url = encrypted(&testkit::stores().redis, &authority.issue(&["localhost"]), Begins::AtOnce).await;
    let url = url.replacen("redis", "rediss", 1);
    let prefix = testkit::redis_prefix();
    let cache = |pem| Cache::trusting(&url, &prefix, pem).unwrap();
    let (anna, now) = (Uuid::from_u128(1), datetime!(2029-12-31 00:00 UTC));
    cache(Some(authority.pem())).revoke(anna, now + time::Duration::DAY).await.unwrap();
    assert_eq!(cache(Some(authority.pem())).revoked(now).await, Ok(HashSet::from([anna])));
    for pem in [None, Some(other.pem())] {
        assert_eq!(cache(pem).revoke(Uuid::new_v4(), datetime!(2030-01-01 00:00 UTC)).await, Err(Down));
    }
    assert!(Cache::trusting("redis://localhost", "x:", Some(authority.pem())).is_err(), "not encrypted");
}
