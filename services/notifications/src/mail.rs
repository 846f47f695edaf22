//! E-mail over SMTP: one message to one person, and what the server's answer means. When to try again is decided in `domain`.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{self, AsyncSmtpTransportBuilder, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use time::OffsetDateTime;
use url::Url;

use crate::domain::delivery::{Verdict, bounces};
use crate::domain::letter::Letter;

/// How long the server may take for each answer; several of them fit into a lease.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a whole try may take; well within a lease.
const TRY_AT_MOST: Duration = Duration::from_secs(75);

/// How many messages are handed over at once, each on a connection of its own.
pub const CONCURRENCY: usize = 8;

/// Answers that complain about us, not about the message: authentication, and what it needs.
const OURS: [u16; 5] = [454, 530, 534, 535, 538];

/// The way out to the mail server.
pub struct Mailer {
    builder: AsyncSmtpTransportBuilder,
    /// Keeps connections. It is replaced as a whole after a try that was broken off.
    transport: Mutex<AsyncSmtpTransport<Tokio1Executor>>,
    from: Mailbox,
}

/// TLS from the first byte, or begun by STARTTLS, as the address says; never without.
fn encrypted(url: &str, authority: &str) -> anyhow::Result<Tls> {
    let url = Url::parse(url).context("the mail server's address cannot be used")?;
    let host = url.host_str().context("the mail server's address has no host")?.to_owned();
    let authority = Certificate::from_pem(authority.as_bytes()).context("the mail server's authority")?;
    let parameters = TlsParameters::builder(host).add_root_certificate(authority).build_rustls()?;
    Ok(if url.scheme() == "smtps" { Tls::Wrapper(parameters) } else { Tls::Required(parameters) })
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").finish_non_exhaustive()
    }
}

impl Mailer {
    /// `url` is like `smtps://user:password@mail.example.org` or `smtp://localhost:2525`. A server whose certificate is from `authority`
    /// (PEM) is spoken to only encrypted. Nothing has to be up yet.
    ///
    /// # Errors
    ///
    /// The address cannot be used. It is not repeated, because it carries a password.
    pub fn new(url: &str, from: Mailbox, authority: Option<&str>) -> anyhow::Result<Self> {
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(url).context("the mail server's address cannot be used")?;
        if let Some(pem) = authority {
            builder = builder.tls(encrypted(url, pem)?);
        }
        let builder = builder
            .timeout(Some(PATIENCE))
            .pool_config(PoolConfig::new().max_size(CONCURRENCY.try_into().unwrap_or(u32::MAX)));
        Ok(Self { transport: Mutex::new(builder.clone().build()), builder, from })
    }

    /// Hands a message to the server.
    pub async fn send(&self, letter: &Letter, now: OffsetDateTime) -> Verdict {
        let message = match self.compose(letter, now) {
            Ok(message) => message,
            Err(error) => {
                // The error may quote the address, so only its kind is told.
                let reason = if error.is::<AddressError>() { "BAD_ADDRESS" } else { "BAD_MESSAGE" };
                return Verdict::Never(reason.to_owned());
            }
        };
        let transport = self.transport.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // The library limits how long connecting takes, and nothing else.
        match tokio::time::timeout(TRY_AT_MOST, transport.send(message)).await {
            Ok(Ok(_)) => Verdict::Accepted,
            Ok(Err(error)) => verdict(&error),
            Err(_) => {
                // The connection goes back to its pool in the middle of a conversation; a late answer there would be taken for
                // one about the next mail. So nobody uses that pool again.
                *self.transport.lock().unwrap_or_else(PoisonError::into_inner) = self.builder.clone().build();
                Verdict::Later("TIMEOUT".to_owned())
            }
        }
    }

    fn compose(&self, letter: &Letter, now: OffsetDateTime) -> anyhow::Result<Message> {
        let to = Mailbox::new(Some(letter.name.clone()), letter.address.parse()?);
        let id = format!("<{}@{}>", letter.id, self.from.email.domain());
        let mail = letter.mail.clone();
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(mail.subject)
            .message_id(Some(id))
            .date(SystemTime::from(now))
            // No out-of-office replies, please (RFC 3834).
            .raw_header(header("Auto-Submitted", "auto-generated".to_owned()));
        if let Some(url) = mail.unsubscribe_url {
            // One click in the mail program is enough (RFC 2369, RFC 8058).
            builder = builder
                .raw_header(header("List-Unsubscribe", format!("<{url}>")))
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        Ok(builder.multipart(MultiPart::alternative_plain_html(mail.text, mail.html))?)
    }
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// What an answer means. Only its code is kept: the server's words may name the person.
fn verdict(error: &smtp::Error) -> Verdict {
    let Some(code) = error.status().map(u16::from) else {
        let reason = if error.is_timeout() { "TIMEOUT" } else { "NO_CONNECTION" };
        return Verdict::Later(reason.to_owned());
    };
    let reason = format!("SMTP_{code}");
    if !error.is_permanent() || OURS.contains(&code) {
        return Verdict::Later(reason);
    }
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    if bounces(code, &words) { Verdict::Bounced(reason) } else { Verdict::Never(reason) }
}
