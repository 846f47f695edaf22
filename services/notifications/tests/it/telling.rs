use bus::Event;
use proto::lyceum::events::v1::{
    CertificateIssued, CertificateRevoked, CodeIssued, CourseCompleted, DocumentExpired, DocumentExpiring,
    DocumentRejected, DocumentVerified, EnrolmentStarted, OrderRefunded, PaymentFailed, ProfileChanged,
    SessionsRevoked, TutorVerificationEnded, TutorVerified, code_issued, sessions_revoked,
};
use proto::wkt::Timestamp;
use time::Duration;
use uuid::Uuid;
use values::Clock;

use crate::helpers::{World, about, order_paid, password_changed, profile, profile_changed, rub, run_published};

fn code_issued(user: Uuid, expires_at: time::OffsetDateTime) -> Event {
    let issued = CodeIssued {
        user_id: user.to_string(),
        purpose: code_issued::Purpose::ConfirmEmail.into(),
        code: "481516".to_owned(),
        expires_at: Some(expires_at.into()),
    };
    about(user, 1, &issued).personal()
}

fn enrolment_started(learner: Uuid, run: Uuid) -> Event {
    let enrolment = Uuid::new_v4();
    let started = EnrolmentStarted {
        enrolment_id: enrolment.to_string(),
        learner_id: learner.to_string(),
        run_id: run.to_string(),
        ..EnrolmentStarted::default()
    };
    Event::new(&started, "enrolment", enrolment, 1)
}

/// Everything that can happen to a person, after which there is something to tell.
fn everything(user: Uuid, run: Uuid, now: time::OffsetDateTime) -> Vec<Event> {
    let (order, enrolment) = (Uuid::new_v4(), Uuid::new_v4());
    let refunded = OrderRefunded {
        order_id: order.to_string(),
        number: "2026-000042".to_owned(),
        buyer_id: user.to_string(),
        refund_id: Uuid::new_v4().to_string(),
        amount: Some(rub(149_000)),
    };
    let failed = PaymentFailed {
        order_id: order.to_string(),
        number: "2026-000042".to_owned(),
        buyer_id: user.to_string(),
        reason: "INSUFFICIENT_FUNDS".to_owned(),
    };
    let completed = CourseCompleted {
        enrolment_id: enrolment.to_string(),
        learner_id: user.to_string(),
        run_id: run.to_string(),
        version: 1,
        completed_at: Some(Timestamp::from(now)),
        ..CourseCompleted::default()
    };
    let revoked = SessionsRevoked { user_id: user.to_string(), reason: sessions_revoked::Reason::TokenReused.into() };
    let certificate = Uuid::new_v4();
    let issued = CertificateIssued {
        certificate_id: certificate.to_string(),
        number: "LY-7K3M".to_owned(),
        learner_id: user.to_string(),
        run_id: run.to_string(),
        ..CertificateIssued::default()
    };
    let void = CertificateRevoked {
        certificate_id: certificate.to_string(),
        number: "LY-7K3M".to_owned(),
        learner_id: user.to_string(),
        reason: "ISSUED_BY_MISTAKE".to_owned(),
        successor_id: String::new(),
    };
    let replaced = CertificateRevoked { successor_id: Uuid::new_v4().to_string(), ..void.clone() };
    let mut events = vec![
        Event::new(&issued, "certificate", certificate, 1),
        Event::new(&void, "certificate", certificate, 2),
        Event::new(&replaced, "certificate", certificate, 3),
    ];
    events.extend(about_papers(user));
    events.extend([
        code_issued(user, now + Duration::minutes(15)),
        order_paid(user),
        Event::new(&refunded, "order", order, 3),
        Event::new(&failed, "order", order, 1),
        enrolment_started(user, run),
        Event::new(&completed, "enrolment", enrolment, 9),
        password_changed(user),
        about(user, 3, &revoked),
    ]);
    events
}

