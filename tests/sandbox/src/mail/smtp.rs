//! As much of RFC 5321 as a sending client meets, with faults.

use std::io;

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::{
    fault::{Kind, Trouble},
    world::{World, meanwhile},
};

/// The largest mail that is taken, in bytes.
const MAX_SIZE: usize = 10 * 1024 * 1024;
/// The longest line of a command (RFC 5321, 4.5.3.1.4, with some room).
const MAX_LINE: usize = 2_048;

/// Takes mails until the process ends.
pub(crate) async fn serve(listener: TcpListener, world: World) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let world = world.clone();
        meanwhile(async move {
            // A client that goes away in the middle has not handed over a mail.
            let _ = Session { stream: BufReader::new(stream), world, from: None, to: Vec::new() }.run().await;
        });
    }
}

struct Session {
    stream: BufReader<TcpStream>,
    world: World,
    /// Who sends; the empty address is a legal one.
    from: Option<String>,
    to: Vec<String>,
}

/// Whether the session goes on.
#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    HangUp,
}

impl Session {
    async fn run(&mut self) -> io::Result<()> {
        self.say("220 sandbox ESMTP").await?;
        while let Some(line) = line(&mut self.stream, MAX_LINE).await? {
            let Some(line) = line else {
                self.say("500 line too long").await?;
                continue;
            };
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if self.obey(&line).await? == Then::HangUp {
                break;
            }
        }
        Ok(())
    }

    async fn obey(&mut self, line: &str) -> io::Result<Then> {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => {
                self.forget();
                self.say(&format!("250-sandbox\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE {MAX_SIZE}")).await?;
            }
            "HELO" | "RSET" => {
                self.forget();
                self.say("250 OK").await?;
            }
            "NOOP" => self.say("250 OK").await?,
            "MAIL" => self.sender(line).await?,
            "RCPT" if self.from.is_none() => self.say("503 MAIL first").await?,
            "RCPT" => self.recipient(line).await?,
            "DATA" if self.to.is_empty() => self.say("503 RCPT first").await?,
            "DATA" => return self.data().await,
            "QUIT" => {
                self.say("221 bye").await?;
                return Ok(Then::HangUp);
            }
            _ => self.say("502 not implemented").await?,
        }
        Ok(Then::GoOn)
    }

    async fn sender(&mut self, line: &str) -> io::Result<()> {
        let Some(from) = address(line) else { return self.say("501 an address, please").await };
        if announced_size(line).is_some_and(|size| size > MAX_SIZE) {
            return self.say("552 too large").await;
        }
        self.forget();
        self.from = Some(from);
        self.say("250 OK").await
    }

    async fn recipient(&mut self, line: &str) -> io::Result<()> {
        match address(line).filter(|to| !to.is_empty()) {
            None => self.say("501 an address, please").await,
            Some(to) => {
                self.to.push(to);
                self.say("250 OK").await
            }
        }
    }

    /// Takes the mail.
    async fn data(&mut self) -> io::Result<Then> {
        self.say("354 end with a dot").await?;
        let mail = content(&mut self.stream).await?;
        let (from, to) = (self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
        let Some(mail) = mail else {
            self.say("552 too large").await?;
            return Ok(Then::GoOn);
        };
        let trouble = self.world.faults().take("smtp", &to.join(" "));
        if let Some(Trouble { kind: Kind::Slow, delay, .. }) = trouble {
            tokio::time::sleep(delay).await;
        }
        let kind = trouble.map(|trouble| trouble.kind);
        match kind {
            Some(Kind::MailLater) => self.say("451 come back later").await?,
            Some(Kind::MailNever) => self.say("550 no such mailbox").await?,
            _ => {
                self.world.inbox().keep(&from, to, &mail, self.world.now());
                if kind == Some(Kind::DropAfterData) {
                    return Ok(Then::HangUp);
                }
                self.say("250 kept").await?;
                if kind == Some(Kind::DropAfter250) {
                    return Ok(Then::HangUp);
                }
            }
        }
        Ok(Then::GoOn)
    }

    async fn say(&mut self, words: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(format!("{words}\r\n").as_bytes()).await
    }

    fn forget(&mut self) {
        self.from = None;
        self.to.clear();
    }
}

