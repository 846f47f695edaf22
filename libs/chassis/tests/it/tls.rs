//! A process with certificates: who is let in, what it takes up while it runs, and what it does not start with.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

use discovery::Discovery;
use testkit::{Authority, Issued, Mounted};
use tls::{Files, HTTP_1, Identity, server_name};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use values::{Clock, SystemClock};

use super::helpers::{Probe, eventually, get, run};

const HOST: &str = "127.0.0.1";
/// The first byte of an alert.
const TLS_ALERT: u8 = 0x15;

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// The variables of an identity, all of which begin alike.
fn variables(prefix: &str, mounted: &Mounted) -> Vec<(String, String)> {
    let files = [("CERT_FILE", "tls.crt"), ("KEY_FILE", "tls.key"), ("CA_FILE", "ca.crt")];
    files.map(|(name, file)| (format!("{prefix}_{name}"), text(&mounted.file(file)))).into()
}

fn start(variables: &[(String, String)]) -> Probe {
    let mut all: Vec<_> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    all.push(("LYCEUM_TLS_RELOAD", "20ms"));
    Probe::start(&all)
}

fn identity(mounted: &Mounted, named: bool) -> Identity {
    let certificate = named.then(|| (mounted.file("tls.crt"), mounted.file("tls.key")));
    let files = Files { certificate, authority: Some(mounted.file("ca.crt")) };
    Identity::load("test", files, Arc::new(SystemClock)).unwrap()
}

/// Asks after the health of the process, over a connection of its own.
async fn ask(identity: &Identity, scheme: &str, address: SocketAddr) -> Result<(), tonic::Status> {
    let target = format!("{scheme}://{address}").parse().unwrap();
    let channel = Discovery::new(identity.clone()).channel(&target);
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.map(drop)
}

