//! Handing papers in, taking them back, and what a tutor sees of it.

use proto::lyceum::documents::v1::{
    GetMyVerificationCaseRequest, ListMyVerificationCasesRequest, PaperKind, SubmitPaperRequest, WithdrawPaperRequest,
    verification_case::State,
};
use uuid::Uuid;

use crate::desk::{Desk, history, keyed, reason};

#[tokio::test]
async fn a_paper_is_handed_in_for_people_to_review() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    let case = desk.submit(tutor, PaperKind::Identity, "2031-05-31").await;
    assert_eq!(
        (case.state(), case.kind(), case.valid_until.as_deref()),
        (State::InReview, PaperKind::Identity, Some("2031-05-31"))
    );
    assert_eq!((case.tutor_id, case.deadline, case.file_ids.len()), (tutor.to_string(), None, 1));
    assert_eq!(case.history[0].what, "submitted");
    let status = desk.status(tutor).await;
    assert!(!status.verified && status.valid_until.is_none());
    let kinds: Vec<_> = status.papers.iter().map(|paper| (paper.kind(), paper.latest.is_some())).collect();
    assert_eq!(kinds, [(PaperKind::Identity, true), (PaperKind::Education, false)]);
}

#[tokio::test]
async fn the_same_key_gives_the_same_case() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    let request = desk.submission(tutor, PaperKind::Identity, "").await;
    let key = Uuid::new_v4().to_string();
    let one = desk.papers_of(tutor).submit_paper(keyed(request.clone(), &key)).await.unwrap().into_inner();
    let two = desk.papers_of(tutor).submit_paper(keyed(request, &key)).await.unwrap().into_inner();
    assert_eq!(one.case_id, two.case_id);
}

#[tokio::test]
async fn one_case_a_kind_is_open_at_a_time() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    let first = desk.submit(tutor, PaperKind::Identity, "").await;
    assert_eq!(reason(desk.try_submit(tutor, PaperKind::Identity, "").await), "CASE_OPEN");
    desk.submit(tutor, PaperKind::Education, "").await;
    desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    desk.reject(Uuid::new_v4(), &first, "UNREADABLE").await.unwrap();
    desk.submit(tutor, PaperKind::Identity, "").await;
}

#[tokio::test]
async fn of_many_at_once_one_opens_a_case() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    let tries = (0..6).map(|_| desk.try_submit(tutor, PaperKind::Identity, ""));
    let (opened, refused): (Vec<_>, Vec<_>) =
        futures::future::join_all(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!((opened.len(), refused.len()), (1, 5));
    for refused in refused {
        assert_eq!(reason(refused), "CASE_OPEN");
    }
}

#[tokio::test]
async fn the_index_itself_refuses_a_second_open_case() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    let case = desk.submit(tutor, PaperKind::Identity, "").await;
    let twice = sqlx::query(
        "insert into verification_cases
         select gen_random_uuid(), tutor_id, kind, state, claimed_until, valid_until, reason, comment, deadline, version,
                created_at, updated_at
         from verification_cases
         where case_id = $1::uuid",
    )
    .bind(&case.case_id)
    .execute(&desk.db.pool)
    .await
    .unwrap_err();
    assert!(pg::violated(&twice, documents::store::cases::OPEN_KEY), "{twice}");
}

