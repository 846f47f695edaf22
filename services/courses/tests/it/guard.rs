//! Who may call what, as this service's door decides by the contract.

use proto::lyceum::courses::v1::{
    CreateCourseRequest, CreateEnrolmentRequest, Enrolment, ExportEnrolmentsRequest, GetEnrolmentRequest,
    GetOutlineRequest, ListCoursesRequest, ListEnrolmentsRequest, PublishCourseRequest,
};
use tokio_stream::StreamExt;
use tonic::Code;
use uuid::Uuid;

use crate::helpers::{School, course_page, instant, section, text};

#[tokio::test]
async fn the_catalogue_is_for_everybody_and_learning_for_who_signed_in() {
    let school = School::new().await;
    school.catalog().list_courses(ListCoursesRequest::default()).await.unwrap();
    let mut visitor = school.learning_as(school.fleet.visitor());
    let refused = visitor.get_outline(GetOutlineRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let mut service = school.learning_as(school.fleet.service());
    let refused = service.get_outline(GetOutlineRequest::default()).await.unwrap_err();
    assert_ne!(refused.code(), Code::Ok, "a service is no learner");
}

#[tokio::test]
async fn each_permission_opens_its_own_doors_only() {
    let school = School::new().await;
    let with = |permissions: &[&str]| school.fleet.person(Uuid::new_v4(), permissions);
    let create = || CreateCourseRequest { course: Some(course_page("Шитьё", "ru")) };
    for permissions in [&[][..], &["courses.publish"], &["enrolments.manage"]] {
        let refused = school.authoring_as(with(permissions)).create_course(create()).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{permissions:?}");
    }
    let course = school.authoring_as(with(&["courses.edit"])).create_course(create()).await.unwrap().into_inner();
    let publish = PublishCourseRequest { course_id: course.course_id, ..Default::default() };
    let refused = school.authoring_as(with(&["courses.edit"])).publish_course(publish).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);

    let list = ListEnrolmentsRequest::default;
    assert!(school.enrolments_as(with(&["enrolments.read"])).list_enrolments(list()).await.is_ok());
    for permissions in [&[][..], &["enrolments.manage"], &["courses.edit"]] {
        let refused = school.enrolments_as(with(permissions)).list_enrolments(list()).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{permissions:?}");
    }
    let mut reader = school.enrolments_as(with(&["enrolments.read"]));
    let refused = reader.create_enrolment(CreateEnrolmentRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let refused = reader.get_enrolment(GetEnrolmentRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn an_export_is_for_services_and_streams_everything() {
    let school = School::new().await;
    let offered = school.offered(vec![section("Начало", vec![text("а")])]).await;
    for _ in 0..3 {
        school.learner(&offered.run).await;
    }
    school.clock.advance(time::Duration::HOUR);
    let late = school.learner(&offered.run).await;
    let all = ExportEnrolmentsRequest::default();
    let refused = school.enrolments().export_enrolments(all).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let export = async |request: ExportEnrolmentsRequest| {
        let mut service = school.enrolments_as(school.fleet.service());
        let stream = service.export_enrolments(request).await.unwrap().into_inner();
        stream.collect::<Result<Vec<Enrolment>, _>>().await.unwrap()
    };
    assert_eq!(export(all).await.len(), 4);
    let changed = export(ExportEnrolmentsRequest { changed_since: instant(school.now()) }).await;
    assert_eq!(changed.iter().map(|one| one.learner_id.clone()).collect::<Vec<_>>(), [late.to_string()]);
}
