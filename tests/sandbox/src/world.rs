//! The state of the world: what the bank knows, what arrived in the inbox, which faults wait.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::OffsetDateTime;
use values::{Clock, SystemClock};

use crate::{config::Config, docverify::Asked, fault::Faults, mail::Inbox, tbank::Bank, traces::Traces};

/// Everything, shared by every connection.
#[derive(Debug, Clone)]
pub(crate) struct World(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    config: Config,
    public_url: String,
    http: reqwest::Client,
    bank: Mutex<Bank>,
    faults: Mutex<Faults>,
    asked: Mutex<Vec<Asked>>,
    inbox: Inbox,
    traces: Traces,
}

impl World {
    /// A new world whose bank and inbox are found at `here`, unless the configuration says otherwise.
    pub(crate) fn new(config: Config, here: SocketAddr) -> Self {
        let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{here}"));
        Self(Arc::new(Parts {
            public_url: public_url.trim_end_matches('/').to_owned(),
            config,
            http: reqwest::Client::new(),
            bank: Mutex::new(Bank::open(SystemClock.now())),
            faults: Mutex::default(),
            asked: Mutex::default(),
            inbox: Inbox::default(),
            traces: Traces::default(),
        }))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn public_url(&self) -> &str {
        &self.0.public_url
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.0.http
    }

    pub(crate) fn bank(&self) -> MutexGuard<'_, Bank> {
        self.0.bank.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn asked(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn inbox(&self) -> &Inbox {
        &self.0.inbox
    }

    pub(crate) fn traces(&self) -> &Traces {
        &self.0.traces
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        SystemClock.now()
    }
}

/// Does something while the present request goes on. The world may end at any time, so nobody waits for it at the end.
#[expect(clippy::disallowed_methods, reason = "the sandbox has no state to lose and no graceful stop")]
pub(crate) fn meanwhile(work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(work);
}
