//! The parts of this service and how they are put together. No logic.

use std::sync::Arc;

use anyhow::Context;
use auth::{Keys, Outgoing, ServiceIdentity, Verifier};
use bus::{Amqp, Consumer, Relay};
use chassis::{Env, ExposeSecret, Runtime, Service};
use pg::{Migrations, Pool};
use proto::lyceum::events::v1::{EntitlementGranted, EntitlementRevoked, UserErased};
use tonic::service::Routes;
use values::SharedClock;

use crate::{config::Config, documents::Documents, events, grpc, jobs, store::outlines::Outlines};

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
    pub outlines: Outlines,
    pub documents: Documents,
}

impl App {
    pub fn new(db: Pool, clock: SharedClock, documents: Documents) -> Arc<Self> {
        Arc::new(Self { db, clock, outlines: Outlines::default(), documents })
    }

    /// The gRPC services, without the guard before them.
    pub fn routes(self: &Arc<Self>) -> Routes {
        grpc::routes(Arc::clone(self))
    }

    /// The ear: one queue for all replicas.
    pub fn consumer(self: &Arc<Self>, amqp: Amqp) -> Consumer {
        Consumer::new(Courses::NAME, self.db.clone(), amqp, self.clock.clone())
            .on::<EntitlementGranted>(bus::with(self, events::on_entitlement_granted))
            .on::<EntitlementRevoked>(bus::with(self, events::on_entitlement_revoked))
            .on::<UserErased>(bus::with(self, events::on_user_erased))
    }
}

/// This service, as the chassis knows it.
#[derive(Debug)]
pub struct Courses;

impl Service for Courses {
    const NAME: &'static str = "courses";

    type Config = Config;

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    async fn migrate(config: Config) -> anyhow::Result<()> {
        migrations().run(&config.database()).await?;
        let db = pg::connect(&config.database()).await.context("LYCEUM_DATABASE_URL cannot be used")?;
        // Before anybody announces anything: an event must not find no queue.
        let clock: SharedClock = Arc::new(values::SystemClock);
        let documents = documents(&config, &clock)?;
        App::new(db, clock, documents).consumer(config.amqp).declare().await?;
        Ok(())
    }

    async fn serve(config: Config, runtime: Runtime) -> anyhow::Result<()> {
        let db = pg::connect(&config.database()).await.context("LYCEUM_DATABASE_URL cannot be used")?;
        let app = App::new(db.clone(), runtime.clock.clone(), documents(&config, &runtime.clock)?);
        let checked = db.clone();
        runtime.admin.ready_when("schema", move || {
            let db = checked.clone();
            async move { anyhow::Ok(migrations().check(&db).await?) }
        });
        runtime.tasks.spawn("pool-gauges", pg::observe(db.clone(), runtime.shutdown.clone()));
        let relay = Relay::new(db, config.amqp.clone(), runtime.clock.clone());
        runtime.tasks.spawn("relay", relay.run(runtime.shutdown.clone()));
        runtime.tasks.spawn("consumer", app.consumer(config.amqp.clone()).run(runtime.shutdown.clone()));
        jobs::start(&runtime, &app);
        chassis::grpc::Server::new(config.grpc_listen)
            .reflection(proto::REFLECTION)
            .layer(guard(&config, &runtime))
            .serve(&runtime, app.routes())
            .await
    }
}

/// A way to the documents service in our own name.
fn documents(config: &Config, clock: &SharedClock) -> anyhow::Result<Documents> {
    let key = config.service_key.expose_secret();
    let identity = ServiceIdentity::from_base64(Courses::NAME, key, clock.clone());
    let identity = identity.context("LYCEUM_SERVICE_KEY is no private key")?;
    let channel = discovery::channel(&config.documents);
    Ok(Documents::new(Outgoing::as_service(Arc::new(identity)).over(channel)))
}

/// The guard: people's tokens are checked with the keys that the users service publishes.
fn guard(config: &Config, runtime: &Runtime) -> auth::Layer {
    let keys = Keys::published(discovery::channel(&config.users));
    let verifier = Verifier::new(&config.issuer, keys, config.services.clone(), runtime.clock.clone());
    auth::Layer::new(Arc::new(verifier))
}
