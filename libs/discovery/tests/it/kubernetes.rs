//! A channel to a service of Kubernetes, while its endpoints and the API server come and go.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rpc::client::Channel;
use serde_json::{Value, json};
use testkit::{Authority, Mounted, eventually};
use tonic::{Code, Request};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_client::HealthClient},
};

use crate::{
    api_server::{ApiServer, Knowledge},
    helpers::{PATIENCE, Replica, ask, nobody},
};

/// New endpoints get calls within this, and old ones none.
const SOON: Duration = Duration::from_secs(2);

fn ready() -> Value {
    json!({ "ready": true, "serving": true, "terminating": false })
}

fn ending() -> Value {
    json!({ "ready": false, "serving": true, "terminating": true })
}

fn channel(api: &ApiServer) -> Channel {
    nobody().cluster(api.config()).channel(&"kube://users:grpc".parse().unwrap())
}

/// Waits until `name` is asked.
async fn found(channel: &Channel, name: &str) {
    eventually(name, PATIENCE, async || (ask(channel, name).await == Code::Ok).then_some(())).await;
}

/// Waits until only `name` is asked, as far as many calls can tell.
async fn alone(channel: &Channel, name: &str) {
    eventually(name, PATIENCE, async || {
        for _ in 0..30 {
            if ask(channel, name).await != Code::Ok {
                return None;
            }
        }
        Some(())
    })
    .await;
}

#[tokio::test]
async fn calls_follow_the_endpoints_of_all_slices() {
    let (one, other) = (Replica::start("one", "127.0.0.1:0").await, Replica::start("other", "127.0.0.1:0").await);
    let knowledge = Knowledge::new();
    knowledge.put("users-a", one.address.port(), &ready());
    let api = ApiServer::start(&knowledge, "127.0.0.1:0");
    let channel = channel(&api);
    assert_eq!(ask(&channel, "one").await, Code::Ok, "the first call waits for the first list");

    let begun = Instant::now();
    knowledge.put("users-b", other.address.port(), &ready());
    found(&channel, "other").await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    found(&channel, "one").await;

    let begun = Instant::now();
    knowledge.put("users-a", one.address.port(), &json!({ "ready": false, "serving": false, "terminating": false }));
    alone(&channel, "other").await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());

    knowledge.put("users-a", one.address.port(), &ready());
    found(&channel, "one").await;
    knowledge.delete("users-b");
    alone(&channel, "one").await;
    assert_eq!((knowledge.lists(), knowledge.watches()), (1, 1), "all that was one list and one watch");
}

#[tokio::test]
async fn what_is_in_flight_at_an_endpoint_that_ends_is_finished_there() {
    let (one, other) = (Replica::start("one", "127.0.0.1:0").await, Replica::start("other", "127.0.0.1:0").await);
    let knowledge = Knowledge::new();
    knowledge.put("users-a", one.address.port(), &ready());
    let api = ApiServer::start(&knowledge, "127.0.0.1:0");
    let channel = channel(&api);
    let watched = Request::new(HealthCheckRequest { service: "one".to_owned() });
    let mut in_flight = HealthClient::new(channel.clone()).watch(watched).await.unwrap().into_inner();
    assert_eq!(in_flight.message().await.unwrap().unwrap().status, 1);

    knowledge.put("users-b", other.address.port(), &ready());
    knowledge.put("users-a", one.address.port(), &ending());
    alone(&channel, "other").await;
    one.reporter.set_service_status("one", ServingStatus::NotServing).await;
    assert_eq!(in_flight.message().await.unwrap().unwrap().status, 2);
}

#[tokio::test]
async fn while_the_api_server_is_away_what_is_known_stays_in_use_and_then_it_is_listed_anew() {
    let (one, other) = (Replica::start("one", "127.0.0.1:0").await, Replica::start("other", "127.0.0.1:0").await);
    let knowledge = Knowledge::new();
    knowledge.put("users-a", one.address.port(), &ready());
    let api = ApiServer::start(&knowledge, "127.0.0.1:0");
    let address = api.address;
    let channel = channel(&api);
    found(&channel, "one").await;

    drop(api);
    knowledge.delete("users-a");
    knowledge.put("users-b", other.address.port(), &ready());
    for _ in 0..50 {
        assert_eq!(ask(&channel, "one").await, Code::Ok);
    }
    let _api = ApiServer::start(&knowledge, &address.to_string());
    alone(&channel, "other").await;
    assert!(knowledge.lists() >= 2);
}

