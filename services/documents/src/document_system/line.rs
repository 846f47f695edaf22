//! The line on which the Document System is asked: opened when it is needed, closed at the first trouble.

use bus::{
    Amqp, Error,
    external::{TRACEPARENT, confirmed_channel, patiently, stored},
};
use lapin::{
    BasicProperties, Channel, Connection, ExchangeKind,
    options::{BasicPublishOptions, ExchangeDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::sync::Mutex;

use super::{COMMANDS, CONTENT_TYPE, SUBMITTED, listener, question::Question};

/// AMQP's number for "store it on disk".
const PERSISTENT: u8 = 2;

/// Asks questions, one after another.
#[derive(Debug)]
pub struct Line {
    amqp: Amqp,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    /// Kept because the channel dies with it.
    _connection: Connection,
    channel: Channel,
}

/// Why a question was not asked.
#[derive(Debug, thiserror::Error)]
pub enum NotAsked {
    #[error("the Document System's broker did not take the question")]
    Broker(#[from] Error),
    #[error("the question cannot be written")]
    Question(#[source] anyhow::Error),
}

impl Line {
    /// A line that is not open yet.
    pub fn new(amqp: Amqp) -> Self {
        Self { amqp, open: Mutex::default() }
    }

    /// Asks, and waits until the broker has stored the question.
    ///
    /// `mandatory` is not set. The client library would log a returned message with its body, and so links to people's
    /// papers; and a question that finds no queue is not lost without it: it is asked again, and at the case's deadline
    /// people take over.
    pub async fn ask(&self, question: &Question) -> Result<(), NotAsked> {
        let body = question.body().map_err(NotAsked::Question)?;
        let mut open = self.open.lock().await;
        let line = match open.take() {
            Some(line) if line.channel.status().connected() => line,
            _ => self.connect().await?,
        };
        let publish = async {
            let (options, properties) = (BasicPublishOptions::default(), properties(question));
            line.channel.basic_publish(COMMANDS.into(), SUBMITTED.into(), options, &body, properties).await?.await
        };
        stored(patiently(publish).await?)?;
        *open = Some(line);
        Ok(())
    }

    async fn connect(&self) -> Result<Open, Error> {
        let connection = self.amqp.connect("documents asks").await?;
        let channel = confirmed_channel(&connection).await?;
        declare_exchange(&channel, COMMANDS).await?;
        // An answer must find its queue, even where nobody has listened yet.
        listener::declare(&channel).await?;
        Ok(Open { _connection: connection, channel })
    }
}

/// Declares one of the two exchanges as both sides know it; whoever comes first makes it.
pub(super) async fn declare_exchange(channel: &Channel, exchange: &'static str) -> Result<(), Error> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    patiently(channel.exchange_declare(exchange.into(), ExchangeKind::Topic, options, FieldTable::default())).await
}

fn properties(question: &Question) -> BasicProperties {
    let mut headers = FieldTable::default();
    if !question.traceparent.is_empty() {
        headers.insert(TRACEPARENT.into(), AMQPValue::LongString(question.traceparent.as_str().into()));
    }
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(CONTENT_TYPE.into())
        .with_message_id(question.ask.to_string().into())
        .with_correlation_id(question.case.id.to_string().into())
        .with_type(SUBMITTED.into())
        .with_app_id("lyceum".into())
        .with_timestamp(u64::try_from(question.asked_at.unix_timestamp()).unwrap_or_default())
        .with_headers(headers)
}
