//! Pages of lists whose rows change between one page and the next.

use proto::{
    lyceum::courses::v1::{
        Course, CreateEnrolmentRequest, ExtendEnrolmentRequest, ListAuthoredCoursesRequest, ListEnrolmentsRequest,
        UpdateCourseRequest, list_authored_courses_request, list_enrolments_request,
    },
    wkt::FieldMask,
};
use time::Duration;
use uuid::Uuid;

use crate::helpers::{School, course_page, instant, section, text};

/// A page of two of the editors' list: its titles, and the token of the next one.
async fn courses(
    school: &School,
    order_by: list_authored_courses_request::OrderBy,
    page_token: String,
) -> (Vec<Course>, String) {
    let request =
        ListAuthoredCoursesRequest { page_size: 2, order_by: order_by.into(), page_token, ..Default::default() };
    let page = school.authoring().list_authored_courses(request).await.unwrap().into_inner();
    let cards = page.courses.into_iter();
    let courses = cards.map(|card| Course { course_id: card.course_id, title: card.title, ..Course::default() });
    (courses.collect(), page.next_page_token.unwrap_or_default())
}

async fn rename(school: &School, course: &Course, title: &str) {
    school.clock.advance(Duration::SECOND);
    let request = UpdateCourseRequest {
        course_id: course.course_id.clone(),
        course: Some(Course { title: title.to_owned(), ..Course::default() }),
        update_mask: Some(FieldMask { paths: vec!["title".to_owned()] }),
        etag: String::new(),
    };
    school.authoring().update_course(request).await.unwrap();
}

fn titles(courses: &[Course]) -> Vec<&str> {
    courses.iter().map(|course| course.title.as_str()).collect()
}

#[tokio::test]
async fn a_course_that_changes_moves_no_page_of_the_editors() {
    use list_authored_courses_request::OrderBy::{Title, UpdatedAtDesc};
    let school = School::new().await;
    for title in ["Д", "Г", "В", "Б"] {
        school.clock.advance(Duration::SECOND);
        school.course(course_page(title, "ru")).await;
    }

    // The last of the page comes to the beginning of the list, and to its end.
    let (first, next) = courses(&school, UpdatedAtDesc, String::new()).await;
    assert_eq!(titles(&first), ["Б", "В"]);
    rename(&school, &first[1], "Е").await;
    assert_eq!(titles(&courses(&school, UpdatedAtDesc, next).await.0), ["Г", "Д"]);

    let (first, next) = courses(&school, Title, String::new()).await;
    assert_eq!(titles(&first), ["Б", "Г"]);
    rename(&school, &first[1], "А").await;
    assert_eq!(titles(&courses(&school, Title, next.clone()).await.0), ["Д", "Е"]);
    rename(&school, &first[1], "Ж").await;
    let (second, next) = courses(&school, Title, next).await;
    assert_eq!(titles(&second), ["Д", "Е"]);
    assert_eq!(titles(&courses(&school, Title, next).await.0), ["Ж"]);
}

#[tokio::test]
async fn a_page_may_end_with_the_longest_title() {
    use list_authored_courses_request::OrderBy::Title;
    let school = School::new().await;
    let long = "\u{1d11e}".repeat(200);
    for title in ["А", &long, &long] {
        school.course(course_page(title, "ru")).await;
    }
    let (first, next) = courses(&school, Title, String::new()).await;
    let (second, end) = courses(&school, Title, next).await;
    assert_eq!((first.len(), second.len(), end.as_str()), (2, 1, ""));
    assert!(!first.contains(&second[0]));
}

#[tokio::test]
async fn an_enrolment_that_changes_moves_no_page_of_the_staff() {
    use list_enrolments_request::OrderBy;
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    let (begin, mut made) = (school.now(), Vec::new());
    for days in [10, 20, 30, 40] {
        let request = CreateEnrolmentRequest {
            learner_id: Uuid::new_v4().to_string(),
            run_id: offered.run.run_id.clone(),
            access_ends_at: instant(begin + Duration::days(days)),
            ..Default::default()
        };
        made.push(school.enrolments().create_enrolment(request).await.unwrap().into_inner().enrolment_id);
    }
    let page = async |page_token: String| {
        let order_by = OrderBy::AccessEndsAt.into();
        let request = ListEnrolmentsRequest { page_size: 2, order_by, page_token, ..Default::default() };
        let page = school.enrolments().list_enrolments(request).await.unwrap().into_inner();
        let ids: Vec<_> = page.enrolments.into_iter().map(|enrolment| enrolment.enrolment_id).collect();
        (ids, page.next_page_token.unwrap_or_default())
    };
    let (first, next) = page(String::new()).await;
    assert_eq!(first, made[..2]);
    let extend = ExtendEnrolmentRequest {
        enrolment_id: made[1].clone(),
        access_ends_at: instant(begin + Duration::days(50)),
        ..Default::default()
    };
    school.enrolments().extend_enrolment(extend).await.unwrap();
    let (second, next) = page(next).await;
    assert_eq!(second, made[2..], "none is skipped");
    assert_eq!(page(next).await.0, made[1..2], "where it stands now");
}
