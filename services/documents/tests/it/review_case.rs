//! Two people believe a paper, one rejects it, one takes it back.

use proto::lyceum::{
    documents::v1::{
        CreateCaseFileLinksRequest, EscalateCaseRequest, ListVerificationCasesRequest, PaperKind,
        verification_case::State,
    },
    events::v1::{DocumentRejected, DocumentVerified, TutorVerificationEnded, TutorVerified},
};
use uuid::Uuid;

use crate::desk::{Desk, history, reason};

#[tokio::test]
async fn two_people_verify_and_everybody_hears_of_it() {
    let (desk, tutor, anna, boris) = (Desk::new().await, Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    let case = desk.submit(tutor, PaperKind::Identity, "2031-05-31").await;
    assert_eq!(desk.approve(anna, &case, "2031-05-31").await.unwrap().state(), State::ApprovedOnce);
    assert_eq!(reason(desk.approve(anna, &case, "2031-05-31").await), "SAME_REVIEWER");
    assert_eq!(reason(desk.approve(boris, &case, "2032-05-31").await), "DATES_DIFFER");
    assert_eq!(reason(desk.approve(boris, &case, "2020-05-31").await), "PAPER_OUT_OF_DATE");
    assert!(desk.announced().await.is_empty());
    let verified = desk.approve(boris, &case, "2031-05-31").await.unwrap();
    assert_eq!((verified.state(), verified.valid_until.as_deref()), (State::Verified, Some("2031-05-31")));
    assert_eq!(history(&verified), ["submitted", "approved", "approved"]);
    assert_eq!(desk.event_names().await, ["DocumentVerified"], "another paper is asked for");
    let event = desk.announced().await[0].clone();
    let document = event.decode::<DocumentVerified>().unwrap();
    assert_eq!((document.kind.as_str(), document.valid_until.as_str()), ("PAPER_KIND_IDENTITY", "2031-05-31"));
    assert_eq!((event.aggregate_version, event.actor), (3, format!("user:{boris}")));

    desk.verified(tutor, PaperKind::Education, "").await;
    assert_eq!(desk.event_names().await[1..], ["DocumentVerified", "TutorVerified"]);
    let announced = desk.announced().await;
    let event = announced.iter().find_map(|event| event.decode::<TutorVerified>()).unwrap();
    assert_eq!((event.tutor_id, event.valid_until.as_str()), (tutor.to_string(), "2031-05-31"));
    let status = desk.status(tutor).await;
    assert_eq!((status.verified, status.valid_until.as_deref()), (true, Some("2031-05-31")));
}

#[tokio::test]
async fn one_person_who_approves_many_times_at_once_approves_once() {
    let (desk, anna) = (Desk::new().await, Uuid::new_v4());
    let case = desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    let tries = (0..6).map(|_| desk.approve(anna, &case, ""));
    let (approved, refused): (Vec<_>, Vec<_>) =
        futures::future::join_all(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!((approved.len(), refused.len()), (1, 5));
    for refused in refused {
        assert_eq!(reason(refused), "SAME_REVIEWER");
    }
    assert_eq!(desk.look(&case).await.state(), State::ApprovedOnce);
}

#[tokio::test]
async fn of_many_people_at_once_two_verify() {
    let desk = Desk::new().await;
    let case = desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    let tries = (0..6).map(|_| desk.approve(Uuid::new_v4(), &case, ""));
    let (approved, refused): (Vec<_>, Vec<_>) =
        futures::future::join_all(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!((approved.len(), refused.len()), (2, 4));
    for refused in refused {
        assert_eq!(reason(refused), "CASE_DECIDED");
    }
    assert_eq!(desk.event_names().await, ["DocumentVerified"]);
    let approvals: i64 =
        sqlx::query_scalar("select count(*) from case_approvals").fetch_one(&desk.db.pool).await.unwrap();
    assert_eq!(approvals, 2);
}

#[tokio::test]
async fn the_key_itself_refuses_both_approvals_by_one_person() {
    let (desk, anna) = (Desk::new().await, Uuid::new_v4());
    let case = desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    desk.approve(anna, &case, "").await.unwrap();
    let approval = documents::domain::case::Approval { by: values::Id::from_uuid(anna), until: None };
    let conn = &mut *desk.db.pool.acquire().await.unwrap();
    let twice = documents::store::cases::approve(
        conn,
        case.case_id.parse().unwrap(),
        approval,
        values::Clock::now(&desk.clock),
    );
    let twice = twice.await.unwrap_err();
    assert!(pg::violated(&twice, documents::store::cases::APPROVALS_PK), "{twice}");
}

#[tokio::test]
async fn whoever_approved_first_may_correct_the_last_day() {
    let (desk, anna) = (Desk::new().await, Uuid::new_v4());
    let case = desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    desk.approve(anna, &case, "2013-05-31").await.unwrap_err();
    desk.approve(anna, &case, "2030-05-31").await.unwrap();
    let corrected = desk.approve(anna, &case, "2031-05-31").await.unwrap();
    assert_eq!((corrected.state(), corrected.valid_until.as_deref()), (State::ApprovedOnce, Some("2031-05-31")));
    assert_eq!(desk.approve(Uuid::new_v4(), &case, "2031-05-31").await.unwrap().state(), State::Verified);
}

#[tokio::test]
async fn nobody_reviews_their_own_paper_and_nobody_without_permission() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    let case = desk.submit(tutor, PaperKind::Identity, "").await;
    assert_eq!(reason(desk.approve(tutor, &case, "").await), "OWN_PAPER");
    assert_eq!(reason(desk.reject(tutor, &case, "OTHER").await), "OWN_PAPER");
    let request = ListVerificationCasesRequest::default();
    let answer = desk.reviewing_without_permission(tutor).list_verification_cases(request).await;
    assert_eq!(reason(answer), "PERMISSION_DENIED");
}

#[tokio::test]
async fn one_person_rejects_with_a_reason() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    let case = desk.submit(tutor, PaperKind::Identity, "").await;
    assert_eq!(reason(desk.reject(Uuid::new_v4(), &case, "UGLY").await), "INVALID");
    let rejected = desk.reject(Uuid::new_v4(), &case, "UNREADABLE").await.unwrap();
    assert_eq!((rejected.state(), rejected.reason.as_deref()), (State::Rejected, Some("UNREADABLE")));
    assert_eq!(reason(desk.reject(Uuid::new_v4(), &case, "UNREADABLE").await), "CASE_DECIDED");
    let announced = desk.announced().await;
    let event = announced[0].decode::<DocumentRejected>().unwrap();
    assert_eq!((event.tutor_id, event.reason.as_str(), announced.len()), (tutor.to_string(), "UNREADABLE", 1));
}

#[tokio::test]
async fn a_verification_that_is_taken_back_ends_the_standing() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    let identity = desk.verified(tutor, PaperKind::Identity, "").await;
    desk.verified(tutor, PaperKind::Education, "").await;
    assert!(desk.status(tutor).await.verified);
    let revoked = desk.revoke(Uuid::new_v4(), &identity, "FORGED").await.unwrap();
    assert_eq!((revoked.state(), revoked.reason.as_deref()), (State::Revoked, Some("FORGED")));
    assert_eq!(reason(desk.revoke(Uuid::new_v4(), &identity, "FORGED").await), "CASE_NOT_VERIFIED");
    assert!(!desk.status(tutor).await.verified);
    assert_eq!(desk.event_names().await[3..], ["DocumentRejected", "TutorVerificationEnded"]);
    let last = desk.announced().await.pop().unwrap();
    let ended = last.decode::<TutorVerificationEnded>().unwrap();
    assert_eq!((ended.reason.as_str(), last.aggregate_version), ("REVOKED", 2));
    desk.verified(tutor, PaperKind::Identity, "").await;
    assert!(desk.status(tutor).await.verified, "another paper, another try");
}

