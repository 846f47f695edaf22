//! Contents of lessons between messages and values, right answers included: for editors only. What learners see of a quiz
//! is made by `quizzes`, out of other messages.

use proto::{
    lyceum::courses::v1::{
        AnswerOption, AnswersShown, ChoiceQuestion, FileContent, NumberQuestion, Question, QuizContent,
        ShortTextQuestion, TextContent, VideoContent, draft_lesson, question,
    },
    wkt,
};
use rpc::Fields;
use time::OffsetDateTime;
use values::Id;

use super::{optional_id, show};
use crate::domain::{
    content::{Content, FileBody, FileName, Markdown, Percent, Video, VideoLength},
    course::MediaId,
    decimal::Decimal,
    quiz as law,
    quiz::{Choice, ChoiceText, Explanation, Points, QuestionKind, QuestionText, Quiz, QuizTerms, ShortText},
};

/// Parses a lesson's content. What has no id yet gets one that carries `now`.
pub(super) fn read(
    fields: &mut Fields,
    path: &str,
    sent: draft_lesson::Content,
    now: OffsetDateTime,
) -> Option<Content> {
    match sent {
        draft_lesson::Content::Text(text) => {
            fields.take(&format!("{path}.text.markdown"), Markdown::parse(&text.markdown)).map(Content::Text)
        }
        draft_lesson::Content::Video(video) => read_video(fields, &format!("{path}.video"), &video).map(Content::Video),
        draft_lesson::Content::File(file) => read_file(fields, &format!("{path}.file"), &file).map(Content::File),
        draft_lesson::Content::Quiz(quiz) => read_quiz(fields, &format!("{path}.quiz"), quiz, now).map(Content::Quiz),
    }
}

fn read_video(fields: &mut Fields, path: &str, sent: &VideoContent) -> Option<Video> {
    let media = fields.take(&format!("{path}.media_id"), MediaId::parse(&sent.media_id));
    let length = fields.required(&format!("{path}.duration"), sent.duration).and_then(|length| {
        let millis = length.to_duration().map_or(0, time::Duration::whole_milliseconds);
        fields.take(&format!("{path}.duration"), VideoLength::from_millis(millis))
    });
    let completion =
        fields.take(&format!("{path}.completion_percent"), Percent::parse(sent.completion_percent, Percent::MOST));
    Some(Video { media: media?, length: length?, completion: completion? })
}

fn read_file(fields: &mut Fields, path: &str, sent: &FileContent) -> Option<FileBody> {
    let media = fields.take(&format!("{path}.media_id"), MediaId::parse(&sent.media_id));
    let name = fields.take(&format!("{path}.file_name"), FileName::parse(&sent.file_name));
    let size = u64::try_from(sent.size_bytes).map_err(|_| "expected 0 or more");
    let size_bytes = fields.take(&format!("{path}.size_bytes"), size);
    Some(FileBody { media: media?, name: name?, size_bytes: size_bytes? })
}

fn read_quiz(fields: &mut Fields, path: &str, sent: QuizContent, now: OffsetDateTime) -> Option<Quiz> {
    let mut questions = Vec::with_capacity(sent.questions.len());
    let mut complete = true;
    for (number, question) in sent.questions.into_iter().enumerate() {
        match read_question(fields, &format!("{path}.questions[{number}]"), question, now) {
            Some(question) => questions.push(question),
            None => complete = false,
        }
    }
    let pass = fields.take(&format!("{path}.pass_percent"), Percent::parse(sent.pass_percent, Percent::ALL));
    let max_attempts = fields.take(&format!("{path}.max_attempts"), QuizTerms::parse_attempts(sent.max_attempts));
    let limit = sent.time_limit.map(|limit| limit.to_duration().unwrap_or_default());
    // Whole seconds are what is kept.
    let limit = limit.map(|limit| time::Duration::seconds(limit.whole_seconds()));
    let time_limit = fields.take(&format!("{path}.time_limit"), QuizTerms::parse_time_limit(limit));
    let shown = fields.take(&format!("{path}.answers_shown"), read_shown(sent.answers_shown));
    let terms = QuizTerms {
        pass: pass?,
        max_attempts: max_attempts?,
        time_limit: time_limit?,
        shuffle: sent.shuffle,
        shown: shown?,
    };
    if !complete {
        return None;
    }
    fields.take(&format!("{path}.questions"), Quiz::new(questions, terms))
}

fn read_shown(number: i32) -> Result<law::AnswersShown, &'static str> {
    match AnswersShown::try_from(number) {
        Ok(AnswersShown::Unspecified | AnswersShown::AtTheEnd) => Ok(law::AnswersShown::AtTheEnd),
        Ok(AnswersShown::Never) => Ok(law::AnswersShown::Never),
        Ok(AnswersShown::AfterEachAttempt) => Ok(law::AnswersShown::AfterEachAttempt),
        Err(_) => Err("expected a value that this version knows"),
    }
}