/// Everything that can happen to a tutor's papers.
fn about_papers(tutor: Uuid) -> Vec<Event> {
    let (case, tutor_id, kind) = (Uuid::new_v4(), tutor.to_string(), "PAPER_KIND_IDENTITY".to_owned());
    let (case_id, valid_until) = (case.to_string(), "2031-05-31".to_owned());
    let verified = DocumentVerified {
        case_id: case_id.clone(),
        tutor_id: tutor_id.clone(),
        kind: kind.clone(),
        valid_until: valid_until.clone(),
    };
    let rejected = DocumentRejected {
        case_id: case_id.clone(),
        tutor_id: tutor_id.clone(),
        kind: kind.clone(),
        reason: "UNREADABLE".to_owned(),
    };
    let expiring = DocumentExpiring {
        case_id: case_id.clone(),
        tutor_id: tutor_id.clone(),
        kind: kind.clone(),
        valid_until: valid_until.clone(),
        days_left: 30,
    };
    let expired = DocumentExpired { case_id, tutor_id: tutor_id.clone(), kind };
    let may = TutorVerified { tutor_id: tutor_id.clone(), valid_until };
    let may_not = TutorVerificationEnded { tutor_id, reason: "EXPIRED".to_owned() };
    vec![
        Event::new(&verified, "case", case, 1),
        Event::new(&rejected, "case", case, 2),
        Event::new(&expiring, "case", case, 3),
        Event::new(&expired, "case", case, 4),
        Event::new(&may, "tutor", tutor, 1),
        Event::new(&may_not, "tutor", tutor, 2),
    ]
}

#[tokio::test]
async fn everything_worth_telling_becomes_a_mail_and_an_entry_in_the_persons_language() {
    let world = World::new().await;
    let (user, run) = (Uuid::new_v4(), Uuid::new_v4());
    let _hearing = world.hear();
    world.announce(profile_changed(user, 1, "ru")).await;
    world.announce(run_published(run, 1, "Ржавчина для начинающих")).await;
    world.expect_heard(2).await;
    for event in everything(user, run, world.clock.now()) {
        world.announce(event).await;
    }
    world.expect_heard(19).await;
    let mut kinds: Vec<String> = world.deliveries().await.into_iter().map(|row| row.kind).collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "certificate-issued",
            "certificate-revoked",
            "confirm-email",
            "course-completed",
            "document-expired",
            "document-expiring",
            "document-rejected",
            "document-verified",
            "enrolment-started",
            "order-paid",
            "order-refunded",
            "password-changed",
            "payment-failed",
            "sessions-revoked",
            "tutor-verification-ended",
            "tutor-verified"
        ]
    );
    assert_eq!(world.count("select count(*) from notices").await, 15, "a code is not shown in the feed");
    let texts = "select count(*) from notices where text ~ '[а-я]' and title ~ '[а-я]'";
    assert_eq!(world.count(texts).await, 15);
    let titled = "select count(*) from notices where title like '%Ржавчина для начинающих%'";
    assert_eq!(world.count(titled).await, 3);
    let linked = "select count(*) from deliveries where text_part like '%https://school.example/certificates/LY-7K3M%'";
    assert_eq!(world.count(linked).await, 2);
}

/// Puts copies of everything in the outbox beside the originals.
const REPEAT: &str = "
    insert into outbox (event_id, type, personal, aggregate_type, aggregate_id, aggregate_version,
                        occurred_at, actor, traceparent, payload)
    select event_id, type, personal, aggregate_type, aggregate_id, aggregate_version,
           occurred_at, actor, traceparent, payload
    from outbox";

#[tokio::test]
async fn an_event_that_comes_twice_is_told_once() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    for event in [order_paid(user), password_changed(user)] {
        world.announce(event).await;
    }
    sqlx::query(REPEAT).execute(&world.app.db).await.unwrap();
    sqlx::query("create table kept as select * from outbox").execute(&world.app.db).await.unwrap();
    let _hearing = world.hear();
    world.expect_heard(2).await;
    world.expect_count("select count(*) from outbox", 0).await;
    // Even when the inbox has forgotten the event, as after a long time.
    sqlx::query("delete from inbox").execute(&world.app.db).await.unwrap();
    let again = REPEAT.replace("from outbox", "from kept");
    sqlx::raw_sql(sqlx::AssertSqlSafe(again)).execute(&world.app.db).await.unwrap();
    world.expect_heard(2).await;
    assert_eq!(world.count("select count(*) from notices").await, 2);
    assert_eq!(world.count("select count(*) from deliveries").await, 2);
}

#[tokio::test]
async fn an_event_about_somebody_who_is_not_known_yet_waits_for_the_profile() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    let _hearing = world.hear();
    world.announce(order_paid(user)).await;
    world.expect_count("select count(*) from outbox", 0).await;
    world.announce(profile_changed(user, 1, "en")).await;
    world.expect_heard(2).await;
    assert_eq!(world.count("select count(*) from notices").await, 1);
}

