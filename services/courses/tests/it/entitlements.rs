//! What payments says: enrolments that start and end by entitlements, in whatever order events come.

use bus::{Amqp, Failure};
use courses::hear;
use proto::lyceum::{
    courses::v1::{
        CompleteLessonRequest, CreateEnrolmentRequest, GetOutlineRequest,
        enrolment::{Mode, State},
        lesson_lock::Reason,
    },
    events::v1::{EnrolmentEnded, EnrolmentStarted, EntitlementGranted, EntitlementRevoked, UserErased},
};
use std::time::Duration;
use testkit::{Broker, eventually};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::helpers::{Offered, School, instant, locks, reason, section, text, titled};

fn revoked(granted: &EntitlementGranted) -> EntitlementRevoked {
    EntitlementRevoked {
        entitlement_id: granted.entitlement_id.clone(),
        order_id: granted.order_id.clone(),
        learner_id: granted.learner_id.clone(),
        run_id: granted.run_id.clone(),
        reason: "REFUNDED".into(),
    }
}

async fn one_lesson(school: &School) -> Offered {
    school.offered(vec![section("Начало", vec![text("а")])]).await
}

#[tokio::test]
async fn a_grant_enrols_and_a_revocation_ends() {
    let school = School::new().await;
    let offered = one_lesson(&school).await;
    let learner = Uuid::new_v4();
    let granted = school.granted(learner, &offered.run);
    school.hear(&granted, 1).await.unwrap();
    let enrolment = &school.enrolments_of(learner).await[0];
    assert_eq!((enrolment.state(), enrolment.mode()), (State::Active, Mode::Entitled));
    let started = school.announced::<EnrolmentStarted>().await;
    assert_eq!(started[0].entitlement_id, granted.entitlement_id);
    assert_eq!(locks(titled(&school.outline(learner, &offered.run).await, "а")), []);

    school.hear(&revoked(&granted), 2).await.unwrap();
    assert_eq!(school.enrolments_of(learner).await[0].state(), State::Revoked);
    assert_eq!(locks(titled(&school.outline(learner, &offered.run).await, "а")), [Reason::EnrolmentEnded]);
    let ended = school.announced::<EnrolmentEnded>().await;
    assert_eq!((ended.len(), ended[0].reason.as_str()), (1, "ENTITLEMENT_REVOKED"));
}

#[tokio::test]
async fn events_that_come_twice_have_one_effect() {
    let school = School::new().await;
    let offered = one_lesson(&school).await;
    let learner = Uuid::new_v4();
    let granted = school.granted(learner, &offered.run);
    for _ in 0..3 {
        school.hear(&granted, 1).await.unwrap();
    }
    for _ in 0..3 {
        school.hear(&revoked(&granted), 2).await.unwrap();
    }
    school.hear(&granted, 1).await.unwrap();
    assert_eq!(school.enrolments_of(learner).await.len(), 1);
    assert_eq!(school.announced::<EnrolmentStarted>().await.len(), 1);
    assert_eq!(school.announced::<EnrolmentEnded>().await.len(), 1);
}

#[tokio::test]
async fn a_revocation_that_comes_before_its_grant_wins() {
    let school = School::new().await;
    let offered = one_lesson(&school).await;
    let learner = Uuid::new_v4();
    let granted = school.granted(learner, &offered.run);
    school.hear(&revoked(&granted), 2).await.unwrap();
    school.hear(&granted, 1).await.unwrap();
    assert_eq!(school.enrolments_of(learner).await, []);
    // A later grant of the same entitlement, such as after a refund that was taken back, is newer than both.
    school.hear(&granted, 3).await.unwrap();
    assert_eq!(school.enrolments_of(learner).await[0].state(), State::Active);
}

