//! Lessons that are completed by saying so, and the course that is completed with the last of them.

use courses::flows::settle_run;
use proto::lyceum::{
    courses::v1::{
        CompleteLessonRequest, DraftLesson, GetResumePointRequest, LessonProgress, PauseEnrolmentRequest,
        ResumeEnrolmentRequest, enrolment, lesson_progress::State,
    },
    events::v1::{CourseCompleted, LessonCompleted},
};
use testkit::announced;
use tonic::Status;
use uuid::Uuid;

use crate::helpers::{Offered, School, file, four_questions, quiz, reason, section, text, titled, video};

async fn complete(school: &School, learner: Uuid, offered: &Offered, title: &str) -> Result<LessonProgress, Status> {
    let request = CompleteLessonRequest { run_id: offered.run.run_id.clone(), lesson_id: offered.lesson(title) };
    school.learning(learner).complete_lesson(request).await.map(tonic::Response::into_inner)
}

async fn next(school: &School, learner: Uuid, offered: &Offered) -> String {
    let request = GetResumePointRequest { run_id: offered.run.run_id.clone() };
    school.learning(learner).get_resume_point(request).await.unwrap().into_inner().title.unwrap_or_default()
}

#[tokio::test]
async fn the_last_required_lesson_completes_the_course_once() {
    let school = School::new().await;
    let optional = DraftLesson { required: Some(false), ..text("факультатив") };
    let heavy = DraftLesson { weight: 3, ..file("б") };
    let offered = school.offered(vec![section("Начало", vec![text("а"), optional, heavy])]).await;
    let learner = school.learner(&offered.run).await;
    assert_eq!(next(&school, learner, &offered).await, "а");
    let done = complete(&school, learner, &offered, "а").await.unwrap();
    assert_eq!((done.state(), done.percent, done.completed_at), (State::Completed, 100, Some(school.now().into())));
    let outline = school.outline(learner, &offered.run).await;
    assert_eq!(outline.progress.unwrap().percent, 25, "by weight");
    assert_eq!(titled(&outline, "а").progress.as_ref().unwrap().state(), State::Completed);
    assert_eq!(next(&school, learner, &offered).await, "факультатив");
    assert_eq!(school.announced::<CourseCompleted>().await, []);

    complete(&school, learner, &offered, "б").await.unwrap();
    complete(&school, learner, &offered, "б").await.unwrap();
    complete(&school, learner, &offered, "факультатив").await.unwrap();
    let completed = school.announced::<CourseCompleted>().await;
    assert_eq!((completed.len(), completed[0].version), (1, 1));
    assert_eq!(school.announced::<LessonCompleted>().await.len(), 3);
    let mine = school.enrolments_of(learner).await;
    assert_eq!((mine[0].state(), mine[0].completed_at), (enrolment::State::Completed, completed[0].completed_at));
    // Every event about the enrolment carries a higher version than the one before.
    let events = announced(&school.db.pool).await;
    let versions: Vec<_> = events
        .iter()
        .filter(|event| event.aggregate_type == "enrolment")
        .map(|event| event.aggregate_version)
        .collect();
    assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
}

#[tokio::test]
async fn two_last_lessons_at_once_complete_the_course_once() {
    let school = School::new().await;
    let titles: Vec<String> = (0..6).map(|number| format!("Урок {number}")).collect();
    let offered = school.offered(vec![section("Начало", titles.iter().map(|title| text(title)).collect())]).await;
    let learner = school.learner(&offered.run).await;
    let clicks = titles.iter().chain(&titles).map(|title| complete(&school, learner, &offered, title));
    for done in futures::future::join_all(clicks).await {
        done.unwrap();
    }
    assert_eq!(school.announced::<LessonCompleted>().await.len(), 6);
    assert_eq!(school.announced::<CourseCompleted>().await.len(), 1);
}

#[tokio::test]
async fn a_video_and_a_quiz_are_not_completed_by_saying_so() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![video("в", 60), quiz("к", four_questions())])]).await;
    let learner = school.learner(&offered.run).await;
    for title in ["в", "к"] {
        assert_eq!(reason(&complete(&school, learner, &offered, title).await.unwrap_err()), "NOT_COMPLETED_BY_HAND");
    }
}

#[tokio::test]
async fn lessons_that_are_published_later_do_not_undo_a_completed_course() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let learner = school.learner(&offered.run).await;
    complete(&school, learner, &offered, "а").await.unwrap();
    let mut sections = offered.draft.sections.clone();
    sections[0].lessons.push(text("б"));
    let draft = school.draft(&offered.course, sections).await;
    school.publish(&offered.course).await;
    school.publish_run(&offered.run.run_id).await;
    let offered = Offered { draft, ..offered };
    let progress = school.outline(learner, &offered.run).await.progress.unwrap();
    assert_eq!((progress.percent, progress.completed_lessons, progress.required_lessons), (100, 1, 2));
    complete(&school, learner, &offered, "б").await.unwrap();
    assert_eq!(school.announced::<CourseCompleted>().await.len(), 1);
}

#[tokio::test]
async fn a_version_that_requires_less_completes_those_who_are_done_by_it() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а"), text("б")])]).await;
    let learner = school.learner(&offered.run).await;
    let beginner = school.learner(&offered.run).await;
    complete(&school, learner, &offered, "а").await.unwrap();
    let mut sections = offered.draft.sections.clone();
    sections[0].lessons.pop();
    school.draft(&offered.course, sections).await;
    school.publish(&offered.course).await;
    school.publish_run(&offered.run.run_id).await;
    for _ in 0..2 {
        settle_run::all(&school.app).await.unwrap();
    }
    let completed = school.announced::<CourseCompleted>().await;
    assert_eq!((completed.len(), completed[0].version), (1, 2));
    assert_eq!(school.enrolments_of(learner).await[0].state(), enrolment::State::Completed);
    assert_eq!(school.enrolments_of(beginner).await[0].state(), enrolment::State::Active);
}

#[tokio::test]
async fn progress_that_was_made_before_a_pause_counts_after_it() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а"), text("б")])]).await;
    let learner = school.learner(&offered.run).await;
    complete(&school, learner, &offered, "а").await.unwrap();
    let enrolment_id = school.enrolments_of(learner).await[0].enrolment_id.clone();
    let pause = PauseEnrolmentRequest { enrolment_id: enrolment_id.clone(), ..Default::default() };
    school.enrolments().pause_enrolment(pause).await.unwrap();
    assert_eq!(reason(&complete(&school, learner, &offered, "б").await.unwrap_err()), "LESSON_LOCKED");
    let mut sections = offered.draft.sections.clone();
    sections[0].lessons.pop();
    school.draft(&offered.course, sections).await;
    school.publish(&offered.course).await;
    school.publish_run(&offered.run.run_id).await;
    settle_run::all(&school.app).await.unwrap();
    assert_eq!(school.announced::<CourseCompleted>().await, [], "nothing happens during a pause");
    let resume = ResumeEnrolmentRequest { enrolment_id, ..Default::default() };
    school.enrolments().resume_enrolment(resume).await.unwrap();
    assert_eq!(school.announced::<CourseCompleted>().await.len(), 1);
}
