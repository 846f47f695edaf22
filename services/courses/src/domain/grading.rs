//! Answers and points. Grading is a function of a quiz and the answers: the same ones give the same points, for ever.

use std::collections::{BTreeMap, BTreeSet};

use values::Text;

use super::{
    Refusal,
    decimal::Decimal,
    id::{ChoiceId, QuestionId},
    quiz::{Question, QuestionKind, Quiz},
};

pub type GivenText = Text<1, 500>;

/// What a learner answered to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Options(BTreeSet<ChoiceId>),
    Number(Decimal),
    Text(GivenText),
    /// The earlier answer was taken back.
    Withdrawn,
}

/// The answer that counts for each question: the last one.
pub type Answers = BTreeMap<QuestionId, Answer>;

/// An answer as it was sent, before anybody looked whether it fits its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub question: QuestionId,
    pub options: Vec<ChoiceId>,
    pub number: String,
    pub text: String,
}

/// Holds sent answers against the questions.
pub fn accept(quiz: &Quiz, given: &[Given]) -> Result<Vec<(QuestionId, Answer)>, Refusal> {
    let mut seen = BTreeSet::new();
    let mut accepted = Vec::with_capacity(given.len());
    for (index, answer) in given.iter().enumerate() {
        let bad = |(field, message)| Refusal::BadAnswer { index, field, message };
        let question =
            quiz.question(answer.question).ok_or(bad(("question_id", "the attempt has no such question")))?;
        if !seen.insert(question.id) {
            return Err(bad(("question_id", "expected at most one answer a question")));
        }
        accepted.push((question.id, fit(question, answer).map_err(bad)?));
    }
    Ok(accepted)
}

fn fit(question: &Question, given: &Given) -> Result<Answer, (&'static str, &'static str)> {
    let (options, number, text) = (!given.options.is_empty(), !given.number.is_empty(), !given.text.is_empty());
    match &question.kind {
        _ if !options && !number && !text => Ok(Answer::Withdrawn),
        QuestionKind::SingleChoice(choices) | QuestionKind::MultipleChoice(choices) => {
            if number || text {
                return Err(("option_ids", "the question is answered by options"));
            }
            let chosen: BTreeSet<_> = given.options.iter().copied().collect();
            if !chosen.iter().all(|id| choices.iter().any(|choice| choice.id == *id)) {
                return Err(("option_ids", "the question has no such option"));
            }
            let single = matches!(question.kind, QuestionKind::SingleChoice(_));
            if single && chosen.len() != 1 {
                return Err(("option_ids", "expected exactly one option"));
            }
            Ok(Answer::Options(chosen))
        }
        QuestionKind::Number { .. } => {
            if options || text {
                return Err(("number", "the question is answered by a number"));
            }
            let number = Decimal::parse(&given.number).map_err(|_| ("number", "expected a number such as 3.14"))?;
            Ok(Answer::Number(number))
        }
        QuestionKind::ShortText { .. } => {
            if options || number {
                return Err(("text", "the question is answered by a few words"));
            }
            if given.text.trim().is_empty() {
                return Ok(Answer::Withdrawn);
            }
            let text = GivenText::parse(&given.text).map_err(|_| ("text", "expected 1 to 500 printable characters"))?;
            Ok(Answer::Text(text))
        }
    }
}

/// The points of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    pub scores: BTreeMap<QuestionId, u32>,
    pub score: u32,
    pub max_score: u32,
    pub passed: bool,
}

/// Gives the points: all of a question's for the right answer, none for any other.
pub fn grade(quiz: &Quiz, answers: &Answers) -> Grade {
    let points = |question: &Question| match answers.get(&question.id) {
        Some(answer) if right(&question.kind, answer) => u32::from(question.points.get()),
        _ => 0,
    };
    let scores: BTreeMap<_, _> = quiz.questions.iter().map(|question| (question.id, points(question))).collect();
    let score = scores.values().sum();
    let max_score = quiz.max_score();
    let passed = quiz.terms.pass.reached(u64::from(score), u64::from(max_score));
    Grade { scores, score, max_score, passed }
}

fn right(kind: &QuestionKind, answer: &Answer) -> bool {
    match (kind, answer) {
        (QuestionKind::SingleChoice(choices) | QuestionKind::MultipleChoice(choices), Answer::Options(chosen)) => {
            choices.iter().all(|choice| choice.correct == chosen.contains(&choice.id))
        }
        (QuestionKind::Number { value, tolerance }, Answer::Number(number)) => number.within(*tolerance, *value),
        (QuestionKind::ShortText { accepted }, Answer::Text(text)) => {
            let given = plain(text.as_str());
            accepted.iter().any(|right| plain(right.as_str()) == given)
        }
        _ => false,
    }
}

/// What is left of a few words when case, blanks and the dots of `ё` do not count.
fn plain(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").to_lowercase().replace('ё', "е")
}

#[cfg(test)]
mod tests {
    use super::super::quiz::tests::{option, question, terms};
    use super::super::quiz::{Choice, ShortText};
    use super::*;
    use proptest::prelude::*;

