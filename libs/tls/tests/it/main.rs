//! Who is let in and who is believed, with real handshakes and files that change.

#![expect(clippy::unwrap_used, reason = "a test has nobody else to tell")]
#![expect(clippy::disallowed_methods, reason = "tasks of a test end with it")]

use std::{io, sync::Arc, time::Duration};

use testkit::{Authority, Issued, Mounted, eventually};
use time::OffsetDateTime;
use tls::{Acceptor, Connector, File, Files, HTTP_2, Identity, Stream, server_name};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use values::{Clock, SystemClock};

const PATIENCE: Duration = Duration::from_secs(10);
const NAME: &str = "users.school.svc";

fn files(mounted: &Mounted) -> Files {
    Files {
        certificate: Some((mounted.file("tls.crt"), mounted.file("tls.key"))),
        authority: Some(mounted.file("ca.crt")),
    }
}

fn identity(files: Files) -> Identity {
    Identity::load("test", files, Arc::new(SystemClock)).unwrap()
}

/// Who trusts this authority and has no certificate.
fn nameless(mounted: &Mounted) -> Identity {
    identity(Files { certificate: None, authority: Some(mounted.file("ca.crt")) })
}

/// A server that says back what it hears, until the test ends.
async fn echo(identity: Identity) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = Acceptor::new(identity, &[HTTP_2]).unwrap();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let (mut from, mut to) = tokio::io::split(acceptor.accept(tcp).await?);
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    port
}

/// Says something over a connection and hears it back.
async fn talk(stream: &mut Stream) -> io::Result<()> {
    stream.write_all(b"hello").await?;
    stream.flush().await?;
    let mut heard = [0; 5];
    stream.read_exact(&mut heard).await?;
    if &heard == b"hello" { Ok(()) } else { Err(io::Error::other("something else")) }
}

async fn call(identity: &Identity, port: u16) -> io::Result<Stream> {
    let name = server_name(NAME)?;
    let mut stream = Connector::new(identity.clone()).connect("127.0.0.1", port, Some(name)).await?;
    talk(&mut stream).await?;
    Ok(stream)
}

