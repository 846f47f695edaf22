//! TutorPaperService at the door: a tutor's own papers.

use std::sync::Arc;

use proto::lyceum::documents::v1::{
    GetMyTutorStatusRequest, GetMyVerificationCaseRequest, ListMyVerificationCasesRequest,
    ListMyVerificationCasesResponse, PaperStatus, SubmitPaperRequest, TutorStatus, VerificationCase,
    WithdrawPaperRequest, tutor_paper_service_server::TutorPaperService,
};
use rpc::Fields;
use tonic::{Request, Response, Status};
use values::Page;

use super::{connection, me, optional_key, print_case as print, read};
use crate::{
    App, Error,
    domain::{
        case::{Case, Refusal},
        id::CaseId,
        paper::{self, MAX_FILES},
        tutor::Standing,
    },
    flows::{
        submit_paper::{self, SubmitPaper},
        withdraw_paper,
    },
    store,
};

pub(super) struct Door(pub(super) Arc<App>);

#[tonic::async_trait]
impl TutorPaperService for Door {
    async fn get_my_tutor_status(
        &self,
        request: Request<GetMyTutorStatusRequest>,
    ) -> Result<Response<TutorStatus>, Status> {
        let me = me(&request)?;
        let mut conn = connection(&self.0).await?;
        let tutor = store::tutors::get(&mut conn, me).await.map_err(Error::from)?;
        let mut latest = store::cases::latest(&mut conn, me).await.map_err(Error::from)?;
        let (today, _) = self.0.today();
        let standing = tutor.map_or(Standing::Unverified, |tutor| tutor.standing);
        let verified = standing.holds(today);
        let mut take = |kind| latest.iter().position(|case: &Case| case.kind == kind).map(|at| latest.swap_remove(at));
        let papers = self
            .0
            .papers
            .asked
            .kinds()
            .iter()
            .map(|kind| PaperStatus { kind: print::kind(*kind).into(), latest: take(*kind).map(print::case) });
        let papers = papers.collect();
        let valid_until = if verified { print::until(standing) } else { None };
        Ok(Response::new(TutorStatus { verified, valid_until, papers }))
    }

    async fn submit_paper(&self, request: Request<SubmitPaperRequest>) -> Result<Response<VerificationCase>, Status> {
        let (caller, tutor) = (auth::caller(&request), me(&request)?);
        let key = optional_key(&request, "TutorPaperService/SubmitPaper")?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let kind = fields.take("kind", print::read_kind(m.kind()));
        let files = read::ids(&mut fields, "file_ids", &m.file_ids, 1..=MAX_FILES);
        let claimed = fields.take_if("valid_until", m.valid_until.as_deref().map(paper::parse_day));
        let (kind, files, claimed) = fields.finish((kind, files, claimed))?;
        let command = SubmitPaper { tutor, kind, files, claimed };
        let case = submit_paper::submit_paper(&self.0, &caller, &command, key.as_ref()).await?;
        Ok(Response::new(own(&self.0, case).await?))
    }

    async fn list_my_verification_cases(
        &self,
        request: Request<ListMyVerificationCasesRequest>,
    ) -> Result<Response<ListMyVerificationCasesResponse>, Status> {
        let me = me(&request)?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let paging = read::paging::<CaseId>(&mut fields, "ListMyVerificationCases", &[], m.page_size, &m.page_token);
        let (read::Paging { size, scope, after },) = fields.finish((paging,))?;
        let mut conn = connection(&self.0).await?;
        let rows = store::cases::list_of(&mut conn, me, after, size.fetch()).await.map_err(Error::from)?;
        let page = Page::cut(rows, size, &scope, |case| case.id).map(print::case);
        Ok(Response::new(ListMyVerificationCasesResponse { cases: page.items, next_page_token: page.next }))
    }

    async fn get_my_verification_case(
        &self,
        request: Request<GetMyVerificationCaseRequest>,
    ) -> Result<Response<VerificationCase>, Status> {
        let me = me(&request)?;
        let id = read::id("case_id", &request.into_inner().case_id)?;
        let mut conn = connection(&self.0).await?;
        let case = store::cases::of(&mut conn, id, me).await.map_err(Error::from)?;
        drop(conn);
        Ok(Response::new(own(&self.0, case.ok_or(Error::from(Refusal::NotFound))?).await?))
    }

    async fn withdraw_paper(
        &self,
        request: Request<WithdrawPaperRequest>,
    ) -> Result<Response<VerificationCase>, Status> {
        let (caller, me) = (auth::caller(&request), me(&request)?);
        let id = read::id("case_id", &request.into_inner().case_id)?;
        let case = withdraw_paper::withdraw_paper(&self.0, &caller, me, id).await?;
        Ok(Response::new(own(&self.0, case).await?))
    }
}

/// A case as its owner sees it.
async fn own(app: &App, case: Case) -> Result<VerificationCase, Error> {
    let mut conn = connection(app).await?;
    let history = store::cases::history(&mut conn, case.id).await?;
    Ok(print::own_with_history(case, history))
}