    fn quiz() -> Quiz {
        let number = |text| Decimal::parse(text).unwrap();
        let accepted = vec![ShortText::parse("Зелёный чай").unwrap()];
        Quiz::new(
            vec![
                question(2, QuestionKind::single_choice(vec![option("a", true), option("b", false)]).unwrap()),
                question(
                    3,
                    QuestionKind::multiple_choice(vec![option("a", true), option("b", true), option("c", false)])
                        .unwrap(),
                ),
                question(4, QuestionKind::number(number("3.14"), number("0.01")).unwrap()),
                question(1, QuestionKind::short_text(accepted).unwrap()),
            ],
            terms(70),
        )
        .unwrap()
    }

    fn choices(quiz: &Quiz, at: usize) -> &[Choice] {
        match &quiz.questions[at].kind {
            QuestionKind::SingleChoice(choices) | QuestionKind::MultipleChoice(choices) => choices,
            _ => &[],
        }
    }

    fn given(quiz: &Quiz, at: usize) -> Given {
        Given { question: quiz.questions[at].id, options: vec![], number: String::new(), text: String::new() }
    }

    fn right_answers(quiz: &Quiz) -> Vec<Given> {
        let chosen = |at| choices(quiz, at).iter().filter(|choice| choice.correct).map(|choice| choice.id).collect();
        vec![
            Given { options: chosen(0), ..given(quiz, 0) },
            Given { options: chosen(1), ..given(quiz, 1) },
            Given { number: "3,15".into(), ..given(quiz, 2) },
            Given { text: "  зеленый   ЧАЙ ".into(), ..given(quiz, 3) },
        ]
    }

    #[test]
    fn right_answers_give_every_point() {
        let quiz = quiz();
        let answers = accept(&quiz, &right_answers(&quiz)).unwrap().into_iter().collect();
        let grade = grade(&quiz, &answers);
        assert_eq!((grade.score, grade.max_score, grade.passed), (10, 10, true));
    }

    #[test]
    fn a_multiple_choice_gives_its_points_for_exactly_the_right_options() {
        let quiz = quiz();
        let all = Given { options: choices(&quiz, 1).iter().map(|choice| choice.id).collect(), ..given(&quiz, 1) };
        let some = Given { options: vec![choices(&quiz, 1)[0].id], ..given(&quiz, 1) };
        for wrong in [all, some] {
            let answers = accept(&quiz, &[wrong]).unwrap().into_iter().collect();
            assert_eq!(grade(&quiz, &answers).score, 0);
        }
    }

    #[test]
    fn the_pass_mark_is_exact() {
        let quiz = quiz();
        let mut answers: Answers = accept(&quiz, &right_answers(&quiz)).unwrap().into_iter().collect();
        answers.insert(quiz.questions[1].id, Answer::Withdrawn);
        assert!(grade(&quiz, &answers).passed, "7 of 10 are 70 per cent");
        answers.insert(quiz.questions[3].id, Answer::Withdrawn);
        assert!(!grade(&quiz, &answers).passed);
    }

    #[test]
    fn an_answer_has_to_fit_its_question() {
        let quiz = quiz();
        let cases = [
            Given { text: "a".into(), ..given(&quiz, 0) },
            Given { options: choices(&quiz, 1).iter().map(|choice| choice.id).collect(), ..given(&quiz, 0) },
            Given { options: choices(&quiz, 1)[..2].iter().map(|choice| choice.id).collect(), ..given(&quiz, 0) },
            Given { number: "many".into(), ..given(&quiz, 2) },
            Given { text: "x".repeat(501), ..given(&quiz, 3) },
            Given { question: QuestionId::from_uuid(uuid::Uuid::nil()), ..given(&quiz, 3) },
        ];
        for case in cases {
            assert!(
                matches!(accept(&quiz, std::slice::from_ref(&case)), Err(Refusal::BadAnswer { index: 0, .. })),
                "{case:?}"
            );
        }
        let twice = [given(&quiz, 0), given(&quiz, 0)];
        assert!(matches!(accept(&quiz, &twice), Err(Refusal::BadAnswer { index: 1, .. })));
    }

    #[test]
    fn an_empty_answer_takes_the_earlier_one_back() {
        let quiz = quiz();
        assert_eq!(accept(&quiz, &[given(&quiz, 0)]), Ok(vec![(quiz.questions[0].id, Answer::Withdrawn)]));
    }

    proptest! {
        #[test]
        fn points_are_the_sum_of_the_right_answers(pattern in prop::array::uniform4(any::<bool>())) {
            let quiz = quiz();
            let mut answers: Answers = accept(&quiz, &right_answers(&quiz)).unwrap().into_iter().collect();
            for (question, right) in quiz.questions.iter().zip(pattern) {
                if !right {
                    answers.remove(&question.id);
                }
            }
            let grade = grade(&quiz, &answers);
            let expected: u32 = [2, 3, 4, 1].iter().zip(pattern).filter(|(_, right)| *right).map(|(points, _)| points).sum();
            prop_assert_eq!(grade.score, expected);
            prop_assert_eq!(grade.passed, expected >= 7);
        }
    }
}
