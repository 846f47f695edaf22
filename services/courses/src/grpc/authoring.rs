//! AuthoringService at the door. What a draft holds is read and printed by `draft` and `content`.

use contract::{Call, Page, courses as asked, show};
use proto::lyceum::courses::v1 as pb;

use super::{Door, draft, show};
use crate::{
    domain::{Refusal, course, id::CourseId, run},
    error::Result,
    flows::{self, create_lesson::Place, edit_draft::Edit, move_course::Move},
    store::{courses, drafts, runs, versions},
};

impl Door {
    async fn course(&self, id: CourseId) -> Result<course::Course> {
        Ok(courses::find(&self.0.db, id).await?.ok_or(Refusal::CourseNotFound)?)
    }

    async fn moved(&self, id: CourseId, how: Move) -> Result<pb::Course> {
        Ok(show(flows::move_course::run(&self.0, id, how).await?))
    }

    /// A draft as a message: with the lessons' contents, or only with their etags.
    async fn shown(&self, found: drafts::Draft, with_content: bool) -> Result<pb::Draft> {
        let (db, course) = (&self.0.db, found.course);
        let latest = self.course(course).await?.latest_version;
        let published = versions::find(db, course, latest).await?.map(|version| version.draft_revision);
        Ok(if with_content {
            let bodies = drafts::lessons(db, course).await?;
            draft::show(&found, published, |id| bodies.get(&id).map(|body| (body.revision, Some(&body.content))))
        } else {
            let revisions = drafts::lesson_revisions(db, course).await?;
            draft::show(&found, published, |id| revisions.get(&id).map(|revision| (*revision, None)))
        })
    }

    /// One edit of an outline, answered by the draft that came of it.
    async fn edited(&self, call: &Call, course: CourseId, etag: Option<i64>, edit: Edit) -> Result<pb::Draft> {
        self.shown(flows::edit_draft::run(&self.0, course, etag, call.key.as_ref(), &edit).await?, false).await
    }
}

impl From<asked::CourseInput<Door>> for course::CoursePage {
    fn from(sent: asked::CourseInput<Door>) -> Self {
        Self {
            language: sent.language,
            level: sent.level,
            title: sent.title,
            summary: sent.summary,
            description: sent.description,
            tags: course::Tags::of(sent.tags),
            cover: sent.cover_media_id,
        }
    }
}

impl From<asked::CoursePatch<Door>> for course::CoursePagePatch {
    fn from(sent: asked::CoursePatch<Door>) -> Self {
        Self {
            language: sent.language,
            level: sent.level,
            title: sent.title,
            summary: sent.summary,
            description: sent.description,
            tags: sent.tags.map(course::Tags::of),
            cover: sent.cover_media_id,
        }
    }
}

impl From<asked::RunInput<Door>> for run::RunPlan {
    fn from(sent: asked::RunInput<Door>) -> Self {
        let (pacing, sequence) = (sent.pacing.unwrap_or_default(), sent.sequence.unwrap_or_default());
        let lessons = run::Window { starts_at: sent.starts_at, ends_at: sent.ends_at };
        let enrolment = run::Window { starts_at: sent.enrolment_starts_at, ends_at: sent.enrolment_ends_at };
        Self { title: sent.title, pacing, sequence, lessons, enrolment }
    }
}

impl From<asked::RunPatch<Door>> for run::RunPlanPatch {
    fn from(sent: asked::RunPatch<Door>) -> Self {
        let pacing = sent.pacing.map(Option::unwrap_or_default);
        let sequence = sent.sequence.map(Option::unwrap_or_default);
        let lessons = run::WindowPatch { starts_at: sent.starts_at, ends_at: sent.ends_at };
        let enrolment = run::WindowPatch { starts_at: sent.enrolment_starts_at, ends_at: sent.enrolment_ends_at };
        Self { title: sent.title, pacing, sequence, lessons, enrolment }
    }
}

impl asked::AuthoringService for Door {
    async fn create_course(&self, call: Call, ask: asked::CreateCourse<Self>) -> Result<pb::Course> {
        Ok(show(flows::create_course::run(&self.0, call.key.as_ref(), &ask.course.into()).await?))
    }

