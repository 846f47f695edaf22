//! What is open and what is locked, and why.

use courses::store::seats;
use proto::lyceum::courses::v1::{
    CompleteLessonRequest, DraftLesson, GetLessonRequest, GetOutlineRequest, Run, lesson,
    lesson_lock::Reason,
    run::{Pacing, Sequence},
};
use sqlx::AssertSqlSafe;
use time::Duration;
use uuid::Uuid;

use crate::helpers::{School, instant, locks, reason, run_page, section, text, titled, violations};

fn drip(title: &str, days: i32) -> DraftLesson {
    DraftLesson { release_after_days: days, ..text(title) }
}

fn preview(title: &str) -> DraftLesson {
    DraftLesson { free_preview: true, ..text(title) }
}

#[tokio::test]
async fn who_is_not_enrolled_reads_the_outline_and_free_previews() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![preview("проба"), text("а")])]).await;
    let visitor = Uuid::new_v4();
    let outline = school.outline(visitor, &offered.run).await;
    assert_eq!(outline.enrolment, None);
    assert_eq!(locks(titled(&outline, "проба")), []);
    assert_eq!(locks(titled(&outline, "а")), [Reason::NotEnrolled]);
    let open = school.lesson(visitor, &offered.run, &offered.lesson("проба")).await;
    assert!(matches!(open.content, Some(lesson::Content::Text(_))));
    let locked = school.lesson(visitor, &offered.run, &offered.lesson("а")).await;
    assert_eq!((locked.content, locked.locks[0].reason()), (None, Reason::NotEnrolled));
    // Reading is free, progress is not.
    for title in ["проба", "а"] {
        let request = CompleteLessonRequest { run_id: offered.run.run_id.clone(), lesson_id: offered.lesson(title) };
        let refused = school.learning(visitor).complete_lesson(request).await.unwrap_err();
        assert_eq!((reason(&refused), violations(&refused)), ("LESSON_LOCKED".into(), vec!["lesson_id".into()]));
    }
}

#[tokio::test]
async fn lessons_open_days_after_the_enrolment() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а"), drip("б", 7)])]).await;
    let learner = school.learner(&offered.run).await;
    let outline = school.outline(learner, &offered.run).await;
    let locked = titled(&outline, "б");
    assert_eq!((locks(locked), locked.locks[0].until), (vec![Reason::NotReleased], instant(school.in_days(7))));
    school.clock.advance(Duration::days(7) - Duration::SECOND);
    assert_eq!(locks(titled(&school.outline(learner, &offered.run).await, "б")), [Reason::NotReleased]);
    school.clock.advance(Duration::SECOND);
    assert_eq!(locks(titled(&school.outline(learner, &offered.run).await, "б")), []);
}

#[tokio::test]
async fn a_scheduled_run_opens_and_closes_for_all_at_once() {
    let school = School::new().await;
    let run = Run {
        pacing: Pacing::Scheduled.into(),
        starts_at: instant(school.in_days(3)),
        ends_at: instant(school.in_days(30)),
        ..run_page()
    };
    let offered = school.offered_as(vec![section("Начало", vec![text("а"), drip("б", 7)])], run).await;
    let learner = school.learner(&offered.run).await;
    let outline = school.outline(learner, &offered.run).await;
    assert_eq!(locks(titled(&outline, "а")), [Reason::RunNotStarted]);
    let both = titled(&outline, "б");
    assert_eq!(locks(both), [Reason::RunNotStarted, Reason::NotReleased], "every reason is told");
    assert_eq!(both.locks[1].until, instant(school.in_days(10)));
    school.clock.advance(Duration::days(10));
    assert_eq!(locks(titled(&school.outline(learner, &offered.run).await, "б")), []);
    school.clock.advance(Duration::days(20));
    assert_eq!(locks(titled(&school.outline(learner, &offered.run).await, "б")), [Reason::RunEnded]);
}

