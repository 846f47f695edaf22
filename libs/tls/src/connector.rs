//! Opening a connection, and accepting one: TCP, and TLS over it where it is asked for.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::{HTTP_2, Identity};

/// How long a client may take to shake hands.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection, over TLS or plain.
#[derive(Debug)]
pub enum Stream {
    /// Nothing between us and TCP.
    Plain(TcpStream),
    /// TLS between us and TCP.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Opens connections of HTTP/2 with an identity.
#[derive(Debug, Clone)]
pub struct Connector(Identity);

/// The name that a server must prove to have.
///
/// # Errors
/// The text is neither a DNS name nor an address.
pub fn server_name(text: &str) -> io::Result<ServerName<'static>> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    ServerName::try_from(bare.to_owned()).map_err(io::Error::other)
}

impl Connector {
    /// A connector that uses what the identity has when it connects.
    pub fn new(identity: Identity) -> Self {
        Self(identity)
    }

    /// Connects to `host` and `port`, over TLS if a name is given that the server has to prove.
    ///
    /// # Errors
    /// Nobody answers, or whoever does is not believed or does not speak HTTP/2.
    pub async fn connect(&self, host: &str, port: u16, name: Option<ServerName<'static>>) -> io::Result<Stream> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let tcp = TcpStream::connect((bare, port)).await?;
        // Requests are small and whole; waiting for more to send only delays them.
        tcp.set_nodelay(true)?;
        let Some(name) = name else { return Ok(Stream::Plain(tcp)) };
        let stream = TlsConnector::from(self.0.client(&[HTTP_2])).connect(name, tcp).await?;
        if stream.get_ref().1.alpn_protocol() != Some(HTTP_2) {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the server does not speak HTTP/2 over TLS"));
        }
        Ok(Stream::Tls(Box::new(stream.into())))
    }
}

/// Accepts connections with an identity.
#[derive(Debug, Clone)]
pub struct Acceptor {
    identity: Identity,
    protocols: &'static [&'static [u8]],
}

impl Acceptor {
    /// Speaks one of `protocols` (ALPN); `None` for an identity without a certificate.
    pub fn new(identity: Identity, protocols: &'static [&'static [u8]]) -> Option<Self> {
        identity.serves().then_some(Self { identity, protocols })
    }

    /// Shakes hands, with what the identity has now.
    ///
    /// # Errors
    /// The client speaks no TLS, is not believed, or takes longer than ten seconds.
    pub async fn accept(&self, tcp: TcpStream) -> io::Result<Stream> {
        let config = self.identity.server(self.protocols).ok_or(io::ErrorKind::Unsupported)?;
        let shaken = timeout(PATIENCE, TlsAcceptor::from(config).accept(tcp)).await;
        Ok(Stream::Tls(Box::new(shaken.map_err(|_| io::ErrorKind::TimedOut)??.into())))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, from),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, from),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