    async fn list_authored_courses(
        &self,
        _: Call,
        ask: asked::ListAuthoredCourses<Self>,
    ) -> Result<Page<pb::CourseCard>> {
        let tags = course::Tags::of(ask.tags);
        let filter = courses::Filter { state: ask.state, language: ask.language, level: ask.level, tags };
        let (title, order) = (ask.title.as_ref().map(|title| title.as_str()), ask.order_by.unwrap_or_default());
        let rows = courses::list(&self.0.db, &filter, title, order, ask.page.after()?, ask.page.limit()).await?;
        Ok(show(ask.page.cut(rows, |last| courses::after(order, last))))
    }

    async fn get_authored_course(&self, _: Call, ask: asked::GetAuthoredCourse) -> Result<pb::Course> {
        Ok(show(self.course(ask.course_id).await?))
    }

    async fn update_course(&self, _: Call, ask: asked::UpdateCourse<Self>) -> Result<pb::Course> {
        Ok(show(flows::update_course::run(&self.0, ask.course_id, ask.etag, ask.course.into()).await?))
    }

    async fn publish_course(&self, call: Call, ask: asked::PublishCourse) -> Result<pb::CourseVersion> {
        let (actor, note) = (call.actor(), ask.note.as_str());
        Ok(show(flows::publish_course::run(&self.0, &actor, ask.course_id, ask.etag, note).await?))
    }

    async fn unpublish_course(&self, _: Call, ask: asked::UnpublishCourse) -> Result<pb::Course> {
        self.moved(ask.course_id, Move::Unpublish).await
    }

    async fn archive_course(&self, _: Call, ask: asked::ArchiveCourse) -> Result<pb::Course> {
        self.moved(ask.course_id, Move::Archive).await
    }

    async fn restore_course(&self, _: Call, ask: asked::RestoreCourse) -> Result<pb::Course> {
        self.moved(ask.course_id, Move::Restore).await
    }

    async fn list_course_versions(&self, _: Call, ask: asked::ListCourseVersions) -> Result<Page<pb::CourseVersion>> {
        let course = self.course(ask.course_id).await?;
        let rows = versions::list(&self.0.db, course.id, ask.page.after()?, ask.page.limit()).await?;
        Ok(show(ask.page.cut(rows, |version| version.version)))
    }

    async fn get_draft(&self, _: Call, ask: asked::GetDraft) -> Result<pb::Draft> {
        let draft = drafts::find(&self.0.db, ask.course_id).await?.ok_or(Refusal::CourseNotFound)?;
        self.shown(draft, ask.with_content).await
    }

    async fn replace_draft(&self, _: Call, ask: asked::ReplaceDraft<Self>) -> Result<pb::Draft> {
        let sections = draft::sections(ask.sections, self.0.clock.now())?;
        self.shown(flows::replace_draft::run(&self.0, ask.course_id, ask.etag, &sections).await?, true).await
    }

    async fn create_section(&self, call: Call, ask: asked::CreateSection) -> Result<pb::Draft> {
        let edit = Edit::CreateSection { title: ask.title, position: ask.position.map(draft::place) };
        self.edited(&call, ask.course_id, ask.etag, edit).await
    }

    async fn update_section(&self, call: Call, ask: asked::UpdateSection) -> Result<pb::Draft> {
        let edit = Edit::RenameSection { section: ask.section_id, title: ask.title };
        self.edited(&call, ask.course_id, ask.etag, edit).await
    }

    async fn move_section(&self, call: Call, ask: asked::MoveSection) -> Result<pb::Draft> {
        let edit = Edit::MoveSection { section: ask.section_id, position: draft::place(ask.position) };
        self.edited(&call, ask.course_id, ask.etag, edit).await
    }

    async fn delete_section(&self, call: Call, ask: asked::DeleteSection) -> Result<pb::Draft> {
        self.edited(&call, ask.course_id, ask.etag, Edit::DeleteSection { section: ask.section_id }).await
    }

