//! Questions with their right answers, as their author means them. Points are given in `grading`.

use std::collections::BTreeSet;

use time::Duration;
use values::{Mistake, Named, Params, Text, ViolationCode, mistake::params};

use super::{
    content::Percent,
    decimal::Decimal,
    id::{ChoiceId, QuestionId},
};

pub type QuestionText = Text<1, 4_000>;
pub type Explanation = Text<0, 4_000>;
pub type ChoiceText = Text<1, 1_000>;
pub type ShortText = Text<1, 200>;

/// Points for a right answer, 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Points(u16);

/// A number of points that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 1000, or 0 for the default of 1")]
pub struct BadPoints;

values::mistake!(BadPoints => OutOfRange, min = 0, max = 1_000);

impl Points {
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u32> for Points {
    type Error = BadPoints;

    /// Takes 0 for the default.
    fn try_from(number: u32) -> Result<Self, BadPoints> {
        match u16::try_from(number) {
            Ok(0) => Ok(Self(1)),
            Ok(number) if number <= 1_000 => Ok(Self(number)),
            _ => Err(BadPoints),
        }
    }
}

/// An option of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub id: ChoiceId,
    pub text: ChoiceText,
    pub correct: bool,
}

/// How a question is answered, and what is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuestionKind {
    SingleChoice(Vec<Choice>),
    MultipleChoice(Vec<Choice>),
    Number { value: Decimal, tolerance: Decimal },
    ShortText { accepted: Vec<ShortText> },
}

/// Why a question or a quiz cannot be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadQuiz {
    #[error("expected 2 to 20 options")]
    OptionCount,
    #[error("expected exactly one right option")]
    NotOneRight,
    #[error("expected at least one right option")]
    NoneRight,
    #[error("expected every option's id once")]
    SameOption,
    #[error("expected 1 to 20 right answers")]
    AcceptedCount,
    #[error("expected a tolerance of 0 or more")]
    NegativeTolerance,
    #[error("expected 1 to 100 questions")]
    QuestionCount,
    #[error("expected every question's id once")]
    SameQuestion,
    #[error("expected 0 to 100 attempts")]
    Attempts,
    #[error("expected 10 seconds to 24 hours")]
    TimeLimit,
}

impl Mistake for BadQuiz {
    fn code(&self) -> ViolationCode {
        match self {
            Self::SameOption | Self::SameQuestion => ViolationCode::NotUnique,
            Self::NotOneRight | Self::NoneRight => ViolationCode::InvalidValue,
            _ => ViolationCode::OutOfRange,
        }
    }

    fn params(&self) -> Params {
        match self {
            Self::OptionCount => params([("min", &2), ("max", &20)]),
            Self::AcceptedCount => params([("min", &1), ("max", &20)]),
            Self::QuestionCount => params([("min", &1), ("max", &100)]),
            Self::Attempts => params([("min", &0), ("max", &100)]),
            Self::TimeLimit => params([("min", &"10s"), ("max", &"86400s")]),
            Self::NegativeTolerance => params([("min", &0)]),
            _ => Params::new(),
        }
    }
}

/// The name of a kind of question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum QuestionKindName {
    SingleChoice,
    MultipleChoice,
    Number,
    ShortText,
}

impl QuestionKind {
    pub const fn name(&self) -> QuestionKindName {
        match self {
            Self::SingleChoice(_) => QuestionKindName::SingleChoice,
            Self::MultipleChoice(_) => QuestionKindName::MultipleChoice,
            Self::Number { .. } => QuestionKindName::Number,
            Self::ShortText { .. } => QuestionKindName::ShortText,
        }
    }

    /// The options of a choice; none of other kinds.
    pub fn choices(&self) -> &[Choice] {
        match self {
            Self::SingleChoice(choices) | Self::MultipleChoice(choices) => choices,
            Self::Number { .. } | Self::ShortText { .. } => &[],
        }
    }

    pub fn single_choice(options: Vec<Choice>) -> Result<Self, BadQuiz> {
        let options = checked(options)?;
        match options.iter().filter(|option| option.correct).count() {
            1 => Ok(Self::SingleChoice(options)),
            _ => Err(BadQuiz::NotOneRight),
        }
    }

    pub fn multiple_choice(options: Vec<Choice>) -> Result<Self, BadQuiz> {
        let options = checked(options)?;
        if options.iter().any(|option| option.correct) {
            Ok(Self::MultipleChoice(options))
        } else {
            Err(BadQuiz::NoneRight)
        }
    }

    pub fn number(value: Decimal, tolerance: Decimal) -> Result<Self, BadQuiz> {
        if tolerance < Decimal::ZERO { Err(BadQuiz::NegativeTolerance) } else { Ok(Self::Number { value, tolerance }) }
    }

    pub fn short_text(accepted: Vec<ShortText>) -> Result<Self, BadQuiz> {
        if (1..=20).contains(&accepted.len()) { Ok(Self::ShortText { accepted }) } else { Err(BadQuiz::AcceptedCount) }
    }
}

fn checked(options: Vec<Choice>) -> Result<Vec<Choice>, BadQuiz> {
    if !(2..=20).contains(&options.len()) {
        return Err(BadQuiz::OptionCount);
    }
    let ids: BTreeSet<_> = options.iter().map(|option| option.id).collect();
    if ids.len() < options.len() { Err(BadQuiz::SameOption) } else { Ok(options) }
}

