//! From the order to the first lesson, and from there to the end of the course.

use proto::lyceum::analytics::v1::{
    FunnelStep, GetCompletionFunnelRequest, GetLessonDropOffRequest, GetSalesFunnelRequest,
};
use tonic::Code;

use crate::asking::{Office, RUN, finished, granted, id, learnt, paid, placed, published, refunded, started, wrong};

fn counts(steps: &[FunnelStep]) -> Vec<(&str, i64, i32, i32)> {
    let count = |step: &FunnelStep| (step.count, step.of_first_basis_points, step.of_previous_basis_points);
    steps.iter().map(|step| (step.name.as_str(), count(step).0, count(step).1, count(step).2)).collect()
}

#[tokio::test]
async fn orders_are_followed_from_the_day_on_which_they_were_placed() {
    let office = Office::new().await;
    let mut events = vec![
        // Placed on the last minute of 31 October in Moscow, paid in November: of October.
        placed(1, 100, "2026-10-31T20:59:00Z"),
        paid(1, 100, "2026-11-20T10:00:00Z"),
        placed(2, 100, "2026-10-31T21:00:00Z"),
        placed(3, 100, "2026-11-05T10:00:00Z"),
        paid(3, 100, "2026-11-05T10:01:00Z"),
        placed(4, 100, "2026-11-06T10:00:00Z"),
        paid(4, 100, "2026-11-06T10:01:00Z"),
        // Two courses of one order, learnt in one.
        granted(41, 4, "2026-11-06T10:01:00Z"),
        granted(42, 4, "2026-11-06T10:01:00Z"),
        started(41, 4, "2026-11-06T10:02:00Z"),
        started(42, 4, "2026-11-06T10:02:00Z"),
        learnt(42, 4, 1, "2026-11-20T10:00:00Z"),
        // Enrolled, never begun, and refunded.
        placed(5, 100, "2026-11-07T10:00:00Z"),
        paid(5, 100, "2026-11-07T10:01:00Z"),
        granted(51, 5, "2026-11-07T10:01:00Z"),
        started(51, 5, "2026-11-07T10:02:00Z"),
        refunded(5, 100, "2026-11-08T10:02:00Z"),
    ];
    events.reverse();
    office.world.hear(&events).await;
    let request = GetSalesFunnelRequest { from: "2026-11-01".to_owned(), to: "2026-11-30".to_owned() };
    let funnel = office.ask().get_sales_funnel(request).await.unwrap().into_inner();
    let expected = [
        ("ORDER_PLACED", 4, 10_000, 10_000),
        ("ORDER_PAID", 3, 7_500, 7_500),
        ("ENROLLED", 2, 5_000, 6_667),
        ("FIRST_LESSON", 1, 2_500, 5_000),
    ];
    assert_eq!(counts(&funnel.steps), expected);
    let bad = GetSalesFunnelRequest::default();
    assert_eq!(wrong(&office.ask().get_sales_funnel(bad).await.unwrap_err()), ["from", "to"]);
}

/// Five learners of a run with four required lessons and an optional one: from nothing at all to everything.
async fn taught() -> Office {
    let office = Office::new().await;
    let at = "2026-11-10T10:00:00Z";
    let lessons = [(1, true), (2, true), (9, false), (3, true), (4, true)];
    let mut events = vec![published("Rust", &lessons, at)];
    events.extend((1..=5).map(|learner| started(100 + learner, learner, at)));
    let done: [&[u128]; 5] = [&[], &[9], &[1, 3], &[3, 2, 1, 4], &[1, 2, 3]];
    for (learner, lessons) in (1..).zip(done) {
        events.extend(lessons.iter().map(|lesson| learnt(100 + learner, learner, *lesson, at)));
    }
    events.push(finished(104, 4, at));
    // Of another enrolment that never started here, and of a lesson that is gone.
    events.push(learnt(199, 9, 1, at));
    events.push(learnt(101, 1, 77, at));
    events.reverse();
    office.world.hear(&events).await;
    office
}

#[tokio::test]
async fn learners_of_a_run_are_counted_by_quarters_of_what_is_required() {
    let office = taught().await;
    let request = GetCompletionFunnelRequest { run_id: id(RUN) };
    let funnel = office.ask().get_completion_funnel(request.clone()).await.unwrap().into_inner();
    assert_eq!((funnel.run_id.as_str(), funnel.title.as_str()), (id(RUN).as_str(), "Rust"));
    let expected = [
        ("ENROLLED", 5, 10_000, 10_000),
        ("FIRST_LESSON", 5, 10_000, 10_000),
        ("QUARTER", 3, 6_000, 6_000),
        ("HALF", 3, 6_000, 10_000),
        ("THREE_QUARTERS", 2, 4_000, 6_667),
        ("COMPLETED", 1, 2_000, 5_000),
    ];
    assert_eq!(counts(&funnel.steps), expected);
    // A later version requires two of what nobody has done: only who finished stays.
    office.world.hear(&[published("Rust 2", &[(5, true), (6, true)], "2026-11-11T10:00:00Z")]).await;
    let funnel = office.ask().get_completion_funnel(request).await.unwrap().into_inner();
    assert_eq!(funnel.title, "Rust 2");
    assert_eq!(funnel.steps.iter().map(|step| step.count).collect::<Vec<_>>(), [5, 5, 1, 1, 1, 1]);
}

#[tokio::test]
async fn learners_stop_at_the_last_lesson_that_they_completed() {
    let office = taught().await;
    let request = GetLessonDropOffRequest { run_id: id(RUN) };
    let report = office.ask().get_lesson_drop_off(request).await.unwrap().into_inner();
    assert_eq!(report.enrolled, 5);
    let rows: Vec<_> = report
        .rows
        .iter()
        .map(|row| (row.title.as_str(), row.required, row.completed, row.of_enrolled_basis_points, row.stopped_here))
        .collect();
    let expected = [
        ("Lesson 1", true, 3, 6_000, 0),
        ("Lesson 2", true, 2, 4_000, 0),
        ("Lesson 9", false, 1, 2_000, 1),
        ("Lesson 3", true, 3, 6_000, 2),
        ("Lesson 4", true, 1, 2_000, 0),
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_run_that_nobody_published_is_not_found() {
    let office = Office::new().await;
    let request = GetCompletionFunnelRequest { run_id: id(1) };
    let refused = office.ask().get_completion_funnel(request).await.unwrap_err();
    assert_eq!((refused.code(), rpc::Problem::from(&refused).reason.as_str()), (Code::NotFound, "RUN_NOT_FOUND"));
    let refused = office.ask().get_lesson_drop_off(GetLessonDropOffRequest { run_id: "x".into() }).await.unwrap_err();
    assert_eq!(wrong(&refused), ["run_id"]);
}
