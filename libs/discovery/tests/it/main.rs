//! A channel against real servers that come, go and come back.

#![expect(clippy::unwrap_used, reason = "a test has nobody else to tell")]

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    time::{Duration, Instant},
};

use discovery::Target;
use testkit::eventually;
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Code,
    transport::{Channel, Server},
};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_client::HealthClient},
};

const PATIENCE: Duration = Duration::from_secs(10);

/// A replica that knows only its own name, so that the answer tells who was asked. Dropped, it is gone with its connections.
struct Replica {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Replica {
    async fn start(name: &str, address: &str) -> Self {
        let (reporter, service) = tonic_health::server::health_reporter();
        reporter.set_service_status(name, ServingStatus::Serving).await;
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        // A runtime of its own, because connections are tasks that outlive their server.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let incoming = TcpListenerStream::new(TcpListener::from_std(listener).unwrap());
            Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        Self { address, runtime: Some(runtime) }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn channel(target: &str) -> Channel {
    discovery::channel(&target.parse::<Target>().unwrap())
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What the replica that is asked says about `name`: `Ok` for its own, `NotFound` for another's.
async fn ask(channel: &Channel, name: &str) -> Code {
    let request = HealthCheckRequest { service: name.to_owned() };
    HealthClient::new(channel.clone()).check(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
}

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
