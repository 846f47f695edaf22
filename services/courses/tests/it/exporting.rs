//! What other services rebuild their copies from.

use proto::lyceum::courses::v1::{
    CompleteLessonRequest, DraftLesson, ExportLessonCompletionsRequest, ExportRunsRequest, ExportedLessonCompletion,
    ExportedRun,
};
use tokio_stream::StreamExt;
use tonic::Code;

use crate::helpers::{School, course_page, instant, run_page, section, text};

async fn runs(school: &School) -> Vec<ExportedRun> {
    let mut service = school.enrolments_as(school.fleet.service());
    let stream = service.export_runs(ExportRunsRequest {}).await.unwrap().into_inner();
    stream.collect::<Result<_, _>>().await.unwrap()
}

async fn completions(school: &School) -> Vec<ExportedLessonCompletion> {
    let mut service = school.enrolments_as(school.fleet.service());
    let request = ExportLessonCompletionsRequest {};
    let stream = service.export_lesson_completions(request).await.unwrap().into_inner();
    stream.collect::<Result<_, _>>().await.unwrap()
}

#[tokio::test]
async fn published_runs_are_exported_with_the_lessons_that_they_show() {
    let school = School::new().await;
    let optional = DraftLesson { required: Some(false), ..text("в") };
    let sections = vec![section("1", vec![text("б"), optional]), section("2", vec![text("а")])];
    let offered = school.offered(sections).await;
    school.run(&offered.course, run_page()).await;
    // The next version is published, but the run does not show it yet.
    school.draft(&offered.course, vec![section("1", vec![text("г")])]).await;
    school.publish(&offered.course).await;
    let exported = runs(&school).await;
    assert_eq!(exported.len(), 1, "a run that was never published has nothing to show");
    let run = &exported[0];
    assert_eq!((run.run_id.as_str(), run.version), (offered.run.run_id.as_str(), 1));
    assert_eq!((run.title.as_str(), run.language.as_str()), (offered.course.title.as_str(), "ru"));
    let lessons: Vec<_> = run.lessons.iter().map(|lesson| (lesson.title.as_str(), lesson.required)).collect();
    assert_eq!(lessons, [("б", true), ("в", false), ("а", true)]);
    assert_eq!(run.lessons[2].lesson_id, offered.lesson("а"));
    school.publish_run(&offered.run.run_id).await;
    let again = runs(&school).await;
    assert_eq!((again[0].version, again[0].lessons.len()), (2, 1));
    assert!(again[0].aggregate_version > run.aggregate_version);
}

#[tokio::test]
async fn more_runs_than_are_read_at_once_are_all_exported() {
    let school = School::new().await;
    let offered = school.offered(vec![section("1", vec![text("а")])]).await;
    for _ in 0..41 {
        let run = school.run(&offered.course, run_page()).await;
        school.publish_run(&run.run_id).await;
    }
    let exported = runs(&school).await;
    let different: std::collections::HashSet<_> = exported.iter().map(|run| run.run_id.clone()).collect();
    assert_eq!((exported.len(), different.len()), (42, 42));
}

#[tokio::test]
async fn only_completed_lessons_are_exported_each_once() {
    let school = School::new().await;
    let offered = school.offered(vec![section("1", vec![text("а"), text("б")])]).await;
    let (first, second) = (school.learner(&offered.run).await, school.learner(&offered.run).await);
    school.lesson(second, &offered.run, &offered.lesson("б")).await;
    for learner in [first, second, first] {
        let request = CompleteLessonRequest { run_id: offered.run.run_id.clone(), lesson_id: offered.lesson("а") };
        school.learning(learner).complete_lesson(request).await.unwrap();
    }
    let mut expected = vec![];
    for learner in [first, second] {
        expected.push(ExportedLessonCompletion {
            enrolment_id: school.enrolments_of(learner).await[0].enrolment_id.clone(),
            learner_id: learner.to_string(),
            run_id: offered.run.run_id.clone(),
            lesson_id: offered.lesson("а"),
            completed_at: instant(school.now()),
        });
    }
    expected.sort_by(|a, b| a.learner_id.cmp(&b.learner_id));
    assert_eq!(completions(&school).await, expected);
}

#[tokio::test]
async fn more_completions_than_are_read_at_once_are_all_exported() {
    let school = School::new().await;
    let offered = school.offered(vec![section("1", vec![text("а")])]).await;
    school.learner(&offered.run).await;
    sqlx::query(
        "insert into lesson_progress (learner_id, enrolment_id, lesson_id, percent, started_at, touched_at, completed_at)
         select learner_id, enrolment_id, gen_random_uuid(), 100, created_at, created_at, created_at
         from enrolments, generate_series(1, 1203)",
    )
    .execute(&school.db.pool)
    .await
    .unwrap();
    let exported = completions(&school).await;
    let different: std::collections::HashSet<_> = exported.iter().map(|one| one.lesson_id.clone()).collect();
    assert_eq!((exported.len(), different.len()), (1203, 1203));
}

#[tokio::test]
async fn exports_are_for_services_only() {
    let school = School::new().await;
    school.course(course_page("Шитьё", "ru")).await;
    let refused = school.enrolments().export_runs(ExportRunsRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let request = ExportLessonCompletionsRequest {};
    let refused = school.enrolments().export_lesson_completions(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}
