//! One connection to one replica: open once the other side has said something.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tls::{Connector, Stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
    time::timeout,
};

use crate::{request::Body, target::Address};

/// How long connecting to one replica may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How often a replica is asked whether it is still there, and how long it may take to say so: one that vanished
/// without a word is noticed within the sum.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(3);

/// What a request is sent over.
pub(crate) type Sender = http2::SendRequest<Body>;

/// Connects, and waits until the replica has spoken. TCP alone proves little: the kernel accepts connections for a
/// process that is about to close its port, and a client's certificate is refused only after the client believes that
/// all is well. What is sent before could not be told apart from what was done.
pub(crate) async fn dial(address: &Address, connector: &Connector) -> io::Result<Sender> {
    let opened = timeout(CONNECT_TIMEOUT, open(address, connector)).await;
    opened.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time")))
}

#[expect(clippy::disallowed_methods, reason = "a connection ends when nobody sends over it any more")]
async fn open(address: &Address, connector: &Connector) -> io::Result<Sender> {
    let name = address.tls.as_deref().map(tls::server_name).transpose()?;
    let stream = connector.connect(&address.host, address.port, name).await?;
    let (heard, first) = oneshot::channel();
    let stream = TokioIo::new(Listening { stream, heard: Some(heard) });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    let (sender, talking) = builder.handshake(stream).await.map_err(io::Error::other)?;
    let talking = tokio::spawn(talking);
    if first.await.is_ok() {
        return Ok(sender);
    }
    // The connection has ended before anything was said; how, it knows best.
    Err(match talking.await {
        Ok(Err(error)) => io::Error::other(error),
        _ => io::ErrorKind::ConnectionReset.into(),
    })
}

/// Tells when the other side speaks for the first time.
struct Listening {
    stream: Stream,
    heard: Option<oneshot::Sender<()>>,
}

impl AsyncRead for Listening {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if into.filled().len() > before
            && let Some(heard) = self.heard.take()
        {
            // Nobody waits when connecting took too long.
            let _ = heard.send(());
        }
        read
    }
}

impl AsyncWrite for Listening {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
