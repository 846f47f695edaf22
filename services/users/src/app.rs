//! The parts of this service and how they are put together. No logic.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::Context;
use auth::Keys;
use bus::{Amqp, Consume};
use cache::Cache;
use pg::{Migrations, Pool};
use service::{Env, ExposeSecret, Jobs, Parts, Runtime, Service};
use time::{Date, OffsetDateTime};
use tonic::service::Routes;
use values::{SharedClock, TimeZone};

use crate::{
    config::Config,
    domain::{session, signing_key},
    error::Error,
    flows, grpc,
    hasher::Hasher,
    hear,
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
}

/// Shows nothing: much of it is secret.
impl fmt::Debug for App {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("App").finish_non_exhaustive()
    }
}

impl App {
    /// Puts the parts together. `issuer` is who issues the access tokens. Nothing has to be up yet.
    pub fn new(config: &Config, issuer: &str, db: Pool, clock: SharedClock) -> anyhow::Result<Arc<Self>> {
        let authority = config.redis_authority.clone();
        let cache = Cache::trusting(config.redis_url.expose_secret(), &config.redis_prefix, authority)
            .context("LYCEUM_REDIS_URL cannot be used")?;
        let vault = Vault::new(&config.secret)?;
        let hasher = Hasher::new(&config.hasher, &vault).context("LYCEUM_ARGON2_… cannot be used")?;
        Ok(Arc::new(Self {
            db,
            cache,
            clock,
            zone: config.zone.clone(),
            vault,
            hasher,
            keyring: Keyring::new(issuer.to_owned(), config.access_token_lifetime),
            sessions: config.sessions,
            key_policy: config.keys,
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

    /// The keys that tokens are checked with: those in this service's own database.
    pub fn keys(&self) -> Keys {
        let db = self.db.clone();
        Keys::fetched(move || published_keys(db.clone()))
    }
}

async fn published_keys(db: Pool) -> anyhow::Result<auth::Jwks> {
    let mut conn = db.acquire().await?;
    keyring::published(&store::signing_keys::all(&mut conn).await?)
}

/// This service, as the wiring knows it.
#[derive(Debug)]
pub struct Users;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

impl Service for Users {
    const NAME: &'static str = "users";
    const PORT: u16 = 9010;
    const KEYS: Option<&'static str> = None;
    const VERBS: &'static [&'static str] = &[verb::CREATE_USER];

    type Config = Config;
    type App = App;

    fn migrations() -> Migrations {
        migrations()
    }

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    fn build(config: &Config, parts: &Parts) -> anyhow::Result<Arc<App>> {
        App::new(config, &parts.config.issuer, parts.db.clone(), parts.clock.clone())
    }

    fn routes(app: &Arc<App>) -> Routes {
        grpc::routes(Arc::clone(app))
    }

    fn consumer(app: &Arc<App>, amqp: Amqp) -> impl Consume {
        hear::consumer(Self::NAME, app, amqp)
    }

    fn jobs() -> Jobs<App> {
        Jobs::new()
            .every(60 * SECOND, "rotate-keys", flows::rotate_keys::run)
            .every(10 * SECOND, "repair-revocations", flows::repair_revocations::run)
            .every(HOUR, "sweep", flows::sweep::run)
    }

    fn guard(app: &Arc<App>, parts: &Parts) -> anyhow::Result<auth::Layer> {
        Ok(parts.guard_with(app.keys()))
    }

    async fn start(app: &Arc<App>, _: &Config, _: &Parts, _: &Runtime) -> anyhow::Result<()> {
        match flows::rotate_keys::run(app).await {
            // The database may come up later; keys that cannot be opened will not open themselves.
            Err(error @ Error::Internal(_)) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "The signing keys are loaded later.");
            }
            Ok(()) => {}
        }
        Ok(())
    }

    async fn run(app: &Arc<App>, _: &Config, _: &Parts, words: &[&str]) -> anyhow::Result<()> {
        verb::run(app, words).await
    }
}
