//! Papers run out, tutors are reminded, and the standing follows.

use documents::{config::Papers, jobs};
use proto::lyceum::{
    documents::v1::{ExportTutorsRequest, PaperKind, verification_case::State},
    events::v1::{DocumentExpired, DocumentExpiring, TutorVerificationEnded, TutorVerified},
};
use time::macros::datetime;
use uuid::Uuid;

use crate::desk::{Desk, reason};

/// A tutor with both papers, of which the identity runs out on 30 June in Moscow.
async fn tutor(desk: &Desk) -> (Uuid, proto::lyceum::documents::v1::VerificationCase) {
    let tutor = Uuid::new_v4();
    desk.verified(tutor, PaperKind::Education, "").await;
    let identity = desk.verified(tutor, PaperKind::Identity, "2026-06-30").await;
    (tutor, identity)
}

#[tokio::test]
async fn reminders_come_once_each_and_the_paper_runs_out_by_the_schools_day() {
    let desk = Desk::new().await;
    let (tutor, identity) = tutor(&desk).await;
    let reminders = async || {
        let announced = desk.announced().await;
        announced.iter().filter_map(|event| event.decode::<DocumentExpiring>()).map(|e| e.days_left).collect::<Vec<_>>()
    };
    // 20:59 UTC is the 30th of May in Moscow, 21:00 the 31st: thirty days before.
    for (at, expected) in [
        (datetime!(2026-05-30 20:59 UTC), vec![]),
        (datetime!(2026-05-30 21:00 UTC), vec![30]),
        (datetime!(2026-06-15 09:00 UTC), vec![30]),
        (datetime!(2026-06-23 09:00 UTC), vec![30, 7]),
        (datetime!(2026-06-29 09:00 UTC), vec![30, 7, 1]),
        (datetime!(2026-06-30 20:59 UTC), vec![30, 7, 1]),
    ] {
        desk.clock.set(at);
        // Twice, and by several replicas at once.
        tokio::join!(desk.day_passes(), desk.day_passes());
        desk.day_passes().await;
        assert_eq!(reminders().await, expected, "{at}");
    }
    assert!(desk.status(tutor).await.verified);
    desk.clock.set(datetime!(2026-06-30 21:00 UTC));
    assert!(!desk.status(tutor).await.verified, "nobody has to notice first");
    tokio::join!(desk.day_passes(), desk.day_passes());
    let case = desk.look(&identity).await;
    assert_eq!((case.state(), case.valid_until.as_deref()), (State::Expired, Some("2026-06-30")));
    let announced = desk.announced().await;
    let expired: Vec<_> = announced.iter().filter_map(|event| event.decode::<DocumentExpired>()).collect();
    assert_eq!((expired.len(), expired[0].kind.as_str()), (1, "PAPER_KIND_IDENTITY"));
    let ended: Vec<_> = announced.iter().filter_map(|event| event.decode::<TutorVerificationEnded>()).collect();
    assert_eq!((ended.len(), ended[0].reason.as_str()), (1, "EXPIRED"));
    let versions: Vec<_> = announced
        .iter()
        .filter(|event| event.aggregate_id.to_string() == identity.case_id)
        .map(|event| event.aggregate_version)
        .collect();
    assert!(versions.is_sorted_by(|one, other| one < other), "each event has a version of its own: {versions:?}");
}

#[tokio::test]
async fn the_key_itself_refuses_a_reminder_twice() {
    let desk = Desk::new().await;
    let (_, identity) = tutor(&desk).await;
    let remind = async || {
        let conn = &mut *desk.db.pool.acquire().await.unwrap();
        let now = values::Clock::now(&desk.clock);
        documents::store::cases::remind(conn, identity.case_id.parse().unwrap(), 30, now).await.unwrap()
    };
    let (one, two) = tokio::join!(remind(), remind());
    assert!(one != two, "{one} {two}");
}

#[tokio::test]
async fn a_paper_that_was_renewed_runs_out_in_silence() {
    let desk = Desk::new().await;
    let (tutor, old) = tutor(&desk).await;
    desk.clock.set(datetime!(2026-06-15 09:00 UTC));
    desk.verified(tutor, PaperKind::Identity, "2031-05-31").await;
    let announced = desk.announced().await;
    let news: Vec<_> = announced.iter().filter_map(|event| event.decode::<TutorVerified>()).collect();
    assert_eq!(news.iter().map(|event| event.valid_until.as_str()).collect::<Vec<_>>(), ["2026-06-30", "2031-05-31"]);
    let before = announced.len();
    desk.clock.set(datetime!(2026-07-01 09:00 UTC));
    desk.day_passes().await;
    assert_eq!(desk.look(&old).await.state(), State::Expired);
    assert_eq!(desk.announced().await.len(), before);
    assert!(desk.status(tutor).await.verified);
}

#[tokio::test]
async fn a_school_that_asks_for_more_papers_takes_teaching_back_and_one_that_asks_for_fewer_gives_it() {
    let desk = Desk::new().await;
    let (tutor, _) = tutor(&desk).await;
    let papers = |asked: &str| Papers { asked: asked.parse().unwrap(), system: None };
    let stricter = desk.decided(papers("identity,education,tax_status"));
    jobs::paper::renew_standings(&stricter).await.unwrap();
    jobs::paper::renew_standings(&stricter).await.unwrap();
    assert!(!desk.status(tutor).await.verified);
    jobs::paper::renew_standings(&desk.decided(papers("education"))).await.unwrap();
    assert!(desk.status(tutor).await.verified);
    assert_eq!(desk.event_names().await[2..], ["TutorVerified", "TutorVerificationEnded", "TutorVerified"]);
}

#[tokio::test]
async fn every_standing_is_exported_with_its_version() {
    let desk = Desk::new().await;
    let (one, identity) = tutor(&desk).await;
    let (two, _) = tutor(&desk).await;
    desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    desk.revoke(Uuid::new_v4(), &identity, "FORGED").await.unwrap();
    let export = async |after: &str| {
        let request = ExportTutorsRequest { after_tutor_id: after.to_owned() };
        let mut stream = desk.exports().export_tutors(request).await.unwrap().into_inner();
        let mut all = Vec::new();
        while let Some(tutor) = stream.message().await.unwrap() {
            all.push((tutor.tutor_id, tutor.verified, tutor.valid_until, tutor.version));
        }
        all
    };
    let mut expected =
        vec![(one.to_string(), false, None, 2), (two.to_string(), true, Some("2026-06-30".to_owned()), 1)];
    expected.sort();
    assert_eq!(export("").await, expected, "who was never told about is not exported");
    assert_eq!(export(&expected[0].0).await, expected[1..]);
    let request = ExportTutorsRequest::default();
    assert_eq!(reason(desk.reviewing(Uuid::new_v4()).export_tutors(request).await.map(|_| ())), "SERVICE_ONLY");
}
