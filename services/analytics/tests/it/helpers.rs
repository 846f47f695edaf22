//! A database and a clock for one test, and stories: what a school announces, told in any way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use analytics::app::{App, migrations};
use analytics::domain::event::Incoming;
use analytics::{flows, payload};
use bus::Envelope;
use prost::{Message, Name};
use proto::lyceum::events::v1::{
    CertificateIssued, CertificateRevoked, CourseCompleted, EnrolmentEnded, EnrolmentStarted, EntitlementGranted,
    LessonCompleted, OrderPaid, OrderPlaced, OrderRefunded, PublishedLesson, RunPublished, UserRegistered,
};
use proto::lyceum::values::v1::Money;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use testkit::{Database, FixedClock};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;
use values::TimeZone;

/// The longest that a test waits for something that should be quick.
pub(crate) const SOON: Duration = Duration::from_secs(15);

/// When tests happen.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);

pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) clock: FixedClock,
    pub(crate) app: Arc<App>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let (database, clock) = (Database::new(&migrations()).await, FixedClock::at(NOW));
        let app = app(&database, &clock);
        Self { database, clock, app }
    }

    /// Another process on the same database.
    pub(crate) fn replica(&self) -> Arc<App> {
        app(&self.database, &self.clock)
    }

    /// Hears a batch and says how many of its events were new.
    pub(crate) async fn hear(&self, envelopes: &[Envelope]) -> usize {
        flows::ingest::run(&self.app, &heard(envelopes), None).await.unwrap()
    }

    pub(crate) async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(&self.database.pool).await.unwrap()
    }

    /// Every row of every table that is counted, as text.
    pub(crate) async fn rollups(&self) -> Vec<String> {
        let tables: Vec<String> = sqlx::query_scalar(
            "select tablename::text
             from pg_tables
             where schemaname = 'public'
               and tablename not like 'events%'
               and tablename not in ('_sqlx_migrations', 'progress', 'inbox', 'outbox', 'bus_dead_letters')
             order by 1",
        )
        .fetch_all(&self.database.pool)
        .await
        .unwrap();
        assert!(tables.len() > 8, "only {tables:?} are counted");
        let mut rows = Vec::new();
        for table in tables {
            let statement = format!("select '{table} ' || to_jsonb(counted)::text from {table} as counted order by 1");
            let found: Vec<String> =
                sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_all(&self.database.pool).await.unwrap();
            rows.extend(found);
        }
        rows
    }
}

fn app(database: &Database, clock: &FixedClock) -> Arc<App> {
    let zone = TimeZone::parse("Europe/Moscow").unwrap();
    App::new(database.pool.clone(), clock.shared(), Duration::from_secs(400 * 24 * 60 * 60), zone)
}

/// Envelopes as the ear lets them in.
pub(crate) fn heard(envelopes: &[Envelope]) -> Vec<Incoming> {
    let heard = envelopes.iter().map(|envelope| {
        let event = payload::event(envelope.clone()).unwrap();
        let fact = payload::fact(&event.kind, event.occurred_at, &event.payload).unwrap();
        Incoming { event, fact }
    });
    heard.collect()
}

/// An event as its owner announces it.
pub(crate) fn envelope<P: Message + Name>(at: OffsetDateTime, payload: &P) -> Envelope {
    Envelope {
        id: Uuid::new_v4().to_string(),
        r#type: P::full_name(),
        aggregate_type: "thing".to_owned(),
        aggregate_id: Uuid::new_v4().to_string(),
        aggregate_version: 1,
        occurred_at: Some(at.into()),
        actor: "user:1".to_owned(),
        traceparent: String::new(),
        payload: payload.encode_to_vec(),
    }
}

pub(crate) fn paid(at: OffsetDateTime) -> Envelope {
    let (order_id, buyer_id) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    envelope(at, &OrderPaid { order_id, number: "LY-1".to_owned(), buyer_id, total: Some(rubles(100_000)) })
}

pub(crate) fn rubles(minor: i64) -> Money {
    Money { minor, currency: "RUB".to_owned() }
}

