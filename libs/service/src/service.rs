//! What the wiring must know of a service, and the wiring itself.

use std::marker::PhantomData;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use bus::{Amqp, Consume, Envelope, Relay};
use chassis::{Build, Env, Runtime};
use pg::{Migrations, Pool};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use values::{SharedClock, SystemClock};

use crate::dead_letters::{self, DEAD_LETTERS, Of};
use crate::{Config, Jobs, Parts};

/// How often old rows of the inbox and of the idempotency records are deleted.
const SWEPT_EVERY: Duration = Duration::from_secs(60 * 60);

/// A service of the fleet with a database of its own.
pub trait Service: Sized + 'static {
    /// Its name in logs, metrics, queues and keys, such as `courses`.
    const NAME: &'static str;

    /// Where its gRPC server listens on a developer's machine.
    const PORT: u16;

    /// The variable with the address of whoever publishes the keys of people's tokens; `None` for the one who has them.
    const KEYS: Option<&'static str> = Some("LYCEUM_USERS_URL");

    /// The variables with the addresses of the neighbours that it asks in its own name; then it needs
    /// `LYCEUM_SERVICE_KEY`.
    const NEIGHBOURS: &'static [&'static str] = &[];

    /// Whether it announces events, and so needs a relay.
    const ANNOUNCES: bool = true;

    /// Verbs of its own beside `serve`, `migrate`, `check-config` and `dead-letters`.
    const VERBS: &'static [&'static str] = &[];

    /// Its own part of the configuration, checked.
    type Config;

    /// What its flows work with.
    type App: Send + Sync + 'static;

    /// Every migration that its database needs: its own and those of the libs.
    fn migrations() -> Migrations;

    /// Reads its own variables; the common ones are read already. `None` after a mistake, which `env` remembers.
    fn read(env: &mut Env) -> Option<Self::Config>;

    /// Puts its parts together. Nothing has to be up yet.
    ///
    /// # Errors
    ///
    /// Something that is configured cannot be used.
    fn build(config: &Self::Config, parts: &Parts) -> anyhow::Result<Arc<Self::App>>;

    /// The gRPC services, without the guard before them.
    fn routes(app: &Arc<Self::App>) -> Routes;

    /// What it hears.
    fn consumer(app: &Arc<Self::App>, amqp: Amqp) -> impl Consume;

    /// Its jobs. The rows of inbox and idempotency are swept without being listed.
    fn jobs() -> Jobs<Self::App> {
        Jobs::new()
    }

    /// The guard before its routes.
    ///
    /// # Errors
    ///
    /// [`Self::KEYS`] is none, and the service has no guard of its own.
    fn guard(app: &Arc<Self::App>, parts: &Parts) -> anyhow::Result<auth::Layer> {
        let _ = app;
        match Self::KEYS {
            Some(variable) => parts.guard(variable),
            None => bail!("a service without KEYS brings a guard of its own"),
        }
    }

    /// The broker that a queue of dead letters is on, where it is not the fleet's.
    fn broker(config: &Self::Config, queue: &str) -> Option<Amqp> {
        let _ = (config, queue);
        None
    }

    /// What `migrate` does after the migrations, before the queues are declared.
    fn migrated(app: &Arc<Self::App>) -> impl Future<Output = anyhow::Result<()>> {
        let _ = app;
        async { Ok(()) }
    }

    /// Starts what runs beside the server, the relay, the consumer and the jobs.
    fn start(
        app: &Arc<Self::App>,
        config: &Self::Config,
        parts: &Parts,
        runtime: &Runtime,
    ) -> impl Future<Output = anyhow::Result<()>> {
        let _ = (app, config, parts, runtime);
        async { Ok(()) }
    }

    /// Does one of [`Self::VERBS`]: `words` is the command line from the verb on.
    fn run(
        app: &Arc<Self::App>,
        config: &Self::Config,
        parts: &Parts,
        words: &[&str],
    ) -> impl Future<Output = anyhow::Result<()>> {
        let _ = (app, config, parts);
        async move { bail!("this service has no verb {words:?}") }
    }
}

/// The whole `main` of a service: `serve` (also without a word), `migrate`, `check-config`, `dead-letters`, or a verb
/// of its own. `build` is [`crate::build!`].
pub fn main<S: Service>(build: Build) -> ExitCode {
    chassis::main::<Wired<S>>(build)
}

/// A service as the chassis knows it.
struct Wired<S>(PhantomData<S>);

impl<S: Service> chassis::Service for Wired<S> {
    const NAME: &'static str = S::NAME;

