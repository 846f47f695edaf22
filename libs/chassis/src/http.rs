//! The HTTP server of the gateway: an axum router in, telemetry, limits, panics and the stop around it.

mod observe;

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use http::Request;
use hyper::body::Incoming;
use serde_json::json;
use tls::{Acceptor, HTTP_1, HTTP_2, Identity};
use tower::{ServiceExt, util::BoxCloneService};

use crate::{
    Runtime,
    connections::{self, Limits},
};

/// What a panic is answered with; it is given the request's id.
pub type PanicAnswer = fn(request_id: &str) -> Response;

/// An HTTP server that is not open yet. It speaks HTTP/1.1 and HTTP/2, without TLS unless it is given an identity.
#[derive(Debug)]
pub struct Server {
    listen: SocketAddr,
    limits: Limits,
    panic_answer: PanicAnswer,
    identity: Option<Identity>,
}

impl Server {
    /// A server that will listen on `listen`.
    pub fn new(listen: SocketAddr) -> Self {
        // Load balancers keep idle connections for a minute, and lose a request if we close one first.
        let header_timeout = Duration::from_secs(75);
        let limits = Limits {
            name: "HTTP",
            connections: 10_000,
            from_one_address: None,
            streams: 200,
            header_timeout,
            http2_only: false,
        };
        Self { listen, limits, panic_answer: problem, identity: None }
    }

    /// How many connections may be open at the same time; 10,000. Further ones wait.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections;
        self
    }

    /// How many connections may be open at the same time from one address, or one IPv6 network of a household; further
    /// ones are closed and counted in `server_connections_refused_total`. Without a limit, as behind a proxy, where all
    /// connections come from a few addresses.
    #[must_use]
    pub fn max_connections_from_one_address(mut self, connections: Option<usize>) -> Self {
        self.limits.from_one_address = connections;
        self
    }

    /// How long an HTTP/1 connection may take to send a request's head, and how long it may idle; 75 s.
    #[must_use]
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.limits.header_timeout = timeout;
        self
    }

    /// Speaks TLS, and plainly to nobody, if the identity has a certificate; only with clients that show one if it
    /// has an authority.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// What a panic is answered with, instead of a plain `application/problem+json`.
    #[must_use]
    pub fn panic_answer(mut self, answer: PanicAnswer) -> Self {
        self.panic_answer = answer;
        self
    }

    /// Serves until the runtime drains and the requests in flight are finished.
    ///
    /// Per request: a span that continues the caller's trace, `x-request-id` in the request and in the answer,
    /// `http_server_requests_total{route,method,status}`, `http_server_duration_seconds{route,method}`,
    /// `http_server_in_flight`, and `http_server_responses_total{class}`, whose few series exist from the start;
    /// handlers find the peer in `ConnectInfo<SocketAddr>`.
    pub async fn serve(self, runtime: &Runtime, router: Router) -> anyhow::Result<()> {
        let listener = connections::listen(self.limits, self.listen).await?;
        // Around every single route, because only there the route's pattern is known.
        let router = router.layer(observe::ObserveLayer::new(self.panic_answer)).with_state::<()>(());
        let door = router.map_request(|request: Request<Incoming>| request.map(Body::new));
        let tls = match self.identity {
            Some(identity) if identity.serves() => {
                runtime.tasks.spawn("http-tls", identity.clone().keep(runtime.tls_reload, runtime.shutdown.clone()));
                Acceptor::new(identity, &[HTTP_2, HTTP_1])
            }
            _ => None,
        };
        connections::serve(runtime, self.limits, listener, tls, BoxCloneService::new(door)).await
    }
}

fn problem(request_id: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "code": "INTERNAL",
        "requestId": request_id,
    });
    let head = [(http::header::CONTENT_TYPE, "application/problem+json")];
    (StatusCode::INTERNAL_SERVER_ERROR, head, body.to_string()).into_response()
}
