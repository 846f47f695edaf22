//! The parts of this service and how they are put together. No logic.

use std::sync::Arc;

use anyhow::Context;
use auth::{Keys, Outgoing, ServiceIdentity, Verifier};
use bus::{Amqp, Consumer, Relay};
use chassis::{Env, ExposeSecret, Runtime, Service};
use pg::{Migrations, Pool};
use proto::lyceum::events::v1::{CourseCompleted, ProfileChanged, RunPublished, UserErased};
use time::{Date, OffsetDateTime};
use tonic::service::Routes;
use url::Url;
use values::{SharedClock, TimeZone};

use crate::{
    bucket::{Bucket, Reading},
    cdn::Cdn,
    config::{Config, Papers},
    document_system::{Ear, Line},
    domain::file::File,
    events,
    flows::copy_neighbours,
    grpc, jobs,
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
    /// The gRPC services, without the guard before them.
    pub fn routes(self: &Arc<Self>) -> Routes {
        grpc::routes(Arc::clone(self))
    }

    /// The ear: one queue for all replicas.
    pub fn consumer(self: &Arc<Self>, amqp: Amqp) -> Consumer {
        Consumer::new(Documents::NAME, self.db.clone(), amqp, self.clock.clone())
            .on_personal::<ProfileChanged>(events::certificate::on_profile_changed)
            .on::<RunPublished>(events::certificate::on_run_published)
            .on::<CourseCompleted>(bus::with(self, events::certificate::on_course_completed))
            .on::<UserErased>(bus::with(&self.clock, events::on_user_erased))
    }

    /// The school's day, and the instant.
    pub fn today(&self) -> (Date, OffsetDateTime) {
        let now = self.clock.now();
        (self.zone.day(now), now)
    }

    /// A link to a paper, which only ever leads to the store itself.
    pub fn paper_link(&self, file: &File, works: std::time::Duration, now: OffsetDateTime) -> Url {
        self.bucket.link(&file.key(), &Reading::of(file), works, now)
    }

    /// Puts the parts together. Nothing has to be up yet.
    async fn build(config: &Config, clock: SharedClock) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            db: pg::connect(&config.database()).await.context("LYCEUM_DATABASE_URL cannot be used")?,
            bucket: Bucket::new(&config.bucket, clock.clone())?,
            cdn: config.cdn.clone().map(Cdn::new),
            papers: config.papers.clone(),
            zone: config.zone.clone(),
            certificates: Certificates {
                printer: Printer::new(config.school.clone(), &config.zone, config.certificate_templates.as_deref())
                    .context("LYCEUM_CERTIFICATE_TEMPLATES cannot be used")?,
                prefix: config.certificate_prefix.clone(),
                public_url: config.public_url.clone(),
            },
            clock,
        }))
    }
}

/// This service, as the chassis knows it.
#[derive(Debug)]
pub struct Documents;

impl Service for Documents {
    const NAME: &'static str = "documents";

    type Config = Config;

    fn verbs() -> Vec<&'static str> {
        vec![COPY_NEIGHBOURS]
    }

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    async fn migrate(config: Config) -> anyhow::Result<()> {
        migrations().run(&config.database()).await?;
        let app = App::build(&config, Arc::new(values::SystemClock)).await?;
        // Before anybody announces anything: an event must not find no queue.
        app.consumer(config.amqp).declare().await?;
        Ok(())
    }

    async fn run(config: Config, _: Vec<String>) -> anyhow::Result<()> {
        let app = App::build(&config, Arc::new(values::SystemClock)).await?;
        let copied = copy_neighbours::copy_neighbours(&app, &neighbours(&config, &app.clock)?).await?;
        tracing::info!("{} profiles and {} runs were copied from their owners.", copied.profiles, copied.runs);
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
        let relay = Relay::new(app.db.clone(), config.amqp.clone(), runtime.clock.clone());
        runtime.tasks.spawn("relay", relay.run(runtime.shutdown.clone()));
        runtime.tasks.spawn("consumer", app.consumer(config.amqp.clone()).run(runtime.shutdown.clone()));
        let line = config.document_system.clone().map(|amqp| Arc::new(Line::new(amqp)));
        if let Some(amqp) = config.document_system.clone() {
            let ear = Ear::new(Arc::clone(&app), amqp);
            runtime.tasks.spawn("document-system", ear.run(runtime.shutdown.clone()));
        }
        jobs::start(&app, &runtime, line, neighbours(&config, &runtime.clock)?);
        chassis::grpc::Server::new(config.grpc_listen)
            .reflection(proto::REFLECTION)
            .layer(guard(&config, &runtime))
            .serve(&runtime, app.routes())
            .await
    }
}

/// Ways to the neighbours, in our own name.
fn neighbours(config: &Config, clock: &SharedClock) -> anyhow::Result<Neighbours> {
    let key = config.service_key.expose_secret();
    let identity = ServiceIdentity::from_base64(Documents::NAME, key, clock.clone());
    let outgoing = Outgoing::as_service(Arc::new(identity.context("LYCEUM_SERVICE_KEY is no private key")?));
    Ok(Neighbours {
        users: outgoing.over(discovery::channel(&config.users)),
        courses: outgoing.over(discovery::channel(&config.courses)),
    })
}

/// The guard: people's tokens are checked with the keys that the users service publishes.
fn guard(config: &Config, runtime: &Runtime) -> auth::Layer {
    let keys = Keys::published(discovery::channel(&config.users));
    let verifier = Verifier::new(&config.issuer, keys, config.services.clone(), runtime.clock.clone());
    auth::Layer::new(Arc::new(verifier))
}