/// The next line with its end; `Some(None)` for one that is too long, which is read over; `None` at the end of the stream.
async fn line<R: AsyncBufRead + Unpin>(stream: &mut R, most: usize) -> io::Result<Option<Option<Vec<u8>>>> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let room = u64::try_from(most).unwrap_or(u64::MAX);
        let read = (&mut *stream).take(room).read_until(b'\n', &mut line).await?;
        if read == 0 {
            return Ok(None);
        }
        if line.ends_with(b"\n") {
            return Ok(Some(if too_long { None } else { Some(line) }));
        }
        too_long = true;
        line.clear();
    }
}

/// The lines up to a lone dot, without the dots that were doubled on the way; none if they are too many.
async fn content<R: AsyncBufRead + Unpin>(stream: &mut R) -> io::Result<Option<Vec<u8>>> {
    let mut mail = Some(Vec::new());
    loop {
        let line = line(stream, MAX_SIZE).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        match (line, &mut mail) {
            (Some(line), mail) if line == b".\r\n" || line == b".\n" => return Ok(mail.take()),
            (Some(line), Some(whole)) if whole.len() + line.len() <= MAX_SIZE => {
                whole.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            }
            // The rest is read over, so that the session can go on.
            _ => mail = None,
        }
    }
}

/// What stands between the angle brackets of `MAIL FROM:<…>` and `RCPT TO:<…>`.
fn address(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('<')?;
    Some(rest.split_once('>')?.0.to_owned())
}

/// The size that a client announces (RFC 1870).
fn announced_size(line: &str) -> Option<usize> {
    let parameters = line.split_once('>')?.1.to_ascii_uppercase();
    parameters.split_whitespace().find_map(|parameter| parameter.strip_prefix("SIZE=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn doubled_dots_become_single_ones_and_a_lone_dot_ends_the_mail() {
        let mut stream = BufReader::new(&b"a\r\n..b\r\n...\r\n.\r\nQUIT\r\n"[..]);
        assert_eq!(content(&mut stream).await.unwrap().unwrap(), b"a\r\n.b\r\n..\r\n");
        assert_eq!(line(&mut stream, 100).await.unwrap().unwrap().unwrap(), b"QUIT\r\n");
        assert!(content(&mut stream).await.is_err(), "a mail that breaks off is none");
    }

    #[tokio::test]
    async fn what_is_too_long_is_read_over() {
        let mut stream = BufReader::new(&b"0123456789\r\nNOOP\r\n"[..]);
        assert_eq!(line(&mut stream, 8).await.unwrap(), Some(None));
        assert_eq!(line(&mut stream, 8).await.unwrap(), Some(Some(b"NOOP\r\n".to_vec())));

        let huge = [vec![b'x'; MAX_SIZE], b"\r\nmore\r\n.\r\nNOOP\r\n".to_vec()].concat();
        let mut stream = BufReader::new(&huge[..]);
        assert_eq!(content(&mut stream).await.unwrap(), None);
        assert_eq!(line(&mut stream, 8).await.unwrap(), Some(Some(b"NOOP\r\n".to_vec())));
    }

    #[test]
    fn addresses_and_sizes_are_read_from_commands() {
        assert_eq!(address("MAIL FROM:<> SIZE=5").as_deref(), Some(""));
        assert_eq!(address("RCPT TO:<anna@example.com>").as_deref(), Some("anna@example.com"));
        assert_eq!(address("RCPT TO:anna@example.com"), None);
        assert_eq!(announced_size("MAIL FROM:<a@b> BODY=8BITMIME size=17"), Some(17));
        assert_eq!(announced_size("MAIL FROM:<a@b>"), None);
    }
}
