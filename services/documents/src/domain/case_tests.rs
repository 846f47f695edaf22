use time::macros::{date, datetime};
use values::Id;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);
const LATER: OffsetDateTime = datetime!(2026-03-02 10:00 UTC);
const TODAY: Date = date!(2026 - 03 - 02);
const YESTERDAY: Date = date!(2026 - 03 - 01);
const NEXT_YEAR: Option<Date> = Some(date!(2027 - 03 - 02));

fn case(state: State) -> Case {
    let id = Id::new(NOW);
    let opened = Case::submit(id, Id::new(NOW), PaperKind::Identity, vec![Id::new(NOW)], NEXT_YEAR, None, (TODAY, NOW));
    Case { state, ..opened.unwrap() }
}

fn by(reviewer: UserId) -> Approval {
    Approval { by: reviewer, until: NEXT_YEAR }
}

/// Every state there is.
fn states() -> [State; 8] {
    [
        State::Checking { deadline: LATER },
        State::InReview,
        State::ApprovedOnce(by(Id::new(NOW))),
        State::Verified { until: NEXT_YEAR },
        State::Rejected(Reason::Unreadable),
        State::Withdrawn,
        State::Expired { until: YESTERDAY },
        State::Revoked(Reason::Forged),
    ]
}

#[test]
fn a_case_begins_with_the_document_system_or_with_people() {
    let open = |claimed, deadline| {
        Case::submit(Id::new(NOW), Id::new(NOW), PaperKind::Education, vec![], claimed, deadline, (TODAY, NOW))
    };
    assert_eq!(open(None, None).unwrap().state, State::InReview);
    assert_eq!(open(None, Some(LATER)).unwrap().state, State::Checking { deadline: LATER });
    assert_eq!(open(Some(TODAY), None).unwrap().until(), Some(TODAY), "the last day is included");
    assert_eq!(open(Some(YESTERDAY), None), Err(Refusal::PaperOutOfDate));
}

#[test]
fn two_different_people_verify() {
    let (anna, boris) = (Id::new(NOW), Id::new(NOW));
    let once = case(State::InReview).approve(by(anna), TODAY, NOW).unwrap();
    assert_eq!((once.state, once.version), (State::ApprovedOnce(by(anna)), 2));
    assert_eq!(once.clone().approve(by(anna), TODAY, LATER), Err(Refusal::SameReviewer));
    let twice = once.approve(by(boris), TODAY, LATER).unwrap();
    assert_eq!((twice.state, twice.version, twice.updated_at), (State::Verified { until: NEXT_YEAR }, 3, LATER));
    assert_eq!(twice.approve(by(Id::new(NOW)), TODAY, LATER), Err(Refusal::CaseDecided));
}

#[test]
fn both_read_the_same_last_day_and_the_first_may_correct_theirs() {
    let (anna, boris) = (Id::new(NOW), Id::new(NOW));
    let once = case(State::InReview).approve(by(anna), TODAY, NOW).unwrap();
    let other = Approval { by: boris, until: None };
    assert_eq!(once.clone().approve(other, TODAY, NOW), Err(Refusal::DatesDiffer));
    let corrected = once.approve(Approval { by: anna, until: None }, TODAY, NOW).unwrap();
    assert_eq!(corrected.approve(other, TODAY, NOW).unwrap().state, State::Verified { until: None });
    let past = Approval { by: anna, until: Some(YESTERDAY) };
    assert_eq!(case(State::InReview).approve(past, TODAY, NOW), Err(Refusal::PaperOutOfDate));
}

#[test]
fn nobody_reviews_their_own_paper() {
    let own = case(State::InReview);
    let tutor = own.tutor;
    assert_eq!(own.clone().approve(by(tutor), TODAY, NOW), Err(Refusal::OwnPaper));
    assert_eq!(own.reject(tutor, Reason::Other, String::new(), NOW), Err(Refusal::OwnPaper));
    let verified = case(State::Verified { until: None });
    let tutor = verified.tutor;
    assert_eq!(verified.revoke(tutor, Reason::Other, String::new(), NOW), Err(Refusal::OwnPaper));
}

