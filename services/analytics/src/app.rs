//! The parts of this service and how they are put together. No logic.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use auth::{Keys, Verifier};
use bus::{Amqp, Consumer, Relay};
use chassis::{Env, ExposeSecret, Runtime, Service};
use pg::{Migrations, Pool};
use time::OffsetDateTime;
use tonic::service::Routes;
use values::SharedClock;

use crate::config::Config;
use crate::domain::month::Month;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Every migration that the service's database needs.
pub fn migrations() -> Migrations {
    Migrations::of(&MIGRATOR).and(&pg::MIGRATOR).and(&bus::MIGRATOR)
}

/// What flows work with.
#[derive(Debug)]
pub struct App {
    pub db: Pool,
    pub clock: SharedClock,
    /// How long events are kept.
    pub retention: Duration,
    pub months: Months,
}

/// The months that are known to have room in the store, so that nobody asks for each batch.
#[derive(Debug, Default)]
pub struct Months(Mutex<BTreeSet<Month>>);

impl Months {
    /// Those of some months that are not known to be there.
    pub fn missing(&self, months: impl IntoIterator<Item = Month>) -> BTreeSet<Month> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        months.into_iter().filter(|month| !known.contains(month)).collect()
    }

    pub fn add(&self, months: &BTreeSet<Month>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(months);
    }

    pub fn forget(&self, months: &[Month]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|month| !months.contains(month));
    }
}

impl App {
    pub fn new(db: Pool, clock: SharedClock, retention: Duration) -> Arc<Self> {
        Arc::new(Self { db, clock, retention, months: Months::default() })
    }

    /// From when on events are kept: the beginning of the month in which the retention began.
    pub fn kept_from(&self) -> OffsetDateTime {
        Month::of(self.clock.now() - self.retention).start()
    }

    /// The gRPC services, without the guard before them.
    pub fn routes(self: &Arc<Self>) -> Routes {
        Routes::default()
    }

    /// The ear: one queue for all replicas.
    pub fn consumer(self: &Arc<Self>, amqp: Amqp) -> Consumer {
        Consumer::new(Analytics::NAME, self.db.clone(), amqp, self.clock.clone())
    }
}

/// This service, as the chassis knows it.
#[derive(Debug)]
pub struct Analytics;

impl Service for Analytics {
    const NAME: &'static str = "analytics";

    type Config = Config;

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    async fn migrate(config: Config) -> anyhow::Result<()> {
        migrations().run(config.database_url.expose_secret()).await?;
        let db = pg::connect(&config.database()).await.context("LYCEUM_DATABASE_URL cannot be used")?;
        // Before anybody announces anything: an event must not find no queue.
        App::new(db, Arc::new(values::SystemClock), config.retention).consumer(config.amqp).declare().await?;
        Ok(())
    }

    async fn serve(config: Config, runtime: Runtime) -> anyhow::Result<()> {
        let db = pg::connect(&config.database()).await.context("LYCEUM_DATABASE_URL cannot be used")?;
        let app = App::new(db.clone(), runtime.clock.clone(), config.retention);
        let checked = db.clone();
        runtime.admin.ready_when("schema", move || {
            let db = checked.clone();
            async move { anyhow::Ok(migrations().check(&db).await?) }
        });
        runtime.tasks.spawn("pool-gauges", pg::observe(db.clone(), runtime.shutdown.clone()));
        let relay = Relay::new(db, config.amqp.clone(), runtime.clock.clone());
        runtime.tasks.spawn("relay", relay.run(runtime.shutdown.clone()));
        runtime.tasks.spawn("consumer", app.consumer(config.amqp.clone()).run(runtime.shutdown.clone()));
        chassis::grpc::Server::new(config.grpc_listen)
            .reflection(proto::DESCRIPTOR)
            .layer(guard(&config, &runtime))
            .serve(&runtime, app.routes())
            .await
    }
}

/// The guard: people's tokens are checked with the keys that the users service publishes.
fn guard(config: &Config, runtime: &Runtime) -> auth::Layer {
    let keys = Keys::published(discovery::channel(&config.users));
    let verifier = Verifier::new(&config.issuer, keys, config.services.clone(), runtime.clock.clone());
    auth::Layer::new(Arc::new(verifier))
}
