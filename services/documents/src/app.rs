//! The parts of this service and how they are put together. No logic.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use bus::{Amqp, Consume};
use pg::{Migrations, Pool};
use service::{Env, Jobs, Parts, Runtime, Service};
use time::{Date, OffsetDateTime};
use tonic::service::Routes;
use values::{SharedClock, TimeZone};

use crate::{
    bucket::Bucket,
    cdn::Cdn,
    config::Config,
    document_system::{Line, Listener, QUEUE},
    domain::paper::Papers,
    flows::{ask_system, copy_neighbours},
    grpc, hear, jobs,
    neighbours::Neighbours,
    print::{Certificates, Printer},
};

/// The verb that copies names and titles from their owners, whatever is there already.
const COPY_NEIGHBOURS: &str = "copy-neighbours";

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
    pub bucket: Bucket,
    pub cdn: Option<Cdn>,
    pub papers: Papers,
    pub zone: TimeZone,
    pub certificates: Certificates,
}

impl App {
    /// The school's day, and the instant.
    pub fn today(&self) -> (Date, OffsetDateTime) {
        let now = self.clock.now();
        (self.zone.day(now), now)
    }
}

/// This service, as the wiring knows it.
#[derive(Debug)]
pub struct Documents;

const SECOND: Duration = Duration::from_secs(1);

impl Service for Documents {
    const NAME: &'static str = "documents";
    const PORT: u16 = 9060;
    const NEIGHBOURS: &'static [&'static str] = &["LYCEUM_USERS_URL", "LYCEUM_COURSES_URL"];
    const VERBS: &'static [&'static str] = &[COPY_NEIGHBOURS];

    type Config = Config;
    type App = App;

    fn migrations() -> Migrations {
        migrations()
    }

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    fn build(config: &Config, parts: &Parts) -> anyhow::Result<Arc<App>> {
        let printer = Printer::new(config.school.clone(), &config.zone, config.certificate_templates.as_deref());
        Ok(Arc::new(App {
            db: parts.db.clone(),
            bucket: Bucket::new(&config.bucket, parts.clock.clone())?,
            cdn: config.cdn.clone().map(Cdn::new),
            papers: config.papers.clone(),
            zone: config.zone.clone(),
            certificates: Certificates {
                printer: printer.context("LYCEUM_CERTIFICATE_TEMPLATES cannot be used")?,
                prefix: config.certificate_prefix.clone(),
                public_url: config.public_url.clone(),
            },
            clock: parts.clock.clone(),
        }))
    }

    fn routes(app: &Arc<App>) -> Routes {
        grpc::routes(Arc::clone(app))
    }

    fn consumer(app: &Arc<App>, amqp: Amqp) -> impl Consume {
        hear::consumer(Self::NAME, app, amqp)
    }

    fn jobs() -> Jobs<App> {
        jobs::jobs()
    }

    /// The answers of the Document System are on its own broker.
    fn broker(config: &Config, queue: &str) -> Option<Amqp> {
        config.document_system.clone().filter(|_| queue == QUEUE)
    }

    async fn start(app: &Arc<App>, config: &Config, parts: &Parts, runtime: &Runtime) -> anyhow::Result<()> {
        if let Some(amqp) = config.document_system.clone() {
            let listener = Listener::new(Arc::clone(app), amqp.clone());
            runtime.tasks.spawn("document-system", listener.run(runtime.shutdown.clone()));
            let (app, line) = (Arc::clone(app), Arc::new(Line::new(amqp)));
            runtime.job("ask-document-system", SECOND, move || {
                let (app, line) = (Arc::clone(&app), Arc::clone(&line));
                async move { ask_system::run(&app, &line).await }
            });
        }
        runtime.tasks.spawn("printer", jobs::printer::print(Arc::clone(app), runtime.shutdown.clone()));
        let (stop, copying) = (runtime.shutdown.clone(), jobs::copier::copy(Arc::clone(app), neighbours(parts)?));
        runtime.tasks.once("copy-neighbours", async move {
            stop.run_until_cancelled(copying).await;
        });
        Ok(())
    }

    async fn run(app: &Arc<App>, _: &Config, parts: &Parts, words: &[&str]) -> anyhow::Result<()> {
        let [COPY_NEIGHBOURS] = words else { bail!("expected {COPY_NEIGHBOURS}") };
        let copied = copy_neighbours::run(app, &neighbours(parts)?).await?;
        tracing::info!("{} profiles and {} runs were copied from their owners.", copied.profiles, copied.runs);
        Ok(())
    }
}

/// Ways to the neighbours, in our own name.
fn neighbours(parts: &Parts) -> anyhow::Result<Neighbours> {
    Ok(Neighbours { users: parts.neighbour("LYCEUM_USERS_URL")?, courses: parts.neighbour("LYCEUM_COURSES_URL")? })
}
