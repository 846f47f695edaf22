//! EnrolmentService at the door.

use contract::{Call, Page, Streamed, courses as asked, exported, show};
use proto::lyceum::courses::v1 as pb;
use values::Text;

use super::Door;
use crate::{
    domain::{Refusal, enrolment::Enrolment, id::EnrolmentId},
    error::{Error, Result},
    flows::{self, change_enrolment::Change, enrol::Enrol},
    store::{enrolments, exports},
};

/// Rows that an export reads at a time: its memory does not grow with the school.
const EXPORTED_AT_ONCE: i64 = 500;
/// The same for runs: each brings up to 500 lessons.
const RUNS_AT_ONCE: i64 = 20;

impl Door {
    async fn changed(&self, call: &Call, id: EnrolmentId, change: Change, note: Text<0, 500>) -> Result<pb::Enrolment> {
        Ok(show(flows::change_enrolment::run(&self.0, &call.actor(), id, change, note.as_str()).await?))
    }
}

impl asked::EnrolmentService for Door {
    async fn list_enrolments(&self, _: Call, ask: asked::ListEnrolments<Self>) -> Result<Page<pb::Enrolment>> {
        let (course, run, learner) = (ask.course_id, ask.run_id, ask.learner_id);
        let (created, starts) = ((ask.created_from, ask.created_before), (ask.starts_from, ask.starts_before));
        let order = ask.order_by.unwrap_or_default();
        let filter = enrolments::Filter { course, run, learner, state: ask.state, created, starts, order };
        let rows = enrolments::list_for_staff(&self.0.db, filter, ask.page.after()?, ask.page.limit()).await?;
        Ok(show(ask.page.cut(rows, |last| enrolments::after(order, last))))
    }

    async fn get_enrolment(&self, _: Call, ask: asked::GetEnrolment) -> Result<pb::EnrolmentRecord> {
        let found = enrolments::find_for_staff(&self.0.db, ask.enrolment_id).await?;
        let found = found.ok_or(Refusal::EnrolmentNotFound)?;
        let history = enrolments::history(&self.0.db, found.learner, found.id).await?;
        Ok(pb::EnrolmentRecord { enrolment: show(found), history: show(history) })
    }

    async fn create_enrolment(&self, call: Call, ask: asked::CreateEnrolment) -> Result<pb::Enrolment> {
        let (learner, run, note) = (ask.learner_id, ask.run_id, ask.note.into_string());
        let enrol = Enrol { learner, run, access_ends_at: ask.access_ends_at, note };
        Ok(show(flows::enrol::run(&self.0, &call.actor(), call.key.as_ref(), &enrol).await?))
    }

    async fn end_enrolment(&self, call: Call, ask: asked::EndEnrolment) -> Result<pb::Enrolment> {
        self.changed(&call, ask.enrolment_id, Change::End, ask.note).await
    }

    async fn pause_enrolment(&self, call: Call, ask: asked::PauseEnrolment) -> Result<pb::Enrolment> {
        self.changed(&call, ask.enrolment_id, Change::Pause, ask.note).await
    }

    async fn resume_enrolment(&self, call: Call, ask: asked::ResumeEnrolment) -> Result<pb::Enrolment> {
        self.changed(&call, ask.enrolment_id, Change::Resume, ask.note).await
    }

    async fn extend_enrolment(&self, call: Call, ask: asked::ExtendEnrolment) -> Result<pb::Enrolment> {
        self.changed(&call, ask.enrolment_id, Change::Extend { until: ask.access_ends_at }, ask.note).await
    }

    async fn export_enrolments(&self, _: Call, ask: asked::ExportEnrolments) -> Result<Streamed<pb::Enrolment, Error>> {
        let (since, key) = (ask.changed_since, |enrolment: &Enrolment| (enrolment.learner, enrolment.id));
        Ok(exported(&self.0, key, move |app, after| async move {
            Ok(enrolments::export(&app.db, since, after, EXPORTED_AT_ONCE).await?)
        }))
    }

    async fn export_runs(&self, _: Call) -> Result<Streamed<pb::ExportedRun, Error>> {
        let key = |run: &exports::ExportedRun| run.run;
        Ok(exported(&self.0, key, |app, after| async move { Ok(exports::runs(&app.db, after, RUNS_AT_ONCE).await?) }))
    }

    async fn export_lesson_completions(&self, _: Call) -> Result<Streamed<pb::ExportedLessonCompletion, Error>> {
        let key = |one: &exports::ExportedCompletion| (one.learner, one.enrolment, one.lesson);
        Ok(exported(&self.0, key, |app, after| async move {
            Ok(exports::completions(&app.db, after, EXPORTED_AT_ONCE).await?)
        }))
    }
}
