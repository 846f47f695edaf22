//! A small SMTP server that accepts, refuses, hesitates or hangs up, as it is told, and shows what it received.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// What happens to a message.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Answer {
    Accept,
    /// 451 after the message.
    Temporary,
    /// 550 for the recipient, in words that name the person.
    Refuse,
    /// 552 for the recipient: the mailbox is full.
    Full,
    /// 550 for the recipient, because of who we are.
    Policy,
    /// Hangs up after the message, without a word.
    HangUp,
    /// Accepts, but not before `Sink::release`.
    Hold,
}

/// A message that arrived whole, also one that was refused afterwards.
#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) to: String,
    pub(crate) text: String,
}

impl Received {
    /// A header's value on one line.
    pub(crate) fn header(&self, name: &str) -> String {
        let head = self.text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ").replace("\r\n\t", " ");
        let prefix = format!("{}: ", name.to_lowercase());
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&prefix));
        line.unwrap_or_else(|| panic!("no {name} in {head}"))[prefix.len()..].to_owned()
    }
}

struct Shared {
    received: Mutex<Vec<Received>>,
    answers: Mutex<VecDeque<Answer>>,
    gate: Semaphore,
}

pub(crate) struct Sink {
    pub(crate) url: String,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

impl Sink {
    /// Listens on a free port.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let shared =
            Arc::new(Shared { received: Mutex::default(), answers: Mutex::default(), gate: Semaphore::new(0) });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&shared)));
        Self { url, shared, _accepting: accepting }
    }

    /// The answers to the next messages, one each; all others are accepted.
    pub(crate) fn will(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.answers.lock().unwrap().extend(answers);
    }

    /// Lets a held message go.
    pub(crate) fn release(&self) {
        self.shared.gate.add_permits(1);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut conversations = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        conversations.spawn(async move {
            // Who hangs up has nothing more to say.
            let _ = converse(stream, &shared).await;
        });
    }
}

async fn converse(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (incoming, mut out) = stream.into_split();
    let mut incoming = BufReader::new(incoming);
    let (mut to, mut answer) = (String::new(), Answer::Accept);
    out.write_all(b"220 sink.test ESMTP\r\n").await?;
    loop {
        let mut line = String::new();
        if incoming.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let reply = match line.trim_end().split([' ', ':']).next().unwrap_or_default().to_uppercase().as_str() {
            "EHLO" => "250-sink.test\r\n250 8BITMIME\r\n".to_owned(),
            "RCPT" => {
                to = line.trim_end().split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                answer = shared.answers.lock().unwrap().pop_front().unwrap_or(Answer::Accept);
                match answer {
                    Answer::Refuse => format!("550 5.1.1 <{to}> is unknown here\r\n"),
                    Answer::Full => "552 5.2.2 The mailbox is full\r\n".to_owned(),
                    Answer::Policy => "550 5.7.1 We do not like your network\r\n".to_owned(),
                    _ => "250 Ok\r\n".to_owned(),
                }
            }
            "DATA" => {
                out.write_all(b"354 Go on\r\n").await?;
                match take_message(&mut incoming, shared, &to, answer).await? {
                    Some(reply) => reply.to_owned(),
                    None => return Ok(()),
                }
            }
            "QUIT" => {
                return out.write_all(b"221 Bye\r\n").await;
            }
            _ => "250 Ok\r\n".to_owned(),
        };
        out.write_all(reply.as_bytes()).await?;
    }
}

async fn take_message(
    incoming: &mut BufReader<OwnedReadHalf>,
    shared: &Shared,
    to: &str,
    answer: Answer,
) -> std::io::Result<Option<&'static str>> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if incoming.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        if line == ".\r\n" {
            break;
        }
        text.push_str(&line);
    }
    shared.received.lock().unwrap().push(Received { to: to.to_owned(), text });
    if answer == Answer::Hold {
        shared.gate.acquire().await.unwrap().forget();
    }
    Ok(match answer {
        Answer::HangUp => None,
        Answer::Temporary => Some("451 4.3.0 Come back later\r\n"),
        _ => Some("250 2.0.0 Taken\r\n"),
    })
}