#[tokio::test]
async fn access_stays_while_one_of_several_entitlements_is_live() {
    let school = School::new().await;
    let offered = one_lesson(&school).await;
    let learner = Uuid::new_v4();
    let month = EntitlementGranted { ends_at: instant(school.in_days(30)), ..school.granted(learner, &offered.run) };
    let year = EntitlementGranted { ends_at: instant(school.in_days(365)), ..school.granted(learner, &offered.run) };
    school.hear(&month, 1).await.unwrap();
    school.hear(&year, 1).await.unwrap();
    let end = async || school.enrolments_of(learner).await[0].access_ends_at;
    assert_eq!(end().await, year.ends_at);
    school.hear(&revoked(&year), 2).await.unwrap();
    assert_eq!(end().await, month.ends_at, "what is left counts");
    assert_eq!(school.enrolments_of(learner).await.len(), 1);
    school.hear(&revoked(&month), 2).await.unwrap();
    assert_eq!(school.enrolments_of(learner).await[0].state(), State::Revoked);
}

#[tokio::test]
async fn what_the_school_granted_survives_a_refund() {
    let school = School::new().await;
    let offered = one_lesson(&school).await;
    let learner = Uuid::new_v4();
    let request = CreateEnrolmentRequest {
        learner_id: learner.to_string(),
        run_id: offered.run.run_id.clone(),
        ..Default::default()
    };
    school.enrolments().create_enrolment(request).await.unwrap();
    let granted = school.granted(learner, &offered.run);
    school.hear(&granted, 1).await.unwrap();
    school.hear(&revoked(&granted), 2).await.unwrap();
    let enrolments = school.enrolments_of(learner).await;
    assert_eq!((enrolments.len(), enrolments[0].state()), (1, State::Active));
}

#[tokio::test]
async fn who_buys_again_after_a_refund_begins_a_new_attempt() {
    let school = School::new().await;
    let offered = one_lesson(&school).await;
    let learner = Uuid::new_v4();
    let first = school.granted(learner, &offered.run);
    school.hear(&first, 1).await.unwrap();
    school.hear(&revoked(&first), 2).await.unwrap();
    school.clock.advance(time::Duration::DAY);
    school.hear(&school.granted(learner, &offered.run), 1).await.unwrap();
    let attempts: Vec<_> =
        school.enrolments_of(learner).await.iter().map(|enrolment| (enrolment.attempt, enrolment.state())).collect();
    assert_eq!(attempts, [(2, State::Active), (1, State::Revoked)]);
}

#[tokio::test]
async fn an_entitlement_for_later_opens_later_and_one_that_is_over_opens_nothing() {
    let school = School::new().await;
    let offered = one_lesson(&school).await;
    let learner = Uuid::new_v4();
    let later = EntitlementGranted { starts_at: instant(school.in_days(2)), ..school.granted(learner, &offered.run) };
    school.hear(&later, 1).await.unwrap();
    let outline = school.outline(learner, &offered.run).await;
    assert_eq!(locks(titled(&outline, "а")), [Reason::AccessNotStarted]);
    assert_eq!(titled(&outline, "а").locks[0].until, later.starts_at);
    school.clock.advance(time::Duration::days(2));
    assert_eq!(locks(titled(&school.outline(learner, &offered.run).await, "а")), []);

    let late = Uuid::new_v4();
    let over = EntitlementGranted { ends_at: instant(school.now()), ..school.granted(late, &offered.run) };
    school.hear(&over, 1).await.unwrap();
    assert_eq!(school.enrolments_of(late).await, []);
}

#[tokio::test]
async fn events_that_make_no_sense_become_dead_letters() {
    let school = School::new().await;
    let offered = one_lesson(&school).await;
    let good = school.granted(Uuid::new_v4(), &offered.run);
    let bad = [
        EntitlementGranted { run_id: Uuid::new_v4().to_string(), ..good.clone() },
        EntitlementGranted { learner_id: "somebody".into(), ..good.clone() },
        EntitlementGranted { starts_at: None, ..good },
    ];
    for event in bad {
        assert!(matches!(school.hear(&event, 1).await, Err(Failure::DeadLetter(_))), "{event:?}");
    }
}

