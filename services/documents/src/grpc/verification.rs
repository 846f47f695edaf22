//! VerificationService at the door: everybody's cases, for those whose roles allow it.

use std::sync::Arc;

use futures::stream::BoxStream;
use proto::lyceum::documents::v1::{
    ApproveCaseRequest, CaseFileLink, CreateCaseFileLinksRequest, CreateCaseFileLinksResponse, EscalateCaseRequest,
    ExportTutorsRequest, ExportedTutor, GetVerificationCaseRequest, ListVerificationCasesRequest,
    ListVerificationCasesResponse, RejectCaseRequest, RevokeVerificationRequest, VerificationCase,
    verification_service_server::VerificationService,
};
use rpc::{Fields, Invalid};
use tonic::{Request, Response, Status};
use values::Page;

use super::{connection, me, print_case as print, read};
use crate::{
    App, Error,
    domain::{
        case::{Case, Refusal},
        id::{CaseId, UserId},
        paper::{self, Comment},
    },
    flows::{
        escalate_case, look_at_files,
        review_case::{self, Verdict},
    },
    store::{self, cases::Filter},
};

pub(super) struct Door(pub(super) Arc<App>);

/// How long a reviewer's links work.
const LINKS_WORK: std::time::Duration = std::time::Duration::from_secs(600);

/// Tutors that are read at once for an export.
const EXPORTED_AT_ONCE: i64 = 500;

#[tonic::async_trait]
impl VerificationService for Door {
    async fn list_verification_cases(
        &self,
        request: Request<ListVerificationCasesRequest>,
    ) -> Result<Response<ListVerificationCasesResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let tutor = read::id_if(&mut fields, "tutor_id", &m.tutor_id);
        let paging = read::paging::<CaseId>(
            &mut fields,
            "ListVerificationCases",
            &[&m.state, &m.tutor_id],
            m.page_size,
            &m.page_token,
        );
        let (tutor, read::Paging { size, scope, after }) = fields.finish((tutor, paging))?;
        let mut conn = connection(&self.0).await?;
        let filter = Filter { state: print::read_state(m.state()), tutor };
        let rows = store::cases::list_any(&mut conn, filter, after, size.fetch()).await.map_err(Error::from)?;
        let page = Page::cut(rows, size, &scope, |case| case.id).map(print::case);
        Ok(Response::new(ListVerificationCasesResponse { cases: page.items, next_page_token: page.next }))
    }

    async fn get_verification_case(
        &self,
        request: Request<GetVerificationCaseRequest>,
    ) -> Result<Response<VerificationCase>, Status> {
        let id = read::id("case_id", &request.into_inner().case_id)?;
        let mut conn = connection(&self.0).await?;
        let case = store::cases::any(&mut conn, id).await.map_err(Error::from)?;
        drop(conn);
        self.whole(case.ok_or(Error::from(Refusal::NotFound))?).await
    }

    async fn create_case_file_links(
        &self,
        request: Request<CreateCaseFileLinksRequest>,
    ) -> Result<Response<CreateCaseFileLinksResponse>, Status> {
        let caller = auth::caller(&request);
        let id = read::id("case_id", &request.into_inner().case_id)?;
        let files = look_at_files::look_at_files(&self.0, &caller, id).await?;
        let now = self.0.clock.now();
        let links = files.into_iter().map(|file| {
            let link = self.0.paper_link(&file, LINKS_WORK, now);
            CaseFileLink {
                file_id: file.id.to_string(),
                name: file.name.to_string(),
                content_type: file.content_type.to_string(),
                url: link.to_string(),
                expires_at: Some((now + LINKS_WORK).into()),
            }
        });
        Ok(Response::new(CreateCaseFileLinksResponse { files: links.collect() }))
    }

    async fn escalate_case(&self, request: Request<EscalateCaseRequest>) -> Result<Response<VerificationCase>, Status> {
        let caller = auth::caller(&request);
        let id = read::id("case_id", &request.into_inner().case_id)?;
        self.whole(escalate_case::escalate_case(&self.0, &caller.actor(), id).await?).await
    }

    async fn approve_case(&self, request: Request<ApproveCaseRequest>) -> Result<Response<VerificationCase>, Status> {
        let (caller, reviewer) = (auth::caller(&request), me(&request)?);
        let m = request.into_inner();
        let mut fields = Fields::new();
        let id = fields.take("case_id", m.case_id.parse());
        let until = fields.take_if("valid_until", read::given(&m.valid_until).map(paper::parse_day));
        let (id, until) = fields.finish((id, until))?;
        self.whole(review_case::approve_case(&self.0, &caller, reviewer, id, until).await?).await
    }

    async fn reject_case(&self, request: Request<RejectCaseRequest>) -> Result<Response<VerificationCase>, Status> {
        let (caller, reviewer) = (auth::caller(&request), me(&request)?);
        let m = request.into_inner();
        let (id, verdict) = verdict(reviewer, &m.case_id, &m.reason, &m.comment)?;
        self.whole(review_case::reject_case(&self.0, &caller, id, &verdict).await?).await
    }

    async fn revoke_verification(
        &self,
        request: Request<RevokeVerificationRequest>,
    ) -> Result<Response<VerificationCase>, Status> {
        let (caller, reviewer) = (auth::caller(&request), me(&request)?);
        let m = request.into_inner();
        let (id, verdict) = verdict(reviewer, &m.case_id, &m.reason, &m.comment)?;
        self.whole(review_case::revoke_verification(&self.0, &caller, id, &verdict).await?).await
    }

    type ExportTutorsStream = BoxStream<'static, Result<ExportedTutor, Status>>;

    async fn export_tutors(
        &self,
        request: Request<ExportTutorsRequest>,
    ) -> Result<Response<Self::ExportTutorsStream>, Status> {
        let mut fields = Fields::new();
        let after = read::id_if::<ids::kind::User>(&mut fields, "after_tutor_id", &request.into_inner().after_tutor_id);
        let (after,) = fields.finish((after,))?;
        Ok(Response::new(export(Arc::clone(&self.0), after)))
    }
}

