//! The shop window: what is listed, what is found, and in which order.

use courses::store::courses;
use proto::lyceum::courses::v1::{
    Course, GetCourseRequest, GetSyllabusRequest, ListCourseRunsRequest, ListCoursesRequest, SearchCoursesRequest,
    UpdateCourseRequest, course::Level,
};
use sqlx::AssertSqlSafe;
use time::Duration;

use crate::helpers::{School, course_page, file, reason, run_page, section, text, video, violations};

/// A published course.
async fn listed(school: &School, page: Course) -> Course {
    let course = school.course(page).await;
    school.draft(&course, vec![section("Начало", vec![text("Введение"), video("Показ", 60), file("Выкройка")])]).await;
    school.clock.advance(Duration::MINUTE);
    school.publish(&course).await;
    course
}

async fn found(school: &School, query: &str) -> Vec<String> {
    let request = SearchCoursesRequest { query: query.to_owned(), ..Default::default() };
    let courses = school.catalog().search_courses(request).await.unwrap().into_inner().courses;
    courses.into_iter().map(|card| card.title).collect()
}

#[tokio::test]
async fn only_published_courses_are_shown_to_everybody() {
    let school = School::new().await;
    let draft = school.course(course_page("Черновик", "ru")).await;
    let course = listed(&school, course_page("Шитьё", "ru")).await;
    let list = school.catalog().list_courses(ListCoursesRequest::default()).await.unwrap().into_inner();
    assert_eq!(list.courses.iter().map(|card| &card.course_id).collect::<Vec<_>>(), [&course.course_id]);
    let hidden = GetCourseRequest { course_id: draft.course_id.clone() };
    assert_eq!(reason(&school.catalog().get_course(hidden).await.unwrap_err()), "COURSE_NOT_FOUND");
    let hidden = ListCourseRunsRequest { course_id: draft.course_id, ..Default::default() };
    assert_eq!(reason(&school.catalog().list_course_runs(hidden).await.unwrap_err()), "COURSE_NOT_FOUND");
    assert_eq!(found(&school, "черновик").await, [""; 0]);
}

#[tokio::test]
async fn words_are_found_in_every_form_of_both_languages() {
    let school = School::new().await;
    let russian = Course {
        summary: "Программирование для начинающих".into(),
        description: "Пишем первые программы на Rust.".into(),
        tags: vec!["Разработка".into()],
        ..course_page("Основы языка Rust", "ru")
    };
    let english = Course {
        summary: "Sewing patterns for beginners".into(),
        description: "You will be cutting fabrics.".into(),
        ..course_page("Dressmaking", "en")
    };
    listed(&school, russian).await;
    listed(&school, english).await;
    for words in ["программа", "программированием", "языки", "разработка", "RUST", "rust начинающим", "програм", "нач"]
    {
        assert_eq!(found(&school, words).await, ["Основы языка Rust"], "{words}");
    }
    for words in ["fabric", "cut", "pattern", "dressmak", "\"sewing patterns\"", "beginner -rust", "fabrics pat"] {
        assert_eq!(found(&school, words).await, ["Dressmaking"], "{words}");
    }
    for words in ["\"patterns sewing\"", "вязание", "dressmaking -sewing", "и", "!!! & | :*", "'"] {
        assert_eq!(found(&school, words).await, [""; 0], "{words}");
    }
    assert_eq!(found(&school, "rust or fabric").await.len(), 2);
}

#[tokio::test]
async fn yo_and_ye_are_one_letter() {
    let school = School::new().await;
    listed(&school, course_page("Шитьё для всех", "ru")).await;
    listed(&school, course_page("Чертеж изделия", "ru")).await;
    assert_eq!(found(&school, "шитье").await, ["Шитьё для всех"]);
    assert_eq!(found(&school, "чертёж").await, ["Чертеж изделия"]);
}