    async fn create_lesson(&self, call: Call, ask: asked::CreateLesson<Self>) -> Result<pb::DraftLesson> {
        let lesson = draft::lesson(ask.lesson, self.0.clock.now())?;
        let position = ask.position.map(draft::place);
        let place = Place { course: ask.course_id, section: ask.section_id, position, etag: ask.etag };
        Ok(draft::show_lesson(&flows::create_lesson::run(&self.0, call.key.as_ref(), place, &lesson).await?))
    }

    async fn get_draft_lesson(&self, _: Call, ask: asked::GetDraftLesson) -> Result<pb::DraftLesson> {
        let draft = drafts::find(&self.0.db, ask.course_id).await?.ok_or(Refusal::CourseNotFound)?;
        let (_, card) = draft.outline.lesson(ask.lesson_id)?;
        let body = drafts::lesson(&self.0.db, ask.course_id, ask.lesson_id).await?.ok_or(Refusal::LessonNotFound)?;
        Ok(draft::show_lesson(&flows::edit_draft::DraftLesson { card: card.clone(), body }))
    }

    async fn update_lesson(&self, _: Call, ask: asked::UpdateLesson<Self>) -> Result<pb::DraftLesson> {
        let changes = draft::changes(ask.lesson, self.0.clock.now())?;
        let changed = flows::update_lesson::run(&self.0, ask.course_id, ask.lesson_id, ask.etag, changes).await?;
        Ok(draft::show_lesson(&changed))
    }

    async fn move_lesson(&self, call: Call, ask: asked::MoveLesson) -> Result<pb::Draft> {
        let position = draft::place(ask.position);
        let edit = Edit::MoveLesson { lesson: ask.lesson_id, to: ask.section_id, position };
        self.edited(&call, ask.course_id, ask.etag, edit).await
    }

    async fn delete_lesson(&self, call: Call, ask: asked::DeleteLesson) -> Result<pb::Draft> {
        self.edited(&call, ask.course_id, ask.etag, Edit::DeleteLesson { lesson: ask.lesson_id }).await
    }

    async fn create_run(&self, call: Call, ask: asked::CreateRun<Self>) -> Result<pb::Run> {
        let plan = run::RunPlan::from(ask.run).checked()?;
        let run = flows::create_run::run(&self.0, call.key.as_ref(), ask.course_id, &plan).await?;
        Ok(show::run(run, self.0.clock.now()))
    }

    async fn list_authored_runs(&self, _: Call, ask: asked::ListAuthoredRuns) -> Result<Page<pb::Run>> {
        let course = self.course(ask.course_id).await?;
        let rows = runs::list(&self.0.db, course.id, ask.page.after()?, ask.page.limit()).await?;
        let now = self.0.clock.now();
        Ok(ask.page.cut(rows, |run| run.id.uuid()).map(|run| show::run(run, now)))
    }

    async fn get_authored_run(&self, _: Call, ask: asked::GetAuthoredRun) -> Result<pb::Run> {
        let run = runs::find(&self.0.db, ask.run_id).await?.ok_or(Refusal::RunNotFound)?;
        Ok(show::run(run, self.0.clock.now()))
    }

    async fn update_run(&self, _: Call, ask: asked::UpdateRun<Self>) -> Result<pb::Run> {
        let run = flows::change_run::update(&self.0, ask.run_id, ask.etag, ask.run.into()).await?;
        Ok(show::run(run, self.0.clock.now()))
    }

    async fn publish_run(&self, call: Call, ask: asked::PublishRun) -> Result<pb::Run> {
        let version = i32::try_from(ask.version).unwrap_or(i32::MAX);
        let run = flows::publish_run::run(&self.0, &call.actor(), ask.run_id, version).await?;
        Ok(show::run(run, self.0.clock.now()))
    }

    async fn close_run(&self, _: Call, ask: asked::CloseRun) -> Result<pb::Run> {
        Ok(show::run(flows::change_run::close(&self.0, ask.run_id).await?, self.0.clock.now()))
    }
}
