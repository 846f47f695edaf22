//! The right answers, as the author wrote them.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use proto::lyceum::courses::v1::draft_lesson::Content;
use proto::lyceum::courses::v1::question::Kind;
use proto::lyceum::courses::v1::{AttemptQuestion, DraftSection, Question, QuizAnswer};

/// Every question of some courses by its text.
#[derive(Debug, Clone, Default)]
pub struct Key(HashMap<String, Question>);

impl Key {
    /// What the author of these sections knows.
    pub fn of<'a>(sections: impl IntoIterator<Item = &'a DraftSection>) -> Self {
        let lessons = sections.into_iter().flat_map(|section| &section.lessons);
        let quizzes = lessons.filter_map(|lesson| match &lesson.content {
            Some(Content::Quiz(quiz)) => Some(&quiz.questions),
            _ => None,
        });
        Self(quizzes.flatten().map(|question| (question.text.clone(), question.clone())).collect())
    }

    /// The answer to a question of an attempt, whose options stand in an order of their own.
    pub fn answer(&self, asked: &AttemptQuestion) -> Result<QuizAnswer> {
        let known = self.0.get(&asked.text).with_context(|| format!("nobody knows the answer to: {}", asked.text))?;
        let mut answer = QuizAnswer { question_id: asked.question_id.clone(), ..Default::default() };
        match known.kind.as_ref().context("a question has a kind")? {
            Kind::Number(number) => answer.number.clone_from(&number.value),
            Kind::ShortText(words) => answer.text = words.accepted.first().cloned().unwrap_or_default(),
            Kind::SingleChoice(choice) | Kind::MultipleChoice(choice) => {
                let right = |text: &str| choice.options.iter().any(|option| option.correct && option.text == text);
                let chosen = asked.options.iter().filter(|option| right(&option.text));
                answer.option_ids = chosen.map(|option| option.option_id.clone()).collect();
                ensure!(!answer.option_ids.is_empty(), "no option of the attempt is right: {asked:?}");
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use proto::lyceum::courses::v1::{
        AnswerOption, AttemptOption, ChoiceQuestion, DraftLesson, NumberQuestion, QuizContent, ShortTextQuestion,
    };

    use super::*;

    fn key(kind: Kind) -> Key {
        let question = Question { text: "?".to_owned(), kind: Some(kind), ..Default::default() };
        let quiz = QuizContent { questions: vec![question], ..Default::default() };
        let lesson = DraftLesson { content: Some(Content::Quiz(quiz)), ..Default::default() };
        Key::of(&[DraftSection { lessons: vec![lesson], ..Default::default() }])
    }

    fn asked(options: &[(&str, &str)]) -> AttemptQuestion {
        let option =
            |(id, text): &(&str, &str)| AttemptOption { option_id: (*id).to_owned(), text: (*text).to_owned() };
        let options = options.iter().map(option).collect();
        AttemptQuestion { question_id: "q".to_owned(), text: "?".to_owned(), options, ..Default::default() }
    }

    #[test]
    fn the_right_options_are_chosen_whatever_their_order() {
        let option =
            |(text, correct): (&str, bool)| AnswerOption { text: text.to_owned(), correct, ..Default::default() };
        let options = [("a", true), ("b", false), ("c", true)].map(option).to_vec();
        let key = key(Kind::MultipleChoice(ChoiceQuestion { options }));
        let answer = key.answer(&asked(&[("1", "c"), ("2", "b"), ("3", "a")])).unwrap();
        assert_eq!((answer.question_id.as_str(), answer.option_ids), ("q", vec!["1".to_owned(), "3".to_owned()]));
        assert!(key.answer(&asked(&[("1", "b")])).is_err());
    }

    #[test]
    fn numbers_and_words_are_answered_as_they_are_accepted() {
        let number = key(Kind::Number(NumberQuestion { value: "24".to_owned(), ..Default::default() }));
        assert_eq!(number.answer(&asked(&[])).unwrap().number, "24");
        let accepted = vec!["насыщенность".to_owned(), "сатурация".to_owned()];
        let word = key(Kind::ShortText(ShortTextQuestion { accepted }));
        assert_eq!(word.answer(&asked(&[])).unwrap().text, "насыщенность");
    }
}
