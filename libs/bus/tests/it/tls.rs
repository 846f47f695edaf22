//! A broker whose certificate is from an authority of its own.

use std::sync::Arc;

use bus::Amqp;
use testkit::{Authority, Begins, Mounted, encrypted};
use values::SystemClock;

use crate::helpers::World;

#[tokio::test]
async fn an_encrypted_broker_is_believed_by_its_authority_only_and_a_new_one_needs_no_restart() {
    // Before any connection, as the chassis does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let world = World::new().await;
    let (authority, other) = (Authority::new(), Authority::new());
    let certificate = authority.issue(&["localhost"]);
    let url = encrypted(&world.broker.url, &certificate, Begins::AtOnce).await;
    let amqp: Amqp = url.parse().unwrap();
    assert!(amqp.connect("test").await.is_err(), "it does not speak plainly");
    let mounted = Mounted::new(&certificate, authority.pem());
    let loaded = tls::Authority::load(mounted.file("ca.crt"), &(Arc::new(SystemClock) as _)).unwrap();
    let amqp = amqp.trusting(Some(loaded));
    amqp.connect("test").await.unwrap();
    mounted.exchange(&certificate, other.pem());
    assert!(amqp.connect("test").await.is_err(), "the old authority is not believed any more");
    mounted.exchange(&certificate, authority.pem());
    amqp.connect("test").await.unwrap();
    mounted.exchange(&certificate, "nothing");
    amqp.connect("test").await.expect("a file of no use changes nothing");
}