#[tokio::test]
async fn a_version_that_the_api_server_has_forgotten_is_listed_anew() {
    let (one, other) = (Replica::start("one", "127.0.0.1:0").await, Replica::start("other", "127.0.0.1:0").await);
    let knowledge = Knowledge::new();
    knowledge.put("users-a", one.address.port(), &ready());
    let api = ApiServer::start(&knowledge, "127.0.0.1:0");
    let channel = channel(&api);
    found(&channel, "one").await;
    eventually("it is watched", PATIENCE, async || (knowledge.watches() == 1).then_some(())).await;
    knowledge.forget();
    eventually("it is listed again", PATIENCE, async || (knowledge.lists() >= 2).then_some(())).await;
    knowledge.put("users-b", other.address.port(), &ready());
    found(&channel, "other").await;
}

#[tokio::test]
async fn a_service_without_endpoints_is_unavailable_soon_and_within_the_deadline() {
    let knowledge = Knowledge::new();
    let api = ApiServer::start(&knowledge, "127.0.0.1:0");
    let channel = channel(&api);
    let begun = Instant::now();
    assert_eq!(ask(&channel, "one").await, Code::Unavailable);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());

    let begun = Instant::now();
    let mut hurried = Request::new(HealthCheckRequest::default());
    hurried.set_timeout(Duration::from_millis(200));
    let refused = HealthClient::new(channel.clone()).check(hurried).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());

    // A call that waits is served by the first endpoint that comes.
    let one = Replica::start("one", "127.0.0.1:0").await;
    let (answer, ()) = tokio::join!(ask(&channel, "one"), async {
        tokio::task::yield_now().await;
        knowledge.put("users-a", one.address.port(), &ready());
    });
    assert_eq!(answer, Code::Ok);
}

#[tokio::test]
async fn without_an_api_server_calls_are_unavailable_and_found_once_it_is_there() {
    let knowledge = Knowledge::new();
    let api = ApiServer::start(&knowledge, "127.0.0.1:0");
    let (address, config) = (api.address, api.config());
    drop(api);
    let channel = nobody().cluster(config).channel(&"kube://users:grpc".parse().unwrap());
    assert_eq!(ask(&channel, "one").await, Code::Unavailable);
    let one = Replica::start("one", "127.0.0.1:0").await;
    knowledge.put("users-a", one.address.port(), &ready());
    let _api = ApiServer::start(&knowledge, &address.to_string());
    found(&channel, "one").await;
}

#[tokio::test]
async fn clients_of_one_service_share_one_watch() {
    let one = Replica::start("one", "127.0.0.1:0").await;
    let knowledge = Knowledge::new();
    knowledge.put("users-a", one.address.port(), &ready());
    let api = ApiServer::start(&knowledge, "127.0.0.1:0");
    let channels = [channel(&api), channel(&api), channel(&api)];
    for channel in &channels {
        found(channel, "one").await;
    }
    assert_eq!(knowledge.lists(), 1);
    drop(channels);
}

#[tokio::test]
async fn over_tls_a_replica_proves_to_be_its_service() {
    let authority = Authority::new();
    let identity = |name| {
        let mounted = Mounted::new(&authority.issue(&[name]), authority.pem());
        let certificate = Some((mounted.file("tls.crt"), mounted.file("tls.key")));
        let files = tls::Files { certificate, authority: Some(mounted.file("ca.crt")) };
        tls::Identity::load("test", files, Arc::new(values::SystemClock)).unwrap()
    };
    let (one, other) = (Replica::start("one", "127.0.0.1:0").await, Replica::start("other", "127.0.0.1:0").await);
    let users = one.behind(identity("users.school.svc")).await;
    let payments = other.behind(identity("payments.school.svc")).await;
    let knowledge = Knowledge::new();
    knowledge.put("users-a", users, &ready());
    let api = ApiServer::start(&knowledge, "127.0.0.1:0");
    let gateway = discovery::Discovery::new(identity("gateway.school.svc"));
    let channel = gateway.cluster(api.config()).channel(&"kube+https://users:grpc".parse().unwrap());
    found(&channel, "one").await;
    // Another service at the place of this one is not believed.
    knowledge.put("users-b", payments, &ready());
    knowledge.delete("users-a");
    eventually("nobody is left", PATIENCE, async || (ask(&channel, "other").await == Code::Unavailable).then_some(()))
        .await;
    assert_ne!(ask(&channel, "other").await, Code::Ok);
}