#[tokio::test]
async fn a_sequence_opens_lesson_by_lesson_and_names_what_is_missing() {
    let school = School::new().await;
    let run = Run { sequence: Sequence::LessonByLesson.into(), ..run_page() };
    let optional = DraftLesson { required: Some(false), ..text("факультатив") };
    let sections = vec![section("Начало", vec![text("а"), optional]), section("Дальше", vec![text("б"), text("в")])];
    let offered = school.offered_as(sections, run).await;
    let learner = school.learner(&offered.run).await;
    let complete = async |title: &str| {
        let request = CompleteLessonRequest { run_id: offered.run.run_id.clone(), lesson_id: offered.lesson(title) };
        school.learning(learner).complete_lesson(request).await
    };
    let outline = school.outline(learner, &offered.run).await;
    let locked = titled(&outline, "в");
    assert_eq!(
        (locks(locked), locked.locks[0].lesson_id.clone()),
        (vec![Reason::Prerequisite], Some(offered.lesson("а")))
    );
    assert_eq!(reason(&complete("б").await.unwrap_err()), "LESSON_LOCKED");
    complete("а").await.unwrap();
    let outline = school.outline(learner, &offered.run).await;
    assert_eq!(locks(titled(&outline, "б")), [], "an optional lesson holds nobody up");
    assert_eq!(titled(&outline, "в").locks[0].lesson_id, Some(offered.lesson("б")));
    complete("б").await.unwrap();
    assert_eq!(locks(titled(&school.outline(learner, &offered.run).await, "в")), []);
}

#[tokio::test]
async fn sections_open_one_after_another() {
    let school = School::new().await;
    let run = Run { sequence: Sequence::SectionBySection.into(), ..run_page() };
    let sections = vec![section("Начало", vec![text("а"), text("б")]), section("Дальше", vec![text("в")])];
    let offered = school.offered_as(sections, run).await;
    let learner = school.learner(&offered.run).await;
    let outline = school.outline(learner, &offered.run).await;
    assert_eq!(locks(titled(&outline, "б")), []);
    assert_eq!(titled(&outline, "в").locks[0].lesson_id, Some(offered.lesson("а")));
}

#[tokio::test]
async fn what_is_not_published_or_not_there_does_not_exist() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let draft = school.run(&offered.course, run_page()).await;
    let learner = school.learner(&offered.run).await;
    for run_id in [draft.run_id.clone(), Uuid::new_v4().to_string()] {
        let request = GetOutlineRequest { run_id };
        assert_eq!(reason(&school.learning(learner).get_outline(request).await.unwrap_err()), "RUN_NOT_FOUND");
    }
    let request = GetLessonRequest { run_id: offered.run.run_id, lesson_id: Uuid::new_v4().to_string() };
    assert_eq!(reason(&school.learning(learner).get_lesson(request).await.unwrap_err()), "LESSON_NOT_FOUND");
    let request = GetLessonRequest { run_id: "x".into(), lesson_id: String::new() };
    let refused = school.learning(learner).get_lesson(request).await.unwrap_err();
    assert_eq!(violations(&refused), ["run_id", "lesson_id"]);
}

/// Two statements would be twice the way to the database: a seat is one, over primary keys.
#[tokio::test]
async fn an_outline_of_a_hundred_lessons_is_one_indexed_statement() {
    let school = School::new().await;
    let sections = (0..10).map(|number| {
        section(&format!("Раздел {number}"), (0..10).map(|lesson| text(&format!("{number}.{lesson}"))).collect())
    });
    let offered = school.offered(sections.collect()).await;
    let learner = school.learner(&offered.run).await;
    for title in ["0.0", "0.1", "5.5"] {
        let request = CompleteLessonRequest { run_id: offered.run.run_id.clone(), lesson_id: offered.lesson(title) };
        school.learning(learner).complete_lesson(request).await.unwrap();
    }
    let outline = school.outline(learner, &offered.run).await;
    assert_eq!(outline.sections.iter().map(|section| section.lessons.len()).sum::<usize>(), 100);
    assert_eq!(outline.progress.unwrap().completed_lessons, 3);
    let mut conn = school.db.pool.acquire().await.unwrap();
    // Small tables are read whole, which says nothing.
    sqlx::query("set enable_seqscan = off").execute(&mut *conn).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("explain {}", seats::FIND)))
        .bind(learner)
        .bind(Uuid::parse_str(&offered.run.run_id).unwrap())
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("lesson_progress_pk") && plan.contains("enrolments_attempt_uk"), "{plan}");
    assert!(!plan.contains("Seq Scan"), "{plan}");
}
