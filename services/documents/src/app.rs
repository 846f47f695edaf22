//! The parts of this service and how they are put together. No logic.

use std::sync::Arc;

use anyhow::Context;
use auth::{Keys, Verifier};
use bus::{Amqp, Consumer, Relay};
use chassis::{Env, ExposeSecret, Runtime, Service};
use pg::{Migrations, Pool};
use tonic::service::Routes;
use values::SharedClock;

use crate::config::Config;

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
}

impl App {
    pub fn new(db: Pool, clock: SharedClock) -> Arc<Self> {
        Arc::new(Self { db, clock })
    }

    /// The gRPC services, without the guard before them.
    pub fn routes(self: &Arc<Self>) -> Routes {
        Routes::default()
    }

    /// The ear: one queue for all replicas.
    pub fn consumer(self: &Arc<Self>, amqp: Amqp) -> Consumer {
        Consumer::new(Documents::NAME, self.db.clone(), amqp, self.clock.clone())
    }
}

/// This service, as the chassis knows it.
#[derive(Debug)]
pub struct Documents;

impl Service for Documents {
    const NAME: &'static str = "documents";

    type Config = Config;

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    async fn migrate(config: Config) -> anyhow::Result<()> {
        migrations().run(config.database_url.expose_secret()).await?;
        let db = pg::connect(&config.database()).await.context("LYCEUM_DATABASE_URL cannot be used")?;
        // Before anybody announces anything: an event must not find no queue.
        App::new(db, Arc::new(values::SystemClock)).consumer(config.amqp).declare().await?;
        Ok(())
    }

    async fn serve(config: Config, runtime: Runtime) -> anyhow::Result<()> {
        let db = pg::connect(&config.database()).await.context("LYCEUM_DATABASE_URL cannot be used")?;
        let app = App::new(db.clone(), runtime.clock.clone());
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