fn read_question(fields: &mut Fields, path: &str, sent: Question, now: OffsetDateTime) -> Option<law::Question> {
    let id = optional_id(fields, &format!("{path}.question_id"), &sent.question_id);
    let text = fields.take(&format!("{path}.text"), QuestionText::parse(&sent.text));
    let points = fields.take(&format!("{path}.points"), Points::parse(sent.points));
    let explanation = fields.take(&format!("{path}.explanation"), Explanation::parse(&sent.explanation));
    let kind = match sent.kind {
        None => {
            fields.refuse(path, "expected one of single_choice, multiple_choice, number, short_text");
            None
        }
        Some(question::Kind::SingleChoice(sent)) => {
            let path = format!("{path}.single_choice.options");
            let options = read_options(fields, &path, &sent, now)?;
            fields.take(&path, QuestionKind::single_choice(options))
        }
        Some(question::Kind::MultipleChoice(sent)) => {
            let path = format!("{path}.multiple_choice.options");
            let options = read_options(fields, &path, &sent, now)?;
            fields.take(&path, QuestionKind::multiple_choice(options))
        }
        Some(question::Kind::Number(sent)) => read_number(fields, &format!("{path}.number"), &sent),
        Some(question::Kind::ShortText(sent)) => {
            let path = format!("{path}.short_text.accepted");
            let accepted: Option<Vec<_>> = (sent.accepted.iter().enumerate())
                .map(|(number, accepted)| fields.take(&format!("{path}[{number}]"), ShortText::parse(accepted)))
                .collect();
            fields.take(&path, QuestionKind::short_text(accepted?))
        }
    };
    Some(law::Question {
        id: id?.unwrap_or_else(|| Id::new(now)),
        text: text?,
        points: points?,
        explanation: explanation?,
        kind: kind?,
    })
}

fn read_options(fields: &mut Fields, path: &str, sent: &ChoiceQuestion, now: OffsetDateTime) -> Option<Vec<Choice>> {
    let mut options = Vec::with_capacity(sent.options.len());
    let mut complete = true;
    for (number, option) in sent.options.iter().enumerate() {
        let id = optional_id(fields, &format!("{path}[{number}].option_id"), &option.option_id);
        let text = fields.take(&format!("{path}[{number}].text"), ChoiceText::parse(&option.text));
        match (id, text) {
            (Some(id), Some(text)) => {
                options.push(Choice { id: id.unwrap_or_else(|| Id::new(now)), text, correct: option.correct });
            }
            _ => complete = false,
        }
    }
    complete.then_some(options)
}

fn read_number(fields: &mut Fields, path: &str, sent: &NumberQuestion) -> Option<QuestionKind> {
    let value = fields.take(&format!("{path}.value"), Decimal::parse(&sent.value));
    let tolerance = match sent.tolerance.as_str() {
        "" => Some(Decimal::ZERO),
        tolerance => fields.take(&format!("{path}.tolerance"), Decimal::parse(tolerance)),
    };
    fields.take(&format!("{path}.tolerance"), QuestionKind::number(value?, tolerance?))
}

pub(super) fn message(content: &Content) -> draft_lesson::Content {
    match content {
        Content::Text(markdown) => draft_lesson::Content::Text(text(markdown)),
        Content::Video(it) => draft_lesson::Content::Video(video(it)),
        Content::File(it) => draft_lesson::Content::File(file(it)),
        Content::Quiz(it) => draft_lesson::Content::Quiz(quiz(it)),
    }
}

pub(super) fn text(markdown: &Markdown) -> TextContent {
    TextContent { markdown: markdown.to_string() }
}

pub(super) fn video(video: &Video) -> VideoContent {
    VideoContent {
        media_id: video.media.to_string(),
        duration: Some(show::milliseconds(video.length.millis())),
        completion_percent: i32::from(video.completion.get()),
    }
}

pub(super) fn file(file: &FileBody) -> FileContent {
    FileContent {
        media_id: file.media.to_string(),
        file_name: file.name.to_string(),
        size_bytes: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
    }
}

pub(super) const fn shown(shown: law::AnswersShown) -> AnswersShown {
    match shown {
        law::AnswersShown::Never => AnswersShown::Never,
        law::AnswersShown::AtTheEnd => AnswersShown::AtTheEnd,
        law::AnswersShown::AfterEachAttempt => AnswersShown::AfterEachAttempt,
    }
}

pub(super) fn attempts(max_attempts: Option<u8>) -> i32 {
    max_attempts.map_or(0, i32::from)
}

pub(super) fn limit(limit: Option<time::Duration>) -> Option<wkt::Duration> {
    limit.map(Into::into)
}

fn quiz(quiz: &Quiz) -> QuizContent {
    QuizContent {
        questions: quiz.questions.iter().map(question).collect(),
        pass_percent: i32::from(quiz.terms.pass.get()),
        max_attempts: attempts(quiz.terms.max_attempts),
        time_limit: limit(quiz.terms.time_limit),
        shuffle: quiz.terms.shuffle,
        answers_shown: shown(quiz.terms.shown).into(),
    }
}

fn question(question: &law::Question) -> Question {
    let options = |choices: &[Choice]| {
        let option = |choice: &Choice| AnswerOption {
            option_id: choice.id.to_string(),
            text: choice.text.to_string(),
            correct: choice.correct,
        };
        ChoiceQuestion { options: choices.iter().map(option).collect() }
    };
    let kind = match &question.kind {
        QuestionKind::SingleChoice(choices) => question::Kind::SingleChoice(options(choices)),
        QuestionKind::MultipleChoice(choices) => question::Kind::MultipleChoice(options(choices)),
        QuestionKind::Number { value, tolerance } => {
            question::Kind::Number(NumberQuestion { value: value.to_string(), tolerance: tolerance.to_string() })
        }
        QuestionKind::ShortText { accepted } => question::Kind::ShortText(ShortTextQuestion {
            accepted: accepted.iter().map(ToString::to_string).collect(),
        }),
    };
    Question {
        question_id: question.id.to_string(),
        text: question.text.to_string(),
        points: i32::from(question.points.get()),
        explanation: question.explanation.to_string(),
        kind: Some(kind),
    }
}