#[tokio::test]
async fn a_title_counts_more_than_a_summary_and_a_summary_more_than_a_description() {
    let school = School::new().await;
    listed(&school, Course { description: "Немного вязания.".into(), ..course_page("Третий", "ru") }).await;
    listed(&school, Course { summary: "Немного вязания.".into(), ..course_page("Второй", "ru") }).await;
    listed(&school, course_page("Вязание", "ru")).await;
    assert_eq!(found(&school, "вязание").await, ["Вязание", "Второй", "Третий"]);
}

#[tokio::test]
async fn a_changed_page_is_found_by_its_new_words() {
    let school = School::new().await;
    let course = listed(&school, course_page("Вязание", "ru")).await;
    let update = UpdateCourseRequest {
        course_id: course.course_id,
        course: Some(course_page("Лепка", "ru")),
        ..Default::default()
    };
    school.authoring().update_course(update).await.unwrap();
    assert_eq!(found(&school, "вязание").await, [""; 0]);
    assert_eq!(found(&school, "лепка").await, ["Лепка"]);
}

#[tokio::test]
async fn filters_narrow_lists_and_findings() {
    let school = School::new().await;
    let tagged = |title: &str, language: &str, level: Level, tags: &[&str]| Course {
        level: level.into(),
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        ..course_page(title, language)
    };
    listed(&school, tagged("Мода один", "ru", Level::Beginner, &["мода", "лето"])).await;
    listed(&school, tagged("Мода два", "ru", Level::Advanced, &["мода"])).await;
    listed(&school, tagged("Fashion мода", "en", Level::Beginner, &["мода", "лето"])).await;
    let titles = async |request: ListCoursesRequest| {
        let list = school.catalog().list_courses(request).await.unwrap().into_inner().courses;
        list.into_iter().map(|card| card.title).collect::<Vec<_>>()
    };
    let tags = |tags: &[&str]| tags.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>();
    let russian = ListCoursesRequest { language: "ru".into(), ..Default::default() };
    assert_eq!(titles(russian).await, ["Мода два", "Мода один"]);
    let summer = ListCoursesRequest { tags: tags(&["Лето", "мода"]), ..Default::default() };
    assert_eq!(titles(summer).await, ["Fashion мода", "Мода один"]);
    let advanced = ListCoursesRequest { level: Level::Advanced.into(), ..Default::default() };
    assert_eq!(titles(advanced).await, ["Мода два"]);
    let search = SearchCoursesRequest {
        query: "мода".into(),
        language: "ru".into(),
        level: Level::Beginner.into(),
        ..Default::default()
    };
    let courses = school.catalog().search_courses(search).await.unwrap().into_inner().courses;
    assert_eq!(courses.iter().map(|card| card.title.as_str()).collect::<Vec<_>>(), ["Мода один"]);
}

