//! A channel to the addresses of the configuration.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use testkit::eventually;
use tokio::net::TcpListener;
use tonic::Code;

use crate::helpers::{PATIENCE, Replica, ask, channel};

#[tokio::test]
async fn calls_are_spread_over_the_replicas() {
    let (one, other) = (Replica::start("one", "127.0.0.1:0").await, Replica::start("other", "127.0.0.1:0").await);
    let channel = channel(&format!("{},{}", one.url(), other.url()));
    let mut asked = BTreeSet::new();
    eventually("both replicas are asked", PATIENCE, async || {
        asked.insert(ask(&channel, "one").await == Code::Ok);
        (asked.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_channel_is_made_before_its_service_and_outlives_it() {
    let place = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let channel = channel(&format!("http://{address}"));
    assert_eq!(ask(&channel, "one").await, Code::Unavailable);

    let replica = Replica::start("one", &address.to_string()).await;
    eventually("the service is found", PATIENCE, async || (ask(&channel, "one").await == Code::Ok).then_some(())).await;

    drop(replica);
    eventually("it is gone", PATIENCE, async || (ask(&channel, "one").await == Code::Unavailable).then_some(())).await;
    let _replica = Replica::start("one", &address.to_string()).await;
    eventually("it is found again", PATIENCE, async || (ask(&channel, "one").await == Code::Ok).then_some(())).await;
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unavailable_at_once() {
    let channel = channel("http://127.0.0.1:1,http://127.0.0.1:2");
    let begun = Instant::now();
    for _ in 0..10 {
        assert_eq!(ask(&channel, "one").await, Code::Unavailable);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn while_one_replica_is_down_no_call_fails() {
    let replica = Replica::start("one", "127.0.0.1:0").await;
    let channel = channel(&format!("http://127.0.0.1:1,{},http://127.0.0.1:2", replica.url()));
    for _ in 0..50 {
        assert_eq!(ask(&channel, "one").await, Code::Ok);
    }
}
