//! Making courses and runs: pages, states, etags, repetitions.

use proto::{
    lyceum::courses::v1::{
        ArchiveCourseRequest, CloseRunRequest, Course, CreateCourseRequest, CreateRunRequest, GetAuthoredCourseRequest,
        GetAuthoredRunRequest, GetCourseRequest, ListAuthoredCoursesRequest, ListAuthoredRunsRequest,
        RestoreCourseRequest, Run, UnpublishCourseRequest, UpdateCourseRequest, UpdateRunRequest, course,
        list_authored_courses_request::OrderBy, run,
    },
    wkt::FieldMask,
};
use tonic::Request;
use uuid::Uuid;

use crate::helpers::{EDITOR, School, course_page, instant, reason, run_page, section, text, violations};

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() })
}

fn keyed<T>(request: T, key: &str) -> Request<T> {
    let mut request = Request::new(request);
    request.metadata_mut().insert(rpc::IDEMPOTENCY_KEY, key.parse().unwrap());
    request
}

#[tokio::test]
async fn a_course_is_made_as_a_draft_and_read_back() {
    let school = School::new().await;
    let page = Course {
        level: course::Level::Beginner.into(),
        summary: "Коротко".into(),
        description: "Подробно".into(),
        tags: vec!["Мода".into()],
        cover_media_id: Some("media-1".into()),
        ..course_page("  Шитьё ", "ru")
    };
    let made = school.course(page).await;
    assert_eq!((made.title.as_str(), made.state(), made.latest_version), ("Шитьё", course::State::Draft, 0));
    assert_eq!(made.tags, ["мода"]);
    let request = GetAuthoredCourseRequest { course_id: made.course_id.clone() };
    assert_eq!(school.authoring().get_authored_course(request).await.unwrap().into_inner(), made);
}

#[tokio::test]
async fn every_mistake_of_a_page_is_told_at_once() {
    let school = School::new().await;
    let page = Course {
        level: 77,
        summary: "я".repeat(501),
        tags: vec!["".into()],
        cover_media_id: Some("x".repeat(201)),
        ..course_page(" ", "fr")
    };
    let refused = school.authoring().create_course(CreateCourseRequest { course: Some(page) }).await.unwrap_err();
    let fields = ["language", "level", "title", "summary", "tags[0]", "cover_media_id"];
    assert_eq!(violations(&refused), fields.map(|field| format!("course.{field}")));
    let refused = school.authoring().create_course(CreateCourseRequest { course: None }).await.unwrap_err();
    assert_eq!(violations(&refused), ["course"]);
}

#[tokio::test]
async fn a_repeated_request_makes_one_course() {
    let school = School::new().await;
    let request = || keyed(CreateCourseRequest { course: Some(course_page("Шитьё", "ru")) }, "course-0001");
    let first = school.authoring().create_course(request()).await.unwrap().into_inner();
    let again = school.authoring().create_course(request()).await.unwrap().into_inner();
    assert_eq!(first, again);
    let other = keyed(CreateCourseRequest { course: Some(course_page("Лепка", "ru")) }, "course-0001");
    assert_eq!(reason(&school.authoring().create_course(other).await.unwrap_err()), "IDEMPOTENCY_KEY_REUSED");
    let list = school.authoring().list_authored_courses(ListAuthoredCoursesRequest::default()).await.unwrap();
    assert_eq!(list.into_inner().courses.len(), 1);
    // The same key of somebody else is another key.
    let colleague = school.fleet.person(Uuid::from_u128(7), EDITOR);
    let theirs = school.authoring_as(colleague).create_course(request()).await.unwrap().into_inner();
    assert_ne!(theirs.course_id, first.course_id);
}

#[tokio::test]
async fn an_update_changes_what_the_mask_names_and_nothing_else() {
    let school = School::new().await;
    let made = school.course(Course { summary: "Коротко".into(), ..course_page("Шитьё", "ru") }).await;
    let update = |course: Course, update_mask| UpdateCourseRequest {
        course_id: made.course_id.clone(),
        course: Some(course),
        update_mask,
        etag: String::new(),
    };
    let renamed = update(Course { title: "Лепка".into(), ..Course::default() }, mask(&["title"]));
    let renamed = school.authoring().update_course(renamed).await.unwrap().into_inner();
    assert_eq!((renamed.title.as_str(), renamed.summary.as_str()), ("Лепка", "Коротко"));
    let unknown = update(Course::default(), mask(&["titel", "state"]));
    let refused = school.authoring().update_course(unknown).await.unwrap_err();
    assert_eq!(violations(&refused), ["update_mask", "update_mask"]);
}

