//! The broker's address, connections to it and the pauses between attempts. What is declared there lives in topology.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::tcp::OwnedTLSConfig;
use lapin::types::FieldTable;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use tls::Authority;
use tokio_util::sync::CancellationToken;
use values::{SharedClock, SystemClock};

/// How long the broker may take to accept a connection, or to confirm what was published.
const PATIENCE: Duration = Duration::from_secs(10);

/// Seconds without a sign of life after which a connection counts as dead.
const HEARTBEAT: u16 = 15;

/// Bytes of a frame. The client keeps room for 64 of them for each connection, which at RabbitMQ's 128 KiB would be 8
/// MiB. Larger messages travel in several.
const FRAME: u32 = 16 * 1024;

/// Where RabbitMQ is. Cheap to clone; each relay and each consumer opens a connection of its own.
#[derive(Clone)]
pub struct Amqp {
    uri: AMQPUri,
    /// The authority that vouches for the broker.
    authority: Option<Authority>,
}

/// An address that is not RabbitMQ's. It does not repeat the address, which carries a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected an address like amqp://user:password@host:5672/%2f")]
pub struct BadAmqp;

impl FromStr for Amqp {
    type Err = BadAmqp;

    fn from_str(url: &str) -> Result<Self, BadAmqp> {
        let mut uri: AMQPUri = url.parse().map_err(|_| BadAmqp)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        uri.query.frame_max.get_or_insert(FRAME);
        Ok(Self { uri, authority: None })
    }
}

impl fmt::Debug for Amqp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = &self.uri.authority;
        write!(f, "Amqp({}:{}/{})", address.host, address.port, self.uri.vhost)
    }
}

/// Why something at the broker did not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker cannot be reached, or closed the connection or channel.
    #[error("the broker failed")]
    Broker(#[from] lapin::Error),
    /// The broker did not answer in time.
    #[error("the broker did not answer within {} s", PATIENCE.as_secs())]
    Silent,
    /// The broker refused to store a message.
    #[error("the broker did not store a message")]
    NotStored,
    /// The outbox cannot be read or written.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Amqp {
    /// Believes a broker whose certificate is from this authority, and speaks to it only encrypted, whatever the
    /// address says. The server's name and certificate are always checked where the connection is encrypted. Each
    /// connection begins with what the authority's file holds at that moment.
    #[must_use]
    pub fn trusting(mut self, authority: Option<Authority>) -> Self {
        if authority.is_some() {
            self.uri.scheme = AMQPScheme::AMQPS;
        }
        self.authority = authority;
        self
    }

    /// Opens a connection that shows up in RabbitMQ under `name`.
    ///
    /// # Errors
    ///
    /// The broker's, or that it did not answer in time.
    pub async fn connect(&self, name: &str) -> Result<Connection, Error> {
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let clock: SharedClock = Arc::new(SystemClock);
        let authority = self.authority.as_ref().map(|authority| authority.current(&clock));
        let tls = OwnedTLSConfig { identity: None, cert_chain: authority };
        let runtime = lapin::runtime::default_runtime()?;
        patiently(Connection::connect_uri_with_config(self.uri.clone(), properties, tls, runtime)).await
    }
}

/// Opens a channel on which every message is confirmed once it is stored.
///
/// # Errors
///
/// The broker's, or that it did not answer in time.
pub async fn confirmed_channel(connection: &Connection) -> Result<Channel, Error> {
    patiently(async {
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(channel)
    })
    .await
}

/// Closes a connection. One that broke meanwhile is only logged: everything that matters was confirmed before.
pub async fn close(connection: &Connection, why: &str) {
    if let Err(error) = patiently(connection.close(200, why.into())).await {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "The connection to the broker broke while it was closed."
        );
    }
}

/// Publishes straight into a queue and waits until it is stored there.
///
/// # Errors
///
/// The broker's, that it did not answer in time, or did not store the message.
pub async fn publish_to_queue(
    channel: &Channel,
    queue: &str,
    body: &[u8],
    properties: BasicProperties,
) -> Result<(), Error> {
    patiently(async {
        let options = BasicPublishOptions::default();
        channel.basic_publish("".into(), queue.into(), options, body, properties).await?.await
    })
    .await
    .and_then(stored)
}

/// Takes a confirmation for what it says.
///
/// # Errors
///
/// The broker did not store the message.
pub fn stored(confirmation: Confirmation) -> Result<(), Error> {
    if confirmation.is_ack() { Ok(()) } else { Err(Error::NotStored) }
}

/// Waits for the broker, but not for ever.
///
/// # Errors
///
/// The broker's, or that it did not answer in time.
pub async fn patiently<T>(answer: impl Future<Output = lapin::Result<T>>) -> Result<T, Error> {
    Ok(tokio::time::timeout(PATIENCE, answer).await.map_err(|_| Error::Silent)??)
}

/// No arguments, which most declarations need.
pub(crate) fn no_arguments() -> FieldTable {
    FieldTable::default()
}

/// The first pause and the longest one. Up to as much again is added at random.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Growing, random pauses between attempts that failed in a row.
#[derive(Debug)]
pub struct Backoff(ExponentialBackoff);

impl Backoff {
    /// Starts small.
    #[expect(clippy::new_without_default, reason = "a pause that nobody asked for is no default")]
    pub fn new() -> Self {
        let pauses = ExponentialBuilder::new().with_min_delay(FIRST_PAUSE).with_max_delay(LONGEST_PAUSE);
        Self(pauses.without_max_times().with_jitter().build())
    }

    /// Starts small again, after a success.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Pauses; false when it was told to stop meanwhile.
    pub async fn pause(&mut self, stop: &CancellationToken) -> bool {
        let pause = self.0.next().unwrap_or(2 * LONGEST_PAUSE);
        stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some()
    }
}
