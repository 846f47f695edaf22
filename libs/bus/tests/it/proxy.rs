//! A TCP proxy before the broker that can hang, cut every connection, and be closed for a while.

use std::sync::Arc;

use bus::Amqp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the proxy does with bytes.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Open,
    /// Connections stay and nothing passes.
    Hanging,
    /// Connections are cut, new ones too.
    Closed,
}

pub(crate) struct Proxy {
    pub(crate) amqp: Amqp,
    mode: Arc<watch::Sender<Mode>>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    /// Starts before the broker with this address.
    pub(crate) async fn before(broker: &str) -> Self {
        let (scheme, rest) = broker.split_once("://").unwrap();
        let (user, rest) = rest.split_once('@').unwrap();
        let (address, path) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap();
        let amqp = format!("{scheme}://{user}@{own}/{path}").parse().unwrap();
        let mode = Arc::new(watch::Sender::new(Mode::Open));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, address.to_owned(), Arc::clone(&mode)));
        Self { amqp, mode, _accepting: accepting }
    }

    pub(crate) fn open(&self) {
        self.mode.send_replace(Mode::Open);
    }

    pub(crate) fn hang(&self) {
        self.mode.send_replace(Mode::Hanging);
    }

    pub(crate) fn close(&self) {
        self.mode.send_replace(Mode::Closed);
    }

    /// Cuts what is connected; who connects again is let through.
    pub(crate) fn cut(&self) {
        self.close();
        self.open();
    }
}

async fn accept(listener: TcpListener, broker: String, mode: Arc<watch::Sender<Mode>>) {
    let mut connections = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        if *mode.borrow() == Mode::Closed {
            continue;
        }
        let Ok(far) = TcpStream::connect(&broker).await else { continue };
        let mode = mode.subscribe();
        connections.spawn(connect(near, far, mode));
    }
}

async fn connect(near: TcpStream, far: TcpStream, mode: watch::Receiver<Mode>) {
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    // Each change counts, even one that was undone before it was looked at.
    let mut changes = mode.clone();
    let closed = async {
        while changes.changed().await.is_ok() {
            if *changes.borrow_and_update() != Mode::Hanging {
                return;
            }
        }
    };
    tokio::select! {
        () = closed => {}
        () = pass(near_in, far_out, mode.clone()) => {}
        () = pass(far_in, near_out, mode.clone()) => {}
    }
}

async fn pass(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, mode: watch::Receiver<Mode>) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        if *mode.borrow() == Mode::Hanging {
            return std::future::pending().await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
