//! Take an answer of the Document System.

use sqlx::PgConnection;

use super::change_case::{self, Change};
use crate::{
    App,
    domain::{
        case::{AnswerOutcome, Finding},
        id::{AskId, CaseId, UserId},
        paper,
    },
    store,
};

/// Who answers.
const ACTOR: &str = "document-system";

/// An answer, read but not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who sent it, and its id there: together they tell a repetition.
    pub source: String,
    pub event: String,
    pub case: CaseId,
    pub ask: AskId,
    pub tutor: UserId,
    pub finding: Finding,
    /// More about it, for reviewers.
    pub detail: String,
}

/// What became of an answer; metrics have its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
pub enum Fate {
    /// It decided the case, or gave it to people.
    Applied,
    /// People have the case; it stands in the history.
    Noted,
    /// The case is decided.
    Late,
    /// It came before.
    Repeated,
    /// There is no such case.
    UnknownCase,
    /// The case is another tutor's.
    WrongTutor,
    /// It answers what was never asked about the case.
    UnknownAsk,
}

impl Fate {
    /// Why a person has to look at it, if one has to.
    pub const fn complaint(self) -> Option<&'static str> {
        match self {
            Self::Applied | Self::Noted | Self::Late | Self::Repeated => None,
            Self::UnknownCase => Some("there is no such case"),
            Self::WrongTutor => Some("the case is another tutor's"),
            Self::UnknownAsk => Some("the case was never asked about under this id"),
        }
    }
}

/// Applies an answer in the caller's transaction, which also remembers it. What a person has to look at is not
/// remembered, so that it can be replayed.
pub async fn run(conn: &mut PgConnection, app: &App, answer: &Answer) -> Result<Fate, sqlx::Error> {
    let Some(case) = store::cases::lock(conn, answer.case).await? else { return Ok(Fate::UnknownCase) };
    if case.tutor != answer.tutor {
        return Ok(Fate::WrongTutor);
    }
    // A case is asked about under one id, however often; after the tutor's erasure nobody knows it any more, nor needs
    // it.
    match store::asks::ask_of(conn, case.id).await? {
        Some(ask) if ask != answer.ask => return Ok(Fate::UnknownAsk),
        None if case.state.is_open() => return Ok(Fate::UnknownAsk),
        _ => {}
    }
    let (today, now) = app.today();
    if !store::asks::claim_answer(conn, &answer.source, &answer.event, now).await? {
        return Ok(Fate::Repeated);
    }
    let id = case.id;
    let summary = summary(answer);
    match case.apply(answer.finding, today, now) {
        AnswerOutcome::Changed(case) => {
            let change = Change { what: "answered", actor: ACTOR, detail: &summary, today, now };
            change_case::save(conn, app, &case, change).await?;
            change_case::count(&case);
            Ok(Fate::Applied)
        }
        AnswerOutcome::Noted => {
            let change = Change { what: "answered late", actor: ACTOR, detail: &summary, today, now };
            change_case::note(conn, id, change).await?;
            Ok(Fate::Noted)
        }
        AnswerOutcome::Late => Ok(Fate::Late),
    }
}

fn summary(answer: &Answer) -> String {
    let finding = match answer.finding {
        Finding::Verified(Some(until)) => format!("verified until {}", paper::day(until)),
        Finding::Verified(None) => "verified".to_owned(),
        Finding::Rejected(reason) => format!("rejected: {}", reason),
        Finding::Failed => "failed".to_owned(),
    };
    if answer.detail.is_empty() { finding } else { format!("{finding} ({})", answer.detail) }
}
