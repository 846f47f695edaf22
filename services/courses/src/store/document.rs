//! Outlines, contents and answers as they are kept in jsonb. The names here are the format: they change by migrations only.

use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use time::Duration;
use values::{Text, record};

use super::stored;
use crate::domain::{
    content::{Content, FileBody, Percent, Video, VideoLength},
    decimal::Decimal,
    grading::Answer,
    id::{ChoiceId, LessonId, QuestionId, SectionId},
    outline::{LessonCard, LessonKind, Outline, ReleaseDays, Section, Weight},
    quiz::{AnswersShown, Choice, Points, Question, QuestionKind, Quiz, QuizTerms},
};

/// What a column holds.
pub(super) type Stored<T> = Json<T>;

#[derive(Serialize, Deserialize)]
pub(super) struct OutlineDocument {
    sections: Vec<SectionDocument>,
}

#[derive(Serialize, Deserialize)]
struct SectionDocument {
    id: SectionId,
    title: String,
    lessons: Vec<LessonDocument>,
}

#[derive(Serialize, Deserialize)]
struct LessonDocument {
    id: LessonId,
    title: String,
    kind: KindDocument,
    required: bool,
    weight: u8,
    free_preview: bool,
    release_after_days: u16,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindDocument {
    Text,
    Video(VideoDocument),
    File,
    Quiz,
}

#[derive(Serialize, Deserialize)]
pub(super) struct VideoDocument {
    media_id: String,
    length_ms: u32,
    completion_percent: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ContentDocument {
    Text { markdown: String },
    Video(VideoDocument),
    File { media_id: String, file_name: String, size_bytes: u64 },
    Quiz(QuizDocument),
}

#[derive(Serialize, Deserialize)]
pub(super) struct QuizDocument {
    questions: Vec<QuestionDocument>,
    pass_percent: u8,
    max_attempts: Option<u8>,
    time_limit_seconds: Option<u32>,
    shuffle: bool,
    answers_shown: AnswersShown,
}

#[derive(Serialize, Deserialize)]
struct QuestionDocument {
    id: QuestionId,
    text: String,
    points: u16,
    explanation: String,
    kind: QuestionKindDocument,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum QuestionKindDocument {
    SingleChoice(Vec<ChoiceDocument>),
    MultipleChoice(Vec<ChoiceDocument>),
    Number { value: String, tolerance: String },
    ShortText { accepted: Vec<String> },
}

#[derive(Serialize, Deserialize)]
struct ChoiceDocument {
    id: ChoiceId,
    text: String,
    correct: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AnswerDocument {
    Options(Vec<ChoiceId>),
    Number(String),
    Text(String),
    Withdrawn,
}

impl record::Stored<Outline> for OutlineDocument {
    type As = Json<Self>;
    type Error = sqlx::Error;

    fn stored(outline: &Outline) -> Json<Self> {
        write_outline(outline)
    }

    fn read(document: Json<Self>) -> Result<Outline, sqlx::Error> {
        read_outline(document)
    }
}

impl record::Stored<Content> for ContentDocument {
    type As = Json<Self>;
    type Error = sqlx::Error;

    fn stored(content: &Content) -> Json<Self> {
        write_content(content)
    }

