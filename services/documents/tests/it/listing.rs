//! What the staff find in the lists of cases and certificates, and in which order.

use std::sync::Arc;

use documents::{domain::certificate::Completion, flows::issue_certificate};
use proto::{
    lyceum::documents::v1::{
        ListCertificatesRequest, ListVerificationCasesRequest, PaperKind, RevokeCertificateRequest,
        certificate::State as CertificateState, certificate_service_client::CertificateServiceClient,
        list_certificates_request::OrderBy as CertificateOrderBy, list_verification_cases_request::OrderBy,
        verification_case::State,
    },
    wkt::Timestamp,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use values::{Clock, Id, Language};

use crate::{desk::Desk, helpers};

/// The cases that a request finds, page by page, in their order.
async fn cases(desk: &Desk, request: ListVerificationCasesRequest) -> Vec<String> {
    let (mut found, mut page_token) = (vec![], String::new());
    loop {
        let request = ListVerificationCasesRequest { page_size: 2, page_token, ..request.clone() };
        let page = desk.reviewing(Uuid::new_v4()).list_verification_cases(request).await.unwrap().into_inner();
        found.extend(page.cases.into_iter().map(|case| case.case_id));
        match page.next_page_token {
            Some(next) => page_token = next,
            None => return found,
        }
    }
}

fn at(instant: OffsetDateTime) -> Option<Timestamp> {
    Some(instant.into())
}

#[tokio::test]
async fn cases_are_found_by_kind_and_time_oldest_or_newest_first() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    let (mut ids, mut times) = (vec![], vec![]);
    for kind in [PaperKind::Identity, PaperKind::Education, PaperKind::TaxStatus] {
        desk.clock.advance(Duration::HOUR);
        ids.push(desk.submit(tutor, kind, "").await.case_id);
        times.push(desk.clock.now());
    }
    let everything = ListVerificationCasesRequest::default();
    assert_eq!(cases(&desk, everything.clone()).await, ids);
    let newest = ListVerificationCasesRequest { order_by: OrderBy::CreatedAtDesc.into(), ..everything.clone() };
    let backwards: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(cases(&desk, newest.clone()).await, backwards);
    let education = ListVerificationCasesRequest { kind: PaperKind::Education.into(), ..everything.clone() };
    assert_eq!(cases(&desk, education.clone()).await, ids[1..2]);
    let decided = ListVerificationCasesRequest { state: State::Verified.into(), ..education };
    assert!(cases(&desk, decided).await.is_empty());
    let within = |from, before| ListVerificationCasesRequest {
        tutor_id: Some(tutor.to_string()),
        created_from: at(from),
        created_before: at(before),
        ..everything.clone()
    };
    let some = within(times[0], times[2]);
    assert_eq!(cases(&desk, some).await, ids[..2], "the first instant belongs to it, the last not");
    let microsecond = Duration::MICROSECOND;
    assert_eq!(cases(&desk, within(times[1], times[1] + microsecond)).await, ids[1..2]);
    assert!(cases(&desk, within(times[1] + microsecond, times[2])).await.is_empty());
    let since = ListVerificationCasesRequest { created_from: at(times[1]), ..newest };
    assert_eq!(cases(&desk, since).await, backwards[..2]);
}

#[tokio::test]
async fn certificates_are_found_by_state_course_and_time_newest_or_oldest_first() {
    let world = helpers::World::new().await;
    let manager = world.fleet.person(Uuid::new_v4(), &["certificates.manage"]);
    let client = CertificateServiceClient::new(world.door.to(manager));
    let list = async |request: ListCertificatesRequest| {
        let (mut found, mut page_token) = (vec![], String::new());
        loop {
            let request = ListCertificatesRequest { page_size: 2, page_token, ..request.clone() };
            let page = client.clone().list_certificates(request).await.unwrap().into_inner();
            found.extend(page.certificates.into_iter().map(|certificate| certificate.certificate_id));
            match page.next_page_token {
                Some(next) => page_token = next,
                None => return found,
            }
        }
    };
    let (learner, run) = (Id::from_uuid(Uuid::new_v4()), Id::from_uuid(Uuid::new_v4()));
    let mut conn = world.db.pool.acquire().await.unwrap();
    issue_certificate::keep_holder(&mut conn, learner, "Anna Petrova", Language::English, 1).await.unwrap();
    issue_certificate::keep_run(&mut conn, run, "Rust", "en", 1).await.unwrap();
    let mut times = vec![];
    for course in [7, 8, 7] {
        world.clock.advance(Duration::MINUTE);
        let now = world.clock.now();
        let (course, enrolment) = (Id::from_uuid(Uuid::from_u128(course)), Id::from_uuid(Uuid::new_v4()));
        let completion = Completion { enrolment, learner, course, run, course_version: 1, completed_at: now };
        issue_certificate::run(&Arc::clone(&world.app), &mut conn, &completion).await.unwrap();
        times.push(now);
    }
    let everything = ListCertificatesRequest::default();
    let oldest = ListCertificatesRequest { order_by: CertificateOrderBy::IssuedAt.into(), ..everything.clone() };
    let ids = list(oldest.clone()).await;
    let backwards: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!((ids.len(), list(everything.clone()).await), (3, backwards));
    let of_course = ListCertificatesRequest { course_id: Some(Uuid::from_u128(8).to_string()), ..everything.clone() };
    assert_eq!(list(of_course).await, ids[1..2]);
    let revoke = RevokeCertificateRequest { certificate_id: ids[0].clone(), reason: "FRAUD".to_owned() };
    client.clone().revoke_certificate(revoke).await.unwrap();
    let revoked = ListCertificatesRequest { state: CertificateState::Revoked.into(), ..everything.clone() };
    assert_eq!(list(revoked).await, ids[..1]);
    let within = |from, before| ListCertificatesRequest {
        learner_id: Some(learner.to_string()),
        issued_from: at(from),
        issued_before: at(before),
        ..oldest.clone()
    };
    assert_eq!(list(within(times[0], times[2])).await, ids[..2], "the first instant belongs to it, the last not");
    assert!(list(within(times[1] + Duration::MICROSECOND, times[2])).await.is_empty());
}
