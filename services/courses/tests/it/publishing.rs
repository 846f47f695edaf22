//! Versions that never change, and runs that point at them.

use proto::lyceum::{
    courses::v1::{
        DraftLesson, ListCourseVersionsRequest, PublishCourseRequest, PublishRunRequest, UpdateLessonRequest, lesson,
    },
    events::v1::{PublishedLesson, RunPublished},
};

use crate::helpers::{Offered, School, course_page, reason, run_page, section, text};

async fn rename(school: &School, offered: &Offered, lesson_id: &str, title: &str) {
    let request = UpdateLessonRequest {
        course_id: offered.course.course_id.clone(),
        lesson_id: lesson_id.to_owned(),
        lesson: Some(DraftLesson { title: title.to_owned(), ..text(title) }),
        ..Default::default()
    };
    school.authoring().update_lesson(request).await.unwrap();
}

#[tokio::test]
async fn learners_see_the_version_of_their_run_until_the_run_moves_on() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("Старое")])]).await;
    let learner = school.learner(&offered.run).await;
    let lesson_id = offered.lesson("Старое");
    rename(&school, &offered, &lesson_id, "Новое").await;
    let seen = async || {
        let lesson = school.lesson(learner, &offered.run, &lesson_id).await;
        let Some(lesson::Content::Text(text)) = lesson.content else { panic!("no text") };
        (lesson.version, lesson.title, text.markdown)
    };
    let old = (1, "Старое".to_owned(), "# Старое".to_owned());
    assert_eq!(seen().await, old, "a draft is not seen");
    assert_eq!(school.publish(&offered.course).await, 2);
    assert_eq!(seen().await, old, "the run stays at its version");
    assert_eq!(school.publish_run(&offered.run.run_id).await.version, 2);
    assert_eq!(seen().await, (2, "Новое".to_owned(), "# Новое".to_owned()));
    assert_eq!(school.outline(learner, &offered.run).await.sections[0].lessons[0].title, "Новое");
    // And back again.
    let back = PublishRunRequest { run_id: offered.run.run_id.clone(), version: 1 };
    school.authoring().publish_run(back).await.unwrap();
    assert_eq!(seen().await, old);
}

#[tokio::test]
async fn publishing_what_did_not_change_takes_no_new_version() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    assert_eq!(school.publish(&offered.course).await, 1);
    rename(&school, &offered, &offered.lesson("а"), "б").await;
    assert_eq!(school.publish(&offered.course).await, 2);
    let request = ListCourseVersionsRequest { course_id: offered.course.course_id, page_size: 1, ..Default::default() };
    let page = school.authoring().list_course_versions(request.clone()).await.unwrap().into_inner();
    assert_eq!(page.versions.iter().map(|version| version.version).collect::<Vec<_>>(), [2]);
    let request = ListCourseVersionsRequest { page_token: page.next_page_token.unwrap(), ..request };
    let page = school.authoring().list_course_versions(request).await.unwrap().into_inner();
    assert_eq!((page.versions[0].version, page.versions[0].lesson_count, page.next_page_token), (1, 1, None));
    assert!(page.versions[0].published_by.starts_with("user:"));
}

#[tokio::test]
async fn a_published_version_cannot_be_changed_by_anybody() {
    let school = School::new().await;
    school.offered(vec![section("Начало", vec![text("а")])]).await;
    for statement in [
        "update versions set note = 'x'",
        "delete from versions",
        "truncate versions cascade",
        "update version_lessons set content = '{}'",
        "delete from version_lessons",
    ] {
        let refused = sqlx::query(statement).execute(&school.db.pool).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{statement}: {refused}");
    }
}

#[tokio::test]
async fn an_empty_draft_and_an_old_etag_are_not_published() {
    let school = School::new().await;
    let course = school.course(course_page("Шитьё", "ru")).await;
    let publish = |etag: &str| PublishCourseRequest {
        course_id: course.course_id.clone(),
        etag: etag.to_owned(),
        ..Default::default()
    };
    assert_eq!(reason(&school.authoring().publish_course(publish("")).await.unwrap_err()), "NOTHING_TO_PUBLISH");
    let optional = DraftLesson { required: Some(false), ..text("а") };
    let draft = school.draft(&course, vec![section("Начало", vec![optional])]).await;
    assert_eq!(reason(&school.authoring().publish_course(publish("")).await.unwrap_err()), "NOTHING_TO_PUBLISH");
    school.draft(&course, vec![section("Начало", vec![text("а")])]).await;
    let refused = school.authoring().publish_course(publish(&draft.etag)).await.unwrap_err();
    assert_eq!(reason(&refused), "ETAG_MISMATCH");
}

#[tokio::test]
async fn a_run_is_announced_once_a_version() {
    let school = School::new().await;
    let course = school.course(course_page("Шитьё", "ru")).await;
    let run = school.run(&course, run_page()).await;
    let publish = |version| PublishRunRequest { run_id: run.run_id.clone(), version };
    assert_eq!(reason(&school.authoring().publish_run(publish(0)).await.unwrap_err()), "COURSE_NOT_PUBLISHED");
    let optional = DraftLesson { required: Some(false), ..text("в") };
    let draft =
        school.draft(&course, vec![section("1", vec![text("б"), optional]), section("2", vec![text("а")])]).await;
    school.publish(&course).await;
    assert_eq!(reason(&school.authoring().publish_run(publish(7)).await.unwrap_err()), "VERSION_NOT_FOUND");
    for _ in 0..2 {
        school.authoring().publish_run(publish(0)).await.unwrap();
    }
    let announced = school.announced::<RunPublished>().await;
    let lessons = draft.sections.iter().flat_map(|section| &section.lessons).map(|lesson| PublishedLesson {
        lesson_id: lesson.lesson_id.clone().unwrap(),
        title: lesson.title.clone(),
        required: lesson.title != "в",
    });
    let lessons: Vec<_> = lessons.collect();
    assert_eq!(lessons.iter().map(|lesson| lesson.title.as_str()).collect::<Vec<_>>(), ["б", "в", "а"]);
    assert_eq!(
        announced,
        [RunPublished {
            course_id: course.course_id,
            run_id: run.run_id,
            version: 1,
            title: "Шитьё".into(),
            language: "ru".into(),
            lessons,
        }]
    );
}

#[tokio::test]
async fn two_who_publish_at_once_take_one_version() {
    let school = School::new().await;
    let course = school.course(course_page("Шитьё", "ru")).await;
    school.draft(&course, vec![section("Начало", vec![text("а")])]).await;
    let versions = futures::future::join_all((0..8).map(|_| school.publish(&course))).await;
    assert_eq!(versions, [1; 8]);
}
