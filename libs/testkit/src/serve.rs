//! A service's gRPC door on this machine, guarded as in the fleet.

use std::net::SocketAddr;

use auth::{Layer, Outgoing};
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{
    service::Routes,
    transport::{Endpoint, Server, server::TcpIncoming},
};

/// A door that is open until it is dropped.
#[derive(Debug)]
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    channel: tonic::transport::Channel,
    task: JoinHandle<()>,
}

/// Opens a door on a free port. Deadlines and access are checked by the same layers as in the fleet.
pub async fn serve(routes: Routes, guard: Layer) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let server = Server::builder().layer(rpc::deadline::Layer::new()).layer(guard).add_routes(routes);
    #[expect(clippy::disallowed_methods, reason = "the task ends with the test, which aborts it")]
    let task = tokio::spawn(async move {
        // As the fleet's servers do: an answer of several packets would wait 40 ms for an acknowledgement otherwise.
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        if let Err(error) = server.serve_with_incoming(incoming).await {
            panic!("the door fell shut: {error}");
        }
    });
    let channel = Endpoint::from_shared(format!("http://{address}")).expect("a good address").connect_lazy();
    Served { address, channel, task }
}

impl Served {
    /// What a generated client is built over: `UserServiceClient::new(door.to(fleet.visitor()))`.
    pub fn to(&self, caller: Outgoing) -> auth::Channel {
        caller.over(self.channel.clone())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}
