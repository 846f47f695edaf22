//! A service, and the `main` that all of them share: read the configuration, serve, stop.

use std::{future::Future, process::ExitCode, sync::Arc, time::Instant};

use anyhow::bail;
use tracing_appender::non_blocking::ErrorCounter;
use values::{SharedClock, SystemClock};

use crate::{Build, Env, Runtime, Settings, admin, build, metric::Recorder, panics, stop, telemetry::Telemetry};

/// What the chassis must know of a service.
pub trait Service: Sized {
    /// Its name in logs, traces and metrics, such as `courses`.
    const NAME: &'static str;

    /// Verbs of its own beside `serve`, `migrate` and `check-config`, such as `create-user`.
    fn verbs() -> Vec<&'static str> {
        Vec::new()
    }

    /// Its configuration, checked.
    type Config;

    /// Reads the configuration. `None` after a mistake, which `env` remembers.
    fn read(env: &mut Env) -> Option<Self::Config>;

    /// Brings the schema up to date; for services with a database.
    fn migrate(config: Self::Config) -> impl Future<Output = anyhow::Result<()>> {
        let _ = config;
        async { bail!("this service has nothing to migrate") }
    }

    /// Does one of [`Self::verbs`]: `words` is the command line from the verb on. The configuration was read and is
    /// complete.
    fn run(config: Self::Config, words: Vec<String>) -> impl Future<Output = anyhow::Result<()>> {
        let _ = config;
        async move { bail!("this service has no verb {words:?}") }
    }

    /// Serves until `runtime.draining` is cancelled and what was in flight is finished. The servers of the chassis do
    /// both by themselves, so usually this builds the app, starts its tasks and ends with
    /// `chassis::grpc::Server::serve`.
    fn serve(config: Self::Config, runtime: Runtime) -> impl Future<Output = anyhow::Result<()>>;
}

/// What a process that was started wrongly answers with.
const MISUSED: u8 = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Serve,
    Migrate,
    CheckConfig,
    Own,
}

/// The whole `main` of a service: `serve` (also without a word), `migrate`, `check-config`, or a verb of the
/// service's own; `--version` needs no configuration. `build` is [`crate::build!`].
///
/// Answers 0 when all went well, 1 when something failed, and 2 when the command line or the configuration is wrong.
pub fn main<S: Service>(build: Build) -> ExitCode {
    let started = Instant::now();
    build::note(build);
    let words: Vec<String> = std::env::args().skip(1).collect();
    let verb = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["serve"] => Verb::Serve,
        ["--version"] => {
            println!("{} {} ({})", S::NAME, build.version, build.revision);
            return ExitCode::SUCCESS;
        }
        ["migrate"] => Verb::Migrate,
        ["check-config"] => Verb::CheckConfig,
        [verb, ..] if S::verbs().contains(&verb) => Verb::Own,
        _ => {
            let verbs = [&["serve (the default)", "migrate", "check-config"][..], &S::verbs()].concat();
            eprintln!("{}: expected one of: {}", S::NAME, verbs.join(", "));
            return ExitCode::from(MISUSED);
        }
    };

    let mut env = Env::of_process();
    let settings = Settings::read(&mut env);
    let config = S::read(&mut env);
    let mistakes = env.mistakes();
    let (Some(settings), Some(config), true) = (settings, config, mistakes.is_empty()) else {
        eprintln!("{}: the configuration is wrong in {} places:", S::NAME, mistakes.len());
        for mistake in mistakes {
            eprintln!("{mistake}");
        }
        return ExitCode::from(MISUSED);
    };
    if verb == Verb::CheckConfig {
        println!("{}: the configuration is complete", S::NAME);
        for (name, set) in env.asked() {
            println!("{name}: {}", if set { "set" } else { "not set" });
        }
        return ExitCode::SUCCESS;
    }
    drop(env);

    match start::<S>(build, verb, words, settings, config, started) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With a log it is said there.
            if !tracing::dispatcher::has_been_set() {
                eprintln!("{} failed: {error:#}", S::NAME);
            }
            ExitCode::FAILURE
        }
    }
}

fn start<S: Service>(
    build: Build,
    verb: Verb,
    words: Vec<String>,
    settings: Settings,
    config: S::Config,
    started: Instant,
) -> anyhow::Result<()> {
    // Fails only when there is one already, which does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tls::install(settings.tls.clone());
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.threads.get())
        .max_blocking_threads(64)
        .thread_name(S::NAME)
        .enable_all()
        .build()?;
    let deadline = settings.stop_deadline;
    let outcome = tokio.block_on(async {
        let telemetry = Telemetry::start(S::NAME, &settings)?;
        panics::log();
        let outcome = match verb {
            Verb::Migrate => S::migrate(config).await,
            Verb::Own => S::run(config, words).await,
            _ => live::<S>(build, settings, config, started, telemetry.dropped()).await,
        };
        if let Err(error) = &outcome {
            tracing::error!(error = format!("{error:#}"), "{} failed: {error:#}", S::NAME);
        }
        telemetry.flush(stop::flush_budget(deadline)).await;
        outcome
    });
    // A blocking call that hangs must not keep the process alive after its deadline.
    tokio.shutdown_background();
    outcome
}

async fn live<S: Service>(
    build: Build,
    settings: Settings,
    config: S::Config,
    started: Instant,
    dropped: ErrorCounter,
) -> anyhow::Result<()> {
    let clock: SharedClock = Arc::new(SystemClock);
    let recorder = Recorder::install(&clock, build)?;
    let mut runtime = Runtime::new(clock, settings.stop_deadline);
    runtime.tls_reload = settings.tls_reload;
    let address = admin::open(&runtime, settings.admin_listen, recorder.clone()).await?;

    let tidied = runtime.clone();
    runtime.tasks.spawn("metrics", async move {
        let mut ticks = tokio::time::interval(std::time::Duration::from_secs(5));
        while tidied.shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            recorder.tidy();
            let lines = u64::try_from(dropped.dropped_lines()).unwrap_or(u64::MAX);
            metrics::counter!("log_lines_dropped_total").absolute(lines);
        }
    });
    runtime.tasks.spawn("fleet-tls", settings.tls.clone().keep(settings.tls_reload, runtime.shutdown.clone()));
    let mut phases = runtime.admin.phases();
    let announced = runtime.clone();
    runtime.tasks.once("announce", async move {
        let serving = phases.wait_for(|phase| *phase != crate::admin::Phase::Starting);
        if announced.shutdown.run_until_cancelled(serving).await.is_some() {
            let took = started.elapsed().as_millis();
            tracing::info!(%address, "{} serves after {took} ms, admin port on {address}", S::NAME);
        }
    });

    stop::watch(runtime.clone(), &settings)?;
    let served = stop::served(&runtime, S::serve(config, runtime.clone())).await;
    let asked = runtime.draining.is_cancelled();
    runtime.admin.drain();
    runtime.draining.cancel();
    stop::end_tasks(&runtime).await;
    served?;
    if let Some(why) = runtime.tasks.failure() {
        bail!("{why}");
    }
    if !asked {
        bail!("it stopped serving although nobody asked it to");
    }
    tracing::info!("{} has stopped", S::NAME);
    Ok(())
}
