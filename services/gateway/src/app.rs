//! The parts of the gateway and how they are put together. No logic.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context;
use auth::{GATEWAY, Keys, Outgoing, ServiceIdentity, Verifier};
use cache::Cache;
use chassis::{Env, ExposeSecret, Runtime, Service};
use proto::lyceum::payments::v1::webhook_service_client::WebhookServiceClient;
use tokio_util::sync::CancellationToken;
use values::SharedClock;

use crate::{
    config::Config,
    keys::PublicKeys,
    limits::Limits,
    pages::Pages,
    revoked::Revoked,
    router::router,
    routes::Backends,
    verb::{self, CHECK_SCHOOL},
};

/// How often the ended sessions are read.
const REVOKED_EVERY: Duration = Duration::from_secs(1);

/// What the doors work with.
pub struct App {
    pub config: Config,
    /// The services behind the routes, asked on behalf of whoever asks us.
    pub backends: Backends,
    /// Where providers' notifications go. Asked as the gateway itself.
    pub webhooks: WebhookServiceClient<auth::Channel>,
    pub keys: Arc<PublicKeys>,
    pub verifier: Verifier,
    pub revoked: Revoked,
    pub limits: Limits,
    /// What people read who came by a link, and not by an application.
    pub pages: Pages,
    /// Cancelled when endless answers must end.
    pub draining: CancellationToken,
}

impl App {
    /// Puts the parts together. Nothing has to be up yet.
    pub fn build(config: Config, clock: SharedClock, draining: CancellationToken) -> anyhow::Result<Arc<Self>> {
        let channels: HashMap<&str, _> =
            config.targets.iter().map(|(owner, target)| (*owner, discovery::channel(target))).collect();
        let channel =
            |owner: &str| channels.get(owner).cloned().with_context(|| format!("nobody says where {owner} is"));
        let key = config.service_key.expose_secret();
        let identity = ServiceIdentity::from_base64(GATEWAY, key, clock.clone()).context("LYCEUM_SERVICE_KEY")?;
        let identity = Arc::new(identity);
        let by_itself = Outgoing::as_service(Arc::clone(&identity));
        let on_behalf = Outgoing::on_behalf(identity, None);

        // Every owner has a channel: both come from the same list.
        let (users, payments) = (channel("users")?, channel("payments")?);
        let backends = Backends::new(|owner| on_behalf.over(channels.get(owner).unwrap_or(&users).clone()));
        let keys = Arc::new(PublicKeys::new(users));
        let source = Arc::clone(&keys);
        let fetched = Keys::fetched(move || Arc::clone(&source).fetch());
        let authority = config.redis_authority.clone();
        let cache = Cache::trusting(config.redis_url.expose_secret(), &config.redis_prefix, authority);
        let cache = cache.context("LYCEUM_REDIS_URL")?;
        Ok(Arc::new(Self {
            backends,
            webhooks: WebhookServiceClient::new(by_itself.over(payments)),
            keys,
            verifier: Verifier::new(&config.issuer, fetched, config.service_keys.clone(), clock.clone()),
            revoked: Revoked::new(cache.clone(), clock.clone()),
            limits: Limits::new(&cache, config.rates),
            pages: Pages::new(config.zone.clone(), clock).context("the pages")?,
            draining,
            config,
        }))
    }
}

/// This service, as the chassis knows it.
pub struct Gateway;

impl Service for Gateway {
    const NAME: &'static str = GATEWAY;

    type Config = Config;

    fn verbs() -> Vec<&'static str> {
        vec![CHECK_SCHOOL]
    }

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    async fn run(_: Config, words: Vec<String>) -> anyhow::Result<()> {
        verb::run(&words).await
    }

    async fn serve(config: Config, runtime: Runtime) -> anyhow::Result<()> {
        let app = App::build(config, runtime.clock.clone(), runtime.draining.clone())?;
        let refreshed = Arc::clone(&app);
        runtime.job("revoked-sessions", REVOKED_EVERY, move || {
            let app = Arc::clone(&refreshed);
            async move { app.revoked.refresh().await }
        });
        // Behind a proxy all connections are the proxy's.
        let strangers = (app.config.proxies == 0).then_some(app.config.connections_per_address);
        chassis::http::Server::new(app.config.listen)
            .max_connections_from_one_address(strangers)
            .identity(app.config.identity.clone())
            .serve(&runtime, router(app))
            .await
    }
}
