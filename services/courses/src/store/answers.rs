//! Answers of attempts: rows are only added, and the last one to a question counts.

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;

use super::document::{AnswerDocument, Stored, read_answer, write_answer};
use crate::domain::{
    grading::{Answer, Answers},
    id::{AttemptId, LearnerId, QuestionId},
};

/// The answers that count.
pub async fn latest(db: impl PgExecutor<'_>, learner: LearnerId, attempt: AttemptId) -> Result<Answers, sqlx::Error> {
    let rows: Vec<(QuestionId, Stored<AnswerDocument>)> = sqlx::query_as(
        "select distinct on (question_id) question_id, answer
         from attempt_answers
         where learner_id = $1
           and attempt_id = $2
         order by question_id, step desc",
    )
    .bind(learner)
    .bind(attempt)
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|(question, answer)| Ok((question, read_answer(answer)?))).collect()
}

/// Adds answers as the next steps of an attempt that the transaction holds.
pub async fn append(
    conn: &mut PgConnection,
    learner: LearnerId,
    attempt: AttemptId,
    answers: &[(QuestionId, Answer)],
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let questions: Vec<QuestionId> = answers.iter().map(|(question, _)| *question).collect();
    let documents: Vec<Stored<AnswerDocument>> = answers.iter().map(|(_, answer)| write_answer(answer)).collect();
    sqlx::query(
        "insert into attempt_answers (learner_id, attempt_id, step, question_id, answer, answered_at)
         select $1, $2, last.step + given.place, given.question_id, given.answer, $5
         from unnest($3::uuid[], $4::jsonb[]) with ordinality as given (question_id, answer, place),
              (select coalesce(max(step), 0) as step
               from attempt_answers
               where learner_id = $1
                 and attempt_id = $2) as last",
    )
    .bind(learner)
    .bind(attempt)
    .bind(questions)
    .bind(documents)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}
