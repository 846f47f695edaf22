//! EnrolmentService at the door.

use std::sync::Arc;

use contract::{Call, Page, Streamed, courses as asked};
use futures::{StreamExt, TryStreamExt};
use proto::lyceum::courses::v1 as pb;
use values::Text;

use super::{Door, show};
use crate::{
    domain::{Refusal, enrolment::Enrolment, id::EnrolmentId},
    error::{Error, Result},
    flows::{
        change_enrolment::{self, Change},
        enrol::{self, Enrol},
    },
    store::{
        enrolments::{self, Filter},
        exports::{self, ExportedCompletion, ExportedRun},
    },
};

/// Rows that an export reads at a time: its memory does not grow with the school.
const EXPORTED_AT_ONCE: i64 = 500;
/// The same for runs: each brings up to 500 lessons.
const RUNS_AT_ONCE: i64 = 20;

impl Door {
    async fn changed(&self, call: &Call, id: EnrolmentId, change: Change, note: Text<0, 500>) -> Result<pb::Enrolment> {
        let enrolment = change_enrolment::run(&self.0, &call.actor(), id, change, note.as_str()).await?;
        Ok(show::enrolment(&enrolment))
    }
}

impl asked::EnrolmentService for Door {
    async fn list_enrolments(&self, _: Call, ask: asked::ListEnrolments<Self>) -> Result<Page<pb::Enrolment>> {
        let filter = Filter {
            course: ask.course_id,
            run: ask.run_id,
            learner: ask.learner_id,
            state: ask.state,
            created: (ask.created_from, ask.created_before),
            starts: (ask.starts_from, ask.starts_before),
            order: ask.order_by.unwrap_or_default(),
        };
        let rows = enrolments::list_for_staff(&self.0.db, filter, ask.page.after()?, ask.page.limit()).await?;
        Ok(ask.page.cut(rows, |enrolment| enrolment.id).map(|enrolment| show::enrolment(&enrolment)))
    }

    async fn get_enrolment(&self, _: Call, ask: asked::GetEnrolment) -> Result<pb::EnrolmentRecord> {
        let found = enrolments::find_for_staff(&self.0.db, ask.enrolment_id).await?;
        let found = found.ok_or(Refusal::EnrolmentNotFound)?;
        let history = enrolments::history(&self.0.db, found.learner, found.id).await?;
        let history = history.into_iter().map(show::change).collect();
        Ok(pb::EnrolmentRecord { enrolment: Some(show::enrolment(&found)), history })
    }

    async fn create_enrolment(&self, call: Call, ask: asked::CreateEnrolment) -> Result<pb::Enrolment> {
        let (learner, run, note) = (ask.learner_id, ask.run_id, ask.note.into_string());
        let enrol = Enrol { learner, run, access_ends_at: ask.access_ends_at, note };
        Ok(show::enrolment(&enrol::run(&self.0, &call.actor(), call.key.as_ref(), &enrol).await?))
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
        let (app, since) = (Arc::clone(&self.0), ask.changed_since);
        let key = |enrolment: &Enrolment| (enrolment.learner, enrolment.id);
        let rows = contract::export(key, move |after| {
            let app = Arc::clone(&app);
            async move { Ok(enrolments::export(&app.db, since, after, EXPORTED_AT_ONCE).await?) }
        });
        Ok(rows.map_ok(|enrolment| show::enrolment(&enrolment)).boxed())
    }

    async fn export_runs(&self, _: Call) -> Result<Streamed<pb::ExportedRun, Error>> {
        let app = Arc::clone(&self.0);
        let rows = contract::export(
            |run: &ExportedRun| run.run,
            move |after| {
                let app = Arc::clone(&app);
                async move { Ok(exports::runs(&app.db, after, RUNS_AT_ONCE).await?) }
            },
        );
        Ok(rows.map_ok(|run| show::exported_run(&run)).boxed())
    }

    async fn export_lesson_completions(&self, _: Call) -> Result<Streamed<pb::ExportedLessonCompletion, Error>> {
        let app = Arc::clone(&self.0);
        let key = |one: &ExportedCompletion| (one.learner, one.enrolment, one.lesson);
        let rows = contract::export(key, move |after| {
            let app = Arc::clone(&app);
            async move { Ok(exports::completions(&app.db, after, EXPORTED_AT_ONCE).await?) }
        });
        Ok(rows.map_ok(|completion| show::exported_completion(&completion)).boxed())
    }
}
