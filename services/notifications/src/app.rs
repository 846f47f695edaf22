//! The parts of this service and how they are put together. No logic.

use std::sync::Arc;

use anyhow::Context;
use auth::{Keys, Outgoing, ServiceIdentity, Verifier};
use bus::{Amqp, Consumer};
use chassis::{Env, ExposeSecret, Runtime, Service};
use pg::{Migrations, Pool};
use proto::lyceum::events::v1::{
    CertificateIssued, CertificateRevoked, CodeIssued, CourseCompleted, DocumentExpired, DocumentExpiring,
    DocumentRejected, DocumentVerified, EnrolmentStarted, OrderPaid, OrderRefunded, PasswordChanged, PaymentFailed,
    ProfileChanged, RunPublished, SessionsRevoked, TutorVerificationEnded, TutorVerified, UserErased,
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use values::SharedClock;

use crate::{
    config::Config, events, flows, grpc, jobs, mail::Mailer, render::Renderer, users::Users, watchers::Watchers,
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

impl App {
    /// The gRPC services, without the guard before them.
    pub fn routes(self: &Arc<Self>) -> Routes {
        grpc::routes(Arc::clone(self))
    }

    /// The ear: one queue for all replicas.
    pub fn consumer(self: &Arc<Self>, amqp: Amqp) -> Consumer {
        Consumer::new(Notifications::NAME, self.db.clone(), amqp, self.clock.clone())
            .on_personal::<ProfileChanged>(bus::with(self, events::on_profile_changed))
            .on_personal::<CodeIssued>(bus::with(self, events::on_code_issued))
            .on::<UserErased>(bus::with(self, events::on_user_erased))
            .on::<PasswordChanged>(bus::with(self, events::on_password_changed))
            .on::<SessionsRevoked>(bus::with(self, events::on_sessions_revoked))
            .on::<RunPublished>(events::on_run_published)
            .on::<EnrolmentStarted>(bus::with(self, events::on_enrolment_started))
            .on::<CourseCompleted>(bus::with(self, events::on_course_completed))
            .on::<OrderPaid>(bus::with(self, events::on_order_paid))
            .on::<OrderRefunded>(bus::with(self, events::on_order_refunded))
            .on::<PaymentFailed>(bus::with(self, events::on_payment_failed))
            .on::<CertificateIssued>(bus::with(self, events::on_certificate_issued))
            .on::<CertificateRevoked>(bus::with(self, events::on_certificate_revoked))
            .on::<DocumentVerified>(bus::with(self, events::on_document_verified))
            .on::<DocumentRejected>(bus::with(self, events::on_document_rejected))
            .on::<DocumentExpiring>(bus::with(self, events::on_document_expiring))
            .on::<DocumentExpired>(bus::with(self, events::on_document_expired))
            .on::<TutorVerified>(bus::with(self, events::on_tutor_verified))
            .on::<TutorVerificationEnded>(bus::with(self, events::on_tutor_verification_ended))
    }

    /// Puts the parts together. Nothing has to be up yet.
    async fn build(config: &Config, clock: SharedClock, stop: CancellationToken) -> anyhow::Result<Arc<Self>> {
        let db = pg::connect(&config.database()).await.context("LYCEUM_DATABASE_URL cannot be used")?;
        let renderer = Renderer::new(config.school.clone(), config.public_url.clone())?;
        let authority = config.smtp_authority.as_ref().map(|authority| authority.pem.as_str());
        let mailer = Mailer::new(config.smtp_url.expose_secret(), config.mail_from.clone(), authority);
        let mailer = mailer.context("LYCEUM_SMTP_URL cannot be used")?;
        Ok(Arc::new(Self { db, clock, renderer, mailer, watchers: Watchers::new(stop) }))
    }
}

/// This service, as the chassis knows it.
#[derive(Debug)]
pub struct Notifications;

impl Service for Notifications {
    const NAME: &'static str = "notifications";

    type Config = Config;

    fn verbs() -> Vec<&'static str> {
        vec![COPY_RECIPIENTS]
    }

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    async fn migrate(config: Config) -> anyhow::Result<()> {
        migrations().run(&config.database()).await?;
        let app = App::build(&config, Arc::new(values::SystemClock), CancellationToken::new()).await?;
        // Before anybody announces anything: an event must not find no queue.
        app.consumer(config.amqp).declare().await?;
        Ok(())
    }

    async fn run(config: Config, _: Vec<String>) -> anyhow::Result<()> {
        let app = App::build(&config, Arc::new(values::SystemClock), CancellationToken::new()).await?;
        let users = Users::new(outgoing(&config, &app.clock)?.over(discovery::channel(&config.users)));
        let copied = flows::copy_recipients(&app, &users).await?;
        tracing::info!("{copied} profiles were copied from the users service.");
        Ok(())
    }

    async fn serve(config: Config, runtime: Runtime) -> anyhow::Result<()> {
        let app = App::build(&config, runtime.clock.clone(), runtime.draining.clone()).await?;
        let db = app.db.clone();
        runtime.admin.ready_when("schema", move || {
            let db = db.clone();
            async move { anyhow::Ok(migrations().check(&db).await?) }
        });
        runtime.tasks.spawn("pool-gauges", pg::observe(app.db.clone(), runtime.shutdown.clone()));
        runtime.tasks.spawn("consumer", app.consumer(config.amqp.clone()).run(runtime.shutdown.clone()));
        let channel = outgoing(&config, &runtime.clock)?.over(discovery::channel(&config.users));
        jobs::start(&runtime, &app, Users::new(channel));
        chassis::grpc::Server::new(config.grpc_listen)
            .reflection(proto::REFLECTION)
            .layer(guard(&config, &runtime.clock))
            .serve(&runtime, app.routes())
            .await
    }
}

/// Calls to neighbours in our own name.
fn outgoing(config: &Config, clock: &SharedClock) -> anyhow::Result<Outgoing> {
    let key = config.service_key.expose_secret();
    let identity = ServiceIdentity::from_base64(Notifications::NAME, key, clock.clone());
    Ok(Outgoing::as_service(Arc::new(identity.context("LYCEUM_SERVICE_KEY is no private key")?)))
}

/// The guard: people's tokens are checked with the keys that the users service publishes.
fn guard(config: &Config, clock: &SharedClock) -> auth::Layer {
    let keys = Keys::published(discovery::channel(&config.users));
    auth::Layer::new(Arc::new(Verifier::new(&config.issuer, keys, config.services.clone(), clock.clone())))
}