    type Config = (Config, S::Config);

    fn verbs() -> Vec<&'static str> {
        [&[DEAD_LETTERS], S::VERBS].concat()
    }

    fn read(env: &mut Env) -> Option<Self::Config> {
        let (common, own) = (Config::read::<S>(env), S::read(env));
        Some((common?, own?))
    }

    async fn migrate((common, own): Self::Config) -> anyhow::Result<()> {
        S::migrations().run(&common.database).await?;
        let parts = parts_of_a_verb::<S>(common).await?;
        let app = S::build(&own, &parts)?;
        S::migrated(&app).await?;
        // Before anybody announces anything: an event must not find no queue.
        consumer_of_release::<S>(&app, &parts).declare().await?;
        Ok(())
    }

    async fn run((common, own): Self::Config, words: Vec<String>) -> anyhow::Result<()> {
        let parts = parts_of_a_verb::<S>(common).await?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let app = S::build(&own, &parts)?;
        match words[..] {
            [DEAD_LETTERS, ref words @ ..] => {
                let broker = |queue: &str| S::broker(&own, queue).unwrap_or_else(|| parts.config.amqp.clone());
                let consumer = S::consumer(&app, parts.config.amqp.clone());
                let read = |envelope: &Envelope| consumer.read(envelope);
                let (name, db, clock) = (S::NAME, &parts.db, &parts.clock);
                dead_letters::run(&Of { name, db, clock, broker, read }, words).await
            }
            ref words => S::run(&app, &own, &parts, words).await,
        }
    }

    async fn serve((common, own): Self::Config, runtime: Runtime) -> anyhow::Result<()> {
        let parts = Parts::new(S::NAME, common, runtime.clock.clone(), runtime.draining.clone()).await?;
        let (db, amqp, stop) = (&parts.db, &parts.config.amqp, &runtime.shutdown);
        let app = S::build(&own, &parts)?;
        S::start(&app, &own, &parts, &runtime).await?;
        let checked = db.clone();
        runtime.admin.ready_when("schema", move || {
            let db = checked.clone();
            async move { S::migrations().check(&db).await.map_err(anyhow::Error::from) }
        });
        runtime.tasks.spawn("pool-gauges", pg::observe(db.clone(), stop.clone()));
        if S::ANNOUNCES {
            let relay = Relay::new(db.clone(), amqp.clone(), runtime.clock.clone());
            runtime.tasks.spawn("relay", relay.run(stop.clone()));
        }
        runtime.tasks.spawn("consumer", consumer_of_release::<S>(&app, &parts).run(stop.clone()));
        sweeping(&S::migrations()).start(&runtime, &Arc::new((db.clone(), runtime.clock.clone())));
        S::jobs().start(&runtime, &app);
        chassis::grpc::Server::new(parts.config.grpc_listen)
            .reflection(proto::REFLECTION)
            .layer(S::guard(&app, &parts)?)
            .serve(&runtime, S::routes(&app))
            .await
    }
}

/// The consumer, which knows of which build it is: by that bindings that are not wanted any more come to their end.
fn consumer_of_release<S: Service>(app: &Arc<S::App>, parts: &Parts) -> impl Consume {
    S::consumer(app, parts.config.amqp.clone()).of_release(&chassis::build().to_string())
}

/// For a process that does one thing and ends.
async fn parts_of_a_verb<S: Service>(common: Config) -> anyhow::Result<Parts> {
    Parts::new(S::NAME, common, Arc::new(SystemClock), CancellationToken::new()).await
}

/// The jobs that delete what the libs do not need any more.
fn sweeping(migrations: &Migrations) -> Jobs<(Pool, SharedClock)> {
    let has = |set: &'static sqlx::migrate::Migrator| {
        set.iter().all(|wanted| migrations.iter().any(|found| found.version == wanted.version))
    };
    let mut jobs = Jobs::new();
    if has(&bus::MIGRATOR) {
        jobs = jobs.every(SWEPT_EVERY, "sweep-inbox", sweep_inbox);
    }
    if has(&pg::MIGRATOR) {
        jobs = jobs.every(SWEPT_EVERY, "sweep-idempotency", sweep_idempotency);
    }
    jobs
}

async fn sweep_inbox((db, clock): &(Pool, SharedClock)) -> Result<u64, sqlx::Error> {
    bus::sweep(db, clock.now()).await
}

async fn sweep_idempotency((db, clock): &(Pool, SharedClock)) -> Result<u64, sqlx::Error> {
    pg::idempotency::sweep(db, clock.now()).await
}