#[test]
fn each_state_allows_what_it_allows() {
    for state in states() {
        let (reviewer, name) = (Id::new(NOW), state.name().as_str());
        let may = |names: &[&str]| names.contains(&name);
        let case = case(state);
        assert_eq!(case.clone().withdraw(NOW).is_ok(), state.is_open() || name == "withdrawn", "withdraw {name}");
        assert_eq!(case.clone().escalate(NOW).is_ok(), state.is_open(), "escalate {name}");
        let approved = case.clone().approve(by(reviewer), TODAY, NOW);
        assert_eq!(approved.is_ok(), may(&["in_review", "approved_once"]), "approve {name}");
        let rejected = case.clone().reject(reviewer, Reason::Other, String::new(), NOW);
        assert_eq!(rejected.is_ok(), may(&["in_review", "approved_once"]), "reject {name}");
        let revoked = case.clone().revoke(reviewer, Reason::Forged, String::new(), NOW);
        assert_eq!(revoked.is_ok(), may(&["verified"]), "revoke {name}");
        assert_eq!(case.clone().expire(date!(2028 - 01 - 01), NOW).is_some(), may(&["verified"]), "expire {name}");
        let outcome = case.apply(Finding::Verified(None), TODAY, NOW);
        assert_eq!(matches!(outcome, AnswerOutcome::Changed(_)), may(&["checking"]), "apply {name}");
        assert_eq!(outcome == AnswerOutcome::Noted, may(&["in_review", "approved_once"]), "note {name}");
    }
}

#[test]
fn doing_nothing_changes_no_version() {
    let withdrawn = case(State::Withdrawn);
    assert_eq!(withdrawn.clone().withdraw(LATER), Ok(withdrawn));
    let waiting = case(State::InReview);
    assert_eq!(waiting.clone().escalate(LATER), Ok(waiting));
}

#[test]
fn the_document_system_decides_what_it_was_asked() {
    let applied = |finding| match case(State::Checking { deadline: LATER }).apply(finding, TODAY, NOW) {
        AnswerOutcome::Changed(case) => case.state,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        applied(Finding::Verified(None)),
        State::Verified { until: NEXT_YEAR },
        "the tutor's word where it has none"
    );
    assert_eq!(applied(Finding::Verified(Some(TODAY))), State::Verified { until: Some(TODAY) });
    assert_eq!(applied(Finding::Verified(Some(YESTERDAY))), State::Rejected(Reason::OutOfDate));
    assert_eq!(applied(Finding::Rejected(Reason::Forged)), State::Rejected(Reason::Forged));
    assert_eq!(applied(Finding::Failed), State::InReview);
}

#[test]
fn a_paper_runs_out_the_day_after_its_last() {
    let verified = case(State::Verified { until: Some(TODAY) });
    assert_eq!(verified.clone().expire(TODAY, NOW), None);
    let expired = verified.expire(date!(2026 - 03 - 03), NOW).unwrap();
    assert_eq!(expired.state, State::Expired { until: TODAY });
    assert_eq!(case(State::Verified { until: None }).expire(Date::MAX, NOW), None);
}

#[test]
fn reminders_come_thirty_seven_and_one_days_before() {
    let until = date!(2026 - 06 - 30);
    let due = |today| reminder(until, today);
    assert_eq!(due(date!(2026 - 05 - 30)), None, "31 days");
    assert_eq!(due(date!(2026 - 05 - 31)), Some(30));
    assert_eq!(due(date!(2026 - 06 - 22)), Some(30), "8 days");
    assert_eq!(due(date!(2026 - 06 - 23)), Some(7));
    assert_eq!(due(date!(2026 - 06 - 28)), Some(7), "2 days");
    assert_eq!(due(date!(2026 - 06 - 29)), Some(1));
    assert_eq!(due(until), Some(1), "the last day");
    assert_eq!(due(date!(2026 - 07 - 01)), None);
}
