//! The parts of this service and how they are put together. No logic.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use auth::{Keys, Outgoing, ServiceIdentity, Verifier};
use bus::{Amqp, BatchConsumer};
use chassis::{Env, ExposeSecret, Runtime, Service};
use pg::{Migrations, Pool};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tonic::service::Routes;
use values::{SharedClock, TimeZone};

use crate::domain::month::Month;
use crate::{config::Config, events::Ear, flows, grpc, jobs, owners::Owners};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The verb that counts every kept event anew.
const REBUILD_ROLLUPS: &str = "rebuild-rollups";

/// The verb that announces kept events once more, where the broker lost what was in its queues.
const ANNOUNCE_AGAIN: &str = "announce-again";

/// The verb that counts what other services know, where the events are lost.
const COPY_FROM_OWNERS: &str = "copy-from-owners";

/// Every migration that the service's database needs.
pub fn migrations() -> Migrations {
    Migrations::of(&MIGRATOR)
}

/// What flows work with.
#[derive(Debug)]
pub struct App {
    pub db: Pool,
    pub clock: SharedClock,
    /// How long events are kept.
    pub retention: Duration,
    /// In which days, weeks and months are counted.
    pub zone: TimeZone,
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
    pub fn new(db: Pool, clock: SharedClock, retention: Duration, zone: TimeZone) -> Arc<Self> {
        Arc::new(Self { db, clock, retention, zone, months: Months::default() })
    }

    /// Puts the parts together. Nothing has to be up yet.
    async fn build(config: &Config, clock: SharedClock) -> anyhow::Result<Arc<Self>> {
        let db = pg::connect(&config.database()).await.context("LYCEUM_DATABASE_URL cannot be used")?;
        Ok(Self::new(db, clock, config.retention, config.zone.clone()))
    }

    /// From when on events are kept: the beginning of the month in which the retention began.
    pub fn kept_from(&self) -> OffsetDateTime {
        Month::of(self.clock.now() - self.retention).start()
    }

    /// The gRPC services, without the guard before them.
    pub fn routes(self: &Arc<Self>) -> Routes {
        grpc::routes(Arc::clone(self))
    }

    /// The ear: one queue for all replicas.
    pub fn consumer(self: &Arc<Self>, amqp: Amqp) -> BatchConsumer<Ear> {
        BatchConsumer::new(Analytics::NAME, amqp, self.clock.clone(), Ear(Arc::clone(self)))
    }
}

/// This service, as the chassis knows it.
#[derive(Debug)]
pub struct Analytics;

impl Service for Analytics {
    const NAME: &'static str = "analytics";
    const VERBS: &'static [&'static str] = &[REBUILD_ROLLUPS, COPY_FROM_OWNERS, ANNOUNCE_AGAIN];

    type Config = Config;

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    async fn migrate(config: Config) -> anyhow::Result<()> {
        migrations().run(&config.database()).await?;
        let app = App::build(&config, Arc::new(values::SystemClock)).await?;
        flows::settle_zone(&app).await?;
        flows::make_room(&app, flows::ahead(app.clock.now())).await?;
        // Before anybody announces anything: an event must not find no queue.
        app.consumer(config.amqp).declare().await?;
        Ok(())
    }

    async fn run(config: Config, words: Vec<String>) -> anyhow::Result<()> {
        let app = App::build(&config, Arc::new(values::SystemClock)).await?;
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [REBUILD_ROLLUPS] => {
                let counted = flows::recount(&app).await?;
                tracing::info!("{counted} events were counted anew.");
            }
            [COPY_FROM_OWNERS] => {
                let copied = flows::copy_from_owners(&app, &owners(&config, &app.clock)?).await?;
                tracing::info!("{copied} facts were copied from the services that own them.");
            }
            [ANNOUNCE_AGAIN, "--since", since] => {
                let since = OffsetDateTime::parse(since, &Rfc3339).context("--since takes an instant of RFC 3339")?;
                let announced = flows::announce_again(&app, &config.amqp, since).await?;
                tracing::info!("{announced} events were announced again.");
            }
            _ => bail!("expected {REBUILD_ROLLUPS}, {COPY_FROM_OWNERS} or {ANNOUNCE_AGAIN} --since INSTANT"),
        }
        Ok(())
    }

    async fn serve(config: Config, runtime: Runtime) -> anyhow::Result<()> {
        let app = App::build(&config, runtime.clock.clone()).await?;
        let db = app.db.clone();
        runtime.admin.ready_when("schema", move || {
            let db = db.clone();
            async move { anyhow::Ok(migrations().check(&db).await?) }
        });
        runtime.tasks.spawn("pool-gauges", pg::observe(app.db.clone(), runtime.shutdown.clone()));
        runtime.tasks.spawn("consumer", app.consumer(config.amqp.clone()).run(runtime.shutdown.clone()));
        jobs::start(&runtime, &app);
        chassis::grpc::Server::new(config.grpc_listen)
            .reflection(proto::REFLECTION)
            .layer(guard(&config, &runtime))
            .serve(&runtime, app.routes())
            .await
    }
}

/// Calls to neighbours in our own name.
fn owners(config: &Config, clock: &SharedClock) -> anyhow::Result<Owners> {
    let key = config.service_key.expose_secret();
    let identity = ServiceIdentity::from_base64(Analytics::NAME, key, clock.clone());
    let outgoing = Outgoing::as_service(Arc::new(identity.context("LYCEUM_SERVICE_KEY is no private key")?));
    Ok(Owners {
        payments: outgoing.over(discovery::channel(&config.payments)),
        courses: outgoing.over(discovery::channel(&config.courses)),
        documents: outgoing.over(discovery::channel(&config.documents)),
    })
}

/// The guard: people's tokens are checked with the keys that the users service publishes.
fn guard(config: &Config, runtime: &Runtime) -> auth::Layer {
    let keys = Keys::published(discovery::channel(&config.users));
    let verifier = Verifier::new(&config.issuer, keys, config.services.clone(), runtime.clock.clone());
    auth::Layer::new(Arc::new(verifier))
}
