//! CatalogService at the door.

use std::sync::Arc;

use proto::lyceum::courses::v1::{
    Course, GetCourseRequest, GetSyllabusRequest, ListCourseRunsRequest, ListCourseRunsResponse, ListCoursesRequest,
    ListCoursesResponse, SearchCoursesRequest, SearchCoursesResponse, Syllabus, catalog_service_server::CatalogService,
    course,
};
use rpc::Fields;
use tonic::{Request, Response, Status};
use uuid::Uuid;
use values::{Language, Text};

use super::{id, only_id, page::Asked, show};
use crate::{
    app::App,
    domain::{
        Refusal, course as law,
        course::{CourseState, Level, Tags},
        id::CourseId,
    },
    error::{Error, Result},
    store::{
        courses,
        courses::{AfterFound, AfterPublished, Filter},
        runs,
    },
};

pub(super) struct Door(pub(super) Arc<App>);

impl Door {
    async fn published(&self, id: CourseId) -> Result<law::Course> {
        let course = courses::find_published(&self.0.db, id).await?;
        Ok(course.ok_or(Refusal::CourseNotFound)?)
    }
}

#[tonic::async_trait]
impl CatalogService for Door {
    async fn list_courses(
        &self,
        request: Request<ListCoursesRequest>,
    ) -> Result<Response<ListCoursesResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let filter = filter(&mut fields, Sent { state: 0, language: &m.language, level: m.level, tags: &m.tags });
        let scope = format!("ListCourses {filter:?}");
        let asked = Asked::<AfterPublished>::read(&mut fields, m.page_size, &m.page_token, scope);
        let (filter, asked) = fields.finish((filter, asked))?;
        let rows = courses::list_published(&self.0.db, &filter, asked.after.clone(), asked.limit()).await;
        let after = |card: &courses::Card| AfterPublished { published_at: card.published_at, course: card.id.uuid() };
        let (cards, next_page_token) = asked.cut(rows.map_err(Error::from)?, after);
        let courses = cards.into_iter().map(show::card).collect();
        Ok(Response::new(ListCoursesResponse { courses, next_page_token }))
    }

    async fn search_courses(
        &self,
        request: Request<SearchCoursesRequest>,
    ) -> Result<Response<SearchCoursesResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let words = fields.take("query", Text::<1, 200>::parse(&m.query));
        let filter = filter(&mut fields, Sent { state: 0, language: &m.language, level: m.level, tags: &m.tags });
        let scope = format!("SearchCourses {words:?} {filter:?}");
        let asked = Asked::<AfterFound>::read(&mut fields, m.page_size, &m.page_token, scope);
        let (words, filter, asked) = fields.finish((words, filter, asked))?;
        let rows = courses::search(&self.0.db, words.as_str(), &filter, asked.after.clone(), asked.limit()).await;
        let after = |found: &courses::Found| AfterFound { rank: found.rank, course: found.card.id.uuid() };
        let (found, next_page_token) = asked.cut(rows.map_err(Error::from)?, after);
        let courses = found.into_iter().map(|found| show::card(found.card)).collect();
        Ok(Response::new(SearchCoursesResponse { courses, next_page_token }))
    }

    async fn get_course(&self, request: Request<GetCourseRequest>) -> Result<Response<Course>, Status> {
        let id = only_id("course_id", &request.get_ref().course_id)?;
        Ok(Response::new(show::course(self.published(id).await?)))
    }

    async fn list_course_runs(
        &self,
        request: Request<ListCourseRunsRequest>,
    ) -> Result<Response<ListCourseRunsResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let scope = format!("ListCourseRuns {course:?}");
        let asked = Asked::<Uuid>::read(&mut fields, m.page_size, &m.page_token, scope);
        let (course, asked) = fields.finish((course, asked))?;
        let course = self.published(course).await?;
        let rows = runs::list(&self.0.db, course.id, true, asked.after, asked.limit()).await.map_err(Error::from)?;
        let (rows, next_page_token) = asked.cut(rows, |run| run.id.uuid());
        let now = self.0.clock.now();
        let runs = rows.into_iter().map(|run| show::run(run, now)).collect();
        Ok(Response::new(ListCourseRunsResponse { runs, next_page_token }))
    }

    async fn get_syllabus(&self, request: Request<GetSyllabusRequest>) -> Result<Response<Syllabus>, Status> {
        let id = only_id("course_id", &request.get_ref().course_id)?;
        let course = self.published(id).await?;
        let outline = self.0.outlines.get(&self.0.db, id, course.latest_version).await.map_err(Error::from)?;
        Ok(Response::new(show::syllabus(&course, &outline)))
    }
}

/// The filters that lists of courses share, as they were sent.
pub(super) struct Sent<'a> {
    pub(super) state: i32,
    pub(super) language: &'a str,
    pub(super) level: i32,
    pub(super) tags: &'a [String],
}

pub(super) fn filter(fields: &mut Fields, sent: Sent<'_>) -> Option<Filter> {
    let state = fields.take("state", state(sent.state));
    let language = fields.take_if("language", (!sent.language.is_empty()).then(|| sent.language.parse::<Language>()));
    let level = fields.take("level", level(sent.level));
    let tags = fields.take("tags", Tags::parse(sent.tags, Tags::MAX_IN_FILTER));
    Some(Filter { state: state?, language: language?, level: level?, tags: tags? })
}

fn state(number: i32) -> Result<Option<CourseState>, &'static str> {
    match course::State::try_from(number) {
        Ok(course::State::Unspecified) => Ok(None),
        Ok(course::State::Draft) => Ok(Some(CourseState::Draft)),
        Ok(course::State::Published) => Ok(Some(CourseState::Published)),
        Ok(course::State::Archived) => Ok(Some(CourseState::Archived)),
        Err(_) => Err("expected a state that this version knows"),
    }
}

pub(super) fn level(number: i32) -> Result<Option<Level>, &'static str> {
    match course::Level::try_from(number) {
        Ok(course::Level::Unspecified) => Ok(None),
        Ok(course::Level::Beginner) => Ok(Some(Level::Beginner)),
        Ok(course::Level::Intermediate) => Ok(Some(Level::Intermediate)),
        Ok(course::Level::Advanced) => Ok(Some(Level::Advanced)),
        Err(_) => Err("expected a level that this version knows"),
    }
}