/// What happened to one learner with one order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Purchase {
    pub(crate) order: String,
    pub(crate) number: String,
    pub(crate) learner: String,
    pub(crate) course: String,
    pub(crate) run: String,
    pub(crate) entitlement: String,
    pub(crate) enrolment: String,
    pub(crate) minor: i64,
    pub(crate) placed: Option<OffsetDateTime>,
    pub(crate) paid: Option<OffsetDateTime>,
    pub(crate) lessons: Vec<(String, OffsetDateTime)>,
    pub(crate) completed: Option<OffsetDateTime>,
    pub(crate) certificate: String,
    pub(crate) refund: String,
    pub(crate) refunded: Option<OffsetDateTime>,
}

/// A school for some weeks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    /// Course, run and lessons.
    pub(crate) runs: Vec<(String, String, Vec<String>)>,
    pub(crate) purchases: Vec<Purchase>,
}

impl Story {
    /// A story for each seed, of events from 80 days before now on.
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let id = || Uuid::new_v4().to_string();
        let runs: Vec<_> = (0..3).map(|_| (id(), id(), (0..4).map(|_| id()).collect::<Vec<_>>())).collect();
        let learners: Vec<String> = (0..6).map(|_| id()).collect();
        let mut purchases = Vec::new();
        for number in 0..random.random_range(1..12) {
            let (course, run, lessons) = &runs[random.random_range(0..runs.len())];
            let mut at = NOW - time::Duration::minutes(random.random_range(60_000..115_000));
            let mut later = |random: &mut StdRng| {
                at += time::Duration::microseconds(random.random_range(1..600_000_000_000));
                at
            };
            let mut purchase = Purchase {
                order: Uuid::new_v4().to_string(),
                number: format!("LY-{number}"),
                learner: learners[random.random_range(0..learners.len())].clone(),
                course: course.clone(),
                run: run.clone(),
                entitlement: Uuid::new_v4().to_string(),
                enrolment: Uuid::new_v4().to_string(),
                certificate: Uuid::new_v4().to_string(),
                refund: Uuid::new_v4().to_string(),
                minor: random.random_range(0..1_000_000),
                placed: Some(later(&mut random)),
                ..Purchase::default()
            };
            if random.random_bool(0.8) {
                purchase.paid = Some(later(&mut random));
                for lesson in lessons.iter().take(random.random_range(0..5)) {
                    purchase.lessons.push((lesson.clone(), later(&mut random)));
                }
                if purchase.lessons.len() == lessons.len() {
                    purchase.completed = Some(later(&mut random));
                }
                if random.random_bool(0.3) {
                    purchase.refunded = Some(later(&mut random));
                }
            }
            purchases.push(purchase);
        }
        Self { runs, purchases }
    }

    /// What owners announce of it that they can also tell later, in the order of time.
    pub(crate) fn told(&self) -> Vec<Envelope> {
        let mut told: Vec<Envelope> =
            self.runs.iter().map(|(course, run, lessons)| published(course, run, lessons)).collect();
        self.purchases.iter().for_each(|purchase| purchase.tell(&mut told));
        told.sort_by_key(|envelope| envelope.occurred_at.unwrap().to_time());
        told
    }

    /// Everything that is announced, in the order of time.
    pub(crate) fn announced(&self) -> Vec<Envelope> {
        // A person registers once, before everything else.
        let learners: BTreeSet<&String> = self.purchases.iter().map(|purchase| &purchase.learner).collect();
        let registered = learners.into_iter().zip(0..).map(|(learner, number)| {
            let at = NOW - time::Duration::days(81) + time::Duration::hours(5 * number);
            envelope(at, &UserRegistered { user_id: learner.clone() })
        });
        let mut announced: Vec<Envelope> = registered.chain(self.told()).collect();
        announced.sort_by_key(|envelope| envelope.occurred_at.unwrap().to_time());
        announced
    }
}