    fn read(document: Json<Self>) -> Result<Content, sqlx::Error> {
        read_content(document)
    }
}

fn text<const MIN: usize, const MAX: usize>(stored_text: &str) -> Result<Text<MIN, MAX>, sqlx::Error> {
    stored(Text::parse(stored_text))
}

fn percent(number: u8) -> Result<Percent, sqlx::Error> {
    stored(Percent::try_from(u32::from(number)))
}

pub(super) fn write_outline(outline: &Outline) -> Stored<OutlineDocument> {
    let lesson = |card: &LessonCard| LessonDocument {
        id: card.id,
        title: card.title.to_string(),
        kind: match &card.kind {
            LessonKind::Text => KindDocument::Text,
            LessonKind::Video(video) => KindDocument::Video(write_video(video)),
            LessonKind::File => KindDocument::File,
            LessonKind::Quiz => KindDocument::Quiz,
        },
        required: card.required,
        weight: card.weight.get(),
        free_preview: card.free_preview,
        release_after_days: card.release_after.get(),
    };
    let section = |section: &Section| SectionDocument {
        id: section.id,
        title: section.title.to_string(),
        lessons: section.lessons.iter().map(lesson).collect(),
    };
    Json(OutlineDocument { sections: outline.sections.iter().map(section).collect() })
}

pub(super) fn read_outline(document: Stored<OutlineDocument>) -> Result<Outline, sqlx::Error> {
    let lesson = |lesson: LessonDocument| {
        Ok(LessonCard {
            id: lesson.id,
            title: text(&lesson.title)?,
            kind: match lesson.kind {
                KindDocument::Text => LessonKind::Text,
                KindDocument::Video(video) => LessonKind::Video(read_video(&video)?),
                KindDocument::File => LessonKind::File,
                KindDocument::Quiz => LessonKind::Quiz,
            },
            required: lesson.required,
            weight: stored(Weight::try_from(u32::from(lesson.weight)))?,
            free_preview: lesson.free_preview,
            release_after: stored(ReleaseDays::try_from(u32::from(lesson.release_after_days)))?,
        })
    };
    let section = |section: SectionDocument| {
        Ok(Section {
            id: section.id,
            title: text(&section.title)?,
            lessons: section.lessons.into_iter().map(lesson).collect::<Result<_, sqlx::Error>>()?,
        })
    };
    let sections = document.0.sections.into_iter().map(section).collect::<Result<_, sqlx::Error>>()?;
    stored(Outline::new(sections))
}

fn write_video(video: &Video) -> VideoDocument {
    VideoDocument {
        media_id: video.media.to_string(),
        length_ms: video.length.millis(),
        completion_percent: video.completion.get(),
    }
}

fn read_video(video: &VideoDocument) -> Result<Video, sqlx::Error> {
    Ok(Video {
        media: text(&video.media_id)?,
        length: stored(VideoLength::from_millis(i128::from(video.length_ms)))?,
        completion: percent(video.completion_percent)?,
    })
}

pub(super) fn write_content(content: &Content) -> Stored<ContentDocument> {
    Json(match content {
        Content::Text(markdown) => ContentDocument::Text { markdown: markdown.to_string() },
        Content::Video(video) => ContentDocument::Video(write_video(video)),
        Content::File(file) => ContentDocument::File {
            media_id: file.media.to_string(),
            file_name: file.name.to_string(),
            size_bytes: file.size_bytes,
        },
        Content::Quiz(quiz) => ContentDocument::Quiz(write_quiz(quiz)),
    })
}

pub(super) fn read_content(document: Stored<ContentDocument>) -> Result<Content, sqlx::Error> {
    Ok(match document.0 {
        ContentDocument::Text { markdown } => Content::Text(text(&markdown)?),
        ContentDocument::Video(video) => Content::Video(read_video(&video)?),
        ContentDocument::File { media_id, file_name, size_bytes } => {
            Content::File(FileBody { media: text(&media_id)?, name: text(&file_name)?, size_bytes })
        }
        ContentDocument::Quiz(quiz) => Content::Quiz(read_quiz(quiz)?),
    })
}

fn write_quiz(quiz: &Quiz) -> QuizDocument {
    let choices = |choices: &[Choice]| {
        let write =
            |choice: &Choice| ChoiceDocument { id: choice.id, text: choice.text.to_string(), correct: choice.correct };
        choices.iter().map(write).collect()
    };
    let question = |question: &Question| QuestionDocument {
        id: question.id,
        text: question.text.to_string(),
        points: question.points.get(),
        explanation: question.explanation.to_string(),
        kind: match &question.kind {
            QuestionKind::SingleChoice(options) => QuestionKindDocument::SingleChoice(choices(options)),
            QuestionKind::MultipleChoice(options) => QuestionKindDocument::MultipleChoice(choices(options)),
            QuestionKind::Number { value, tolerance } => {
                QuestionKindDocument::Number { value: value.to_string(), tolerance: tolerance.to_string() }
            }
            QuestionKind::ShortText { accepted } => {
                QuestionKindDocument::ShortText { accepted: accepted.iter().map(ToString::to_string).collect() }
            }
        },
    };
    QuizDocument {
        questions: quiz.questions.iter().map(question).collect(),
        pass_percent: quiz.terms.pass.get(),
        max_attempts: quiz.terms.max_attempts,
        time_limit_seconds: quiz.terms.time_limit.and_then(|limit| u32::try_from(limit.whole_seconds()).ok()),
        shuffle: quiz.terms.shuffle,
        answers_shown: quiz.terms.shown,
    }
}

fn read_quiz(quiz: QuizDocument) -> Result<Quiz, sqlx::Error> {
    let questions = quiz.questions.into_iter().map(read_question).collect::<Result<_, _>>()?;
    let terms = QuizTerms {
        pass: percent(quiz.pass_percent)?,
        max_attempts: quiz.max_attempts,
        time_limit: quiz.time_limit_seconds.map(|seconds| Duration::seconds(i64::from(seconds))),
        shuffle: quiz.shuffle,
        shown: quiz.answers_shown,
    };
    stored(Quiz::new(questions, terms))
}

fn read_question(question: QuestionDocument) -> Result<Question, sqlx::Error> {
    let choices = |choices: Vec<ChoiceDocument>| {
        let read =
            |choice: ChoiceDocument| Ok(Choice { id: choice.id, text: text(&choice.text)?, correct: choice.correct });
        choices.into_iter().map(read).collect::<Result<Vec<_>, sqlx::Error>>()
    };
    let kind = match question.kind {
        QuestionKindDocument::SingleChoice(options) => QuestionKind::single_choice(choices(options)?),
        QuestionKindDocument::MultipleChoice(options) => QuestionKind::multiple_choice(choices(options)?),
        QuestionKindDocument::Number { value, tolerance } => {
            QuestionKind::number(stored(Decimal::parse(&value))?, stored(Decimal::parse(&tolerance))?)
        }
        QuestionKindDocument::ShortText { accepted } => {
            let accepted = accepted.iter().map(|accepted| text(accepted)).collect::<Result<_, _>>()?;
            QuestionKind::short_text(accepted)
        }
    };
    Ok(Question {
        id: question.id,
        text: text(&question.text)?,
        points: stored(Points::try_from(u32::from(question.points)))?,
        explanation: text(&question.explanation)?,
        kind: stored(kind)?,
    })
}

pub(super) fn write_answer(answer: &Answer) -> Stored<AnswerDocument> {
    Json(match answer {
        Answer::Options(options) => AnswerDocument::Options(options.iter().copied().collect()),
        Answer::Number(number) => AnswerDocument::Number(number.to_string()),
        Answer::Text(words) => AnswerDocument::Text(words.to_string()),
        Answer::Withdrawn => AnswerDocument::Withdrawn,
    })
}

pub(super) fn read_answer(document: Stored<AnswerDocument>) -> Result<Answer, sqlx::Error> {
    Ok(match document.0 {
        AnswerDocument::Options(options) => Answer::Options(options.into_iter().collect()),
        AnswerDocument::Number(number) => Answer::Number(stored(Decimal::parse(&number))?),
        AnswerDocument::Text(words) => Answer::Text(text(&words)?),
        AnswerDocument::Withdrawn => Answer::Withdrawn,
    })
}
