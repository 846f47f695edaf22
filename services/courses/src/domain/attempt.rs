//! Attempts at a quiz: open, then graded once. What an answer is worth lives in `grading`.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};
use values::Record;

use super::{
    Refusal,
    grading::Grade,
    id::{AttemptId, CourseId, EnrolmentId, LearnerId, LessonId, QuestionId, RunId},
    number::Unsigned,
    progress::Key,
    quiz::{QuestionKind, Quiz, QuizTerms},
    shuffle::Seed,
};

/// Answers that left the client in time may arrive a little late.
pub const GRACE: Duration = Duration::seconds(5);

/// How a graded attempt came out.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Outcome {
    pub submitted_at: OffsetDateTime,
    /// It was handed in because its time was up.
    pub timed_out: bool,
    #[record(with = Unsigned)]
    pub score: u32,
    pub passed: bool,
    #[record(json)]
    pub scores: BTreeMap<QuestionId, u32>,
}

/// One attempt. It keeps the version of the content on which it began.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Attempt {
    #[record(name = "attempt_id", key)]
    pub id: AttemptId,
    #[record(name = "learner_id", key)]
    pub learner: LearnerId,
    #[record(name = "enrolment_id")]
    pub enrolment: EnrolmentId,
    #[record(name = "course_id")]
    pub course: CourseId,
    #[record(name = "run_id")]
    pub run: RunId,
    #[record(name = "lesson_id")]
    pub lesson: LessonId,
    pub version: i32,
    /// From 1, within the enrolment and the lesson.
    pub number: i32,
    pub started_at: OffsetDateTime,
    /// None: for ever.
    pub deadline: Option<OffsetDateTime>,
    #[record(with = Unsigned)]
    pub max_score: u32,
    /// None while it is open.
    #[record(flatten)]
    pub outcome: Option<Outcome>,
}

/// Whether another attempt may begin after `used`; its number if so.
pub fn next_number(terms: &QuizTerms, used: i32) -> Result<i32, Refusal> {
    match terms.attempts_left(u32::try_from(used).unwrap_or(0)) {
        Some(0) => Err(Refusal::NoAttemptLeft { max_attempts: terms.max_attempts.unwrap_or(0) }),
        _ => Ok(used + 1),
    }
}

impl Attempt {
    /// The progress that it counts for.
    pub const fn key(&self) -> Key {
        Key { learner: self.learner, enrolment: self.enrolment, lesson: self.lesson }
    }

    /// Whether its time is up, the grace for answers under way included.
    pub fn overdue(&self, now: OffsetDateTime) -> bool {
        self.outcome.is_none() && self.deadline.is_some_and(|deadline| deadline + GRACE <= now)
    }

    /// Refuses answers to what is closed or late.
    pub fn answerable(&self, now: OffsetDateTime) -> Result<(), Refusal> {
        match &self.outcome {
            Some(outcome) if outcome.timed_out => Err(Refusal::AttemptOverdue { deadline: self.deadline }),
            Some(outcome) => Err(Refusal::AttemptClosed { submitted_at: outcome.submitted_at }),
            None if self.overdue(now) => Err(Refusal::AttemptOverdue { deadline: self.deadline }),
            None => Ok(()),
        }
    }

    /// Hands it in with its grade; what was handed in before stays as it was.
    #[must_use]
    pub fn close(self, grade: Grade, now: OffsetDateTime) -> Self {
        if self.outcome.is_some() {
            return self;
        }
        let timed_out = self.overdue(now);
        // Late or not, it was over when its time was up.
        let submitted_at = self.deadline.map_or(now, |deadline| deadline.min(now));
        let Grade { scores, score, max_score, passed } = grade;
        Self { max_score, outcome: Some(Outcome { submitted_at, timed_out, score, passed, scores }), ..self }
    }

    /// The quiz in the order of this attempt.
    pub fn arrange(&self, quiz: &Quiz) -> Quiz {
        let mut quiz = quiz.clone();
        if quiz.terms.shuffle {
            let seed = Seed::of(self.id);
            // Options first, by the question's own place, so that their order does not hang on that of the questions.
            for (number, question) in quiz.questions.iter_mut().enumerate() {
                if let QuestionKind::SingleChoice(options) | QuestionKind::MultipleChoice(options) = &mut question.kind
                {
                    seed.part(number).shuffle(options);
                }
            }
            seed.shuffle(&mut quiz.questions);
        }
        quiz
    }
}

#[cfg(test)]
mod tests {
    use super::super::grading::{Answers, grade};
    use super::super::quiz::tests::{option, question, terms};
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    fn quiz() -> Quiz {
        let options = || (0..10).map(|n| option(&n.to_string(), n == 0)).collect();
        let questions = (0..10).map(|_| question(1, QuestionKind::single_choice(options()).unwrap())).collect();
        Quiz::new(questions, QuizTerms { shuffle: true, ..terms(50) }).unwrap()
    }

    fn attempt() -> Attempt {
        Attempt {
            id: AttemptId::new(NOW),
            learner: LearnerId::new(NOW),
            enrolment: EnrolmentId::new(NOW),
            course: CourseId::new(NOW),
            run: RunId::new(NOW),
            lesson: LessonId::new(NOW),
            version: 1,
            number: 1,
            started_at: NOW,
            deadline: Some(NOW + Duration::minutes(10)),
            max_score: 10,
            outcome: None,
        }
    }

    #[test]
    fn an_attempt_takes_answers_until_its_time_and_a_little_grace_is_up() {
        let late = NOW + Duration::minutes(10) + GRACE;
        assert_eq!(attempt().answerable(late - Duration::SECOND), Ok(()));
        assert_eq!(attempt().answerable(late), Err(Refusal::AttemptOverdue { deadline: attempt().deadline }));
        let handed_in = attempt().close(grade(&quiz(), &Answers::new()), NOW);
        assert_eq!(handed_in.answerable(NOW), Err(Refusal::AttemptClosed { submitted_at: NOW }));
    }

    #[test]
    fn handing_in_again_changes_nothing() {
        let once = attempt().close(grade(&quiz(), &Answers::new()), NOW + Duration::minutes(20));
        let outcome = once.outcome.clone().unwrap();
        assert!(outcome.timed_out);
        assert_eq!(outcome.submitted_at, NOW + Duration::minutes(10));
        assert_eq!(once.clone().close(grade(&quiz(), &Answers::new()), NOW + Duration::hours(9)), once);
    }

    #[test]
    fn an_attempt_always_looks_the_same_and_two_differ() {
        let quiz = quiz();
        let one = attempt();
        assert_eq!(one.arrange(&quiz), one.arrange(&quiz));
        assert_ne!(one.arrange(&quiz).questions, quiz.questions);
        assert_ne!(one.arrange(&quiz).questions, attempt().arrange(&quiz).questions);
    }

    #[test]
    fn attempts_run_out() {
        let terms = QuizTerms { max_attempts: Some(2), ..terms(50) };
        assert_eq!(next_number(&terms, 1), Ok(2));
        assert_eq!(next_number(&terms, 2), Err(Refusal::NoAttemptLeft { max_attempts: 2 }));
    }
}