#[tokio::test]
async fn who_shows_a_certificate_of_the_authority_is_let_in_and_nobody_else() {
    let authority = Authority::new();
    let mounted = Mounted::new(&authority.issue(&[NAME]), authority.pem());
    let port = echo(identity(files(&mounted))).await;
    call(&identity(files(&mounted)), port).await.unwrap();

    let refused = call(&nameless(&mounted), port).await.unwrap_err();
    assert!(refused.to_string().contains("CertificateRequired"), "{refused}");
    let foreign = Mounted::new(&Authority::new().issue(&["stranger"]), authority.pem());
    let refused = call(&identity(files(&foreign)), port).await.unwrap_err();
    assert!(refused.to_string().contains("alert"), "{refused}");

    // Plain is not understood.
    let mut plain = Stream::Plain(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    talk(&mut plain).await.unwrap_err();
}

#[tokio::test]
async fn a_server_is_believed_by_its_authority_and_its_name() {
    let authority = Authority::new();
    let named = Mounted::new(&authority.issue(&["payments.school.svc"]), authority.pem());
    let port = echo(identity(files(&named))).await;
    let refused = call(&identity(files(&named)), port).await.unwrap_err();
    assert!(refused.to_string().contains("not valid for name"), "{refused}");

    let strange = Authority::new();
    let mounted = Mounted::new(&strange.issue(&[NAME]), authority.pem());
    let port = echo(identity(files(&mounted))).await;
    let refused = call(&nameless(&mounted), port).await.unwrap_err();
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    // Without an authority of our own only public ones are believed.
    let refused = call(&identity(Files::default()), port).await.unwrap_err();
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
}

#[tokio::test]
async fn without_an_authority_a_server_asks_nobody_for_a_certificate() {
    let authority = Authority::new();
    let mounted = Mounted::new(&authority.issue(&[NAME]), authority.pem());
    let port = echo(identity(Files { authority: None, ..files(&mounted) })).await;
    call(&nameless(&mounted), port).await.unwrap();
    assert!(!nameless(&mounted).serves());
}

#[tokio::test]
async fn new_files_are_taken_up_by_servers_and_clients_and_open_connections_live_on() {
    let (old, new) = (Authority::new(), Authority::new());
    let mounted = Mounted::new(&old.issue(&[NAME]), old.pem());
    let (server, client) = (identity(files(&mounted)), identity(files(&mounted)));
    let stop = CancellationToken::new();
    for identity in [&server, &client] {
        tokio::spawn(identity.clone().keep(Duration::from_millis(20), stop.clone()));
    }
    let port = echo(server).await;
    let mut before = call(&client, port).await.unwrap();

    let outsider = nameless(&mounted);
    mounted.exchange(&new.issue(&[NAME]), new.pem());
    eventually("the server shows its new certificate", PATIENCE, async || {
        let refused = call(&outsider, port).await.err()?;
        refused.to_string().contains("UnknownIssuer").then_some(())
    })
    .await;
    eventually("the client trusts the new authority", PATIENCE, async || call(&client, port).await.ok()).await;
    talk(&mut before).await.unwrap();

    stop.cancel();
}

#[tokio::test]
async fn new_files_of_no_use_change_nothing_and_good_ones_after_them_are_taken_up() {
    let authority = Authority::new();
    let mounted = Mounted::new(&authority.issue(&[NAME]), authority.pem());
    let identity = identity(files(&mounted));
    assert_eq!(identity.reload(), Ok(false));
    let expired = authority.issue_until(&[NAME], SystemClock.now() - time::Duration::hours(1));
    let broken = Issued { certificate: "nonsense".to_owned(), key: String::new() };
    let port = echo(identity.clone()).await;
    for useless in [expired, broken] {
        mounted.exchange(&useless, authority.pem());
        assert!(identity.reload().is_err());
        call(&identity, port).await.unwrap();
    }
    mounted.exchange(&authority.issue(&[NAME]), authority.pem());
    assert_eq!((identity.reload(), identity.reload()), (Ok(true), Ok(false)));
    call(&identity, port).await.unwrap();
}

#[test]
fn files_of_no_use_are_refused_and_the_reason_is_clear() {
    let authority = Authority::new();
    let refused = |issued: &Issued, pem: &str| {
        let mounted = Mounted::new(issued, pem);
        let unusable = Identity::load("test", files(&mounted), Arc::new(SystemClock)).unwrap_err();
        (unusable.file, unusable.to_string())
    };
    let (good, other) = (authority.issue(&[NAME]), authority.issue(&[NAME]));

    let expired = authority.issue_until(&[NAME], SystemClock.now() - time::Duration::hours(1));
    let (file, why) = refused(&expired, authority.pem());
    assert_eq!(file, File::Certificate);
    assert!(why.contains("tls.crt expired at 20"), "{why}");

    let mixed = Issued { key: other.key, ..good.clone() };
    let (file, why) = refused(&mixed, authority.pem());
    assert_eq!(file, File::Key);
    assert!(why.contains("does not fit the certificate"), "{why}");

    let (file, why) = refused(&Issued { key: "nonsense".to_owned(), ..good.clone() }, authority.pem());
    assert_eq!((file, why.contains("is not a private key in PEM")), (File::Key, true), "{why}");
    let (file, why) = refused(&good, "nonsense");
    assert_eq!((file, why.contains("is not a certificate in PEM")), (File::Authority, true), "{why}");

    let absent = Files { certificate: None, authority: Some("/does/not/exist".into()) };
    let why = Identity::load("test", absent, Arc::new(SystemClock)).unwrap_err().to_string();
    assert!(why.contains("/does/not/exist cannot be read"), "{why}");
}

/// A clock that stands still.
#[derive(Debug)]
struct At(OffsetDateTime);

impl Clock for At {
    fn now(&self) -> OffsetDateTime {
        self.0
    }
}

#[test]
fn an_authority_that_has_expired_is_refused() {
    let authority = Authority::new();
    let mounted = Mounted::new(&authority.issue(&[NAME]), authority.pem());
    let only = Files { certificate: None, authority: Some(mounted.file("ca.crt")) };
    let later = At(SystemClock.now() + time::Duration::days(3));
    let unusable = Identity::load("test", only, Arc::new(later)).unwrap_err();
    assert!(unusable.to_string().contains("ca.crt expired at 20"), "{unusable}");
}
