//! A door before the real Redis that can be shut: connections through it break, and new ones are refused in the same
//! breath.

use std::sync::Arc;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

pub struct Door {
    /// What stands before the address in Redis's own URL: the password, if there is one.
    credentials: String,
    port: u16,
    open: Arc<watch::Sender<bool>>,
    _serving: JoinSet<()>,
}

impl Door {
    pub async fn open(redis: &str) -> Self {
        let place = redis.trim_start_matches("redis://").trim_end_matches('/');
        let address = place.rsplit('@').next().unwrap_or_default().to_owned();
        let credentials = place.trim_end_matches(&address).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = Arc::new(watch::Sender::new(true));
        let gate = Arc::clone(&open);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut through = JoinSet::new();
            loop {
                let (mut outside, _) = listener.accept().await.unwrap();
                let mut gate = gate.subscribe();
                if !*gate.borrow_and_update() {
                    continue;
                }
                let mut inside = TcpStream::connect(&address).await.unwrap();
                through.spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut outside, &mut inside) => {}
                        _ = gate.wait_for(|open| !*open) => {}
                    }
                });
            }
        });
        Self { credentials, port, open, _serving: serving }
    }

    pub fn url(&self) -> String {
        format!("redis://{}127.0.0.1:{}", self.credentials, self.port)
    }

    pub fn shut(&self) {
        self.open.send_replace(false);
    }

    pub fn reopen(&self) {
        self.open.send_replace(true);
    }
}
