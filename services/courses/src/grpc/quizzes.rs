//! Quizzes as learners see them. A right answer leaves only through `right_answer`, and only where the quiz shows it.

use proto::lyceum::courses::v1::{
    AttemptOption, AttemptQuestion, QuizAnswer, QuizAttempt, QuizProgress, QuizTerms, RightAnswer, attempt_question,
    quiz_attempt,
};
use rpc::Fields;

use super::{content, id, show};
use crate::{
    domain::{
        attempt::Attempt,
        grading::{Answer, Answers, Given},
        id::{ChoiceId, QuestionId},
        quiz as law,
        quiz::{Choice, Question, QuestionKind, Quiz},
    },
    store::attempts::Begun,
};

/// What to know before the first question.
pub(super) fn terms(quiz: &Quiz) -> QuizTerms {
    QuizTerms {
        question_count: i32::try_from(quiz.questions.len()).unwrap_or(i32::MAX),
        max_score: show::count(quiz.max_score()),
        pass_percent: i32::from(quiz.terms.pass.get()),
        max_attempts: content::attempts(quiz.terms.max_attempts),
        time_limit: content::limit(quiz.terms.time_limit),
        answers_shown: content::shown(quiz.terms.shown).into(),
    }
}

pub(super) fn progress(begun: Begun, best: Option<(i32, i32)>, terms: &law::QuizTerms) -> QuizProgress {
    QuizProgress {
        attempts_used: begun.count,
        attempts_left: left(begun, terms),
        open_attempt_id: begun.open.map(|open| open.to_string()).unwrap_or_default(),
        best_score: best.map(|(score, _)| score),
        max_score: best.map_or(0, |(_, max_score)| max_score),
        passed: begun.passed,
    }
}

fn left(begun: Begun, terms: &law::QuizTerms) -> Option<i32> {
    terms.attempts_left(u32::try_from(begun.count).unwrap_or(0)).map(show::count)
}

/// An attempt without its questions, for lists.
pub(super) fn attempt(attempt: &Attempt) -> QuizAttempt {
    let outcome = attempt.outcome.as_ref();
    let state = if outcome.is_some() { quiz_attempt::State::Graded } else { quiz_attempt::State::Open };
    QuizAttempt {
        attempt_id: attempt.id.to_string(),
        run_id: attempt.run.to_string(),
        lesson_id: attempt.lesson.to_string(),
        version: attempt.version,
        number: attempt.number,
        state: state.into(),
        started_at: Some(attempt.started_at.into()),
        deadline: attempt.deadline.map(Into::into),
        submitted_at: outcome.map(|outcome| outcome.submitted_at.into()),
        score: outcome.map(|outcome| show::count(outcome.score)),
        max_score: show::count(attempt.max_score),
        passed: outcome.map(|outcome| outcome.passed),
        timed_out: outcome.is_some_and(|outcome| outcome.timed_out),
        questions: Vec::new(),
    }
}

/// An attempt with its questions in its own order.
pub(super) fn attempt_with_questions(it: &Attempt, quiz: &Quiz, given: &Answers, begun: Begun) -> QuizAttempt {
    // While another attempt is open, nothing that helps in it is shown.
    let quiz_over = begun.open.is_none() && (begun.passed || left(begun, &quiz.terms) == Some(0));
    let shows_answers = it.outcome.is_some() && quiz.terms.shown.now(quiz_over);
    let question = |question: &Question| AttemptQuestion {
        question_id: question.id.to_string(),
        kind: kind(&question.kind).into(),
        text: question.text.to_string(),
        max_score: i32::from(question.points.get()),
        options: options(&question.kind),
        answer: given.get(&question.id).and_then(|answer| show_answer(question.id, answer)),
        score: it.outcome.as_ref().and_then(|outcome| outcome.scores.get(&question.id)).copied().map(show::count),
        right_answer: shows_answers.then(|| right_answer(question)),
    };
    QuizAttempt { questions: it.arrange(quiz).questions.iter().map(question).collect(), ..attempt(it) }
}

const fn kind(kind: &QuestionKind) -> attempt_question::Kind {
    match kind {
        QuestionKind::SingleChoice(_) => attempt_question::Kind::SingleChoice,
        QuestionKind::MultipleChoice(_) => attempt_question::Kind::MultipleChoice,
        QuestionKind::Number { .. } => attempt_question::Kind::Number,
        QuestionKind::ShortText { .. } => attempt_question::Kind::ShortText,
    }
}

fn options(kind: &QuestionKind) -> Vec<AttemptOption> {
    let option = |choice: &Choice| AttemptOption { option_id: choice.id.to_string(), text: choice.text.to_string() };
    match kind {
        QuestionKind::SingleChoice(choices) | QuestionKind::MultipleChoice(choices) => {
            choices.iter().map(option).collect()
        }
        QuestionKind::Number { .. } | QuestionKind::ShortText { .. } => Vec::new(),
    }
}

fn show_answer(question: QuestionId, answer: &Answer) -> Option<QuizAnswer> {
    let mut shown = QuizAnswer { question_id: question.to_string(), ..QuizAnswer::default() };
    match answer {
        Answer::Options(options) => shown.option_ids = options.iter().map(ToString::to_string).collect(),
        Answer::Number(number) => shown.number = number.to_string(),
        Answer::Text(text) => shown.text = text.to_string(),
        Answer::Withdrawn => return None,
    }
    Some(shown)
}

fn right_answer(question: &Question) -> RightAnswer {
    let mut right = RightAnswer { explanation: question.explanation.to_string(), ..RightAnswer::default() };
    match &question.kind {
        QuestionKind::SingleChoice(choices) | QuestionKind::MultipleChoice(choices) => {
            let correct = choices.iter().filter(|choice| choice.correct);
            right.option_ids = correct.map(|choice| choice.id.to_string()).collect();
        }
        QuestionKind::Number { value, .. } => right.number = value.to_string(),
        QuestionKind::ShortText { accepted } => right.texts = accepted.iter().map(ToString::to_string).collect(),
    }
    right
}

/// Answers as they were sent; whether they fit the questions is the law's business.
pub(super) fn read_answers(fields: &mut Fields, sent: Vec<QuizAnswer>) -> Option<Vec<Given>> {
    if !(1..=100).contains(&sent.len()) {
        fields.refuse("answers", "expected 1 to 100 answers");
        return None;
    }
    let mut given = Vec::with_capacity(sent.len());
    for (number, answer) in sent.into_iter().enumerate() {
        let question = id(fields, &format!("answers[{number}].question_id"), &answer.question_id);
        let options: Option<Vec<ChoiceId>> = (answer.option_ids.iter().enumerate())
            .map(|(place, option)| id(fields, &format!("answers[{number}].option_ids[{place}]"), option))
            .collect();
        if let (Some(question), Some(options)) = (question, options) {
            given.push(Given { question, options, number: answer.number, text: answer.text });
        }
    }
    Some(given)
}
