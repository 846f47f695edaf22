//! Enrolments by the school's decision, their states and their log.

use courses::flows::expire_enrolments;
use proto::lyceum::{
    courses::v1::{
        CreateEnrolmentRequest, EndEnrolmentRequest, Enrolment, EnrolmentChange, ExtendEnrolmentRequest,
        GetEnrolmentRequest, ListEnrolmentsRequest, PauseEnrolmentRequest, ResumeEnrolmentRequest, Run,
        enrolment::{Mode, State},
        lesson_lock::Reason,
        list_enrolments_request::OrderBy,
    },
    events::v1::{EnrolmentEnded, EnrolmentStarted},
};
use time::OffsetDateTime;
use tonic::{Request, Status};
use uuid::Uuid;

use crate::helpers::{School, instant, locks, reason, run_page, section, text, titled, violations};

async fn enrol(school: &School, learner: Uuid, run: &Run, until: Option<OffsetDateTime>) -> Result<Enrolment, Status> {
    let request = CreateEnrolmentRequest {
        learner_id: learner.to_string(),
        run_id: run.run_id.clone(),
        access_ends_at: until.map(Into::into),
        note: "Стипендия".into(),
    };
    school.enrolments().create_enrolment(request).await.map(tonic::Response::into_inner)
}

async fn history(school: &School, enrolment_id: &str) -> Vec<EnrolmentChange> {
    let request = GetEnrolmentRequest { enrolment_id: enrolment_id.to_owned() };
    school.enrolments().get_enrolment(request).await.unwrap().into_inner().history
}

async fn pause(school: &School, id: &str) -> Result<Enrolment, Status> {
    let request = PauseEnrolmentRequest { enrolment_id: id.to_owned(), note: "Болезнь".into() };
    school.enrolments().pause_enrolment(request).await.map(tonic::Response::into_inner)
}

async fn resume(school: &School, id: &str) -> Result<Enrolment, Status> {
    let request = ResumeEnrolmentRequest { enrolment_id: id.to_owned(), note: String::new() };
    school.enrolments().resume_enrolment(request).await.map(tonic::Response::into_inner)
}

async fn end(school: &School, id: &str) -> Result<Enrolment, Status> {
    let request = EndEnrolmentRequest { enrolment_id: id.to_owned(), note: String::new() };
    school.enrolments().end_enrolment(request).await.map(tonic::Response::into_inner)
}

async fn extend(school: &School, id: &str, until: OffsetDateTime) -> Result<Enrolment, Status> {
    let request =
        ExtendEnrolmentRequest { enrolment_id: id.to_owned(), access_ends_at: instant(until), note: String::new() };
    school.enrolments().extend_enrolment(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn the_school_enrols_without_an_order() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let learner = Uuid::new_v4();
    let made = enrol(&school, learner, &offered.run, Some(school.in_days(30))).await.unwrap();
    assert_eq!((made.state(), made.mode(), made.attempt), (State::Active, Mode::Granted, 1));
    assert_eq!(locks(titled(&school.outline(learner, &offered.run).await, "а")), []);
    let log = history(&school, &made.enrolment_id).await;
    assert_eq!((log[0].reason.as_str(), log[0].note.as_deref()), ("ENROLLED_BY_STAFF", Some("Стипендия")));
    assert!(log[0].actor.starts_with("user:"));
    let announced = school.announced::<EnrolmentStarted>().await;
    assert_eq!((announced[0].enrolment_id.as_str(), announced[0].entitlement_id.as_str()), (&*made.enrolment_id, ""));
    let twice = enrol(&school, learner, &offered.run, None).await.unwrap_err();
    assert_eq!(reason(&twice), "ALREADY_ENROLLED");
}

#[tokio::test]
async fn nobody_is_enrolled_in_what_is_not_there_or_for_a_time_that_is_over() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let learner = Uuid::new_v4();
    let draft = school.run(&offered.course, run_page()).await;
    assert_eq!(reason(&enrol(&school, learner, &draft, None).await.unwrap_err()), "RUN_NOT_PUBLISHED");
    let nowhere = Run { run_id: Uuid::new_v4().to_string(), ..Run::default() };
    assert_eq!(reason(&enrol(&school, learner, &nowhere, None).await.unwrap_err()), "RUN_NOT_FOUND");
    let over = enrol(&school, learner, &offered.run, Some(school.now())).await.unwrap_err();
    assert_eq!(violations(&over), ["access_ends_at"]);
    assert_eq!(reason(&pause(&school, &Uuid::new_v4().to_string()).await.unwrap_err()), "ENROLMENT_NOT_FOUND");
}

#[tokio::test]
async fn many_clicks_enrol_once() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let learner = Uuid::new_v4();
    let clicks = (0..8).map(|_| enrol(&school, learner, &offered.run, None));
    let outcomes = futures::future::join_all(clicks).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refusals = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(refusals.map(reason).all(|reason| reason == "ALREADY_ENROLLED"));
    assert_eq!(school.announced::<EnrolmentStarted>().await.len(), 1);
}

