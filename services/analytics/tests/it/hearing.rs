use analytics::app::Analytics;
use bus::{Consume, Envelope};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use prost::Message;
use service::Service;
use testkit::{Broker, eventually};
use time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::helpers::{NOW, SOON, World, paid};

async fn publish(channel: &Channel, envelope: &Envelope) {
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let (body, key) = (envelope.encode_to_vec(), envelope.r#type.as_str());
    let published = channel.basic_publish("lyceum.events".into(), key.into(), options, &body, properties).await;
    assert!(published.unwrap().await.unwrap().is_ack());
}

#[tokio::test]
async fn everything_that_is_announced_is_stored_and_what_cannot_be_becomes_a_dead_letter_with_its_reason() {
    let (world, broker) = (World::new().await, Broker::new().await);
    let amqp: bus::Amqp = broker.url.parse().unwrap();
    Analytics::consumer(&world.app, amqp.clone()).declare().await.unwrap();
    let connection = Connection::connect(&broker.url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let bad =
        [paid(NOW + Duration::days(2)), paid(NOW - Duration::days(500)), Envelope { payload: vec![255], ..paid(NOW) }];
    for envelope in bad.iter().chain(&[paid(NOW), Envelope { r#type: "later.Type".to_owned(), ..paid(NOW) }]) {
        publish(&channel, envelope).await;
    }
    let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
    tasks.spawn(Analytics::consumer(&world.app, amqp.clone()).run(stop.clone()));
    eventually("two events", SOON, async || (world.count("select count(*) from events").await == 2).then_some(()))
        .await;
    let dead = eventually("dead letters", SOON, async || {
        let dead = bus::dead_letter::list(&world.database.pool).await.unwrap();
        (dead.len() == 3).then_some(dead)
    })
    .await;
    let reasons: Vec<&str> = dead.iter().map(|letter| letter.reason.as_str()).collect();
    assert_eq!(reasons[..2], ["the event's clock is more than a day ahead", "the event is older than events are kept"]);
    assert!(reasons[2].starts_with("the payload is no"), "{reasons:?}");
    // The dashboard can say how far it has heard, although nothing happens.
    eventually("as of", SOON, async || {
        (world.count("select count(*) from progress where complete_until is not null").await == 1).then_some(())
    })
    .await;
    stop.cancel();
    tasks.join_all().await;
}
