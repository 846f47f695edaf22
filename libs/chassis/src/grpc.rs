//! The gRPC server: routes of the service in, health, reflection, telemetry, panics and the stop around them.

mod body;
mod health;
mod observe;
mod reflection;

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use rpc::deadline;
use tls::{Acceptor, HTTP_2};
use tonic::{body::Body, service::Routes};
use tower::{Layer, Service, ServiceExt, layer::util::Identity, util::BoxCloneService};

use crate::{
    Runtime,
    connections::{self, Limits},
};

/// A gRPC service of any type, with the layers inside of it.
type Inner = BoxCloneService<Request<Body>, Response<Body>, Infallible>;

const LIMITS: Limits = Limits {
    name: "gRPC",
    connections: 1_000,
    from_one_address: None,
    streams: 200,
    header_timeout: Duration::from_secs(10),
    http2_only: true,
};

/// A gRPC server that is not open yet.
#[derive(Debug)]
pub struct Server<L = Identity> {
    listen: SocketAddr,
    descriptor: Option<&'static [u8]>,
    deadline: deadline::Layer,
    layer: L,
}

impl Server {
    /// A server that will listen on `listen`.
    pub fn new(listen: SocketAddr) -> Self {
        Self { listen, descriptor: None, deadline: deadline::Layer::new(), layer: Identity::new() }
    }
}

impl<L> Server<L> {
    /// Offers reflection with this encoded `FileDescriptorSet`, so that tools such as grpcurl need no files.
    #[must_use]
    pub fn reflection(mut self, descriptor: &'static [u8]) -> Self {
        self.descriptor = Some(descriptor);
        self
    }

    /// How long calls may take, if the ten seconds of `rpc::deadline` do not fit.
    #[must_use]
    pub fn deadline(mut self, deadline: deadline::Layer) -> Self {
        self.deadline = deadline;
        self
    }

    /// Puts a layer around the routes, such as `auth::Layer`. It runs inside telemetry, the deadline and the catching
    /// of panics.
    #[must_use]
    pub fn layer<M>(self, layer: M) -> Server<M> {
        Server { listen: self.listen, descriptor: self.descriptor, deadline: self.deadline, layer }
    }

    /// Serves until the runtime drains and the calls in flight are finished; over TLS if the process has a
    /// certificate, and only those who show one if it has an authority (`LYCEUM_TLS_…`).
    ///
    /// Per call: a span that continues the caller's trace, the request id and deadline of `rpc::Context`,
    /// `rpc_server_requests_total{rpc,code}`, `rpc_server_duration_seconds{rpc}`, `rpc_server_in_flight`; a panic
    /// becomes `INTERNAL`.
    pub async fn serve(self, runtime: &Runtime, routes: Routes) -> anyhow::Result<()>
    where
        L: Layer<Routes>,
        L::Service: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
        <L::Service as Service<Request<Body>>>::Future: Send,
    {
        let listener = connections::listen(LIMITS, self.listen).await?;
        let mut routes = routes.add_service(health::service(runtime));
        if let Some(descriptor) = self.descriptor {
            routes = routes.add_service(reflection::Reflection::new(descriptor));
        }
        let guarded = BoxCloneService::new(self.layer.layer(routes.prepare()));
        let timed = BoxCloneService::new(self.deadline.layer(guarded));
        let door = observe::Observed::new(timed)
            .map_request(|request: Request<Incoming>| request.map(Body::new))
            .map_response(|response: Response<Body>| response.map(axum::body::Body::new));
        let tls = Acceptor::new(tls::fleet(), &[HTTP_2]);
        connections::serve(runtime, LIMITS, listener, tls, BoxCloneService::new(door)).await
    }
}