fn published(course: &str, run: &str, lessons: &[String]) -> Envelope {
    let lessons = lessons.iter().enumerate().map(|(number, lesson)| PublishedLesson {
        lesson_id: lesson.clone(),
        title: format!("Lesson {number}"),
        required: true,
    });
    let event = RunPublished {
        course_id: course.to_owned(),
        run_id: run.to_owned(),
        version: 1,
        title: "Rust".to_owned(),
        language: "ru".to_owned(),
        lessons: lessons.collect(),
    };
    envelope(NOW - time::Duration::days(81), &event)
}

impl Purchase {
    fn tell(&self, told: &mut Vec<Envelope>) {
        let (order_id, number, buyer_id) = (self.order.clone(), self.number.clone(), self.learner.clone());
        let total = || Some(rubles(self.minor));
        let placed = OrderPlaced {
            order_id: order_id.clone(),
            number: number.clone(),
            buyer_id: buyer_id.clone(),
            total: total(),
        };
        told.push(envelope(self.placed.unwrap(), &placed));
        let Some(paid_at) = self.paid else { return };
        let paid = OrderPaid {
            order_id: order_id.clone(),
            number: number.clone(),
            buyer_id: buyer_id.clone(),
            total: total(),
        };
        told.push(envelope(paid_at, &paid));
        let (learner_id, course_id, run_id) = (self.learner.clone(), self.course.clone(), self.run.clone());
        let enrolment_id = self.enrolment.clone();
        let granted = EntitlementGranted {
            entitlement_id: self.entitlement.clone(),
            order_id: order_id.clone(),
            learner_id: learner_id.clone(),
            run_id: run_id.clone(),
            starts_at: Some(paid_at.into()),
            ends_at: None,
        };
        told.push(envelope(paid_at, &granted));
        let started = EnrolmentStarted {
            enrolment_id: enrolment_id.clone(),
            learner_id: learner_id.clone(),
            course_id: course_id.clone(),
            run_id: run_id.clone(),
            entitlement_id: self.entitlement.clone(),
        };
        told.push(envelope(self.started(), &started));
        for (lesson, at) in &self.lessons {
            let completed = LessonCompleted {
                enrolment_id: enrolment_id.clone(),
                learner_id: learner_id.clone(),
                course_id: course_id.clone(),
                run_id: run_id.clone(),
                lesson_id: lesson.clone(),
            };
            told.push(envelope(*at, &completed));
        }
        if let Some(at) = self.completed {
            let completed = CourseCompleted {
                enrolment_id: enrolment_id.clone(),
                learner_id: learner_id.clone(),
                course_id: course_id.clone(),
                run_id: run_id.clone(),
                version: 1,
                completed_at: Some(at.into()),
            };
            told.push(envelope(at, &completed));
            let issued = CertificateIssued {
                certificate_id: self.certificate.clone(),
                number: "LYC-1".to_owned(),
                learner_id: learner_id.clone(),
                course_id: course_id.clone(),
                run_id: run_id.clone(),
                enrolment_id: enrolment_id.clone(),
                predecessor_id: String::new(),
            };
            told.push(envelope(at, &issued));
        }
        if let Some(at) = self.refunded {
            let refund_id = self.refund.clone();
            told.push(envelope(at, &OrderRefunded { order_id, number, buyer_id, refund_id, amount: total() }));
            let reason = "ENTITLEMENT_REVOKED".to_owned();
            told.push(envelope(
                at,
                &EnrolmentEnded { enrolment_id, learner_id: learner_id.clone(), course_id, run_id, reason },
            ));
            if self.completed.is_some() {
                let certificate_id = self.certificate.clone();
                let (number, reason, successor_id) = ("LYC-1".to_owned(), "REVOKED".to_owned(), String::new());
                told.push(envelope(
                    at,
                    &CertificateRevoked { certificate_id, number, learner_id, reason, successor_id },
                ));
            }
        }
    }

    /// The enrolment follows the payment by a moment.
    pub(crate) fn started(&self) -> OffsetDateTime {
        self.paid.unwrap() + time::Duration::microseconds(7)
    }
}
