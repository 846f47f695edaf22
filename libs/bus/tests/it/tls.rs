//! A broker whose certificate is from an authority of its own.

use bus::Amqp;
use testkit::{Authority, Begins, encrypted};

use crate::helpers::World;

#[tokio::test]
async fn an_encrypted_broker_is_believed_by_its_authority_only() {
    // Before any connection, as the chassis does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let world = World::new().await;
    let (authority, other) = (Authority::new(), Authority::new());
    let url = encrypted(&world.broker.url, &authority.issue(&["localhost"]), Begins::AtOnce).await;
    let amqp: Amqp = url.parse().unwrap();
    let connect = async |pem: Option<&str>| amqp.clone().trusting(pem.map(str::to_owned)).connect("test").await;
    connect(Some(authority.pem())).await.unwrap();
    assert!(connect(None).await.is_err(), "it does not speak plainly");
    assert!(connect(Some(other.pem())).await.is_err());
}
