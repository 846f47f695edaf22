//! AuthoringService at the door.

use std::sync::Arc;

use proto::lyceum::courses::v1::{
    ArchiveCourseRequest, CloseRunRequest, Course, CourseVersion, CreateCourseRequest, CreateLessonRequest,
    CreateRunRequest, CreateSectionRequest, DeleteLessonRequest, DeleteSectionRequest, Draft, DraftLesson,
    GetAuthoredCourseRequest, GetAuthoredRunRequest, GetDraftLessonRequest, GetDraftRequest,
    ListAuthoredCoursesRequest, ListAuthoredCoursesResponse, ListAuthoredRunsRequest, ListAuthoredRunsResponse,
    ListCourseVersionsRequest, ListCourseVersionsResponse, MoveLessonRequest, MoveSectionRequest, PublishCourseRequest,
    PublishRunRequest, ReplaceDraftRequest, RestoreCourseRequest, Run, UnpublishCourseRequest, UpdateCourseRequest,
    UpdateLessonRequest, UpdateRunRequest, UpdateSectionRequest, authoring_service_server::AuthoringService,
};
use rpc::Fields;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{
    actor, catalog, drafts,
    drafts::{Bodies, required},
    etag, id, idempotent, note, only_id, optional_id,
    page::Asked,
    pages, position, show,
};
use crate::{
    app::App,
    domain::{
        Refusal, course as law,
        course::Title,
        id::CourseId,
        run::{self, RunPlan},
    },
    error::{Error, Result},
    flows::{
        close_run, create_course, create_lesson, create_lesson::Place, create_run, edit_draft, edit_draft::Edit,
        move_course, move_course::Move, publish_course, publish_run, replace_draft, update_course, update_lesson,
        update_run,
    },
    store::{self, courses, runs, versions},
};

pub(super) struct Door(pub(super) Arc<App>);

impl Door {
    async fn course(&self, id: CourseId) -> Result<law::Course> {
        Ok(courses::find(&self.0.db, id).await?.ok_or(Refusal::CourseNotFound)?)
    }

    async fn moved(&self, course_id: &str, how: Move) -> Result<Response<Course>, Status> {
        let id = only_id("course_id", course_id)?;
        Ok(Response::new(show::course(move_course::run(&self.0, id, how).await?)))
    }

    /// A draft as a message.
    async fn shown(&self, draft: store::drafts::Draft, with_content: bool) -> Result<Response<Draft>, Status> {
        let shown = async {
            let bodies = match with_content {
                true => Bodies::Whole(store::drafts::lessons(&self.0.db, draft.course).await?),
                false => Bodies::Revisions(store::drafts::lesson_revisions(&self.0.db, draft.course).await?),
            };
            let latest = self.course(draft.course).await?.latest_version;
            let published = versions::find(&self.0.db, draft.course, latest).await?;
            Ok::<_, Error>(drafts::draft(&draft, &bodies, published.map(|version| version.draft_revision)))
        };
        Ok(Response::new(shown.await?))
    }

    /// One edit of an outline, answered by the draft that came of it.
    async fn edited(&self, course: CourseId, etag: Option<i64>, edit: Edit) -> Result<Response<Draft>, Status> {
        let draft = edit_draft::run(&self.0, course, etag, None, &edit).await?;
        self.shown(draft, false).await
    }

    fn show_run(&self, run: run::Run) -> Response<Run> {
        Response::new(show::run(run, self.0.clock.now()))
    }
}

#[tonic::async_trait]
impl AuthoringService for Door {
    async fn create_course(&self, request: Request<CreateCourseRequest>) -> Result<Response<Course>, Status> {
        let key = idempotent(&request, "AuthoringService/CreateCourse")?;
        let sent = required("course", request.into_inner().course)?;
        let page = pages::new_course(&sent)?;
        Ok(Response::new(show::course(create_course::run(&self.0, key.as_ref(), &page).await?)))
    }

