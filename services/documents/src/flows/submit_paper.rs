//! Hand a paper in.

use pg::{Claim, Idempotent};
use time::Date;
use values::Id;

use super::change_case::{self, Change};
use crate::{
    App, Error,
    domain::{
        Case, Refusal,
        id::{FileId, UserId},
        paper::PaperKind,
    },
    store::{self, asks::Ask, cases::OPEN_KEY},
};

/// What a tutor hands in.
#[derive(Debug, Clone)]
pub struct SubmitPaper {
    pub tutor: UserId,
    pub kind: PaperKind,
    pub files: Vec<FileId>,
    /// The last day of the paper, as the tutor says.
    pub claimed: Option<Date>,
}

/// Opens a case. The Document System is asked later, by whoever sends what is due: nobody waits for it here.
pub async fn run(app: &App, actor: &str, command: &SubmitPaper, key: Option<&Idempotent>) -> Result<Case, Error> {
    let (today, now) = app.today();
    let case = pg::transaction(&app.db, async |conn| {
        if let Some(key) = key
            && let Claim::Replay(id) = key.claim(conn, now).await?
        {
            let case = store::cases::of(conn, Id::from_uuid(id), command.tutor).await?;
            return Ok((case.ok_or(Refusal::CaseNotFound)?, false));
        }
        if store::tutors::lock(conn, command.tutor).await?.erased_at.is_some() {
            return Err(Refusal::AccountErased.into());
        }
        // Locked until the case rests on them: a file that is deleted meanwhile is not found, or waits and is in use.
        if !store::files::are_papers_of(conn, &command.files, command.tutor).await? {
            return Err(Refusal::NotAPaper.into());
        }
        let deadline = app.papers.system.map(|system| now + system.in_all());
        let SubmitPaper { tutor, kind, claimed, .. } = *command;
        let case = Case::submit(Id::new(now), tutor, kind, command.files.clone(), claimed, deadline, (today, now))?;
        store::cases::insert(conn, &case).await.map_err(open_already)?;
        change_case::note(conn, case.id, Change::new(app, "submitted", actor, "")).await?;
        if deadline.is_some() {
            let ask =
                Ask { case_id: case.id, ask_id: Id::new(now), traceparent: bus::external::traceparent(), asked: 0 };
            store::asks::insert(conn, &ask, now).await?;
        }
        if let Some(key) = key {
            key.record(conn, case.id.uuid(), now).await?;
        }
        Ok::<_, Error>((case, true))
    })
    .await?;
    let (case, fresh) = case;
    if fresh {
        tracing::info!(case = %case.id, kind = case.kind.as_str(), "Case {} was opened.", case.id);
        change_case::count(&case);
    }
    Ok(case)
}

fn open_already(error: sqlx::Error) -> Error {
    if pg::violated(&error, OPEN_KEY) { Refusal::CaseOpen.into() } else { error.into() }
}
