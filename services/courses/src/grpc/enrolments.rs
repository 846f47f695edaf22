//! EnrolmentService at the door.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use proto::lyceum::courses::v1::{
    CreateEnrolmentRequest, EndEnrolmentRequest, Enrolment, EnrolmentRecord, ExportEnrolmentsRequest,
    ExportLessonCompletionsRequest, ExportRunsRequest, ExportedLessonCompletion, ExportedRun, ExtendEnrolmentRequest,
    GetEnrolmentRequest, ListEnrolmentsRequest, ListEnrolmentsResponse, PauseEnrolmentRequest, ResumeEnrolmentRequest,
    enrolment, enrolment_service_server::EnrolmentService,
};
use rpc::Fields;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{actor, id, idempotent, instant, note, only_id, optional_id, page::Asked, show};
use crate::{
    app::App,
    domain::{Refusal, id::RunId},
    error::{Error, Result},
    flows::{change_enrolment, change_enrolment::Change, enrol, enrol::Enrol},
    store::{
        enrolments,
        enrolments::{Exported, Filter},
        exports,
        exports::Completed,
    },
};

/// Rows that an export reads at a time: its memory does not grow with the school.
const EXPORTED_AT_ONCE: i64 = 500;
/// The same for runs: each brings up to 500 lessons.
const RUNS_AT_ONCE: i64 = 20;

pub(super) struct Door(pub(super) Arc<App>);

impl Door {
    async fn changed(
        &self,
        actor: String,
        enrolment_id: &str,
        change: Change,
        text: &str,
    ) -> Result<Response<Enrolment>, Status> {
        let mut fields = Fields::new();
        let enrolment = id(&mut fields, "enrolment_id", enrolment_id);
        let note = note(&mut fields, text);
        let (enrolment, note) = fields.finish((enrolment, note))?;
        let enrolment = change_enrolment::run(&self.0, &actor, enrolment, change, note.as_str()).await?;
        Ok(Response::new(show::enrolment(&enrolment)))
    }
}

