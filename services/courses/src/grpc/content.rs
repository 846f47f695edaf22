//! Contents of lessons between messages and values, right answers included: for editors only. What learners see of a quiz
//! is printed by `quizzes`, as other messages.

use contract::{courses as asked, wire};
use proto::lyceum::courses::v1::{self as pb, draft_lesson::Content as Shown, question::Kind as ShownKind};
use rpc::Fields;
use time::OffsetDateTime;
use values::Id;

use super::{Door, show};
use crate::domain::{
    content::{Content, FileBody, Markdown, Percent, Video, VideoLength},
    decimal::Decimal,
    quiz::{Choice, Question, QuestionKind, Quiz, QuizTerms},
};

/// Reads a lesson's content. What has no id yet gets one that carries `now`.
pub(super) fn read(
    fields: &mut Fields,
    sent: asked::DraftLessonInputContent<Door>,
    now: OffsetDateTime,
) -> Option<Content> {
    use asked::DraftLessonInputContent::{File, Quiz, Text, Video};
    match sent {
        Text(text) => Some(Content::Text(text.markdown)),
        Video(video) => fields.within("video", |fields| read_video(fields, video)).map(Content::Video),
        File(file) => {
            let body = FileBody { media: file.media_id, name: file.file_name, size_bytes: file.size_bytes };
            Some(Content::File(body))
        }
        Quiz(quiz) => fields.within("quiz", |fields| read_quiz(fields, quiz, now)).map(Content::Quiz),
    }
}

fn read_video(fields: &mut Fields, sent: asked::VideoContentInput<Door>) -> Option<Video> {
    let length = fields.take("duration", VideoLength::from_millis(sent.duration.whole_milliseconds()))?;
    Some(Video { media: sent.media_id, length, completion: sent.completion_percent.unwrap_or(Percent::MOST) })
}

fn read_quiz(fields: &mut Fields, sent: asked::QuizContentInput<Door>, now: OffsetDateTime) -> Option<Quiz> {
    let questions = sent.questions.into_iter().enumerate();
    let questions: Vec<Option<Question>> = questions
        .map(|(at, question)| fields.item("questions", at, |fields| read_question(fields, question, now)))
        .collect();
    let max_attempts = fields.take("max_attempts", QuizTerms::parse_attempts(sent.max_attempts));
    // Whole seconds are what is kept.
    let limit = sent.time_limit.map(|limit| time::Duration::seconds(limit.whole_seconds()));
    let time_limit = fields.take("time_limit", QuizTerms::parse_time_limit(limit));
    let terms = QuizTerms {
        pass: sent.pass_percent.unwrap_or(Percent::ALL),
        max_attempts: max_attempts?,
        time_limit: time_limit?,
        shuffle: sent.shuffle,
        shown: sent.answers_shown.unwrap_or_default(),
    };
    let questions = questions.into_iter().collect::<Option<_>>()?;
    fields.take("questions", Quiz::new(questions, terms))
}

fn read_question(fields: &mut Fields, sent: asked::QuestionInput<Door>, now: OffsetDateTime) -> Option<Question> {
    use asked::QuestionInputKind::{MultipleChoice, Number, ShortText, SingleChoice};
    let options = |sent: asked::ChoiceQuestionInput| {
        let option = |sent: asked::AnswerOptionInput| Choice {
            id: sent.option_id.unwrap_or_else(|| Id::new(now)),
            text: sent.text,
            correct: sent.correct,
        };
        sent.options.into_iter().map(option).collect()
    };
    let (field, kind) = match sent.kind {
        SingleChoice(sent) => ("single_choice.options", QuestionKind::single_choice(options(sent))),
        MultipleChoice(sent) => ("multiple_choice.options", QuestionKind::multiple_choice(options(sent))),
        Number(sent) => {
            let tolerance = sent.tolerance.unwrap_or(Decimal::ZERO);
            ("number.tolerance", QuestionKind::number(sent.value, tolerance))
        }
        ShortText(sent) => ("short_text.accepted", QuestionKind::short_text(sent.accepted)),
    };
    Some(Question {
        id: sent.question_id.unwrap_or_else(|| Id::new(now)),
        text: sent.text,
        points: sent.points,
        explanation: sent.explanation,
        kind: fields.take(field, kind)?,
    })
}

pub(super) fn show(content: &Content) -> Shown {
    match content {
        Content::Text(markdown) => Shown::Text(text(markdown)),
        Content::Video(it) => Shown::Video(video(it)),
        Content::File(it) => Shown::File(file(it)),
        Content::Quiz(it) => Shown::Quiz(quiz(it)),
    }
}

pub(super) fn text(markdown: &Markdown) -> pb::TextContent {
    pb::TextContent { markdown: markdown.to_string() }
}

pub(super) fn video(video: &Video) -> pb::VideoContent {
    pb::VideoContent {
        media_id: video.media.to_string(),
        duration: Some(show::milliseconds(video.length.millis())),
        completion_percent: i32::from(video.completion.get()),
    }
}

pub(super) fn file(file: &FileBody) -> pb::FileContent {
    pb::FileContent {
        media_id: file.media.to_string(),
        file_name: file.name.to_string(),
        size_bytes: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
    }
}

fn quiz(quiz: &Quiz) -> pb::QuizContent {
    pb::QuizContent {
        questions: quiz.questions.iter().map(question).collect(),
        pass_percent: i32::from(quiz.terms.pass.get()),
        max_attempts: quiz.terms.max_attempts.map_or(0, i32::from),
        time_limit: quiz.terms.time_limit.map(Into::into),
        shuffle: quiz.terms.shuffle,
        answers_shown: wire::<pb::AnswersShown>(quiz.terms.shown),
    }
}

fn question(question: &Question) -> pb::Question {
    let option = |choice: &Choice| pb::AnswerOption {
        option_id: Some(choice.id.to_string()),
        text: choice.text.to_string(),
        correct: choice.correct,
    };
    let options = |choices: &[Choice]| pb::ChoiceQuestion { options: choices.iter().map(option).collect() };
    let kind = match &question.kind {
        QuestionKind::SingleChoice(choices) => ShownKind::SingleChoice(options(choices)),
        QuestionKind::MultipleChoice(choices) => ShownKind::MultipleChoice(options(choices)),
        QuestionKind::Number { value, tolerance } => {
            let tolerance = Some(tolerance.to_string());
            ShownKind::Number(pb::NumberQuestion { value: value.to_string(), tolerance })
        }
        QuestionKind::ShortText { accepted } => {
            let accepted = accepted.iter().map(ToString::to_string).collect();
            ShownKind::ShortText(pb::ShortTextQuestion { accepted })
        }
    };
    pb::Question {
        question_id: Some(question.id.to_string()),
        text: question.text.to_string(),
        points: i32::from(question.points.get()),
        explanation: question.explanation.to_string(),
        kind: Some(kind),
    }
}
