//! The parts of this service and how they are put together. No logic.

use std::sync::Arc;

use anyhow::Context;
use auth::{Keys, Verifier};
use bus::{Amqp, Consumer, Relay};
use cache::Cache;
use chassis::{Env, ExposeSecret, Runtime, Service};
use pg::{Migrations, Pool};
use proto::lyceum::events::v1::{TutorVerificationEnded, TutorVerified};
use time::{Date, OffsetDateTime};
use tonic::service::Routes;
use values::{SharedClock, TimeZone};

use crate::{
    config::Config,
    domain::{session, signing_key},
    events, flows, grpc,
    hasher::Hasher,
    jobs,
    keyring::{self, Keyring},
    store,
    vault::Vault,
    verb,
};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Every migration that the service's database needs.
pub fn migrations() -> Migrations {
    Migrations::of(&MIGRATOR).and(&pg::MIGRATOR).and(&bus::MIGRATOR)
}

/// What flows work with.
pub struct App {
    pub db: Pool,
    /// Only for telling the gateway which sessions ended.
    pub cache: Cache,
    pub clock: SharedClock,
    /// Where the school has its days.
    pub zone: TimeZone,
    pub vault: Vault,
    pub hasher: Hasher,
    pub keyring: Keyring,
    pub sessions: session::Policy,
    pub key_policy: signing_key::Policy,
    pub verifier: Arc<Verifier>,
}

impl App {
    /// Puts the parts together. Nothing has to be up yet.
    pub async fn build(config: &Config, clock: SharedClock) -> anyhow::Result<Arc<Self>> {
        let db = pg::connect(&config.database()).await.context("LYCEUM_DATABASE_URL cannot be used")?;
        let authority = config.redis_authority.as_ref().map(|authority| authority.pem.as_str());
        let cache = Cache::trusting(config.redis_url.expose_secret(), &config.redis_prefix, authority)
            .context("LYCEUM_REDIS_URL cannot be used")?;
        let vault = Vault::new(&config.secret)?;
        let hasher = Hasher::new(&config.hasher, &vault).context("LYCEUM_ARGON2_… cannot be used")?;
        let source = db.clone();
        let keys = Keys::fetched(move || published_keys(source.clone()));
        let verifier = Verifier::new(&config.issuer, keys, config.services.clone(), clock.clone());
        Ok(Arc::new(Self {
            db,
            cache,
            clock,
            zone: config.zone.clone(),
            vault,
            hasher,
            keyring: Keyring::new(config.issuer.clone(), config.access_token_lifetime),
            sessions: config.sessions,
            key_policy: config.keys,
            verifier: Arc::new(verifier),
        }))
    }

    /// The school's day at an instant.
    pub fn day(&self, now: OffsetDateTime) -> Date {
        self.zone.day(now)
    }

    /// The school's day now.
    pub fn today(&self) -> Date {
        self.day(self.clock.now())
    }

    /// The ear: one queue for all replicas.
    pub fn consumer(&self, amqp: Amqp) -> Consumer {
        Consumer::new(Users::NAME, self.db.clone(), amqp, self.clock.clone())
            .on::<TutorVerified>(events::on_tutor_verified)
            .on::<TutorVerificationEnded>(events::on_tutor_verification_ended)
    }

    /// The gRPC services, without the guard before them.
    pub fn routes(self: &Arc<Self>) -> Routes {
        grpc::routes(Arc::clone(self))
    }

    /// The guard: this service checks tokens with the keys in its own database.
    pub fn guard(&self) -> auth::Layer {
        auth::Layer::new(Arc::clone(&self.verifier))
    }
}

async fn published_keys(db: Pool) -> anyhow::Result<auth::Jwks> {
    let mut conn = db.acquire().await?;
    keyring::published(&store::signing_keys::all(&mut conn).await?)
}

/// This service, as the chassis knows it.
pub struct Users;

impl Service for Users {
    const NAME: &'static str = "users";

    type Config = Config;

    fn verbs() -> Vec<&'static str> {
        vec![verb::CREATE_USER]
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

    async fn run(config: Config, words: Vec<String>) -> anyhow::Result<()> {
        verb::run(&config, &words).await
    }

    async fn serve(config: Config, runtime: Runtime) -> anyhow::Result<()> {
        let app = App::build(&config, runtime.clock.clone()).await?;
        match flows::rotate_keys(&app).await {
            // The database may come up later; keys that cannot be opened will not open themselves.
            Err(error @ crate::error::Error::Internal(_)) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "The signing keys are loaded later.")
            }
            Ok(()) => {}
        }
        let db = app.db.clone();
        runtime.admin.ready_when("schema", move || {
            let db = db.clone();
            async move { anyhow::Ok(migrations().check(&db).await?) }
        });
        runtime.tasks.spawn("pool-gauges", pg::observe(app.db.clone(), runtime.shutdown.clone()));
        let relay = Relay::new(app.db.clone(), config.amqp.clone(), runtime.clock.clone());
        runtime.tasks.spawn("relay", relay.run(runtime.shutdown.clone()));
        runtime.tasks.spawn("consumer", app.consumer(config.amqp.clone()).run(runtime.shutdown.clone()));
        jobs::start(&runtime, &app);
        chassis::grpc::Server::new(config.grpc_listen)
            .reflection(proto::REFLECTION)
            .layer(app.guard())
            .serve(&runtime, app.routes())
            .await
    }
}
