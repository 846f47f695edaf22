//! Replicas that come, go and come back, and who asks them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use discovery::{Discovery, Target};
use rpc::client::Channel;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, transport::Server};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_client::HealthClient},
    server::HealthReporter,
};

pub const PATIENCE: Duration = Duration::from_secs(10);

/// Something that runs apart from the test, so that dropping it is like killing a process: its connections are gone
/// at once.
pub fn apart() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A replica that knows only its own name, so that the answer tells who was asked. Dropped, it is gone with its
/// connections.
pub struct Replica {
    pub address: SocketAddr,
    pub reporter: HealthReporter,
    runtime: Option<Runtime>,
}

impl Replica {
    pub async fn start(name: &str, address: &str) -> Self {
        let (reporter, service) = tonic_health::server::health_reporter();
        reporter.set_service_status(name, ServingStatus::Serving).await;
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = apart();
        runtime.spawn(async move {
            let incoming = TcpListenerStream::new(TcpListener::from_std(listener).unwrap());
            Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        Self { address, reporter, runtime: Some(runtime) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts TLS before it; answers the port that speaks it.
    pub async fn behind(&self, identity: tls::Identity) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = tls::Acceptor::new(identity, &[tls::HTTP_2]).unwrap();
        let address = self.address;
        tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut outside = acceptor.accept(tcp).await?;
                    let mut inside = TcpStream::connect(address).await?;
                    tokio::io::copy_bidirectional(&mut outside, &mut inside).await
                });
            }
        });
        port
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub fn channel(target: &str) -> Channel {
    discovery::channel(&target.parse::<Target>().unwrap())
}

/// As somebody else than this process.
pub fn nobody() -> Discovery {
    let files = tls::Files::default();
    Discovery::new(tls::Identity::load("test", files, Arc::new(values::SystemClock)).unwrap())
}

/// What the replica that is asked says about `name`: `Ok` for its own, `NotFound` for another's.
pub async fn ask(channel: &Channel, name: &str) -> Code {
    let request = HealthCheckRequest { service: name.to_owned() };
    HealthClient::new(channel.clone()).check(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
}
