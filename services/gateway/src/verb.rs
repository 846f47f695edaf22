//! What an operator does at the command line: `gateway check-school http://lyceum-gateway:8080` walks through the door
//! of a running school as a stranger would, up to the database of every service that answers strangers. It changes
//! nothing.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use url::Url;

/// Asks a running school for something of every service.
pub const CHECK_SCHOOL: &str = "check-school";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is asked for, what the answer has to be, and what it proves. A number that was never given out and a link that
/// nobody got are looked for in the database and not found.
const QUESTIONS: [(&str, u16, &str); 6] = [
    ("/openapi.json", 200, "the door is open"),
    ("/.well-known/jwks.json", 200, "users answers, its database as well"),
    ("/v1/courses?pageSize=1", 200, "courses answers, its database as well"),
    ("/v1/products?pageSize=1", 200, "payments answers, its database as well"),
    ("/v1/certificate-checks/LYC-2026-1T51PB2DV", 404, "documents answers, its database as well"),
    ("/v1/unsubscribe-links/never-sent", 404, "notifications answers, its database as well"),
];

/// Does what the command line says.
pub async fn run(words: &[String]) -> anyhow::Result<()> {
    let [_, address] = words else { bail!("usage: gateway {CHECK_SCHOOL} http://HOST:PORT") };
    let school: Url = address.parse().context("the address cannot be read")?;
    if school.scheme() != "http" {
        bail!("expected an address that begins with http://, behind whatever ends TLS");
    }
    let mut failed = 0;
    for (path, wanted, meaning) in QUESTIONS {
        match timeout(PATIENCE, status_of(&school, path)).await {
            Ok(Ok(status)) if status == wanted => println!("ok      {meaning}"),
            Ok(Ok(status)) => {
                failed += 1;
                println!("FAILED  {path} was answered with {status} instead of {wanted}");
            }
            Ok(Err(error)) => {
                failed += 1;
                println!("FAILED  {path}: {error:#}");
            }
            Err(_) => {
                failed += 1;
                println!("FAILED  {path}: no answer within {PATIENCE:?}");
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of {} questions were not answered as they should be", QUESTIONS.len());
    }
    Ok(())
}

/// One question over one connection; of the answer only its first line matters.
async fn status_of(school: &Url, path: &str) -> anyhow::Result<u16> {
    let host = school.host_str().context("the address has no host")?;
    let port = school.port_or_known_default().context("the address has no port")?;
    let mut connection = TcpStream::connect((host, port)).await.context("nobody listens")?;
    let question =
        format!("GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\nuser-agent: lyceum-check\r\nconnection: close\r\n\r\n");
    connection.write_all(question.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.contains(&b'\n') {
        if connection.read_buf(&mut head).await? == 0 {
            bail!("the connection was closed without an answer");
        }
    }
    let head = String::from_utf8_lossy(&head);
    let status = head.split_ascii_whitespace().nth(1).and_then(|status| status.parse().ok());
    status.context("the answer is not HTTP")
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A school where one question is answered otherwise than it should be.
    async fn school(listener: TcpListener, wrong: &str) -> anyhow::Result<()> {
        loop {
            let (mut caller, _) = listener.accept().await?;
            let mut question = vec![0; 1024];
            let read = caller.read(&mut question).await?;
            let question = String::from_utf8_lossy(&question[..read]).into_owned();
            let path = question.split(' ').nth(1).unwrap_or_default();
            let known = QUESTIONS.iter().find(|(asked, ..)| *asked == path && path != wrong);
            let status = known.map_or(503, |(_, wanted, _)| *wanted);
            caller.write_all(format!("HTTP/1.1 {status} Whatever\r\n\r\n").as_bytes()).await?;
        }
    }

    async fn check(wrong: &str) -> anyhow::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let words = [CHECK_SCHOOL.to_owned(), format!("http://{}", listener.local_addr()?)];
        tokio::select! {
            checked = run(&words) => checked,
            failed = school(listener, wrong) => failed,
        }
    }

    #[tokio::test]
    async fn a_school_stands_when_every_service_answers_as_it_should() {
        check("").await.unwrap();
        for (path, ..) in QUESTIONS {
            assert!(check(path).await.is_err(), "{path}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_no_school() {
        let words = |address: &str| [CHECK_SCHOOL.to_owned(), address.to_owned()];
        assert!(run(&words("http://127.0.0.1:1")).await.is_err());
        assert!(run(&words("https://127.0.0.1:1")).await.is_err());
        assert!(run(&words("gateway")).await.is_err());
        assert!(run(&[CHECK_SCHOOL.to_owned()]).await.is_err());
    }
}
