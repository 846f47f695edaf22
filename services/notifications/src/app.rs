//! The parts of this service and how they are put together. No logic.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use bus::{Amqp, Consume, Consumer};
use pg::{Migrations, Pool};
use proto::lyceum::events::v1::{
    CertificateIssued, CertificateRevoked, CodeIssued, CourseCompleted, DocumentExpired, DocumentExpiring,
    DocumentRejected, DocumentVerified, EnrolmentStarted, OrderPaid, OrderRefunded, PasswordChanged, PaymentFailed,
    ProfileChanged, RunPublished, SessionsRevoked, TutorVerificationEnded, TutorVerified, UserErased,
};
use service::{Env, ExposeSecret, Jobs, Parts, Runtime, Service};
use tonic::service::Routes;
use values::SharedClock;

use crate::{
    config::Config, flows, grpc, hear, jobs, mail::Mailer, render::Renderer, users::Users, watchers, watchers::Watchers,
};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The verb that copies every profile from the users service, whatever is there already.
const COPY_RECIPIENTS: &str = "copy-recipients";

/// Every migration that the service's database needs.
pub fn migrations() -> Migrations {
    Migrations::of(&MIGRATOR).and(&bus::MIGRATOR)
}

/// What flows work with.
#[derive(Debug)]
pub struct App {
    pub db: Pool,
    pub clock: SharedClock,
    pub renderer: Renderer,
    pub mailer: Mailer,
    /// Who watches their feed through this process.
    pub watchers: Arc<Watchers>,
}

/// This service, as the wiring knows it.
#[derive(Debug)]
pub struct Notifications;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

impl Service for Notifications {
    const NAME: &'static str = "notifications";
    const PORT: u16 = 9040;
    const NEIGHBOURS: &'static [&'static str] = &["LYCEUM_USERS_URL"];
    const ANNOUNCES: bool = false;
    const VERBS: &'static [&'static str] = &[COPY_RECIPIENTS];

    type Config = Config;
    type App = App;

    fn migrations() -> Migrations {
        migrations()
    }

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    fn build(config: &Config, parts: &Parts) -> anyhow::Result<Arc<App>> {
        let renderer = Renderer::new(config.school.clone(), config.public_url.clone())?;
        let authority = config.smtp_authority.as_ref().map(|authority| authority.pem.as_str());
        let mailer = Mailer::new(config.smtp_url.expose_secret(), config.mail_from.clone(), authority);
        let mailer = mailer.context("LYCEUM_SMTP_URL cannot be used")?;
        let watchers = Watchers::new(parts.draining.clone());
        Ok(Arc::new(App { db: parts.db.clone(), clock: parts.clock.clone(), renderer, mailer, watchers }))
    }

    fn routes(app: &Arc<App>) -> Routes {
        grpc::routes(Arc::clone(app))
    }

    fn consumer(app: &Arc<App>, amqp: Amqp) -> impl Consume {
        Consumer::new(Self::NAME, app.db.clone(), amqp, app.clock.clone())
            .on_personal::<ProfileChanged>(bus::with(app, hear::on_profile_changed))
            .on_personal::<CodeIssued>(bus::with(app, hear::on_code_issued))
            .on::<UserErased>(bus::with(app, hear::on_user_erased))
            .on::<PasswordChanged>(bus::with(app, hear::on_password_changed))
            .on::<SessionsRevoked>(bus::with(app, hear::on_sessions_revoked))
            .on::<RunPublished>(hear::on_run_published)
            .on::<EnrolmentStarted>(bus::with(app, hear::on_enrolment_started))
            .on::<CourseCompleted>(bus::with(app, hear::on_course_completed))
            .on::<OrderPaid>(bus::with(app, hear::on_order_paid))
            .on::<OrderRefunded>(bus::with(app, hear::on_order_refunded))
            .on::<PaymentFailed>(bus::with(app, hear::on_payment_failed))
            .on::<CertificateIssued>(bus::with(app, hear::on_certificate_issued))
            .on::<CertificateRevoked>(bus::with(app, hear::on_certificate_revoked))
            .on::<DocumentVerified>(bus::with(app, hear::on_document_verified))
            .on::<DocumentRejected>(bus::with(app, hear::on_document_rejected))
            .on::<DocumentExpiring>(bus::with(app, hear::on_document_expiring))
            .on::<DocumentExpired>(bus::with(app, hear::on_document_expired))
            .on::<TutorVerified>(bus::with(app, hear::on_tutor_verified))
            .on::<TutorVerificationEnded>(bus::with(app, hear::on_tutor_verification_ended))
    }

    fn jobs() -> Jobs<App> {
        Jobs::new()
            .every(15 * SECOND, "digests", flows::digest::run)
            .every(15 * SECOND, "measure", flows::measure::run)
            .every(HOUR, "sweep", flows::sweep::run)
    }

    async fn start(app: &Arc<App>, _: &Config, parts: &Parts, runtime: &Runtime) -> anyhow::Result<()> {
        runtime.tasks.spawn("sender", jobs::send(Arc::clone(app), runtime.shutdown.clone()));
        runtime.tasks.spawn("feed-listener", watchers::listen(Arc::clone(app), runtime.shutdown.clone()));
        let stop = runtime.shutdown.clone();
        let copying = jobs::copy_recipients(Arc::clone(app), Users::new(parts.neighbour("LYCEUM_USERS_URL")?));
        runtime.tasks.once("copy-recipients", async move {
            stop.run_until_cancelled(copying).await;
        });
        Ok(())
    }

    async fn run(app: &Arc<App>, _: &Config, parts: &Parts, words: &[&str]) -> anyhow::Result<()> {
        let [COPY_RECIPIENTS] = words else { bail!("expected {COPY_RECIPIENTS}") };
        let users = Users::new(parts.neighbour("LYCEUM_USERS_URL")?);
        let copied = flows::copy_recipients::run(app, &users).await?;
        tracing::info!("{copied} profiles were copied from the users service.");
        Ok(())
    }
}
