//! Calls whose replica refuses them, closes its connection, or dies: what is sent again, and what must not be.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use testkit::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::helpers::{PATIENCE, Replica, ask, channel};

/// What a server does to every request.
#[derive(Clone, Copy)]
enum Mischief {
    /// Says that it has not looked at it: RST_STREAM with REFUSED_STREAM.
    Refuse,
    /// Says goodbye and that the last request it takes was one before it: GOAWAY.
    SayGoodbye,
    /// Closes the connection without a word, as a process that is killed.
    Die,
    /// Says that the process failed: RST_STREAM with INTERNAL_ERROR.
    Fail,
}

const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
const PREFACE: usize = 24;
const HEADERS: u8 = 1;

/// A server of HTTP/2 that serves nobody.
struct Rogue {
    address: SocketAddr,
    asked: Arc<AtomicU32>,
}

impl Rogue {
    async fn start(mischief: Mischief) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicU32::new(0)));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(converse(stream, mischief, Arc::clone(&count)));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn converse(mut stream: TcpStream, mischief: Mischief, asked: Arc<AtomicU32>) -> std::io::Result<()> {
    stream.write_all(&SETTINGS).await?;
    stream.read_exact(&mut [0; PREFACE]).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        stream.read_exact(&mut vec![0; length]).await?;
        if head[3] != HEADERS {
            continue;
        }
        asked.fetch_add(1, Ordering::SeqCst);
        let id = &head[5..9];
        let reset = |code: u8| [&[0, 0, 4, 3, 0], id, &[0, 0, 0, code]].concat();
        match mischief {
            Mischief::Refuse => stream.write_all(&reset(7)).await?,
            Mischief::Fail => stream.write_all(&reset(2)).await?,
            Mischief::SayGoodbye => {
                stream.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await?;
            }
            Mischief::Die => return Ok(()),
        }
    }
}

/// Asks until the rogue was asked as well; says how the calls ended.
async fn answers(mischief: Mischief) -> (Vec<Code>, u32) {
    let (rogue, good) = (Rogue::start(mischief).await, Replica::start("good", "127.0.0.1:0").await);
    let channel = channel(&format!("http://{},{}", rogue.address, good.url()));
    let mut codes = Vec::new();
    eventually("the rogue is asked", PATIENCE, async || {
        codes.push(ask(&channel, "good").await);
        (rogue.asked() > 0).then_some(())
    })
    .await;
    (codes, rogue.asked())
}

#[tokio::test]
async fn a_call_that_was_refused_unseen_is_sent_to_another_replica() {
    let (codes, _) = answers(Mischief::Refuse).await;
    assert!(codes.iter().all(|code| *code == Code::Ok), "{codes:?}");
}

#[tokio::test]
async fn a_call_that_crossed_a_goodbye_is_sent_to_another_replica() {
    let (codes, _) = answers(Mischief::SayGoodbye).await;
    assert!(codes.iter().all(|code| *code == Code::Ok), "{codes:?}");
}

#[tokio::test]
async fn a_call_that_may_have_been_done_is_not_sent_again() {
    for (mischief, expected) in [(Mischief::Die, Code::Unavailable), (Mischief::Fail, Code::Internal)] {
        let (codes, asked) = answers(mischief).await;
        let (last, before) = codes.split_last().unwrap();
        assert_eq!((*last, asked), (expected, 1), "{codes:?}");
        assert!(before.iter().all(|code| *code == Code::Ok), "{codes:?}");
    }
}

#[tokio::test]
async fn everybody_refusing_is_an_answer_too() {
    let (one, other) = (Rogue::start(Mischief::Refuse).await, Rogue::start(Mischief::Refuse).await);
    let channel = channel(&format!("http://{},http://{}", one.address, other.address));
    let answer = tokio::time::timeout(Duration::from_secs(5), ask(&channel, "good")).await.unwrap();
    assert_eq!(answer, Code::Unavailable);
    assert_eq!(one.asked() + other.asked(), 5);
}

#[tokio::test]
async fn replicas_that_die_one_after_the_other_cost_no_read() {
    let mut replicas = Vec::new();
    for _ in 0..3 {
        replicas.push(Replica::start("good", "127.0.0.1:0").await);
    }
    let urls: Vec<_> = replicas.iter().map(Replica::url).collect();
    let channel = channel(&urls.join(","));
    let read = || {
        let mut client = HealthClient::new(channel.clone());
        async move { client.check(HealthCheckRequest { service: "good".to_owned() }).await }
    };
    while replicas.len() > 1 {
        for _ in 0..20 {
            rpc::client::retry(read).await.unwrap();
        }
        replicas.pop();
    }
    for _ in 0..20 {
        rpc::client::retry(read).await.unwrap();
    }
}
