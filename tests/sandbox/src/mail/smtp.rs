//! As much of RFC 5321 as a sending client meets, with faults.

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::{
    fault::{Kind, Trouble},
    world::{World, meanwhile},
};

/// The largest mail that is taken.
const MAX_SIZE: usize = 10 * 1024 * 1024;
/// The longest line of a command (RFC 5321, 4.5.3.1.4, with some room).
const MAX_LINE: u64 = 2_048;

/// Takes mails until the process ends.
pub(crate) async fn serve(listener: TcpListener, world: World) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let world = world.clone();
        meanwhile(async move {
            // A client that goes away in the middle has not handed over a mail.
            let _ = Session { stream: BufReader::new(stream), world, from: String::new(), to: Vec::new() }.run().await;
        });
    }
}

struct Session {
    stream: BufReader<TcpStream>,
    world: World,
    from: String,
    to: Vec<String>,
}

impl Session {
    async fn run(&mut self) -> std::io::Result<()> {
        self.say("220 sandbox ESMTP").await?;
        while let Some(line) = self.line().await? {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    self.say(&format!("250-sandbox\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE {MAX_SIZE}")).await?
                }
                "HELO" | "NOOP" => self.say("250 OK").await?,
                "RSET" => {
                    self.forget();
                    self.say("250 OK").await?;
                }
                "MAIL" => {
                    self.forget();
                    self.from = address(&line);
                    self.say("250 OK").await?;
                }
                "RCPT" => self.recipient(address(&line)).await?,
                "DATA" if self.to.is_empty() => self.say("503 RCPT first").await?,
                "DATA" => {
                    if !self.data().await? {
                        return Ok(());
                    }
                }
                "QUIT" => return self.say("221 bye").await,
                _ => self.say("502 not implemented").await?,
            }
        }
        Ok(())
    }

    async fn recipient(&mut self, to: String) -> std::io::Result<()> {
        if to.is_empty() {
            return self.say("501 an address, please").await;
        }
        self.to.push(to);
        self.say("250 OK").await
    }

    /// Takes the mail; false if the connection is to break.
    async fn data(&mut self) -> std::io::Result<bool> {
        self.say("354 end with a dot").await?;
        let Some(mail) = self.mail().await? else {
            self.say("552 too large").await?;
            return Ok(false);
        };
        let to = std::mem::take(&mut self.to);
        let trouble = self.world.faults().take("smtp", &to.join(" "));
        match trouble.map(|trouble| trouble.kind) {
            Some(Kind::MailLater) => self.say("451 come back later").await?,
            Some(Kind::MailNever) => self.say("550 no such mailbox").await?,
            _ => {
                if let Some(Trouble { kind: Kind::Slow, delay }) = trouble {
                    tokio::time::sleep(delay).await;
                }
                self.world.inbox().keep(&self.from, to, &mail);
                if trouble.is_some_and(|trouble| trouble.kind == Kind::DropAfterData) {
                    return Ok(false);
                }
                self.say("250 kept").await?;
            }
        }
        self.forget();
        Ok(true)
    }

    /// The lines up to a lone dot, without the dots that were doubled on the way; none if they are too many.
    async fn mail(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut mail = Vec::new();
        loop {
            let mut line = Vec::new();
            if (&mut self.stream).take(MAX_SIZE as u64).read_until(b'\n', &mut line).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if line == b".\r\n" || line == b".\n" {
                return Ok(Some(mail));
            }
            mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            if mail.len() > MAX_SIZE {
                return Ok(None);
            }
        }
    }

    async fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(MAX_LINE).read_until(b'\n', &mut line).await?;
        Ok((read > 0).then(|| String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    async fn say(&mut self, words: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(format!("{words}\r\n").as_bytes()).await
    }

    fn forget(&mut self) {
        self.from.clear();
        self.to.clear();
    }
}

/// What stands between the angle brackets of `MAIL FROM:<…>` and `RCPT TO:<…>`.
fn address(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.to_owned()).unwrap_or_default()
}
