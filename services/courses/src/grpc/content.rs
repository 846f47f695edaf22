//! Contents of lessons between messages and values, right answers included: for editors only. What learners see of a
//! quiz is printed by `quizzes`, as other messages.

use contract::{Show, courses as asked, show};
use proto::lyceum::courses::v1::{self as pb, draft_lesson::Content as Shown, question::Kind as ShownKind};
use rpc::Fields;
use time::OffsetDateTime;
use values::Id;

use super::{Door, show::milliseconds};
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
    let (pass, shown) = (sent.pass_percent.unwrap_or(Percent::ALL), sent.answers_shown.unwrap_or_default());
    let (max_attempts, time_limit) = (max_attempts?, time_limit?);
    let terms = QuizTerms { pass, max_attempts, time_limit, shuffle: sent.shuffle, shown };
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
    let (id, kind) = (sent.question_id.unwrap_or_else(|| Id::new(now)), fields.take(field, kind)?);
    Some(Question { id, text: sent.text, points: sent.points, explanation: sent.explanation, kind })
}

contract::show! {
    video: &Video => pb::VideoContent {
        media_id: &video.media, duration: milliseconds(video.length.millis()),
        completion_percent: video.completion.get(),
    }
    file: &FileBody => pb::FileContent { media_id: &file.media, file_name: &file.name, size_bytes: file.size_bytes }
    quiz: &Quiz => pb::QuizContent {
        questions: &quiz.questions, pass_percent: quiz.terms.pass.get(), shuffle: quiz.terms.shuffle,
        max_attempts: quiz.terms.max_attempts.unwrap_or(0), time_limit: quiz.terms.time_limit,
        answers_shown: quiz.terms.shown,
    }
    question: &Question => pb::Question {
        question_id: Some(question.id), text: &question.text, points: question.points.get(),
        explanation: &question.explanation, kind = Some(kind(&question.kind)),
    }
    choice: &Choice => pb::AnswerOption { option_id: Some(choice.id), text: &choice.text, correct: choice.correct }
}

pub(super) fn text(markdown: &Markdown) -> pb::TextContent {
    pb::TextContent { markdown: show(markdown) }
}

impl Show<Shown> for &Content {
    fn shown(self) -> Shown {
        match self {
            Content::Text(markdown) => Shown::Text(text(markdown)),
            Content::Video(video) => Shown::Video(show(video)),
            Content::File(file) => Shown::File(show(file)),
            Content::Quiz(quiz) => Shown::Quiz(show(quiz)),
        }
    }
}

fn kind(kind: &QuestionKind) -> ShownKind {
    match kind {
        QuestionKind::SingleChoice(options) => ShownKind::SingleChoice(pb::ChoiceQuestion { options: show(options) }),
        QuestionKind::MultipleChoice(options) => {
            ShownKind::MultipleChoice(pb::ChoiceQuestion { options: show(options) })
        }
        QuestionKind::Number { value, tolerance } => {
            ShownKind::Number(pb::NumberQuestion { value: show(value), tolerance: Some(show(tolerance)) })
        }
        QuestionKind::ShortText { accepted } => {
            ShownKind::ShortText(pb::ShortTextQuestion { accepted: show(accepted) })
        }
    }
}
