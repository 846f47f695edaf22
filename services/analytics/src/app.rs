//! The parts of this service and how they are put together. No logic.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use bus::{Amqp, BatchConsumer, Consume};
use pg::{Migrations, Pool};
use service::{Env, Jobs, Parts, Service};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tonic::service::Routes;
use values::{SharedClock, TimeZone};

use crate::domain::month::Month;
use crate::{config::Config, flows, grpc, hear::Ingest, owners::Owners};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The verb that counts every kept event anew.
const REBUILD_ROLLUPS: &str = "rebuild-rollups";

/// The verb that announces kept events once more, where the broker lost what was in its queues.
const ANNOUNCE_AGAIN: &str = "announce-again";

/// The verb that counts what other services know, where the events are lost.
const COPY_FROM_OWNERS: &str = "copy-from-owners";

/// Every migration that the service's database needs.
pub fn migrations() -> Migrations {
    Migrations::of(&MIGRATOR).and(&bus::MIGRATOR)
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

    /// From when on events are kept: the beginning of the month in which the retention began.
    pub fn kept_from(&self) -> OffsetDateTime {
        Month::of(self.clock.now() - self.retention).start()
    }
}

/// This service, as the wiring knows it.
#[derive(Debug)]
pub struct Analytics;

const HOUR: Duration = Duration::from_secs(60 * 60);

impl Service for Analytics {
    const NAME: &'static str = "analytics";
    const PORT: u16 = 9050;
    const NEIGHBOURS: &'static [&'static str] = &["LYCEUM_PAYMENTS_URL", "LYCEUM_COURSES_URL", "LYCEUM_DOCUMENTS_URL"];
    const ANNOUNCES: bool = false;
    const VERBS: &'static [&'static str] = &[REBUILD_ROLLUPS, COPY_FROM_OWNERS, ANNOUNCE_AGAIN];

    type Config = Config;
    type App = App;

    fn migrations() -> Migrations {
        migrations()
    }

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    fn build(config: &Config, parts: &Parts) -> anyhow::Result<Arc<App>> {
        Ok(App::new(parts.db.clone(), parts.clock.clone(), config.retention, config.zone.clone()))
    }

    fn routes(app: &Arc<App>) -> Routes {
        grpc::routes(Arc::clone(app))
    }

    fn consumer(app: &Arc<App>, amqp: Amqp) -> impl Consume {
        BatchConsumer::new(Self::NAME, app.db.clone(), amqp, app.clock.clone(), Ingest(Arc::clone(app)))
    }

    fn jobs() -> Jobs<App> {
        Jobs::new().every(HOUR, "make-room", flows::partition::make_room_ahead).every(
            HOUR,
            "drop-old",
            flows::partition::drop_old,
        )
    }

    async fn migrated(app: &Arc<App>) -> anyhow::Result<()> {
        flows::settle_zone::run(app).await?;
        Ok(flows::partition::make_room_ahead(app).await?)
    }

    async fn run(app: &Arc<App>, _: &Config, parts: &Parts, words: &[&str]) -> anyhow::Result<()> {
        match words {
            [REBUILD_ROLLUPS] => {
                let counted = flows::recount::run(app).await?;
                tracing::info!("{counted} events were counted anew.");
            }
            [COPY_FROM_OWNERS] => {
                let copied = flows::copy_from_owners::run(app, &owners(parts)?).await?;
                tracing::info!("{copied} facts were copied from the services that own them.");
            }
            [ANNOUNCE_AGAIN, "--since", since] => {
                let since = OffsetDateTime::parse(since, &Rfc3339).context("--since takes an instant of RFC 3339")?;
                let announced = flows::announce_again::run(app, &parts.config.amqp, since).await?;
                tracing::info!("{announced} events were announced again.");
            }
            _ => bail!("expected {REBUILD_ROLLUPS}, {COPY_FROM_OWNERS} or {ANNOUNCE_AGAIN} --since INSTANT"),
        }
        Ok(())
    }
}

/// Ways to the neighbours who own what is counted, in our own name.
fn owners(parts: &Parts) -> anyhow::Result<Owners> {
    Ok(Owners {
        payments: parts.neighbour("LYCEUM_PAYMENTS_URL")?,
        courses: parts.neighbour("LYCEUM_COURSES_URL")?,
        documents: parts.neighbour("LYCEUM_DOCUMENTS_URL")?,
    })
}
