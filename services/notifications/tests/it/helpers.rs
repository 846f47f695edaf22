//! The whole service for one test, and neighbours who announce things.

use std::sync::Arc;
use std::time::Duration;

use auth::Outgoing;
use bus::{Consume, Event, Relay};
use notifications::app::{App, Notifications, migrations};
use notifications::domain::id::EventId;
use notifications::domain::notice::Notice;
use notifications::jobs;
use notifications::mail::Mailer;
use notifications::render::Renderer;
use notifications::watchers::{self, Watchers};
use prost::Name;
use proto::lyceum::events::v1::{OrderPaid, PasswordChanged, ProfileChanged, RunPublished};
use proto::lyceum::values::v1::Money;
use service::Service;
use sqlx::FromRow;
use testkit::{Broker, Database, FixedClock, Fleet, Served, eventually, serve};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use values::Clock;

use crate::sink::Sink;

/// The longest that a test waits for something that should be quick.
pub(crate) const SOON: Duration = Duration::from_secs(15);

pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) clock: FixedClock,
    pub(crate) fleet: Fleet,
    pub(crate) sink: Sink,
    pub(crate) app: Arc<App>,
    pub(crate) broker: Broker,
    /// Ends every watching, as a drain does.
    pub(crate) stop: CancellationToken,
}

/// A delivery's row, as far as tests look at it.
#[derive(Debug, Clone, FromRow, PartialEq)]
pub(crate) struct Row {
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) attempts: i32,
    pub(crate) reason: String,
    pub(crate) text_part: Option<String>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let (database, clock, sink) = (Database::new(&migrations()).await, FixedClock::default(), Sink::new().await);
        let stop = CancellationToken::new();
        let app = Arc::new(App {
            db: database.pool.clone(),
            clock: clock.shared(),
            renderer: Renderer::new("Lyceum".to_owned(), "https://school.example".parse().unwrap()).unwrap(),
            mailer: Mailer::new(&sink.url, "Lyceum <no-reply@school.example>".parse().unwrap(), None).unwrap(),
            watchers: Watchers::new(stop.clone()),
        });
        Self { database, fleet: Fleet::new(clock.shared()), clock, sink, app, broker: Broker::new().await, stop }
    }

    /// Starts the ear, and a relay for what the test's neighbours announce.
    pub(crate) fn hear(&self) -> Running {
        let amqp: bus::Amqp = self.broker.url.parse().unwrap();
        let relay = Relay::new(self.app.db.clone(), amqp.clone(), self.clock.shared());
        let consumer = Notifications::consumer(&self.app, amqp);
        let mut running = Running::new();
        running.tasks.spawn(relay.run(running.stop.clone()));
        running.tasks.spawn(consumer.run(running.stop.clone()));
        running
    }

    /// Starts a sender.
    pub(crate) fn send(&self) -> Running {
        let mut running = Running::new();
        running.tasks.spawn(jobs::send(Arc::clone(&self.app), running.stop.clone()));
        running
    }

    /// Starts what wakes those who watch.
    pub(crate) fn listen(&self) -> Running {
        let mut running = Running::new();
        running.tasks.spawn(watchers::listen(Arc::clone(&self.app), running.stop.clone()));
        running
    }

    /// Opens the door.
    pub(crate) async fn serve(&self) -> Served {
        serve(notifications::grpc::routes(Arc::clone(&self.app)), self.fleet.layer()).await
    }

    /// A person who comes to the door.
    pub(crate) fn person(&self, user: Uuid) -> Outgoing {
        self.fleet.person(user, &[])
    }

    pub(crate) async fn announce(&self, event: Event) {
        let mut transaction = self.app.db.begin().await.unwrap();
        bus::announce(&mut transaction, event, bus::By { actor: "service:test", now: self.clock.now() }).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// Makes somebody known, without the bus.
    pub(crate) async fn knows(&self, user: Uuid, language: &str) {
        self.knows_profile(profile(user, language), 1).await;
    }

    pub(crate) async fn knows_profile(&self, profile: ProfileChanged, version: i64) {
        let profile = notifications::domain::recipient::Profile {
            user_id: profile.user_id,
            display_name: profile.display_name,
            email: profile.email,
            email_confirmed: profile.email_confirmed,
            language: profile.language,
            time_zone: profile.time_zone,
            version,
        };
        let mut transaction = self.app.db.begin().await.unwrap();
        notifications::flows::keep_recipient::run(&mut transaction, profile, self.clock.now()).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// Tells somebody that their password was changed, as an event would, without the bus.
    pub(crate) async fn tell(&self, user: Uuid) {
        self.tell_of(user, &Notice::PasswordChanged).await;
    }

    pub(crate) async fn tell_of(&self, user: Uuid, notice: &Notice) {
        self.tell_event(user, values::Id::new(self.clock.now()), notice).await;
    }

    pub(crate) async fn tell_event(&self, user: Uuid, event: EventId, notice: &Notice) {
        let user = values::Id::from_uuid(user);
        let tell = pg::transaction(&self.app.db, async |conn| {
            notifications::flows::tell::run(&self.app, conn, event, user, notice).await
        });
        tell.await.unwrap();
    }

    /// The same as another replica does it, of which nobody here is told.
    pub(crate) async fn tell_elsewhere(&self, user: Uuid, notice: &Notice) {
        let (event, user) = (values::Id::new(self.clock.now()), values::Id::from_uuid(user));
        let mut transaction = self.app.db.begin().await.unwrap();
        notifications::flows::tell::run(&self.app, &mut transaction, event, user, notice).await.unwrap();
        transaction.commit().await.unwrap();
    }

    pub(crate) async fn deliveries(&self) -> Vec<Row> {
        let rows = sqlx::query_as(
            "select kind, state, attempts, reason, text_part
             from deliveries
             order by delivery_id",
        );
        rows.fetch_all(&self.app.db).await.unwrap()
    }

    /// Waits for the only delivery to be in a state.
    pub(crate) async fn expect_delivery(&self, state: &str) -> Row {
        eventually(&format!("a delivery that is {state}"), SOON, async || {
            self.deliveries().await.into_iter().find(|row| row.state == state)
        })
        .await
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.app.db).await.unwrap()
    }

    /// Waits until a `select count(*)` has a result.
    pub(crate) async fn expect_count(&self, sql: &'static str, expected: i64) {
        eventually(sql, SOON, async || (self.count(sql).await == expected).then_some(())).await;
    }

    /// Waits until everything that was announced had its effect here.
    pub(crate) async fn expect_heard(&self, events: i64) {
        self.expect_count("select count(*) from inbox", events).await;
    }
}

