//! Accepting connections and letting them finish: the same for gRPC and HTTP.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use axum::{body::Body, extract::ConnectInfo};
use futures::FutureExt;
use http::{HeaderValue, Request, Response, StatusCode, Version, header::CONNECTION};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tls::{Acceptor, Stream};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::task::TaskTracker;
use tower::{ServiceExt, service_fn, util::BoxCloneService};

use crate::{Runtime, addresses::Addresses};

/// What answers the requests of a connection.
pub(crate) type Door = BoxCloneService<Request<Incoming>, Response<Body>, Infallible>;

/// How a server treats its connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The server's name in logs and metrics.
    pub(crate) name: &'static str,
    /// Connections at the same time; further ones wait in the kernel's queue.
    pub(crate) connections: usize,
    /// Connections at the same time from one address, where an address is somebody; further ones are closed.
    pub(crate) from_one_address: Option<usize>,
    /// Requests at the same time on one HTTP/2 connection.
    pub(crate) streams: u32,
    /// How long an HTTP/1 connection may take to send a request's head, and so how long it may idle.
    pub(crate) header_timeout: Duration,
    /// Whether HTTP/1 is refused.
    pub(crate) http2_only: bool,
}

/// How often a silent HTTP/2 connection is asked whether it is still there, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// A pause after an accept that failed for want of file descriptors.
const OUT_OF_BREATH: Duration = Duration::from_millis(50);

/// Opens the port.
pub(crate) async fn listen(limits: Limits, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("the {} server cannot listen on {address}", limits.name))
}

/// Serves until draining begins and the requests in flight are finished, or are abandoned. With an acceptor only over
/// TLS.
pub(crate) async fn serve(
    runtime: &Runtime,
    limits: Limits,
    listener: TcpListener,
    tls: Option<Acceptor>,
    door: Door,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let over = if tls.is_some() { " over TLS" } else { "" };
    tracing::info!(%address, "the {} server listens on {address}{over}", limits.name);
    runtime.admin.serving();

    let places = Arc::new(Semaphore::new(limits.connections));
    let addresses = Addresses::default();
    let open = TaskTracker::new();
    let abandoned = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = match runtime.draining.run_until_cancelled(accept(&listener, &places)).await {
            Some(accepted) => accepted,
            // Who is in the kernel's queue believes to be connected, and would lose what it has sent already.
            None => match accept(&listener, &places).now_or_never() {
                Some(accepted) => accepted,
                None => break,
            },
        };
        let (stream, peer, place) = accepted;
        let Some(share) = addresses.enter(peer, limits.from_one_address) else {
            metrics::counter!("server_connections_refused_total", "server" => limits.name).increment(1);
            tracing::debug!(%peer, "the {} server has enough connections from {peer}", limits.name);
            continue;
        };
        let talking = converse(runtime.clone(), limits, stream, peer, tls.clone(), door.clone());
        let abandoned = Arc::clone(&abandoned);
        spawn_tracked(&open, async move {
            if talking.await == Ended::Abandoned {
                abandoned.fetch_add(1, Ordering::Relaxed);
            }
            drop((share, place));
        });
    }
    drop(listener);
    open.close();
    // Ends in time: connections watch for being abandoned themselves.
    open.wait().await;
    match abandoned.load(Ordering::Relaxed) {
        0 => tracing::info!("the {} server has finished what was in flight", limits.name),
        left => {
            tracing::warn!(
                connections = left,
                "the {} server abandoned {left} connections that did not finish",
                limits.name
            );
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "connections are tracked here, each by itself")]
fn spawn_tracked(open: &TaskTracker, talking: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(open.track_future(talking));
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    loop {
        // The semaphore is never closed, so there is always a permit to wait for.
        let Ok(place) = Arc::clone(places).acquire_owned().await else { continue };
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                sleep(OUT_OF_BREATH).await;
            }
        }
    }
}

/// How a connection came to its end.
#[derive(PartialEq, Eq)]
enum Ended {
    ByItself,
    Abandoned,
}

/// Tells an HTTP/1 client to connect anew for its next request. Unlike HTTP/2 it has no other way to learn that a
/// connection is about to be closed, and would lose a request that it sends at that very moment.
fn say_goodbye(answer: &mut Response<Body>) {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

async fn shake_hands(stream: TcpStream, tls: Option<Acceptor>) -> io::Result<Stream> {
    // Answers are small and whole; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    match tls {
        Some(tls) => tls.accept(stream).await,
        None => Ok(Stream::Plain(stream)),
    }
}

async fn converse(
    runtime: Runtime,
    limits: Limits,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Acceptor>,
    door: Door,
) -> Ended {
    let stream = match runtime.abandon.run_until_cancelled(shake_hands(stream, tls)).await {
        Some(Ok(stream)) => stream,
        Some(Err(error)) => {
            metrics::counter!("server_handshakes_failed_total", "server" => limits.name).increment(1);
            tracing::debug!(error = %error, peer = %peer, "the {} server and {peer} could not agree on TLS", limits.name);
            return Ended::ByItself;
        }
        None => return Ended::Abandoned,
    };
    let open = metrics::gauge!("server_connections", "server" => limits.name);
    open.increment(1);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    if limits.http2_only {
        builder = builder.http2_only();
    }
    let admin = runtime.admin.clone();
    let door = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let goodbye = request.version() <= Version::HTTP_11;
        let (answering, admin) = (door.clone().oneshot(request), admin.clone());
        async move {
            let mut answer = answering.await?;
            if goodbye && admin.is_draining() {
                say_goodbye(&mut answer);
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let mut talking =
        pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(door)));
    let ended = tokio::select! {
        ended = talking.as_mut() => Some(ended),
        () = runtime.draining.cancelled() => {
            talking.as_mut().graceful_shutdown();
            runtime.abandon.run_until_cancelled(talking).await
        }
    };
    open.decrement(1);
    match ended {
        None => return Ended::Abandoned,
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(error = %error, "a connection ended badly"),
    }
    Ended::ByItself
}
