//! The parts of this service and how they are put together. No logic.

use std::sync::Arc;

use bus::{Amqp, Consume};
use pg::{Migrations, Pool};
use service::{Env, Jobs, Parts, Service};
use tonic::service::Routes;
use values::SharedClock;

use crate::{documents::Documents, grpc, hear, jobs, store::outlines::Outlines};

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
}

/// This service, as the wiring knows it.
#[derive(Debug)]
pub struct Courses;

/// The variable with the address of the documents service.
const DOCUMENTS: &str = "LYCEUM_DOCUMENTS_URL";

impl Service for Courses {
    const NAME: &'static str = "courses";
    const PORT: u16 = 9020;
    const NEIGHBOURS: &'static [&'static str] = &[DOCUMENTS];

    type Config = ();
    type App = App;

    fn migrations() -> Migrations {
        migrations()
    }

    fn read(_: &mut Env) -> Option<()> {
        Some(())
    }

    fn build((): &(), parts: &Parts) -> anyhow::Result<Arc<App>> {
        let documents = Documents::new(parts.neighbour(DOCUMENTS)?);
        Ok(App::new(parts.db.clone(), parts.clock.clone(), documents))
    }

    fn routes(app: &Arc<App>) -> Routes {
        grpc::routes(Arc::clone(app))
    }

    fn consumer(app: &Arc<App>, amqp: Amqp) -> impl Consume {
        hear::consumer(Self::NAME, app, amqp)
    }

    fn jobs() -> Jobs<App> {
        jobs::jobs()
    }
}