#[tokio::test]
async fn only_papers_of_ones_own_that_are_in_date_are_taken() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    // The school's day is Moscow's: Monday, 2 March 2026.
    assert_eq!(reason(desk.try_submit(tutor, PaperKind::Identity, "2026-03-01").await), "PAPER_OUT_OF_DATE");
    desk.clock.set(time::macros::datetime!(2026-03-02 21:00 UTC));
    assert_eq!(reason(desk.try_submit(tutor, PaperKind::Identity, "2026-03-02").await), "PAPER_OUT_OF_DATE");
    for file in
        [desk.file(Uuid::new_v4(), "paper").await, desk.file(tutor, "homework").await, Uuid::new_v4().to_string()]
    {
        let request = SubmitPaperRequest {
            kind: PaperKind::Identity.into(),
            file_ids: vec![desk.file(tutor, "paper").await, file],
            valid_until: None,
        };
        assert_eq!(reason(desk.papers_of(tutor).submit_paper(request).await), "NOT_A_PAPER");
    }
    for bad in [
        SubmitPaperRequest { kind: 0, file_ids: vec![], valid_until: Some("soon".into()) },
        SubmitPaperRequest { kind: 99, file_ids: vec!["x".into()], valid_until: Some("2031-02-30".into()) },
        SubmitPaperRequest { kind: 1, file_ids: vec![Uuid::new_v4().to_string(); 11], valid_until: None },
    ] {
        assert_eq!(reason(desk.papers_of(tutor).submit_paper(bad).await), "INVALID");
    }
}

#[tokio::test]
async fn a_case_is_withdrawn_before_it_is_decided_and_twice_is_once() {
    let (desk, tutor) = (Desk::new().await, Uuid::new_v4());
    let case = desk.submit(tutor, PaperKind::Identity, "").await;
    let withdraw = async || {
        let request = WithdrawPaperRequest { case_id: case.case_id.clone() };
        desk.papers_of(tutor).withdraw_paper(request).await.map(tonic::Response::into_inner)
    };
    assert_eq!(withdraw().await.unwrap().state(), State::Withdrawn);
    assert_eq!(history(&withdraw().await.unwrap()), ["submitted", "withdrawn"]);
    assert_eq!(reason(desk.approve(Uuid::new_v4(), &case, "").await), "CASE_DECIDED");
    let next = desk.verified(tutor, PaperKind::Identity, "").await;
    let request = WithdrawPaperRequest { case_id: next.case_id.clone() };
    assert_eq!(reason(desk.papers_of(tutor).withdraw_paper(request).await), "CASE_DECIDED");
    let request = WithdrawPaperRequest { case_id: next.case_id };
    assert_eq!(reason(desk.papers_of(Uuid::new_v4()).withdraw_paper(request).await), "CASE_NOT_FOUND");
}

#[tokio::test]
async fn a_tutor_sees_their_own_cases_page_by_page_and_not_who_reviewed_them() {
    let (desk, tutor, reviewer) = (Desk::new().await, Uuid::new_v4(), Uuid::new_v4());
    let mut cases = Vec::new();
    for kind in [PaperKind::Identity, PaperKind::Education, PaperKind::TaxStatus] {
        cases.push(desk.submit(tutor, kind, "").await.case_id);
    }
    desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    cases.reverse();
    let mut listed = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListMyVerificationCasesRequest { page_size: 2, page_token };
        let page = desk.papers_of(tutor).list_my_verification_cases(request).await.unwrap().into_inner();
        listed.extend(page.cases.into_iter().map(|case| case.case_id));
        let Some(next) = page.next_page_token else { break };
        page_token = next;
    }
    assert_eq!(listed, cases, "newest first");

    let request = GetMyVerificationCaseRequest { case_id: cases[0].clone() };
    let case = desk.papers_of(tutor).get_my_verification_case(request.clone()).await.unwrap().into_inner();
    desk.reject(reviewer, &case, "NAME_DIFFERS").await.unwrap();
    let case = desk.papers_of(tutor).get_my_verification_case(request.clone()).await.unwrap().into_inner();
    assert_eq!((case.reason.as_deref(), case.comment.as_deref()), (Some("NAME_DIFFERS"), Some("Не видно даты")));
    let actors: Vec<_> = case.history.iter().map(|entry| entry.actor.clone()).collect();
    assert_eq!(actors, [format!("user:{tutor}"), "reviewer".to_owned()]);
    assert_eq!(desk.look(&case).await.history[1].actor, format!("user:{reviewer}"), "staff does");
    assert_eq!(reason(desk.papers_of(Uuid::new_v4()).get_my_verification_case(request).await), "CASE_NOT_FOUND");
}