pub(crate) fn about(user: Uuid, version: i64, payload: &impl Name) -> Event {
    Event::new(payload, "user", user, version)
}

pub(crate) fn profile(user: Uuid, language: &str) -> ProfileChanged {
    ProfileChanged {
        user_id: user.to_string(),
        display_name: "Anna Petrova".to_owned(),
        email: "anna@example.org".to_owned(),
        email_confirmed: true,
        language: language.to_owned(),
        time_zone: "Europe/Moscow".to_owned(),
    }
}

pub(crate) fn profile_changed(user: Uuid, version: i64, language: &str) -> Event {
    about(user, version, &profile(user, language)).personal()
}

pub(crate) fn password_changed(user: Uuid) -> Event {
    about(user, 2, &PasswordChanged { user_id: user.to_string() })
}

pub(crate) fn order_paid(buyer: Uuid) -> Event {
    let order = Uuid::new_v4();
    let paid = OrderPaid {
        order_id: order.to_string(),
        number: "2026-000042".to_owned(),
        buyer_id: buyer.to_string(),
        total: Some(rub(149_000)),
    };
    Event::new(&paid, "order", order, 2)
}

pub(crate) fn run_published(run: Uuid, version: i64, title: &str) -> Event {
    let published = RunPublished {
        course_id: Uuid::new_v4().to_string(),
        run_id: run.to_string(),
        version: 1,
        title: title.to_owned(),
        language: "en".to_owned(),
        ..RunPublished::default()
    };
    Event::new(&published, "run", run, version)
}

pub(crate) fn rub(minor: i64) -> Money {
    Money { minor, currency: "RUB".to_owned() }
}

/// Something that runs beside the test. Dropping it is a `kill -9`; stopping it is a SIGTERM.
pub(crate) struct Running {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Running {
    fn new() -> Self {
        Self { tasks: JoinSet::new(), stop: CancellationToken::new() }
    }

    pub(crate) fn ask_to_stop(&self) {
        self.stop.cancel();
    }

    pub(crate) async fn stopped(self) {
        self.stop.cancel();
        tokio::time::timeout(SOON, self.tasks.join_all()).await.expect("it stops in time");
    }
}
