//! TLS before a store that speaks plainly, as managed stores have it.

use std::io;

use tls::{Acceptor, Files, HTTP_2, Identity};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use url::Url;

use crate::{Issued, Mounted};

/// How a conversation over TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// With the first byte.
    AtOnce,
    /// With the first byte, and HTTP/2 is agreed upon.
    WithHttp2,
    /// After PostgreSQL's client has asked for it in the clear.
    WhenAsked,
}

/// PostgreSQL's question for TLS: its own length and a number that no version of the protocol has.
const QUESTION: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Listens with this certificate and passes on what it hears to the store at this address; answers the address on
/// `localhost` that is to be called instead. Ends with the test.
pub async fn encrypted(address: &str, issued: &Issued, begins: Begins) -> String {
    let mut address: Url = address.parse().expect("the address of a store");
    let store = format!("{}:{}", address.host_str().expect("a host"), address.port().expect("a port"));
    let mounted = Mounted::new(issued, "");
    let files = Files { certificate: Some((mounted.file("tls.crt"), mounted.file("tls.key"))), authority: None };
    let identity = Identity::load("testkit", files, std::sync::Arc::new(values::SystemClock));
    let protocols: &'static [&'static [u8]] = if begins == Begins::WithHttp2 { &[HTTP_2] } else { &[] };
    let acceptor = Acceptor::new(identity.expect("a good certificate"), protocols).expect("a certificate");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("a bound listener has an address").port();
    #[expect(clippy::disallowed_methods, reason = "the task ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(pass_on(tcp, acceptor.clone(), store.clone(), begins));
        }
    });
    address.set_host(Some("localhost")).expect("an address that has a host");
    address.set_port(Some(port)).expect("an address that has a port");
    address.into()
}

async fn pass_on(mut tcp: TcpStream, acceptor: Acceptor, store: String, begins: Begins) -> io::Result<()> {
    if begins == Begins::WhenAsked {
        let mut asked = [0; 8];
        tcp.read_exact(&mut asked).await?;
        if asked != QUESTION {
            return Ok(());
        }
        tcp.write_all(b"S").await?;
    }
    let mut outside = acceptor.accept(tcp).await?;
    let mut inside = TcpStream::connect(store).await?;
    tokio::io::copy_bidirectional(&mut outside, &mut inside).await.map(drop)
}