    async fn list_authored_courses(
        &self,
        request: Request<ListAuthoredCoursesRequest>,
    ) -> Result<Response<ListAuthoredCoursesResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let sent = catalog::Sent { state: m.state, language: &m.language, level: m.level, tags: &m.tags };
        let filter = catalog::filter(&mut fields, sent);
        let scope = format!("ListAuthoredCourses {filter:?}");
        let asked = Asked::<Uuid>::read(&mut fields, m.page_size, &m.page_token, scope);
        let (filter, asked) = fields.finish((filter, asked))?;
        let rows = courses::list(&self.0.db, &filter, asked.after, asked.limit()).await.map_err(Error::from)?;
        let (cards, next_page_token) = asked.cut(rows, |card| card.id.uuid());
        let courses = cards.into_iter().map(show::card).collect();
        Ok(Response::new(ListAuthoredCoursesResponse { courses, next_page_token }))
    }

    async fn get_authored_course(
        &self,
        request: Request<GetAuthoredCourseRequest>,
    ) -> Result<Response<Course>, Status> {
        let id = only_id("course_id", &request.get_ref().course_id)?;
        Ok(Response::new(show::course(self.course(id).await?)))
    }

    async fn update_course(&self, request: Request<UpdateCourseRequest>) -> Result<Response<Course>, Status> {
        let m = request.into_inner();
        let sent = required("course", m.course)?;
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let etag = etag(&mut fields, &m.etag);
        let changes = pages::course_changes(&mut fields, &sent, m.update_mask);
        let (course, etag, changes) = fields.finish((course, etag, changes))?;
        Ok(Response::new(show::course(update_course::run(&self.0, course, etag, &changes).await?)))
    }

    async fn publish_course(&self, request: Request<PublishCourseRequest>) -> Result<Response<CourseVersion>, Status> {
        let actor = actor(&request);
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let note = note(&mut fields, &m.note);
        let etag = etag(&mut fields, &m.etag);
        let (course, note, etag) = fields.finish((course, note, etag))?;
        let version = publish_course::run(&self.0, &actor, course, etag, note.as_str()).await?;
        Ok(Response::new(show::version(version)))
    }

    async fn unpublish_course(&self, request: Request<UnpublishCourseRequest>) -> Result<Response<Course>, Status> {
        self.moved(&request.get_ref().course_id, Move::Unpublish).await
    }

    async fn archive_course(&self, request: Request<ArchiveCourseRequest>) -> Result<Response<Course>, Status> {
        self.moved(&request.get_ref().course_id, Move::Archive).await
    }

    async fn restore_course(&self, request: Request<RestoreCourseRequest>) -> Result<Response<Course>, Status> {
        self.moved(&request.get_ref().course_id, Move::Restore).await
    }

    async fn list_course_versions(
        &self,
        request: Request<ListCourseVersionsRequest>,
    ) -> Result<Response<ListCourseVersionsResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let scope = format!("ListCourseVersions {course:?}");
        let asked = Asked::<i32>::read(&mut fields, m.page_size, &m.page_token, scope);
        let (course, asked) = fields.finish((course, asked))?;
        let course = self.course(course).await?;
        let rows = versions::list(&self.0.db, course.id, asked.after, asked.limit()).await.map_err(Error::from)?;
        let (rows, next_page_token) = asked.cut(rows, |version| version.version);
        let versions = rows.into_iter().map(show::version).collect();
        Ok(Response::new(ListCourseVersionsResponse { versions, next_page_token }))
    }

    async fn get_draft(&self, request: Request<GetDraftRequest>) -> Result<Response<Draft>, Status> {
        let m = request.into_inner();
        let course = only_id("course_id", &m.course_id)?;
        let draft = store::drafts::find(&self.0.db, course).await.map_err(Error::from)?;
        self.shown(draft.ok_or(Error::from(Refusal::CourseNotFound))?, m.with_content).await
    }

    async fn replace_draft(&self, request: Request<ReplaceDraftRequest>) -> Result<Response<Draft>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let etag = etag(&mut fields, &m.etag);
        let sections = drafts::read_sections(&mut fields, m.sections, self.0.clock.now());
        let (course, etag, sections) = fields.finish((course, etag, sections))?;
        let draft = replace_draft::run(&self.0, course, etag, &sections).await?;
        self.shown(draft, true).await
    }

    async fn create_section(&self, request: Request<CreateSectionRequest>) -> Result<Response<Draft>, Status> {
        let key = idempotent(&request, "AuthoringService/CreateSection")?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let title = fields.take("title", Title::parse(&m.title));
        let position = position(&mut fields, m.position);
        let etag = etag(&mut fields, &m.etag);
        let (course, title, position, etag) = fields.finish((course, title, position, etag))?;
        let edit = Edit::CreateSection { title, position };
        let draft = edit_draft::run(&self.0, course, etag, key.as_ref(), &edit).await?;
        self.shown(draft, false).await
    }

    async fn update_section(&self, request: Request<UpdateSectionRequest>) -> Result<Response<Draft>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let section = id(&mut fields, "section_id", &m.section_id);
        let title = fields.take("title", Title::parse(&m.title));
        let etag = etag(&mut fields, &m.etag);
        let (course, section, title, etag) = fields.finish((course, section, title, etag))?;
        self.edited(course, etag, Edit::RenameSection { section, title }).await
    }

    async fn move_section(&self, request: Request<MoveSectionRequest>) -> Result<Response<Draft>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let section = id(&mut fields, "section_id", &m.section_id);
        let position = position(&mut fields, Some(m.position)).flatten();
        let etag = etag(&mut fields, &m.etag);
        let (course, section, position, etag) = fields.finish((course, section, position, etag))?;
        self.edited(course, etag, Edit::MoveSection { section, position }).await
    }

    async fn delete_section(&self, request: Request<DeleteSectionRequest>) -> Result<Response<Draft>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let section = id(&mut fields, "section_id", &m.section_id);
        let etag = etag(&mut fields, &m.etag);
        let (course, section, etag) = fields.finish((course, section, etag))?;
        self.edited(course, etag, Edit::DeleteSection { section }).await
    }

    async fn create_lesson(&self, request: Request<CreateLessonRequest>) -> Result<Response<DraftLesson>, Status> {
        let key = idempotent(&request, "AuthoringService/CreateLesson")?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let section = id(&mut fields, "section_id", &m.section_id);
        let position = position(&mut fields, m.position);
        let etag = etag(&mut fields, &m.etag);
        let now = self.0.clock.now();
        let lesson = fields.required("lesson", m.lesson);
        let lesson = lesson.and_then(|sent| drafts::read_lesson(&mut fields, "lesson", sent, now));
        let (course, section, position, etag, lesson) = fields.finish((course, section, position, etag, lesson))?;
        let place = Place { course, section, position, etag };
        let lesson = create_lesson::run(&self.0, key.as_ref(), place, &lesson).await?;
        Ok(Response::new(drafts::lesson(&lesson)))
    }

    async fn get_draft_lesson(&self, request: Request<GetDraftLessonRequest>) -> Result<Response<DraftLesson>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let lesson = id(&mut fields, "lesson_id", &m.lesson_id);
        let (course, lesson) = fields.finish((course, lesson))?;
        let draft = store::drafts::find(&self.0.db, course).await.map_err(Error::from)?;
        let draft = draft.ok_or(Error::from(Refusal::CourseNotFound))?;
        let (_, card) = draft.outline.lesson(lesson).map_err(Error::from)?;
        let body = store::drafts::lesson(&self.0.db, course, lesson).await.map_err(Error::from)?;
        let body = body.ok_or(Error::from(Refusal::LessonNotFound))?;
        Ok(Response::new(drafts::lesson(&edit_draft::DraftLesson { card: card.clone(), body })))
    }

    async fn update_lesson(&self, request: Request<UpdateLessonRequest>) -> Result<Response<DraftLesson>, Status> {
        let m = request.into_inner();
        let sent = required("lesson", m.lesson)?;
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let lesson = id(&mut fields, "lesson_id", &m.lesson_id);
        let etag = etag(&mut fields, &m.etag);
        let changes = drafts::read_changes(&mut fields, sent, m.update_mask, self.0.clock.now());
        let (course, lesson, etag, changes) = fields.finish((course, lesson, etag, changes))?;
        let lesson = update_lesson::run(&self.0, course, lesson, etag, &changes).await?;
        Ok(Response::new(drafts::lesson(&lesson)))
    }

    async fn move_lesson(&self, request: Request<MoveLessonRequest>) -> Result<Response<Draft>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let lesson = id(&mut fields, "lesson_id", &m.lesson_id);
        let to = optional_id(&mut fields, "section_id", &m.section_id);
        let position = position(&mut fields, Some(m.position)).flatten();
        let etag = etag(&mut fields, &m.etag);
        let (course, lesson, to, position, etag) = fields.finish((course, lesson, to, position, etag))?;
        self.edited(course, etag, Edit::MoveLesson { lesson, to, position }).await
    }

    async fn delete_lesson(&self, request: Request<DeleteLessonRequest>) -> Result<Response<Draft>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let lesson = id(&mut fields, "lesson_id", &m.lesson_id);
        let etag = etag(&mut fields, &m.etag);
        let (course, lesson, etag) = fields.finish((course, lesson, etag))?;
        self.edited(course, etag, Edit::DeleteLesson { lesson }).await
    }

    async fn create_run(&self, request: Request<CreateRunRequest>) -> Result<Response<Run>, Status> {
        let key = idempotent(&request, "AuthoringService/CreateRun")?;
        let m = request.into_inner();
        let sent = required("run", m.run)?;
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let title = fields.take("run.title", Title::parse(&sent.title));
        let changes = pages::run_changes(&mut fields, &sent, None);
        let (course, title, changes) = fields.finish((course, title, changes))?;
        let plan = RunPlan::untitled(title).with(changes).checked().map_err(Error::from)?;
        Ok(self.show_run(create_run::run(&self.0, key.as_ref(), course, &plan).await?))
    }

    async fn list_authored_runs(
        &self,
        request: Request<ListAuthoredRunsRequest>,
    ) -> Result<Response<ListAuthoredRunsResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let course = id(&mut fields, "course_id", &m.course_id);
        let scope = format!("ListAuthoredRuns {course:?}");
        let asked = Asked::<Uuid>::read(&mut fields, m.page_size, &m.page_token, scope);
        let (course, asked) = fields.finish((course, asked))?;
        let course = self.course(course).await?;
        let rows = runs::list(&self.0.db, course.id, false, asked.after, asked.limit()).await.map_err(Error::from)?;
        let (rows, next_page_token) = asked.cut(rows, |run| run.id.uuid());
        let now = self.0.clock.now();
        let runs = rows.into_iter().map(|run| show::run(run, now)).collect();
        Ok(Response::new(ListAuthoredRunsResponse { runs, next_page_token }))
    }

    async fn get_authored_run(&self, request: Request<GetAuthoredRunRequest>) -> Result<Response<Run>, Status> {
        let id = only_id("run_id", &request.get_ref().run_id)?;
        let run = runs::find(&self.0.db, id).await.map_err(Error::from)?;
        Ok(self.show_run(run.ok_or(Error::from(Refusal::RunNotFound))?))
    }

    async fn update_run(&self, request: Request<UpdateRunRequest>) -> Result<Response<Run>, Status> {
        let m = request.into_inner();
        let sent = required("run", m.run)?;
        let mut fields = Fields::new();
        let run = id(&mut fields, "run_id", &m.run_id);
        let etag = etag(&mut fields, &m.etag);
        let changes = pages::run_changes(&mut fields, &sent, m.update_mask);
        let (run, etag, changes) = fields.finish((run, etag, changes))?;
        Ok(self.show_run(update_run::run(&self.0, run, etag, &changes).await?))
    }

    async fn publish_run(&self, request: Request<PublishRunRequest>) -> Result<Response<Run>, Status> {
        let actor = actor(&request);
        let m = request.into_inner();
        let mut fields = Fields::new();
        let run = id(&mut fields, "run_id", &m.run_id);
        if m.version < 0 {
            fields.refuse("version", "expected the number of a published version, or 0 for the newest");
        }
        let (run,) = fields.finish((run,))?;
        Ok(self.show_run(publish_run::run(&self.0, &actor, run, m.version).await?))
    }

    async fn close_run(&self, request: Request<CloseRunRequest>) -> Result<Response<Run>, Status> {
        let id = only_id("run_id", &request.get_ref().run_id)?;
        Ok(self.show_run(close_run::run(&self.0, id).await?))
    }
}
