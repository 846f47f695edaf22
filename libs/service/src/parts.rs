//! What is made before a service makes its own parts: the pool, the clock, ways to the neighbours.

use std::sync::Arc;

use anyhow::Context;
use auth::{Keys, Outgoing, ServiceIdentity, Verifier};
use chassis::ExposeSecret;
use pg::Pool;
use tokio_util::sync::CancellationToken;
use values::SharedClock;

use crate::Config;

/// The parts that every service has; clones share them.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The service's own name.
    pub name: &'static str,
    /// The common part of the configuration.
    pub config: Arc<Config>,
    /// The service's database. It need not be up yet.
    pub db: Pool,
    /// The clock that the whole service asks.
    pub clock: SharedClock,
    /// Cancelled when the process wants no new work any more; endless streams end then.
    pub draining: CancellationToken,
}

impl Parts {
    pub(crate) async fn new(
        name: &'static str,
        config: Config,
        clock: SharedClock,
        draining: CancellationToken,
    ) -> anyhow::Result<Self> {
        let db = pg::connect(&config.database).await.context("LYCEUM_DATABASE_URL cannot be used")?;
        Ok(Self { name, config: Arc::new(config), db, clock, draining })
    }

    /// A way to a neighbour in our own name, by the variable with its address, which
    /// [`Service::NEIGHBOURS`](crate::Service::NEIGHBOURS) lists. Must be called inside the runtime.
    ///
    /// # Errors
    ///
    /// The neighbour is not listed, or `LYCEUM_SERVICE_KEY` is no private key.
    pub fn neighbour(&self, variable: &str) -> anyhow::Result<auth::Channel> {
        let key = self.config.service_key.as_ref().context("this service lists no NEIGHBOURS")?;
        let identity = ServiceIdentity::from_base64(self.name, key.expose_secret(), self.clock.clone());
        let identity = identity.context("LYCEUM_SERVICE_KEY is no private key")?;
        Ok(Outgoing::as_service(Arc::new(identity)).over(discovery::channel(self.config.target(variable)?)))
    }

    /// The usual guard: people's tokens are checked with the keys that a neighbour publishes, named by the variable
    /// with its address.
    ///
    /// # Errors
    ///
    /// The neighbour is not listed.
    pub fn guard(&self, variable: &str) -> anyhow::Result<auth::Layer> {
        Ok(self.guard_with(Keys::published(discovery::channel(self.config.target(variable)?))))
    }

    /// A guard that checks people's tokens with these keys.
    pub fn guard_with(&self, keys: Keys) -> auth::Layer {
        let config = &self.config;
        let verifier = Verifier::new(&config.issuer, keys, config.services.clone(), self.clock.clone());
        auth::Layer::new(Arc::new(verifier))
    }
}
