//! The parts of this service and how they are put together. No logic.

use std::sync::Arc;

use anyhow::Context;
use auth::{Keys, Verifier};
use bus::{Amqp, Consumer, Relay};
use chassis::{Env, Runtime, Service};
use pg::{Migrations, Pool};
use proto::lyceum::events::v1::{RunPublished, UserErased};
use tonic::service::Routes;
use values::SharedClock;

use crate::{
    config::{Config, Rules},
    events, grpc, jobs,
    provider::{Providers, tbank::Tbank},
};

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
    pub providers: Providers,
    pub rules: Rules,
}

impl App {
    /// Puts the parts together. Nothing has to be up yet.
    pub async fn build(config: &Config, clock: SharedClock) -> anyhow::Result<Arc<Self>> {
        let db = pg::connect(&config.database()).await.context("LYCEUM_DATABASE_URL cannot be used")?;
        let tbank = Tbank::new(config.tbank.clone()).context("LYCEUM_TBANK_… cannot be used")?;
        Ok(Arc::new(Self { db, clock, providers: Providers::new(Arc::new(tbank)), rules: config.rules.clone() }))
    }

    /// The gRPC services, without the guard before them.
    pub fn routes(self: &Arc<Self>) -> Routes {
        grpc::routes(Arc::clone(self))
    }

    /// The ear: one queue for all replicas.
    pub fn consumer(&self, amqp: Amqp) -> Consumer {
        Consumer::new(Payments::NAME, self.db.clone(), amqp, self.clock.clone())
            .on::<RunPublished>(events::on_run_published)
            .on::<UserErased>(bus::with(&self.clock, events::on_user_erased))
    }
}

/// This service, as the chassis knows it.
pub struct Payments;

impl Service for Payments {
    const NAME: &'static str = "payments";

    type Config = Config;

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

    async fn serve(config: Config, runtime: Runtime) -> anyhow::Result<()> {
        let clock = runtime.clock.clone();
        let app = App::build(&config, clock.clone()).await?;
        let db = app.db.clone();
        runtime.admin.ready_when("schema", move || {
            let db = db.clone();
            async move { anyhow::Ok(migrations().check(&db).await?) }
        });
        runtime.tasks.spawn("pool-gauges", pg::observe(app.db.clone(), runtime.shutdown.clone()));
        let relay = Relay::new(app.db.clone(), config.amqp.clone(), clock.clone());
        runtime.tasks.spawn("relay", relay.run(runtime.shutdown.clone()));
        runtime.tasks.spawn("consumer", app.consumer(config.amqp.clone()).run(runtime.shutdown.clone()));
        jobs::start(&app, &runtime);

        let keys = Keys::published(discovery::channel(&config.users));
        let verifier = Verifier::new(&config.issuer, keys, config.services.clone(), clock);
        chassis::grpc::Server::new(config.listen)
            .reflection(proto::REFLECTION)
            .layer(auth::Layer::new(Arc::new(verifier)))
            .serve(&runtime, app.routes())
            .await
    }
}
