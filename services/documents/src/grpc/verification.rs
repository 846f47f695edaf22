//! VerificationService at the door: everybody's cases, for those whose roles allow it.

use std::sync::Arc;

use contract::{Call, Page, Streamed, documents as asked};
use futures::{StreamExt, TryStreamExt};
use proto::lyceum::documents::v1 as pb;

use super::{Door, connection, print_case as print};
use crate::{
    Error,
    domain::{
        case::{Case, Refusal},
        id::{CaseId, UserId},
    },
    flows::{
        escalate_case, look_at_files,
        review_case::{self, Verdict},
    },
    store::{
        self,
        cases::Filter,
        tutors::{self, Tutor},
    },
};

/// How long a reviewer's links work.
const LINKS_WORK: std::time::Duration = std::time::Duration::from_secs(600);

/// Tutors that are read at once for an export.
const EXPORTED_AT_ONCE: i64 = 500;

impl asked::VerificationService for Door {
    async fn list_verification_cases(
        &self,
        _: Call,
        ask: asked::ListVerificationCases<Self>,
    ) -> Result<Page<pb::VerificationCase>, Error> {
        let after: Option<CaseId> = ask.page.after()?;
        let filter = Filter { state: ask.state, tutor: ask.tutor_id };
        let mut conn = connection(&self.0).await?;
        let rows = store::cases::list_any(&mut conn, filter, after, ask.page.limit()).await?;
        Ok(ask.page.cut(rows, |case| case.id).map(print::case))
    }

    async fn get_verification_case(
        &self,
        _: Call,
        ask: asked::GetVerificationCase,
    ) -> Result<pb::VerificationCase, Error> {
        let case = store::cases::any(&mut *connection(&self.0).await?, ask.case_id).await?;
        self.whole(case.ok_or(Refusal::NotFound)?).await
    }

    async fn create_case_file_links(
        &self,
        call: Call,
        ask: asked::CreateCaseFileLinks,
    ) -> Result<Vec<pb::CaseFileLink>, Error> {
        let files = look_at_files::look_at_files(&self.0, &call.caller, ask.case_id).await?;
        let now = self.0.clock.now();
        let links = files.into_iter().map(|file| pb::CaseFileLink {
            file_id: file.id.to_string(),
            name: file.name.to_string(),
            content_type: file.content_type.to_string(),
            url: self.0.paper_link(&file, LINKS_WORK, now).to_string(),
            expires_at: Some((now + LINKS_WORK).into()),
        });
        Ok(links.collect())
    }

    async fn escalate_case(&self, call: Call, ask: asked::EscalateCase) -> Result<pb::VerificationCase, Error> {
        self.whole(escalate_case::escalate_case(&self.0, &call.actor(), ask.case_id).await?).await
    }

    async fn approve_case(&self, call: Call, ask: asked::ApproveCase<Self>) -> Result<pb::VerificationCase, Error> {
        let (me, until) = (call.person()?, ask.valid_until.map(|day| day.0));
        self.whole(review_case::approve_case(&self.0, &call.caller, me, ask.case_id, until).await?).await
    }

    async fn reject_case(&self, call: Call, ask: asked::RejectCase<Self>) -> Result<pb::VerificationCase, Error> {
        let verdict = Verdict { reviewer: call.person()?, reason: ask.reason, comment: ask.comment };
        self.whole(review_case::reject_case(&self.0, &call.caller, ask.case_id, &verdict).await?).await
    }

    async fn revoke_verification(
        &self,
        call: Call,
        ask: asked::RevokeVerification<Self>,
    ) -> Result<pb::VerificationCase, Error> {
        let verdict = Verdict { reviewer: call.person()?, reason: ask.reason, comment: ask.comment };
        self.whole(review_case::revoke_verification(&self.0, &call.caller, ask.case_id, &verdict).await?).await
    }

    async fn export_tutors(
        &self,
        _: Call,
        ask: asked::ExportTutors,
    ) -> Result<Streamed<pb::ExportedTutor, Error>, Error> {
        let app = Arc::clone(&self.0);
        let tutors = contract::export(
            |tutor: &Tutor| tutor.id,
            move |after: Option<UserId>| {
                let (app, after) = (Arc::clone(&app), after.or(ask.after_tutor_id));
                async move { Ok(tutors::export(&mut *connection(&app).await?, after, EXPORTED_AT_ONCE).await?) }
            },
        );
        Ok(tutors.map_ok(print::exported).boxed())
    }
}

impl Door {
    /// A case with its history.
    async fn whole(&self, case: Case) -> Result<pb::VerificationCase, Error> {
        let history = store::cases::history(&mut *connection(&self.0).await?, case.id).await?;
        Ok(print::with_history(case, history))
    }
}