/// A question with its right answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub id: QuestionId,
    pub text: QuestionText,
    pub points: Points,
    pub explanation: Explanation,
    pub kind: QuestionKind,
}

/// When a learner sees which answers were right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Named)]
pub enum AnswersShown {
    Never,
    #[default]
    AtTheEnd,
    AfterEachAttempt,
}

impl AnswersShown {
    /// Whether a graded attempt shows them, given that the quiz is over for the learner or not.
    pub const fn now(self, quiz_over: bool) -> bool {
        match self {
            Self::Never => false,
            Self::AtTheEnd => quiz_over,
            Self::AfterEachAttempt => true,
        }
    }
}

/// What holds for every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuizTerms {
    pub pass: Percent,
    /// None: any number.
    pub max_attempts: Option<u8>,
    /// None: for ever.
    pub time_limit: Option<Duration>,
    pub shuffle: bool,
    pub shown: AnswersShown,
}

impl QuizTerms {
    /// Takes 0 for any number of attempts.
    pub fn parse_attempts(number: u32) -> Result<Option<u8>, BadQuiz> {
        match u8::try_from(number) {
            Ok(0) => Ok(None),
            Ok(number) if number <= 100 => Ok(Some(number)),
            _ => Err(BadQuiz::Attempts),
        }
    }

    pub fn parse_time_limit(limit: Option<Duration>) -> Result<Option<Duration>, BadQuiz> {
        match limit {
            Some(limit) if limit < Duration::seconds(10) || limit > Duration::DAY => Err(BadQuiz::TimeLimit),
            limit => Ok(limit),
        }
    }

    /// How many attempts are left after `used`; none where any number is allowed.
    pub fn attempts_left(&self, used: u32) -> Option<u32> {
        self.max_attempts.map(|max| u32::from(max).saturating_sub(used))
    }
}

/// A quiz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quiz {
    pub questions: Vec<Question>,
    pub terms: QuizTerms,
}

impl Quiz {
    pub fn new(questions: Vec<Question>, terms: QuizTerms) -> Result<Self, BadQuiz> {
        if !(1..=100).contains(&questions.len()) {
            return Err(BadQuiz::QuestionCount);
        }
        let ids: BTreeSet<_> = questions.iter().map(|question| question.id).collect();
        if ids.len() < questions.len() {
            return Err(BadQuiz::SameQuestion);
        }
        Ok(Self { questions, terms })
    }

    /// Points that are possible.
    pub fn max_score(&self) -> u32 {
        self.questions.iter().map(|question| u32::from(question.points.get())).sum()
    }

    pub fn question(&self, id: QuestionId) -> Option<&Question> {
        self.questions.iter().find(|question| question.id == id)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use time::macros::datetime;

    pub(crate) fn option(text: &str, correct: bool) -> Choice {
        let id = ChoiceId::new(datetime!(2026-03-02 09:00 UTC));
        Choice { id, text: ChoiceText::parse(text).unwrap(), correct }
    }

    pub(crate) fn question(points: u32, kind: QuestionKind) -> Question {
        Question {
            id: QuestionId::new(datetime!(2026-03-02 09:00 UTC)),
            text: QuestionText::parse("?").unwrap(),
            points: Points::try_from(points).unwrap(),
            explanation: Explanation::parse("").unwrap(),
            kind,
        }
    }

    pub(crate) fn terms(pass: u32) -> QuizTerms {
        QuizTerms {
            pass: Percent::try_from(pass).unwrap(),
            max_attempts: None,
            time_limit: None,
            shuffle: false,
            shown: AnswersShown::AtTheEnd,
        }
    }

    #[test]
    fn a_single_choice_has_exactly_one_right_option() {
        assert!(QuestionKind::single_choice(vec![option("a", true), option("b", false)]).is_ok());
        assert_eq!(QuestionKind::single_choice(vec![option("a", true), option("b", true)]), Err(BadQuiz::NotOneRight));
        assert_eq!(QuestionKind::single_choice(vec![option("a", true)]), Err(BadQuiz::OptionCount));
        let same = option("a", true);
        assert_eq!(QuestionKind::multiple_choice(vec![same.clone(), same]), Err(BadQuiz::SameOption));
        assert_eq!(
            QuestionKind::multiple_choice(vec![option("a", false), option("b", false)]),
            Err(BadQuiz::NoneRight)
        );
    }

    #[test]
    fn a_quiz_has_questions_and_sane_terms() {
        assert_eq!(Quiz::new(vec![], terms(50)), Err(BadQuiz::QuestionCount));
        assert_eq!(QuizTerms::parse_attempts(101), Err(BadQuiz::Attempts));
        assert_eq!(QuizTerms::parse_attempts(0), Ok(None));
        assert_eq!(QuizTerms::parse_time_limit(Some(Duration::SECOND)), Err(BadQuiz::TimeLimit));
        assert_eq!(QuizTerms { max_attempts: Some(2), ..terms(50) }.attempts_left(3), Some(0));
    }

    #[test]
    fn right_answers_show_when_the_author_said() {
        assert!(!AnswersShown::Never.now(true));
        assert!(!AnswersShown::AtTheEnd.now(false));
        assert!(AnswersShown::AtTheEnd.now(true));
        assert!(AnswersShown::AfterEachAttempt.now(false));
    }
}
