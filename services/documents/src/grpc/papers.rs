//! Papers: a tutor's own, and everybody's for those whose roles let them review.

use contract::{Call, Page, Streamed, documents as asked, exported, show};
use proto::lyceum::documents::v1::{self as pb, VerificationCase as CasePb};

use super::{Door, EXPORTED_AT_ONCE, show};
use crate::{
    domain::{Case, Refusal, Tutor, tutor::Standing},
    error::{Error, Result},
    flows::{
        escalate_case, look_at_files,
        review_case::{self, Verdict},
        submit_paper::{self, SubmitPaper},
        withdraw_paper,
    },
    store::{
        cases::{self, Filter},
        tutors,
    },
};

impl Door {
    /// A case with its history.
    async fn whole(&self, case: Case) -> Result<CasePb> {
        let history = cases::history(&mut *self.connection().await?, case.id).await?;
        Ok(show::with_history(case, history))
    }

    /// The same for its owner, who does not learn which reviewer it was.
    async fn own_case(&self, case: Case) -> Result<CasePb> {
        let history = cases::history(&mut *self.connection().await?, case.id).await?;
        Ok(show::own_with_history(case, history))
    }
}

impl asked::TutorPaperService for Door {
    async fn get_my_tutor_status(&self, call: Call) -> Result<pb::TutorStatus> {
        let (me, (today, _)) = (call.person()?, self.0.today());
        let mut conn = self.connection().await?;
        let standing = tutors::get(&mut conn, me).await?.map(|tutor| tutor.standing);
        let latest = cases::latest(&mut conn, me).await?;
        let standing = standing.filter(|standing| standing.holds(today)).unwrap_or(Standing::Unverified);
        Ok(show::status(standing, &self.0.papers.asked, &latest))
    }

    async fn submit_paper(&self, call: Call, ask: asked::SubmitPaper<Self>) -> Result<CasePb> {
        let (tutor, claimed) = (call.person()?, ask.valid_until.map(|day| day.0));
        let command = SubmitPaper { tutor, kind: ask.kind, files: ask.file_ids, claimed };
        let case = submit_paper::run(&self.0, &call.actor(), &command, call.key.as_ref()).await?;
        self.own_case(case).await
    }

    async fn list_my_verification_cases(
        &self,
        call: Call,
        ask: asked::ListMyVerificationCases,
    ) -> Result<Page<CasePb>> {
        let me = call.person()?;
        let after = ask.page.after_of(me)?;
        let found = cases::list_of(&mut *self.connection().await?, me, after, ask.page.limit()).await?;
        Ok(show(ask.page.cut(found, |case| (me, case.id))))
    }

    async fn get_my_verification_case(&self, call: Call, ask: asked::GetMyVerificationCase) -> Result<CasePb> {
        let case = cases::of(&mut *self.connection().await?, ask.case_id, call.person()?).await?;
        self.own_case(case.ok_or(Refusal::CaseNotFound)?).await
    }

    async fn withdraw_paper(&self, call: Call, ask: asked::WithdrawPaper) -> Result<CasePb> {
        let (me, actor) = (call.person()?, call.actor());
        self.own_case(withdraw_paper::run(&self.0, &actor, me, ask.case_id).await?).await
    }
}

impl asked::VerificationService for Door {
    async fn list_verification_cases(&self, _: Call, ask: asked::ListVerificationCases<Self>) -> Result<Page<CasePb>> {
        let after = ask.page.after()?;
        let (created, order_by) = ((ask.created_from, ask.created_before), ask.order_by.unwrap_or_default());
        let filter = Filter { state: ask.state, tutor: ask.tutor_id, kind: ask.kind, created, order_by };
        let found = cases::list_any(&mut *self.connection().await?, &filter, after, ask.page.limit()).await?;
        Ok(show(ask.page.cut(found, |case| case.id)))
    }

    async fn get_verification_case(&self, _: Call, ask: asked::GetVerificationCase) -> Result<CasePb> {
        let case = cases::any(&mut *self.connection().await?, ask.case_id).await?;
        self.whole(case.ok_or(Refusal::CaseNotFound)?).await
    }

    async fn create_case_file_links(
        &self,
        call: Call,
        ask: asked::CreateCaseFileLinks,
    ) -> Result<Vec<pb::CaseFileLink>> {
        Ok(show(look_at_files::run(&self.0, &call.actor(), ask.case_id).await?))
    }

    async fn escalate_case(&self, call: Call, ask: asked::EscalateCase) -> Result<CasePb> {
        self.whole(escalate_case::run(&self.0, &call.actor(), ask.case_id).await?).await
    }

    async fn approve_case(&self, call: Call, ask: asked::ApproveCase<Self>) -> Result<CasePb> {
        let (me, until) = (call.person()?, ask.valid_until.map(|day| day.0));
        self.whole(review_case::approve(&self.0, &call.actor(), me, ask.case_id, until).await?).await
    }

    async fn reject_case(&self, call: Call, ask: asked::RejectCase<Self>) -> Result<CasePb> {
        let verdict = Verdict { reviewer: call.person()?, reason: ask.reason, comment: ask.comment };
        self.whole(review_case::reject(&self.0, &call.actor(), ask.case_id, &verdict).await?).await
    }

    async fn revoke_verification(&self, call: Call, ask: asked::RevokeVerification<Self>) -> Result<CasePb> {
        let verdict = Verdict { reviewer: call.person()?, reason: ask.reason, comment: ask.comment };
        self.whole(review_case::revoke(&self.0, &call.actor(), ask.case_id, &verdict).await?).await
    }

    async fn export_tutors(&self, _: Call, ask: asked::ExportTutors) -> Result<Streamed<pb::ExportedTutor, Error>> {
        let key = |tutor: &Tutor| tutor.id;
        Ok(exported(&self.0, key, move |app, after| async move {
            let after = after.or(ask.after_tutor_id);
            Ok(tutors::export(&mut *app.db.acquire().await?, after, EXPORTED_AT_ONCE).await?)
        }))
    }
}