#[tokio::test]
async fn an_old_etag_is_refused() {
    let school = School::new().await;
    let made = school.course(course_page("Шитьё", "ru")).await;
    let update = |title: &str, etag: &str| UpdateCourseRequest {
        course_id: made.course_id.clone(),
        course: Some(course_page(title, "ru")),
        update_mask: mask(&["title"]),
        etag: etag.to_owned(),
    };
    let first = school.authoring().update_course(update("Лепка", &made.etag)).await.unwrap().into_inner();
    let refused = school.authoring().update_course(update("Вязание", &made.etag)).await.unwrap_err();
    assert_eq!(reason(&refused), "ETAG_MISMATCH");
    school.authoring().update_course(update("Вязание", &first.etag)).await.unwrap();
    // What is no etag of ours names no version of the course.
    let refused = school.authoring().update_course(update("Плетение", "no etag")).await.unwrap_err();
    assert_eq!(reason(&refused), "ETAG_MISMATCH");
}

#[tokio::test]
async fn a_course_is_unpublished_archived_and_restored() {
    let school = School::new().await;
    let course = school.course(course_page("Шитьё", "ru")).await;
    school.draft(&course, vec![section("Начало", vec![text("Введение")])]).await;
    school.publish(&course).await;
    let id = || course.course_id.clone();
    let shown = async || school.catalog().get_course(GetCourseRequest { course_id: id() }).await.is_ok();
    assert!(shown().await);
    let unpublished = school.authoring().unpublish_course(UnpublishCourseRequest { course_id: id() }).await.unwrap();
    assert_eq!(unpublished.into_inner().state(), course::State::Draft);
    assert!(!shown().await);
    school.publish(&course).await;
    let archived = school.authoring().archive_course(ArchiveCourseRequest { course_id: id() }).await.unwrap();
    assert_eq!(archived.into_inner().state(), course::State::Archived);
    assert!(!shown().await);
    let update =
        UpdateCourseRequest { course_id: id(), course: Some(course_page("Лепка", "ru")), ..Default::default() };
    assert_eq!(reason(&school.authoring().update_course(update).await.unwrap_err()), "COURSE_ARCHIVED");
    let run = CreateRunRequest { course_id: id(), run: Some(run_page()) };
    assert_eq!(reason(&school.authoring().create_run(run).await.unwrap_err()), "COURSE_ARCHIVED");
    let restored = school.authoring().restore_course(RestoreCourseRequest { course_id: id() }).await.unwrap();
    assert_eq!(restored.into_inner().state(), course::State::Draft);
    school.publish(&course).await;
    assert!(shown().await);
}

#[tokio::test]
async fn editors_list_courses_by_state() {
    let school = School::new().await;
    let draft = school.course(course_page("Черновик", "ru")).await;
    school.clock.advance(time::Duration::SECOND);
    let published = school.course(course_page("Шитьё", "ru")).await;
    school.draft(&published, vec![section("Начало", vec![text("Введение")])]).await;
    school.publish(&published).await;
    let list = async |state: course::State| {
        let request = ListAuthoredCoursesRequest { state: state.into(), ..Default::default() };
        let list = school.authoring().list_authored_courses(request).await.unwrap().into_inner().courses;
        list.into_iter().map(|card| card.course_id).collect::<Vec<_>>()
    };
    assert_eq!(list(course::State::Draft).await, std::slice::from_ref(&draft.course_id));
    assert_eq!(list(course::State::Published).await, std::slice::from_ref(&published.course_id));
    assert_eq!(list(course::State::Unspecified).await, [published.course_id, draft.course_id]);
}

/// All titles of a list, read in pages of two.
async fn titles(school: &School, request: ListAuthoredCoursesRequest) -> Vec<String> {
    let (mut titles, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListAuthoredCoursesRequest { page_size: 2, page_token, ..request.clone() };
        let page = school.authoring().list_authored_courses(request).await.unwrap().into_inner();
        titles.extend(page.courses.into_iter().map(|card| card.title));
        match page.next_page_token {
            Some(next) => page_token = next,
            None => return titles,
        }
    }
}

