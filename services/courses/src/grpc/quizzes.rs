//! Quizzes as learners see them. A right answer leaves only through `right_answer`, and only where the quiz shows it.

use contract::wire;
use proto::lyceum::courses::v1::{self as pb, quiz_attempt::State};

use super::show::count;
use crate::{
    domain::{
        attempt::Attempt,
        grading::Answer,
        id::QuestionId,
        quiz::{self, Choice, Question, QuestionKind, Quiz},
    },
    flows::read_attempt::AttemptRead,
    store::attempts::Begun,
};

/// What to know before the first question.
pub(super) fn terms(quiz: &Quiz) -> pb::QuizTerms {
    pb::QuizTerms {
        question_count: i32::try_from(quiz.questions.len()).unwrap_or(i32::MAX),
        max_score: count(quiz.max_score()),
        pass_percent: i32::from(quiz.terms.pass.get()),
        max_attempts: quiz.terms.max_attempts.map_or(0, i32::from),
        time_limit: quiz.terms.time_limit.map(Into::into),
        answers_shown: wire::<pb::AnswersShown>(quiz.terms.shown),
    }
}

pub(super) fn progress(begun: Begun, best: Option<(i32, i32)>, terms: &quiz::QuizTerms) -> pb::QuizProgress {
    pb::QuizProgress {
        attempts_used: begun.count,
        attempts_left: terms.attempts_left(u32::try_from(begun.count).unwrap_or(0)).map(count),
        open_attempt_id: begun.open.map(|open| open.to_string()),
        best_score: best.map(|(score, _)| score),
        max_score: best.map_or(0, |(_, max_score)| max_score),
        passed: begun.passed,
    }
}

/// An attempt without its questions, for lists.
pub(super) fn attempt(attempt: &Attempt) -> pb::QuizAttempt {
    let outcome = attempt.outcome.as_ref();
    pb::QuizAttempt {
        attempt_id: attempt.id.to_string(),
        run_id: attempt.run.to_string(),
        lesson_id: attempt.lesson.to_string(),
        version: attempt.version,
        number: attempt.number,
        state: outcome.map_or(State::Open, |_| State::Graded).into(),
        started_at: Some(attempt.started_at.into()),
        deadline: attempt.deadline.map(Into::into),
        submitted_at: outcome.map(|outcome| outcome.submitted_at.into()),
        score: outcome.map(|outcome| count(outcome.score)),
        max_score: count(attempt.max_score),
        passed: outcome.map(|outcome| outcome.passed),
        timed_out: outcome.is_some_and(|outcome| outcome.timed_out),
        questions: Vec::new(),
    }
}

/// An attempt with its questions in its own order.
pub(super) fn attempt_with_questions(read: &AttemptRead) -> pb::QuizAttempt {
    let (it, right_answers) = (&read.attempt, read.shows_right_answers());
    let option =
        |choice: &Choice| pb::AttemptOption { option_id: choice.id.to_string(), text: choice.text.to_string() };
    let question = |question: &Question| pb::AttemptQuestion {
        question_id: question.id.to_string(),
        kind: wire::<pb::attempt_question::Kind>(question.kind.name()),
        text: question.text.to_string(),
        max_score: i32::from(question.points.get()),
        options: question.kind.choices().iter().map(option).collect(),
        answer: read.answers.get(&question.id).and_then(|answer| show_answer(question.id, answer)),
        score: it.outcome.as_ref().and_then(|outcome| outcome.scores.get(&question.id)).copied().map(count),
        right_answer: right_answers.then(|| right_answer(question)),
    };
    pb::QuizAttempt { questions: it.arrange(&read.quiz).questions.iter().map(question).collect(), ..attempt(it) }
}

fn show_answer(question: QuestionId, answer: &Answer) -> Option<pb::QuizAnswer> {
    let mut shown = pb::QuizAnswer { question_id: question.to_string(), ..Default::default() };
    match answer {
        Answer::Options(options) => shown.option_ids = options.iter().map(ToString::to_string).collect(),
        Answer::Number(number) => shown.number = number.to_string(),
        Answer::Text(text) => shown.text = text.to_string(),
        Answer::Withdrawn => return None,
    }
    Some(shown)
}

fn right_answer(question: &Question) -> pb::RightAnswer {
    let correct = question.kind.choices().iter().filter(|choice| choice.correct);
    let mut right = pb::RightAnswer {
        option_ids: correct.map(|choice| choice.id.to_string()).collect(),
        explanation: question.explanation.to_string(),
        ..Default::default()
    };
    match &question.kind {
        QuestionKind::SingleChoice(_) | QuestionKind::MultipleChoice(_) => {}
        QuestionKind::Number { value, .. } => right.number = Some(value.to_string()),
        QuestionKind::ShortText { accepted } => right.texts = accepted.iter().map(ToString::to_string).collect(),
    }
    right
}