impl Door {
    /// A case with its history.
    async fn whole(&self, case: Case) -> Result<Response<VerificationCase>, Status> {
        let mut conn = connection(&self.0).await?;
        let history = store::cases::history(&mut conn, case.id).await.map_err(Error::from)?;
        Ok(Response::new(print::with_history(case, history)))
    }
}

fn verdict(reviewer: UserId, id: &str, reason: &str, comment: &str) -> Result<(CaseId, Verdict), Invalid> {
    let mut fields = Fields::new();
    let id = fields.take("case_id", id.parse());
    let reason = fields.take("reason", reason.parse());
    let comment = fields.take("comment", Comment::parse(comment));
    let (id, reason, comment) = fields.finish((id, reason, comment))?;
    Ok((id, Verdict { reviewer, reason, comment }))
}

/// Every tutor, a page at a time, so that memory stays small however many there are.
fn export(app: Arc<App>, after: Option<UserId>) -> BoxStream<'static, Result<ExportedTutor, Status>> {
    use futures::{StreamExt, TryStreamExt, stream};
    let pages = stream::try_unfold((app, after, false), |(app, after, done)| async move {
        if done {
            return Ok(None);
        }
        let mut conn = connection(&app).await?;
        let page = store::tutors::export(&mut conn, after, EXPORTED_AT_ONCE).await?;
        drop(conn);
        let done = i64::try_from(page.len()).unwrap_or(0) < EXPORTED_AT_ONCE;
        let after = page.last().map(|tutor| tutor.id);
        Ok::<_, Error>(Some((page, (app, after, done))))
    });
    let tutors = pages.map_ok(|page| stream::iter(page.into_iter().map(Ok::<_, Error>))).try_flatten();
    tutors.map_ok(print::exported).map_err(Status::from).boxed()
}