#[tokio::test]
async fn reviewers_list_cases_oldest_first_by_state_and_tutor() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    let first = desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    let second = desk.submit(tutor, PaperKind::Identity, "").await;
    desk.verified(tutor, PaperKind::Education, "").await;
    let list = async |state: State, tutor_id: &str, page_token: &str| {
        let tutor_id = Some(tutor_id.to_owned()).filter(|id| !id.is_empty());
        let (state, page_token) = (state.into(), page_token.to_owned());
        let request = ListVerificationCasesRequest { page_size: 1, page_token, state, tutor_id, ..Default::default() };
        let page = desk.reviewing(Uuid::new_v4()).list_verification_cases(request).await.unwrap().into_inner();
        let ids: Vec<_> = page.cases.into_iter().map(|case| case.case_id).collect();
        (ids, page.next_page_token)
    };
    let (page, next) = list(State::InReview, "", "").await;
    assert_eq!(page, [first.case_id]);
    let (page, next) = list(State::InReview, "", &next.unwrap()).await;
    assert_eq!((page, next), (vec![second.case_id.clone()], None));
    assert_eq!(list(State::InReview, &tutor.to_string(), "").await.0, [second.case_id]);
    assert_eq!(list(State::Verified, "", "").await.0.len(), 1);
    assert_eq!(list(State::Revoked, "", "").await.0.len(), 0);
}

#[tokio::test]
async fn who_looks_at_the_files_stands_in_the_history() {
    let (desk, reviewer) = (Desk::new().await, Uuid::new_v4());
    let case = desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    let request = CreateCaseFileLinksRequest { case_id: case.case_id.clone() };
    let links = desk.reviewing(reviewer).create_case_file_links(request).await.unwrap().into_inner().files;
    assert_eq!((links.len(), links[0].name.as_str(), &links[0].file_id), (1, "passport.pdf", &case.file_ids[0]));
    assert!(links[0].url.contains("X-Amz-Expires=600"), "{}", links[0].url);
    let seen = desk.look(&case).await;
    assert_eq!(history(&seen), ["submitted", "viewed"]);
    assert_eq!(seen.history[1].actor, format!("user:{reviewer}"));
}

#[tokio::test]
async fn what_people_have_already_stays_with_them() {
    let desk = Desk::new().await;
    let case = desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    let request = EscalateCaseRequest { case_id: case.case_id.clone() };
    let escalated = desk.reviewing(Uuid::new_v4()).escalate_case(request).await.unwrap().into_inner();
    assert_eq!((escalated.state(), history(&escalated)), (State::InReview, vec!["submitted"]));
    let request = EscalateCaseRequest { case_id: Uuid::new_v4().to_string() };
    assert_eq!(reason(desk.reviewing(Uuid::new_v4()).escalate_case(request).await), "CASE_NOT_FOUND");
}