#[tokio::test]
async fn pages_show_every_course_once() {
    let school = School::new().await;
    for number in 0..7 {
        listed(&school, course_page(&format!("Мода {number}"), "ru")).await;
    }
    let mut listed_titles = Vec::new();
    let mut token = String::new();
    loop {
        let request = ListCoursesRequest { page_size: 3, page_token: token, ..Default::default() };
        let page = school.catalog().list_courses(request).await.unwrap().into_inner();
        assert!(page.courses.len() <= 3);
        listed_titles.extend(page.courses.into_iter().map(|card| card.title));
        token = page.next_page_token.unwrap_or_default();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(listed_titles, (0..7).rev().map(|number| format!("Мода {number}")).collect::<Vec<_>>());

    let mut found_titles = Vec::new();
    let mut token = String::new();
    loop {
        let request =
            SearchCoursesRequest { query: "мода".into(), page_size: 2, page_token: token, ..Default::default() };
        let page = school.catalog().search_courses(request).await.unwrap().into_inner();
        found_titles.extend(page.courses.into_iter().map(|card| card.title));
        token = page.next_page_token.unwrap_or_default();
        if token.is_empty() {
            break;
        }
    }
    found_titles.sort();
    listed_titles.sort();
    assert_eq!(found_titles, listed_titles);
}

#[tokio::test]
async fn bad_questions_are_refused_by_field() {
    let school = School::new().await;
    let request = ListCoursesRequest {
        language: "de".into(),
        level: 99,
        page_size: -1,
        page_token: "!".into(),
        tags: vec!["a".into(); 11],
    };
    let refused = school.catalog().list_courses(request).await.unwrap_err();
    assert_eq!(violations(&refused), ["page_size", "page_token", "language", "level", "tags"]);
    for query in ["", "   ", &"я".repeat(201), "a\0b"] {
        let request = SearchCoursesRequest { query: query.into(), ..Default::default() };
        assert_eq!(violations(&school.catalog().search_courses(request).await.unwrap_err()), ["query"]);
    }
    for course_id in ["", "7", "../etc/passwd"] {
        let request = GetCourseRequest { course_id: course_id.into() };
        assert_eq!(violations(&school.catalog().get_course(request).await.unwrap_err()), ["course_id"]);
    }
}

#[tokio::test]
async fn a_token_of_another_list_is_refused() {
    let school = School::new().await;
    for title in ["Мода 1", "Мода 2"] {
        listed(&school, course_page(title, "ru")).await;
    }
    let request = ListCoursesRequest { page_size: 1, ..Default::default() };
    let page_token = school.catalog().list_courses(request).await.unwrap().into_inner().next_page_token.unwrap();
    let other = ListCoursesRequest { language: "ru".into(), page_token: page_token.clone(), ..Default::default() };
    assert_eq!(violations(&school.catalog().list_courses(other).await.unwrap_err()), ["page_token"]);
    let other = SearchCoursesRequest { query: "мода".into(), page_token, ..Default::default() };
    assert_eq!(violations(&school.catalog().search_courses(other).await.unwrap_err()), ["page_token"]);
}

#[tokio::test]
async fn a_course_shows_its_contents_and_its_published_runs() {
    let school = School::new().await;
    let course = listed(&school, course_page("Шитьё", "ru")).await;
    let request = GetSyllabusRequest { course_id: course.course_id.clone() };
    let syllabus = school.catalog().get_syllabus(request).await.unwrap().into_inner();
    let lessons: Vec<_> = syllabus.sections[0].lessons.iter().map(|lesson| lesson.title.as_str()).collect();
    assert_eq!((syllabus.version, lessons), (1, vec!["Введение", "Показ", "Выкройка"]));
    assert_eq!(syllabus.sections[0].lessons[1].duration.map(|duration| duration.seconds), Some(60));

    school.run(&course, run_page()).await;
    let run = school.run(&course, run_page()).await;
    school.publish_run(&run.run_id).await;
    let request = ListCourseRunsRequest { course_id: course.course_id, ..Default::default() };
    let runs = school.catalog().list_course_runs(request).await.unwrap().into_inner().runs;
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].run_id.as_str(), runs[0].enrolment_open), (run.run_id.as_str(), true));
}

#[tokio::test]
async fn the_search_uses_its_index() {
    let school = School::new().await;
    let mut conn = school.db.pool.acquire().await.unwrap();
    // In an empty table every index costs the same.
    for statement in ["set enable_seqscan = off", "drop index courses_published_ix"] {
        sqlx::query(statement).execute(&mut *conn).await.unwrap();
    }
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("explain {}", courses::SEARCH)))
        .bind("мода")
        .bind("")
        .bind("мода")
        .bind(None::<String>)
        .bind(None::<String>)
        .bind(Vec::<String>::new())
        .bind(None::<i32>)
        .bind(None::<uuid::Uuid>)
        .bind(10_i64)
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert!(plan.join("\n").contains("courses_search_ix"), "{plan:#?}");
}