#[tokio::test]
async fn editors_sort_their_list() {
    let school = School::new().await;
    let mut made = Vec::new();
    for title in ["Вязание", "Аппликация", "Бисер", "Аппликация", "Гончарное дело"]
    {
        school.clock.advance(time::Duration::SECOND);
        made.push(school.course(course_page(title, "ru")).await);
    }
    school.clock.advance(time::Duration::SECOND);
    let update = UpdateCourseRequest {
        course_id: made[0].course_id.clone(),
        course: Some(Course { summary: "Спицами".into(), ..Course::default() }),
        update_mask: mask(&["summary"]),
        etag: String::new(),
    };
    school.authoring().update_course(update).await.unwrap();
    let sorted = async |order_by: OrderBy| {
        titles(&school, ListAuthoredCoursesRequest { order_by: order_by.into(), ..Default::default() }).await
    };
    let newest = ["Гончарное дело", "Аппликация", "Бисер", "Аппликация", "Вязание"];
    assert_eq!(sorted(OrderBy::Unspecified).await, newest);
    assert_eq!(sorted(OrderBy::CreatedAtDesc).await, newest);
    assert_eq!(sorted(OrderBy::Title).await, ["Аппликация", "Аппликация", "Бисер", "Вязание", "Гончарное дело"]);
    let changed = ["Вязание", "Гончарное дело", "Аппликация", "Бисер", "Аппликация"];
    assert_eq!(sorted(OrderBy::UpdatedAtDesc).await, changed);
}

#[tokio::test]
async fn editors_find_courses_by_the_beginnings_of_words_of_the_title() {
    let school = School::new().await;
    for title in ["Ёлочные игрушки", "Игры & головоломки", "Мягкая игрушка", "Шитьё"]
    {
        school.clock.advance(time::Duration::SECOND);
        school.course(course_page(title, "ru")).await;
    }
    let found = async |title: &str| {
        let title = Some(title.to_owned());
        titles(&school, ListAuthoredCoursesRequest { title, order_by: OrderBy::Title.into(), ..Default::default() })
            .await
    };
    assert_eq!(found("игруш").await, ["Ёлочные игрушки", "Мягкая игрушка"]);
    assert_eq!(found("игр елоч").await, ["Ёлочные игрушки"]);
    assert_eq!(found("ШИТЬЕ").await, ["Шитьё"]);
    assert_eq!(found("грушки").await, [""; 0], "words are found by their beginnings");
    assert_eq!(found("&| !'").await, [""; 0], "no word finds nothing");
}

#[tokio::test]
async fn a_run_keeps_its_dates_in_order() {
    let school = School::new().await;
    let course = school.course(course_page("Шитьё", "ru")).await;
    let create = async |run: Run| {
        let request = CreateRunRequest { course_id: course.course_id.clone(), run: Some(run) };
        school.authoring().create_run(request).await.map(tonic::Response::into_inner)
    };
    let scheduled = || Run { pacing: run::Pacing::Scheduled.into(), ..run_page() };
    assert_eq!(violations(&create(scheduled()).await.unwrap_err()), ["starts_at"]);
    let now = school.now();
    let backwards = Run { starts_at: instant(now), ends_at: instant(now), ..scheduled() };
    assert_eq!(violations(&create(backwards).await.unwrap_err()), ["ends_at"]);
    let made =
        create(Run { starts_at: instant(now), ends_at: instant(school.in_days(30)), ..scheduled() }).await.unwrap();
    assert_eq!((made.state(), made.pacing(), made.enrolment_open), (run::State::Draft, run::Pacing::Scheduled, false));

    let update = |run: Run, paths: &[&str]| UpdateRunRequest {
        run_id: made.run_id.clone(),
        run: Some(run),
        update_mask: mask(paths),
        etag: String::new(),
    };
    let shorter = update(Run { ends_at: instant(school.in_days(-1)), ..Run::default() }, &["ends_at"]);
    assert_eq!(violations(&school.authoring().update_run(shorter).await.unwrap_err()), ["ends_at"]);
    let endless = update(Run::default(), &["ends_at"]);
    let endless = school.authoring().update_run(endless).await.unwrap().into_inner();
    assert_eq!((endless.ends_at, endless.starts_at), (None, made.starts_at));
    let read = GetAuthoredRunRequest { run_id: made.run_id };
    assert_eq!(school.authoring().get_authored_run(read).await.unwrap().into_inner(), endless);
}

#[tokio::test]
async fn a_closed_run_is_not_offered_any_more() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("Введение")])]).await;
    let request = CloseRunRequest { run_id: offered.run.run_id.clone() };
    let closed = school.authoring().close_run(request).await.unwrap().into_inner();
    assert_eq!((closed.state(), closed.enrolment_open), (run::State::Closed, false));
    let request = ListAuthoredRunsRequest { course_id: offered.course.course_id, ..Default::default() };
    assert_eq!(school.authoring().list_authored_runs(request).await.unwrap().into_inner().runs, [closed]);
}
