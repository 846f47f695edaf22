use analytics::app::Analytics;
use analytics::flows;
use bus::{Consume, Envelope};
use lapin::options::{BasicAckOptions, BasicGetOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use prost::Message;
use service::Service;
use testkit::{Broker, eventually};
use time::Duration;

use crate::helpers::{NOW, SOON, World, paid};

#[tokio::test]
async fn what_was_heard_since_a_moment_is_announced_once_more_as_it_came() {
    let (world, broker) = (World::new().await, Broker::new().await);
    let amqp: bus::Amqp = broker.url.parse().unwrap();
    Analytics::consumer(&world.app, amqp.clone()).declare().await.unwrap();
    let connection = Connection::connect(&broker.url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let queue = "somebody.events";
    channel.queue_declare(queue.into(), QueueDeclareOptions::default(), FieldTable::default()).await.unwrap();
    let bind = QueueBindOptions::default();
    channel.queue_bind(queue.into(), "lyceum.events".into(), "#".into(), bind, FieldTable::default()).await.unwrap();
    let (before, after) = (paid(NOW - Duration::hours(2)), paid(NOW));
    world.hear(&[before, after.clone()]).await;

    let announced = flows::announce_again::run(&world.app, &amqp, NOW - Duration::hours(1)).await.unwrap();

    assert_eq!(announced, 1);
    let delivery = eventually("the event", SOON, async || {
        channel.basic_get(queue.into(), BasicGetOptions::default()).await.unwrap()
    })
    .await;
    delivery.ack(BasicAckOptions::default()).await.unwrap();
    assert_eq!(Envelope::decode(delivery.data.as_slice()).unwrap(), Envelope { traceparent: String::new(), ..after });
    assert!(channel.basic_get(queue.into(), BasicGetOptions::default()).await.unwrap().is_none());
}

#[tokio::test]
async fn nothing_is_announced_again_that_inboxes_have_forgotten() {
    let (world, broker) = (World::new().await, Broker::new().await);
    let amqp: bus::Amqp = broker.url.parse().unwrap();
    let refused = flows::announce_again::run(&world.app, &amqp, NOW - Duration::days(30)).await.unwrap_err();
    assert!(refused.to_string().contains("29 days"), "{refused}");
}