#[tokio::test]
async fn what_happens_before_we_hear_of_a_confirmed_address_is_mailed_once_we_do() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    let unconfirmed = ProfileChanged { email_confirmed: false, ..profile(user, "en") };
    world.knows_profile(ProfileChanged { email: "anna@old.example".to_owned(), ..unconfirmed.clone() }, 1).await;
    let (_hearing, _sending) = (world.hear(), world.send());
    world.announce(order_paid(user)).await;
    world.announce(password_changed(user)).await;
    world.expect_heard(2).await;
    assert_eq!(world.count("select count(*) from notices").await, 2, "the feed waits for no address");
    // Another name, and still the same address that nobody has confirmed.
    world.announce(about(user, 2, &unconfirmed).personal()).await;
    world.expect_heard(3).await;
    let waiting = "select count(*) from deliveries where unconfirmed and state = 'queued' and not held";
    assert_eq!(world.count(waiting).await, 2);
    world.announce(profile_changed(user, 3, "en")).await;
    world.expect_count("select count(*) from deliveries where state = 'sent' and not unconfirmed", 2).await;
    let received = world.sink.received();
    assert_eq!(received.len(), 2);
    assert!(received.iter().all(|mail| mail.to.contains("anna@example.org")), "where it was confirmed");
    // A late word of old times takes nothing back.
    world.announce(about(user, 2, &unconfirmed).personal()).await;
    world.announce(order_paid(user)).await;
    world.expect_count("select count(*) from deliveries where state = 'sent'", 3).await;
}

#[tokio::test]
async fn a_mail_to_an_address_that_nobody_confirms_is_given_up_after_a_week() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows_profile(ProfileChanged { email_confirmed: false, ..profile(user, "en") }, 1).await;
    world.tell(user).await;
    let _sending = world.send();
    world.clock.advance(Duration::days(7));
    let over = world.expect_delivery("gave_up").await;
    assert_eq!((&*over.reason, over.text_part), ("EXPIRED", None));
    world.knows_profile(profile(user, "en"), 2).await;
    assert_eq!(world.expect_delivery("gave_up").await.reason, "EXPIRED");
    assert!(world.sink.received().is_empty());
}

#[tokio::test]
async fn an_enrolment_waits_until_its_run_is_known() {
    let world = World::new().await;
    let (user, run) = (Uuid::new_v4(), Uuid::new_v4());
    world.knows(user, "en").await;
    let _hearing = world.hear();
    world.announce(enrolment_started(user, run)).await;
    world.expect_count("select count(*) from outbox", 0).await;
    world.announce(run_published(run, 1, "Rust for beginners")).await;
    world.expect_heard(2).await;
    let titled = "select count(*) from notices where title = '“Rust for beginners” is open'";
    assert_eq!(world.count(titled).await, 1);
}

#[tokio::test]
async fn copies_keep_the_newest_version_whatever_comes_last() {
    let world = World::new().await;
    let (user, run) = (Uuid::new_v4(), Uuid::new_v4());
    let _hearing = world.hear();
    for event in [profile_changed(user, 5, "ru"), run_published(run, 5, "New")] {
        world.announce(event).await;
    }
    world.expect_heard(2).await;
    for event in [profile_changed(user, 4, "en"), run_published(run, 4, "Old")] {
        world.announce(event).await;
    }
    world.expect_heard(4).await;
    assert_eq!(world.count("select count(*) from recipients where language = 'ru' and version = 5").await, 1);
    assert_eq!(world.count("select count(*) from runs where title = 'New' and version = 5").await, 1);
}

#[tokio::test]
async fn a_code_that_arrives_after_its_end_is_not_sent() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    let _hearing = world.hear();
    world.announce(code_issued(user, world.clock.now())).await;
    world.expect_heard(1).await;
    assert_eq!(world.count("select count(*) from deliveries").await, 0);
}

#[tokio::test]
async fn an_event_that_makes_no_sense_becomes_a_dead_letter_and_nobody_is_told() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    let _hearing = world.hear();
    let failed = PaymentFailed { order_id: "42".to_owned(), buyer_id: user.to_string(), ..PaymentFailed::default() };
    world.announce(Event::new(&failed, "order", Uuid::new_v4(), 1)).await;
    let dead = testkit::eventually("a dead letter", crate::helpers::SOON, async || {
        bus::dead_letter::list(&world.database.pool).await.ok()?.pop()
    });
    assert!(dead.await.reason.contains("order_id"));
    assert_eq!(world.count("select count(*) from notices").await, 0);
}