#[tonic::async_trait]
impl EnrolmentService for Door {
    async fn list_enrolments(
        &self,
        request: Request<ListEnrolmentsRequest>,
    ) -> Result<Response<ListEnrolmentsResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let run = optional_id(&mut fields, "run_id", &m.run_id);
        let learner = optional_id(&mut fields, "learner_id", &m.learner_id);
        let state = fields.take("state", state(m.state));
        let scope = format!("ListEnrolments {run:?} {learner:?} {state:?}");
        let asked = Asked::<Uuid>::read(&mut fields, m.page_size, &m.page_token, scope);
        let (run, learner, state, asked) = fields.finish((run, learner, state, asked))?;
        let filter = Filter { run, learner, state };
        let rows = enrolments::list_for_staff(&self.0.db, filter, asked.after, asked.limit()).await;
        let (rows, next_page_token) = asked.cut(rows.map_err(Error::from)?, |enrolment| enrolment.id.uuid());
        let enrolments = rows.iter().map(show::enrolment).collect();
        Ok(Response::new(ListEnrolmentsResponse { enrolments, next_page_token }))
    }

    async fn get_enrolment(&self, request: Request<GetEnrolmentRequest>) -> Result<Response<EnrolmentRecord>, Status> {
        let id = only_id("enrolment_id", &request.get_ref().enrolment_id)?;
        let found = enrolments::find_for_staff(&self.0.db, id).await.map_err(Error::from)?;
        let found = found.ok_or(Error::from(Refusal::EnrolmentNotFound))?;
        let history = enrolments::history(&self.0.db, found.learner, id).await.map_err(Error::from)?;
        Ok(Response::new(EnrolmentRecord {
            enrolment: Some(show::enrolment(&found)),
            history: history.into_iter().map(show::change).collect(),
        }))
    }

    async fn create_enrolment(&self, request: Request<CreateEnrolmentRequest>) -> Result<Response<Enrolment>, Status> {
        let actor = actor(&request);
        let key = idempotent(&request, "EnrolmentService/CreateEnrolment")?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let learner = id(&mut fields, "learner_id", &m.learner_id);
        let run = id(&mut fields, "run_id", &m.run_id);
        let access_ends_at = instant(&mut fields, "access_ends_at", m.access_ends_at);
        let note = note(&mut fields, &m.note);
        let (learner, run, access_ends_at, note) = fields.finish((learner, run, access_ends_at, note))?;
        let enrol = Enrol { learner, run, access_ends_at, note: note.into_string() };
        let enrolment = enrol::run(&self.0, &actor, key.as_ref(), &enrol).await?;
        Ok(Response::new(show::enrolment(&enrolment)))
    }

    async fn end_enrolment(&self, request: Request<EndEnrolmentRequest>) -> Result<Response<Enrolment>, Status> {
        let (actor, m) = (actor(&request), request.into_inner());
        self.changed(actor, &m.enrolment_id, Change::End, &m.note).await
    }

    async fn pause_enrolment(&self, request: Request<PauseEnrolmentRequest>) -> Result<Response<Enrolment>, Status> {
        let (actor, m) = (actor(&request), request.into_inner());
        self.changed(actor, &m.enrolment_id, Change::Pause, &m.note).await
    }

    async fn resume_enrolment(&self, request: Request<ResumeEnrolmentRequest>) -> Result<Response<Enrolment>, Status> {
        let (actor, m) = (actor(&request), request.into_inner());
        self.changed(actor, &m.enrolment_id, Change::Resume, &m.note).await
    }

    async fn extend_enrolment(&self, request: Request<ExtendEnrolmentRequest>) -> Result<Response<Enrolment>, Status> {
        let (actor, m) = (actor(&request), request.into_inner());
        let mut fields = Fields::new();
        let sent = fields.required("access_ends_at", m.access_ends_at);
        let until = instant(&mut fields, "access_ends_at", sent).flatten();
        let (until,) = fields.finish((until,))?;
        self.changed(actor, &m.enrolment_id, Change::Extend { until }, &m.note).await
    }

    type ExportEnrolmentsStream = BoxStream<'static, Result<Enrolment, Status>>;

    async fn export_enrolments(
        &self,
        request: Request<ExportEnrolmentsRequest>,
    ) -> Result<Response<Self::ExportEnrolmentsStream>, Status> {
        let mut fields = Fields::new();
        let since = instant(&mut fields, "changed_since", request.get_ref().changed_since);
        let (since,) = fields.finish((since,))?;
        let app = Arc::clone(&self.0);
        let batches = stream::try_unfold(Some(None), move |from: Option<Option<Exported>>| {
            let app = Arc::clone(&app);
            async move {
                let Some(after) = from else { return Ok::<_, Status>(None) };
                let batch = enrolments::export(&app.db, since, after, EXPORTED_AT_ONCE).await.map_err(Error::from)?;
                let next = batch.last().map(|last| Some((last.learner, last.id)));
                Ok(Some((stream::iter(batch.into_iter().map(Ok)), next)))
            }
        });
        let enrolments = batches.try_flatten().map_ok(|enrolment| show::enrolment(&enrolment));
        Ok(Response::new(enrolments.boxed()))
    }

    type ExportRunsStream = BoxStream<'static, Result<ExportedRun, Status>>;

    async fn export_runs(
        &self,
        _request: Request<ExportRunsRequest>,
    ) -> Result<Response<Self::ExportRunsStream>, Status> {
        let app = Arc::clone(&self.0);
        let batches = stream::try_unfold(Some(None), move |from: Option<Option<RunId>>| {
            let app = Arc::clone(&app);
            async move {
                let Some(after) = from else { return Ok::<_, Status>(None) };
                let batch = exports::runs(&app.db, after, RUNS_AT_ONCE).await.map_err(Error::from)?;
                let next = batch.last().map(|last| Some(last.run));
                Ok(Some((stream::iter(batch.into_iter().map(Ok)), next)))
            }
        });
        let runs = batches.try_flatten().map_ok(|run| show::exported_run(&run));
        Ok(Response::new(runs.boxed()))
    }

    type ExportLessonCompletionsStream = BoxStream<'static, Result<ExportedLessonCompletion, Status>>;

    async fn export_lesson_completions(
        &self,
        _request: Request<ExportLessonCompletionsRequest>,
    ) -> Result<Response<Self::ExportLessonCompletionsStream>, Status> {
        let app = Arc::clone(&self.0);
        let batches = stream::try_unfold(Some(None), move |from: Option<Option<Completed>>| {
            let app = Arc::clone(&app);
            async move {
                let Some(after) = from else { return Ok::<_, Status>(None) };
                let batch = exports::completions(&app.db, after, EXPORTED_AT_ONCE).await.map_err(Error::from)?;
                let next = batch.last().map(|last| Some((last.learner, last.enrolment, last.lesson)));
                Ok(Some((stream::iter(batch.into_iter().map(Ok)), next)))
            }
        });
        let completions = batches.try_flatten().map_ok(|completion| show::exported_completion(&completion));
        Ok(Response::new(completions.boxed()))
    }
}

/// A filter's state, by the name that the store knows.
fn state(number: i32) -> Result<Option<&'static str>, &'static str> {
    match enrolment::State::try_from(number) {
        Ok(enrolment::State::Unspecified) => Ok(None),
        Ok(enrolment::State::Active) => Ok(Some("active")),
        Ok(enrolment::State::Paused) => Ok(Some("paused")),
        Ok(enrolment::State::Completed) => Ok(Some("completed")),
        Ok(enrolment::State::Expired) => Ok(Some("expired")),
        Ok(enrolment::State::Withdrawn) => Ok(Some("withdrawn")),
        Ok(enrolment::State::Revoked) => Ok(Some("revoked")),
        Err(_) => Err("expected a state that this version knows"),
    }
}