#[tokio::test]
async fn grants_and_revocations_at_once_end_in_one_truth() {
    let school = School::new().await;
    let offered = one_lesson(&school).await;
    let learner = Uuid::new_v4();
    let grants: Vec<_> = (0..6).map(|_| school.granted(learner, &offered.run)).collect();
    let revocations: Vec<_> = grants[1..].iter().map(revoked).collect();
    let granting = futures::future::join_all(grants.iter().map(|grant| school.hear(grant, 1)));
    let revoking = futures::future::join_all(revocations.iter().map(|revocation| school.hear(revocation, 2)));
    let (granted, revoked_all) = futures::join!(granting, revoking);
    assert!(granted.into_iter().chain(revoked_all).all(|heard| heard.is_ok()));
    let live = school.enrolments_of(learner).await.into_iter().filter(|enrolment| enrolment.ended_at.is_none());
    assert_eq!(live.count(), 1, "one entitlement is left");
    school.hear(&revoked(&grants[0]), 2).await.unwrap();
    let enrolments = school.enrolments_of(learner).await;
    assert!(enrolments.iter().all(|enrolment| enrolment.ended_at.is_some()));
}

#[tokio::test]
async fn an_erased_learner_leaves_facts_without_data_and_is_not_enrolled_again() {
    let school = School::new().await;
    let offered = one_lesson(&school).await;
    let learner = school.learner(&offered.run).await;
    let lesson = CompleteLessonRequest { run_id: offered.run.run_id.clone(), lesson_id: offered.lesson("а") };
    school.learning(learner).complete_lesson(lesson).await.unwrap();
    let erased = UserErased { user_id: learner.to_string() };
    for heard in futures::future::join_all((0..4).map(|_| school.hear(&erased, 5))).await {
        heard.unwrap();
    }
    let enrolments = school.enrolments_of(learner).await;
    assert_eq!((enrolments.len(), enrolments[0].state()), (1, State::Withdrawn));
    assert_eq!(school.announced::<EnrolmentEnded>().await[0].reason, "LEARNER_ERASED");
    let rows: i64 = sqlx::query_scalar("select count(*) from lesson_progress where learner_id = $1")
        .bind(learner)
        .fetch_one(&school.db.pool)
        .await
        .unwrap();
    assert_eq!(rows, 0);
    school.hear(&school.granted(learner, &offered.run), 1).await.unwrap();
    assert_eq!(school.enrolments_of(learner).await.len(), 1, "a late grant brings nobody back");
    let request = CreateEnrolmentRequest {
        learner_id: learner.to_string(),
        run_id: offered.run.run_id.clone(),
        ..Default::default()
    };
    assert_eq!(reason(&school.enrolments().create_enrolment(request).await.unwrap_err()), "LEARNER_ERASED");
}

/// The outbox of one database is relayed to a broker, and the consumer of the same service hears it: what payments announces
/// here arrives as it does in the fleet.
#[tokio::test]
async fn a_grant_travels_over_the_broker_and_opens_the_course() {
    let school = School::new().await;
    let broker = Broker::new().await;
    let offered = one_lesson(&school).await;
    let amqp: Amqp = broker.url.parse().unwrap();
    let stop = CancellationToken::new();
    let consumer = hear::consumer("courses", &school.app, amqp.clone());
    consumer.declare().await.unwrap();
    let relay = bus::Relay::new(school.db.pool.clone(), amqp, school.clock.shared());
    let work = async { tokio::join!(consumer.run(stop.clone()), relay.run(stop.clone())) };

    let learner = Uuid::new_v4();
    let granted = school.granted(learner, &offered.run);
    let seen = async {
        let id = granted.entitlement_id.parse().unwrap();
        let mut transaction = school.db.pool.begin().await.unwrap();
        let event = bus::Event::new(&granted, "entitlement", id, 1);
        bus::announce(&mut transaction, event, bus::By { actor: "service:payments", now: school.now() }).await.unwrap();
        transaction.commit().await.unwrap();
        eventually("the lesson opens", Duration::from_secs(20), async || {
            let request = GetOutlineRequest { run_id: offered.run.run_id.clone() };
            let outline = school.learning(learner).get_outline(request).await.unwrap().into_inner();
            titled(&outline, "а").locks.is_empty().then_some(())
        })
        .await;
        stop.cancel();
    };
    tokio::join!(work, seen);
    assert_eq!(school.enrolments_of(learner).await[0].state(), State::Active);
}
