//! Quizzes as learners see them. A right answer leaves only through `right_answer`, and only where the quiz shows it.

use contract::{message, show};
use proto::lyceum::courses::v1::{self as pb, quiz_attempt::State};

use crate::{
    domain::{attempt::Attempt, grading::Answer, id::QuestionId, quiz},
    flows::read_attempt::AttemptRead,
    store::attempts::Begun,
};

contract::show! {
    quiz: &quiz::Quiz => pb::QuizTerms {
        question_count: quiz.questions.len(), max_score: quiz.max_score(), pass_percent: quiz.terms.pass.get(),
        max_attempts: quiz.terms.max_attempts.unwrap_or(0), time_limit: quiz.terms.time_limit,
        answers_shown: quiz.terms.shown,
    }
    choice: &quiz::Choice => pb::AttemptOption { option_id: choice.id, text: &choice.text }
}

pub(super) fn progress(begun: Begun, best: Option<(i32, i32)>, terms: &quiz::QuizTerms) -> pb::QuizProgress {
    message! { pb::QuizProgress {
        attempts_used: begun.count, attempts_left: terms.attempts_left(u32::try_from(begun.count).unwrap_or(0)),
        open_attempt_id: begun.open, best_score: best.map(|(score, _)| score),
        max_score: best.map_or(0, |(_, max_score)| max_score), passed: begun.passed,
    } }
}

/// An attempt without its questions, for lists.
pub(super) fn attempt(attempt: &Attempt) -> pb::QuizAttempt {
    let outcome = attempt.outcome.as_ref();
    let state = outcome.map_or(State::Open, |_| State::Graded);
    message! { pb::QuizAttempt {
        attempt_id: attempt.id, run_id: attempt.run, lesson_id: attempt.lesson, version: attempt.version,
        number: attempt.number, state = state.into(), started_at: attempt.started_at, deadline: attempt.deadline,
        submitted_at: outcome.map(|outcome| outcome.submitted_at), score: outcome.map(|outcome| outcome.score),
        max_score: attempt.max_score, passed: outcome.map(|outcome| outcome.passed),
        timed_out: outcome.is_some_and(|outcome| outcome.timed_out), questions = Vec::new(),
    } }
}

/// An attempt with its questions in its own order.
pub(super) fn attempt_with_questions(read: &AttemptRead) -> pb::QuizAttempt {
    let (it, right_answers) = (&read.attempt, read.shows_right_answers());
    let score = |id: &QuestionId| it.outcome.as_ref().and_then(|outcome| outcome.scores.get(id)).copied();
    let question = |question: &quiz::Question| {
        message! { pb::AttemptQuestion {
            question_id: question.id, kind: question.kind.name(), text: &question.text,
            max_score: question.points.get(), options: question.kind.choices(), score: score(&question.id),
            answer = read.answers.get(&question.id).and_then(|answer| show_answer(question.id, answer)),
            right_answer = right_answers.then(|| right_answer(question)),
        } }
    };
    pb::QuizAttempt { questions: it.arrange(&read.quiz).questions.iter().map(question).collect(), ..attempt(it) }
}

fn show_answer(question: QuestionId, answer: &Answer) -> Option<pb::QuizAnswer> {
    let mut shown = pb::QuizAnswer { question_id: show(question), ..Default::default() };
    match answer {
        Answer::Options(options) => shown.option_ids = options.iter().map(show).collect(),
        Answer::Number(number) => shown.number = show(number),
        Answer::Text(text) => shown.text = show(text),
        Answer::Withdrawn => return None,
    }
    Some(shown)
}

fn right_answer(question: &quiz::Question) -> pb::RightAnswer {
    let correct = question.kind.choices().iter().filter(|choice| choice.correct);
    let (number, texts) = match &question.kind {
        quiz::QuestionKind::SingleChoice(_) | quiz::QuestionKind::MultipleChoice(_) => (None, vec![]),
        quiz::QuestionKind::Number { value, .. } => (Some(show(value)), vec![]),
        quiz::QuestionKind::ShortText { accepted } => (None, show(accepted)),
    };
    message! { pb::RightAnswer {
        option_ids = correct.map(|choice| show(choice.id)).collect(), explanation: &question.explanation,
        number = number, texts = texts,
    } }
}