#[tokio::test]
async fn the_database_itself_keeps_a_learner_from_learning_twice_at_a_time() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let made = enrol(&school, Uuid::new_v4(), &offered.run, None).await.unwrap();
    let copy = async |attempt: i32| {
        sqlx::query(
            "insert into enrolments (
                 learner_id, enrolment_id, course_id, run_id, attempt, state, mode, starts_at, ended_at,
                 delay_microseconds, created_at, updated_at, revision
             )
             select learner_id, gen_random_uuid(), course_id, run_id, $2, state, mode, starts_at, ended_at, 0,
                    created_at, updated_at, 1
             from enrolments
             where enrolment_id = $1::uuid",
        )
        .bind(&made.enrolment_id)
        .bind(attempt)
        .execute(&school.db.pool)
        .await
        .unwrap_err()
    };
    assert!(pg::violated(&copy(2).await, "enrolments_live_uk"));
    end(&school, &made.enrolment_id).await.unwrap();
    assert!(pg::violated(&copy(1).await, "enrolments_attempt_uk"));
}

#[tokio::test]
async fn a_repeated_request_enrols_once_and_answers_the_same() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let request = || {
        let mut request = Request::new(CreateEnrolmentRequest {
            learner_id: Uuid::from_u128(77).to_string(),
            run_id: offered.run.run_id.clone(),
            ..Default::default()
        });
        request.metadata_mut().insert(rpc::IDEMPOTENCY_KEY, "enrolment-0001".parse().unwrap());
        request
    };
    let first = school.enrolments().create_enrolment(request()).await.unwrap().into_inner();
    assert_eq!(school.enrolments().create_enrolment(request()).await.unwrap().into_inner(), first);
}

#[tokio::test]
async fn a_pause_locks_everything_and_gives_the_time_back() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let learner = Uuid::new_v4();
    let until = school.in_days(30);
    let id = enrol(&school, learner, &offered.run, Some(until)).await.unwrap().enrolment_id;
    assert_eq!(pause(&school, &id).await.unwrap().state(), State::Paused);
    assert_eq!(reason(&pause(&school, &id).await.unwrap_err()), "ENROLMENT_PAUSED");
    let seen = school.outline(learner, &offered.run).await;
    assert_eq!(locks(titled(&seen, "а")), [Reason::EnrolmentPaused]);

    school.clock.advance(time::Duration::days(40));
    assert_eq!(expire_enrolments::run(&school.app).await.unwrap(), 0, "a paused clock stands still");
    let resumed = resume(&school, &id).await.unwrap();
    assert_eq!(resumed.access_ends_at, instant(until + time::Duration::days(40)));
    assert_eq!(locks(titled(&school.outline(learner, &offered.run).await, "а")), []);
    assert_eq!(reason(&resume(&school, &id).await.unwrap_err()), "ENROLMENT_NOT_PAUSED");
    let reasons: Vec<_> = history(&school, &id).await.into_iter().map(|change| change.reason).collect();
    assert_eq!(reasons, ["ENROLLED_BY_STAFF", "PAUSED_BY_STAFF", "RESUMED_BY_STAFF"]);
}

#[tokio::test]
async fn access_ends_by_the_clock_and_the_job_writes_it_down_once() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let learner = Uuid::new_v4();
    let id = enrol(&school, learner, &offered.run, Some(school.in_days(30))).await.unwrap().enrolment_id;
    school.clock.advance(time::Duration::days(30));
    let seen = school.outline(learner, &offered.run).await;
    assert_eq!(locks(titled(&seen, "а")), [Reason::AccessEnded], "no job has run yet");
    let jobs = futures::future::join_all((0..4).map(|_| expire_enrolments::run(&school.app))).await;
    assert_eq!(jobs.into_iter().map(Result::unwrap).sum::<u64>(), 1);
    assert_eq!(school.enrolments_of(learner).await[0].state(), State::Expired);
    let ended = school.announced::<EnrolmentEnded>().await;
    assert_eq!((ended.len(), ended[0].reason.as_str()), (1, "ACCESS_ENDED"));

    let backwards = extend(&school, &id, school.in_days(-1)).await.unwrap_err();
    assert_eq!(violations(&backwards), ["access_ends_at"]);
    let extended = extend(&school, &id, school.in_days(10)).await.unwrap();
    assert_eq!((extended.state(), extended.attempt), (State::Active, 1), "it goes on where it stopped");
    assert_eq!(school.announced::<EnrolmentStarted>().await.len(), 2);
}

