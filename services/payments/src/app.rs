//! The parts of this service and how they are put together. No logic.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use bus::{Amqp, Consume, Consumer};
use pg::{Migrations, Pool};
use proto::lyceum::events::v1::{RunPublished, UserErased};
use service::{Env, Jobs, Parts, Service};
use tonic::service::Routes;
use values::SharedClock;

use crate::{
    config::{Config, Rules},
    flows, grpc, hear, jobs,
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

/// This service, as the wiring knows it.
#[derive(Debug)]
pub struct Payments;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

impl Service for Payments {
    const NAME: &'static str = "payments";
    const PORT: u16 = 9030;

    type Config = Config;
    type App = App;

    fn migrations() -> Migrations {
        migrations()
    }

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    fn build(config: &Config, parts: &Parts) -> anyhow::Result<Arc<App>> {
        let tbank = Tbank::new(config.tbank.clone()).context("LYCEUM_TBANK_… cannot be used")?;
        let (db, clock) = (parts.db.clone(), parts.clock.clone());
        Ok(Arc::new(App { db, clock, providers: Providers::new(Arc::new(tbank)), rules: config.rules.clone() }))
    }

    fn routes(app: &Arc<App>) -> Routes {
        grpc::routes(Arc::clone(app))
    }

    fn consumer(app: &Arc<App>, amqp: Amqp) -> impl Consume {
        Consumer::new(Self::NAME, app.db.clone(), amqp, app.clock.clone())
            .on::<RunPublished>(hear::on_run_published)
            .on::<UserErased>(bus::with(&app.clock, hear::on_user_erased))
    }

    fn jobs() -> Jobs<App> {
        Jobs::new()
            .every(2 * SECOND, "ask-about-payments", jobs::ask_about_payments)
            .every(2 * SECOND, "resume-refunds", jobs::resume_refunds)
            .every(15 * SECOND, "expire-orders", jobs::expire_orders)
            .every(15 * SECOND, "measure", flows::measure::run)
            .every(HOUR, "sweep-webhooks", flows::sweep_webhooks::run)
    }
}