/// All that is answered to somebody who begins to speak HTTP/2 without TLS.
fn said_plainly(address: SocketAddr) -> Vec<u8> {
    const NO_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    // The server may have hung up already.
    drop(stream.write_all(&NO_SETTINGS));
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("it neither answers nor hangs up: {error}"),
        _ => answer,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_authority_only_neighbours_with_a_certificate_are_let_in() {
    let authority = Authority::new();
    let mounted = Mounted::new(&authority.issue(&[HOST]), authority.pem());
    let probe = start(&variables("LYCEUM_TLS", &mounted));
    ask(&identity(&mounted, true), "https", probe.grpc).await.unwrap();

    let strange = Mounted::new(&Authority::new().issue(&["x"]), authority.pem());
    for (who, stranger) in [("nobody", identity(&mounted, false)), ("a stranger", identity(&strange, true))] {
        assert_eq!(ask(&stranger, "https", probe.grpc).await.unwrap_err().code(), Code::Unavailable, "{who}");
    }
    // As what a caller takes that is a matter of moments: what it reads of the answer, an alert or the end, decides.
    ask(&identity(&mounted, true), "http", probe.grpc).await.unwrap_err();
    let answer = said_plainly(probe.grpc);
    assert!(answer.is_empty() || answer[0] == TLS_ALERT, "an answer in HTTP/2: {answer:?}");
    assert_eq!(get(probe.admin, "/livez").unwrap().0, 200, "the admin port stays plain");
    eventually("counted", || probe.metric("server_handshakes_failed_total", &["gRPC"]));
    probe.metric("tls_certificate_not_after_timestamp_seconds", &["\"fleet\""]).unwrap();
    probe.metric("tls_certificate_not_after_timestamp_seconds", &["\"fleet-authority\""]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificates_are_shown_to_new_connections_while_calls_in_flight_go_on() {
    let (old, new) = (Authority::new(), Authority::new());
    let mounted = Mounted::new(&old.issue(&[HOST]), old.pem());
    let mut all = variables("LYCEUM_TLS", &mounted);
    all.retain(|(name, _)| name != "LYCEUM_TLS_CA_FILE");
    let probe = start(&all);
    let before = identity(&mounted, false);
    let target = format!("https://{}", probe.grpc).parse().unwrap();
    let channel = Discovery::new(before.clone()).channel(&target);
    let mut watching =
        HealthClient::new(channel).watch(Request::new(HealthCheckRequest::default())).await.unwrap().into_inner();
    watching.message().await.unwrap().unwrap();

    mounted.exchange(&new.issue(&[HOST]), new.pem());
    eventually("taken up", || probe.metric("tls_reloads_total", &["done"]));
    ask(&before, "https", probe.grpc).await.unwrap_err();
    ask(&identity(&mounted, false), "https", probe.grpc).await.unwrap();

    let expired = new.issue_until(&[HOST], SystemClock.now() - time::Duration::hours(1));
    mounted.exchange(&expired, new.pem());
    let complaint = eventually("a complaint", || probe.line("the old fleet certificates stay in use"));
    assert!(complaint["error.message"].as_str().unwrap().contains("tls.crt expired at"), "{complaint}");
    eventually("counted", || probe.metric("tls_reloads_total", &["failed"]));
    let trusting = Mounted::new(&new.issue(&[HOST]), new.pem());
    ask(&identity(&trusting, false), "https", probe.grpc).await.unwrap();

    probe.signal("TERM");
    while let Ok(Some(message)) = watching.message().await {
        assert_eq!(message.status, 2, "the old connection hears of the stop");
    }
}

/// The head of an answer over HTTP/1.1 and TLS.
async fn page(identity: &Identity, address: SocketAddr, path: &str) -> io::Result<String> {
    let tcp = tokio::net::TcpStream::connect(address).await?;
    let connector = TlsConnector::from(identity.client(&[HTTP_1]));
    let mut stream = connector.connect(server_name(HOST)?, tcp).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_http_door_has_an_identity_of_its_own() {
    let authority = Authority::new();
    let mounted = Mounted::new(&authority.issue(&[HOST]), authority.pem());
    let mut all = variables("LYCEUM_HTTP_TLS", &mounted);
    all.retain(|(name, _)| name != "LYCEUM_HTTP_TLS_CA_FILE");
    let probe = start(&all);
    let answer = page(&identity(&mounted, false), probe.http, "/echo/x").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Who speaks plainly is hung up on.
    let mut plain = TcpStream::connect(probe.http).unwrap();
    io::Write::write_all(&mut plain, b"GET /echo/x HTTP/1.1\r\nhost: probe\r\n\r\n").unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut answer = Vec::new();
    // A reset is as good as an end.
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    ask(&identity(&mounted, false), "http", probe.grpc).await.unwrap();
    probe.metric("tls_certificate_not_after_timestamp_seconds", &["\"http\""]).unwrap();
}

#[test]
fn certificates_of_no_use_are_mistakes_of_the_configuration() {
    let authority = Authority::new();
    let good = authority.issue(&[HOST]);
    let expired = authority.issue_until(&[HOST], SystemClock.now() - time::Duration::hours(1));
    let told = |issued: &Issued, drop: &str| {
        let mounted = Mounted::new(issued, authority.pem());
        let mut all = variables("LYCEUM_TLS", &mounted);
        all.retain(|(name, _)| name != drop);
        let mut all: Vec<_> = all.iter().map(|(name, value)| (&**name, &**value)).collect();
        all.extend([("LYCEUM_GRPC_LISTEN", "127.0.0.1:0"), ("LYCEUM_PROBE_KEY", "x")]);
        let ended = run(&["check-config"], &all);
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
    };
    assert_eq!(told(&good, "").0, Some(0));
    let (code, why) = told(&expired, "");
    assert_eq!(code, Some(2));
    assert!(why.contains("LYCEUM_TLS_CERT_FILE: the certificate in ") && why.contains("expired at 20"), "{why}");
    let (code, why) = told(&good, "LYCEUM_TLS_KEY_FILE");
    assert_eq!(code, Some(2));
    assert!(why.contains("LYCEUM_TLS_KEY_FILE: is not set, expected the key of LYCEUM_TLS_CERT_FILE"), "{why}");
}