#[tokio::test]
async fn who_comes_back_begins_anew_and_the_old_attempt_is_kept() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let learner = Uuid::new_v4();
    let first = enrol(&school, learner, &offered.run, None).await.unwrap();
    let request = proto::lyceum::courses::v1::CompleteLessonRequest {
        run_id: offered.run.run_id.clone(),
        lesson_id: offered.lesson("а"),
    };
    school.learning(learner).complete_lesson(request).await.unwrap();
    assert_eq!(end(&school, &first.enrolment_id).await.unwrap().state(), State::Withdrawn);
    assert_eq!(reason(&end(&school, &first.enrolment_id).await.unwrap_err()), "ENROLMENT_ENDED");
    school.clock.advance(time::Duration::SECOND);
    let second = enrol(&school, learner, &offered.run, None).await.unwrap();
    assert_eq!((second.attempt, second.completed_at), (2, None));
    assert_eq!(school.outline(learner, &offered.run).await.progress.unwrap().percent, 0);
    let kept = school.enrolments_of(learner).await;
    assert_eq!(kept.iter().map(|enrolment| enrolment.attempt).collect::<Vec<_>>(), [2, 1]);
    assert!(kept[1].completed_at.is_some(), "what was completed stays a fact");
    let extended = extend(&school, &first.enrolment_id, school.in_days(9)).await.unwrap_err();
    assert_eq!(reason(&extended), "ENROLMENT_ENDED");
}

#[tokio::test]
async fn staff_lists_enrolments_by_run_learner_and_state() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let learners = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    let mut ids = Vec::new();
    for learner in learners {
        school.clock.advance(time::Duration::SECOND);
        ids.push(enrol(&school, learner, &offered.run, None).await.unwrap().enrolment_id);
    }
    end(&school, &ids[0]).await.unwrap();
    let list = async |request: ListEnrolmentsRequest| {
        let list = school.enrolments().list_enrolments(request).await.unwrap().into_inner().enrolments;
        list.into_iter().map(|enrolment| enrolment.enrolment_id).collect::<Vec<_>>()
    };
    let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
    let run_id = offered.run.run_id.clone();
    assert_eq!(list(ListEnrolmentsRequest { run_id: Some(run_id), ..Default::default() }).await, newest_first);
    let active = ListEnrolmentsRequest { state: State::Active.into(), ..Default::default() };
    assert_eq!(list(active).await, newest_first[..2]);
    let learner_id = learners[0].to_string();
    assert_eq!(list(ListEnrolmentsRequest { learner_id: Some(learner_id), ..Default::default() }).await, ids[..1]);
    let page = ListEnrolmentsRequest { page_size: 2, ..Default::default() };
    let page_token = school.enrolments().list_enrolments(page).await.unwrap().into_inner().next_page_token.unwrap();
    assert_eq!(list(ListEnrolmentsRequest { page_token, ..Default::default() }).await, ids[..1]);
}

/// The ids of a list, read in pages of two.
async fn listed(school: &School, request: ListEnrolmentsRequest) -> Vec<String> {
    let (mut ids, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListEnrolmentsRequest { page_size: 2, page_token, ..request.clone() };
        let page = school.enrolments().list_enrolments(request).await.unwrap().into_inner();
        ids.extend(page.enrolments.into_iter().map(|enrolment| enrolment.enrolment_id));
        match page.next_page_token {
            Some(next) => page_token = next,
            None => return ids,
        }
    }
}

#[tokio::test]
async fn staff_lists_enrolments_by_course_and_dates_in_the_order_they_like() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let other = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let (begin, mut ids) = (school.now(), Vec::new());
    // One a day; the ends of access are in another order, and two have none.
    for (day, ends) in [(0, Some(20)), (1, None), (2, Some(10)), (3, Some(20)), (4, None)] {
        let run = if day == 3 { &other.run } else { &offered.run };
        let until = ends.map(|day| begin + time::Duration::days(day));
        ids.push(enrol(&school, Uuid::new_v4(), run, until).await.unwrap().enrolment_id);
        school.clock.advance(time::Duration::DAY);
    }
    let at = |day: i64| instant(begin + time::Duration::days(day));
    let of = |days: &[usize]| days.iter().map(|day| ids[*day].clone()).collect::<Vec<_>>();
    let all = ListEnrolmentsRequest::default;

    let course_id = Some(offered.course.course_id.clone());
    assert_eq!(listed(&school, ListEnrolmentsRequest { course_id, ..all() }).await, of(&[4, 2, 1, 0]));
    let between = ListEnrolmentsRequest { created_from: at(1), created_before: at(3), ..all() };
    assert_eq!(listed(&school, between).await, of(&[2, 1]), "the first instant is inside, the second is not");
    assert_eq!(listed(&school, ListEnrolmentsRequest { starts_from: at(3), ..all() }).await, of(&[4, 3]));
    assert_eq!(listed(&school, ListEnrolmentsRequest { starts_before: at(1), ..all() }).await, of(&[0]));

    let sorted =
        async |order_by: OrderBy| listed(&school, ListEnrolmentsRequest { order_by: order_by.into(), ..all() }).await;
    assert_eq!(sorted(OrderBy::CreatedAtDesc).await, of(&[4, 3, 2, 1, 0]));
    assert_eq!(sorted(OrderBy::StartsAtDesc).await, of(&[4, 3, 2, 1, 0]));
    assert_eq!(sorted(OrderBy::AccessEndsAt).await, of(&[2, 0, 3, 1, 4]));
    let sooner = ListEnrolmentsRequest { order_by: OrderBy::AccessEndsAt.into(), created_from: at(1), ..all() };
    assert_eq!(listed(&school, sooner).await, of(&[2, 3, 1, 4]));
}
