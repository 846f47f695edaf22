//! The parts of this service and how they are put together. No logic.

use std::sync::Arc;

use anyhow::Context;
use auth::{Jwk, Jwks, Keys, Verifier};
use bus::{Consumer, Relay};
use chassis::{Env, ExposeSecret, Runtime, Service};
use pg::{Migrations, Pool};
use proto::lyceum::{
    events::v1::{RunPublished, UserErased},
    users::v1::{GetJwksRequest, auth_service_client::AuthServiceClient},
};
use tonic::{service::Routes, transport::Channel};
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
        migrations().run(config.database_url.expose_secret()).await?;
        Ok(())
    }

    async fn serve(config: Config, runtime: Runtime) -> anyhow::Result<()> {
        let clock = runtime.clock.clone();
        let app = App::build(&config, clock.clone()).await?;
        let db = app.db.clone();
        runtime.admin.ready_when("schema", move || schema(db.clone()));
        runtime.tasks.spawn("pool-gauges", pg::observe(app.db.clone(), runtime.shutdown.clone()));
        let relay = Relay::new(app.db.clone(), config.amqp.clone(), clock.clone());
        runtime.tasks.spawn("relay", relay.run(runtime.shutdown.clone()));
        let consumer = Consumer::new(Self::NAME, app.db.clone(), config.amqp.clone(), clock.clone())
            .on::<RunPublished>(events::on_run_published)
            .on::<UserErased>(bus::with(&clock, events::on_user_erased));
        runtime.tasks.spawn("consumer", consumer.run(runtime.shutdown.clone()));
        jobs::start(&app, &runtime);

        let users = discovery::channel(&config.users);
        let keys = Keys::fetched(move || published_keys(users.clone()));
        let verifier = Verifier::new(&config.issuer, keys, config.services.clone(), clock);
        chassis::grpc::Server::new(config.listen)
            .reflection(proto::DESCRIPTOR)
            .layer(auth::Layer::new(Arc::new(verifier)))
            .serve(&runtime, app.routes())
            .await
    }
}

/// The keys by which people's tokens are checked.
async fn published_keys(users: Channel) -> anyhow::Result<Jwks> {
    let answer = AuthServiceClient::new(users).get_jwks(GetJwksRequest {}).await?.into_inner();
    let keys = answer.keys.iter().map(|key| Jwk::new(&key.kid, &key.x));
    Ok(Jwks::new(keys.collect::<Result<Vec<_>, _>>()?)?)
}

/// Whether the schema is new enough to serve.
async fn schema(db: Pool) -> anyhow::Result<()> {
    let missing = migrations().missing(&db).await?;
    anyhow::ensure!(missing.is_empty(), "migrations are missing: {missing:?}");
    Ok(())
}
