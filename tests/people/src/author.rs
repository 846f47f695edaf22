//! What staff does before anybody can learn: write a course, publish it, open a run, and put it on sale.

use anyhow::{Context, Result};
use proto::lyceum::courses::v1::course::Level;
use proto::lyceum::courses::v1::draft_lesson::Content;
use proto::lyceum::courses::v1::question::Kind;
use proto::lyceum::courses::v1::run::{Pacing, Sequence};
use proto::lyceum::courses::v1::{
    self as courses, AnswerOption, AnswersShown, ChoiceQuestion, CourseVersion, CreateCourseRequest, CreateRunRequest,
    Draft, DraftLesson, DraftSection, FileContent, LessonKind, NumberQuestion, PublishCourseRequest, PublishRunRequest,
    Question, QuizContent, ReplaceDraftRequest, Run, TextContent, VideoContent,
};
use proto::lyceum::payments::v1::{CreateProductRequest, Grant, Price, Product};
use proto::lyceum::values::v1::Money;
use proto::wkt;

use crate::{Key, Person, Refused, Seen, new_key};

/// Seconds of video in the small course.
pub const VIDEO_SECONDS: i64 = 60;

/// What is written, taught and sold together.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The catalogue item.
    pub course: courses::Course,
    /// What is in it.
    pub sections: Vec<DraftSection>,
    /// When it is taught.
    pub run: Run,
    /// What gives access to the run; its grants are filled in.
    pub product: Product,
    /// How long the access lasts; for ever without.
    pub access: Option<wkt::Duration>,
}

/// A published course with its run and its product.
#[derive(Debug, Clone)]
pub struct Course {
    /// The catalogue item.
    pub course_id: String,
    /// Its only run.
    pub run_id: String,
    /// What is sold.
    pub product_id: String,
    /// The right answers.
    pub key: Key,
    /// The ids of its videos' media, in order.
    pub media: Vec<String>,
    /// Its lessons in order.
    pub lessons: Vec<DraftLesson>,
}

impl Course {
    /// Writes, publishes and prices a small course of this title: a lesson of each kind, for 1,490.00 RUB.
    pub async fn publish(manager: &Person, title: &str) -> Result<Self> {
        manager.publish(Offer::small(title)).await
    }

    /// The first lesson of a kind.
    pub fn lesson(&self, kind: LessonKind) -> Result<&str> {
        let found = self.lessons.iter().find(|lesson| lesson.kind() == kind);
        Ok(found.with_context(|| format!("the course has no {kind:?}"))?.lesson_id())
    }

    /// The REST path of the first lesson of a kind.
    pub fn lesson_path(&self, kind: LessonKind) -> Result<String> {
        Ok(format!("/v1/runs/{}/lessons/{}", self.run_id, self.lesson(kind)?))
    }
}

impl Offer {
    /// A small course of this title, with a lesson of each kind, for 1,490.00 RUB.
    pub fn small(title: &str) -> Self {
        let option = |text: &str, correct| AnswerOption { text: text.to_owned(), correct, ..Default::default() };
        let options = vec![option("Вдоль кромки", true), option("Поперёк кромки", false)];
        let number = NumberQuestion { value: "100".to_owned(), ..Default::default() };
        let question =
            |text: &str, kind| Question { text: text.to_owned(), points: 1, kind: Some(kind), ..Default::default() };
        let quiz = QuizContent {
            pass_percent: 50,
            max_attempts: 3,
            answers_shown: AnswersShown::AfterEachAttempt.into(),
            questions: vec![
                question("Как идёт долевая нить?", Kind::SingleChoice(ChoiceQuestion { options })),
                question("Сколько сантиметров в метре?", Kind::Number(number)),
            ],
            ..Default::default()
        };
        let text = TextContent { markdown: "Долевая нить идёт вдоль кромки.".to_owned() };
        let duration = Some(time::Duration::seconds(VIDEO_SECONDS).into());
        let video = VideoContent { media_id: new_key(), duration, completion_percent: 80 };
        let file = FileContent { media_id: new_key(), file_name: "pattern.pdf".to_owned(), size_bytes: 20_480 };
        let lessons = vec![
            DraftLesson { free_preview: true, ..lesson("О ткани", Content::Text(text)) },
            lesson("Крой", Content::Video(video)),
            lesson("Лекало", Content::File(file)),
            lesson("Проверка", Content::Quiz(quiz)),
        ];
        Self::of(
            title,
            Sequence::Free,
            vec![DraftSection { title: "Начало".to_owned(), lessons, ..Default::default() }],
        )
    }

    /// A course of these sections, for 1,490.00 RUB.
    pub fn of(title: &str, sequence: Sequence, sections: Vec<DraftSection>) -> Self {
        let course = courses::Course {
            language: "ru".to_owned(),
            level: Level::Beginner.into(),
            title: title.to_owned(),
            summary: "Для путешествий по тестам".to_owned(),
            ..Default::default()
        };
        let run = Run {
            title: "Осень".to_owned(),
            pacing: Pacing::SelfPaced.into(),
            sequence: sequence.into(),
            ..Default::default()
        };
        let amount = Some(Money { minor: 149_000, currency: "RUB".to_owned() });
        let prices = vec![Price { amount, ..Default::default() }];
        let product = Product { title: title.to_owned(), prices, ..Default::default() };
        Self { course, sections, run, product, access: None }
    }
}

fn media(sections: &[DraftSection]) -> Vec<String> {
    let lessons = sections.iter().flat_map(|section| &section.lessons);
    lessons
        .filter_map(|lesson| match &lesson.content {
            Some(Content::Video(video)) => Some(video.media_id.clone()),
            _ => None,
        })
        .collect()
}

fn lesson(title: &str, content: Content) -> DraftLesson {
    DraftLesson { title: title.to_owned(), content: Some(content), ..Default::default() }
}

impl Person {
    /// As staff: writes, publishes and prices a course.
    pub async fn publish(&self, offer: Offer) -> Result<Course> {
        let course_id = self.create_course(offer.course).await?;
        let (key, media) = (Key::of(&offer.sections), media(&offer.sections));
        let draft = self.write_draft(&course_id, offer.sections).await?;
        let lessons = draft.sections.into_iter().flat_map(|section| section.lessons).collect();
        self.publish_course(&course_id).await?;
        let run_id = self.create_run(&course_id, offer.run).await?;
        self.publish_run(&run_id).await?;
        let product_id = self.sell(offer.product, &run_id, offer.access).await?;
        Ok(Course { course_id, run_id, product_id, key, media, lessons })
    }

    /// As staff: makes a course that has nothing in it yet.
    pub async fn create_course(&self, course: courses::Course) -> Result<String> {
        let created: courses::Course = self.call(&CreateCourseRequest { course: Some(course) }).await?;
        Ok(created.course_id)
    }

    /// As staff: writes what is in a course.
    pub async fn write_draft(&self, course_id: &str, sections: Vec<DraftSection>) -> Result<Draft> {
        let course_id = course_id.to_owned();
        self.call(&ReplaceDraftRequest { course_id, sections, ..Default::default() }).await
    }

    /// As staff: publishes what is written.
    pub async fn publish_course(&self, course_id: &str) -> Result<CourseVersion> {
        let (course_id, note) = (course_id.to_owned(), "first".to_owned());
        self.call(&PublishCourseRequest { course_id, note, ..Default::default() }).await
    }

    /// As staff: makes a run of a course.
    pub async fn create_run(&self, course_id: &str, run: Run) -> Result<String> {
        let created: Run = self.call(&CreateRunRequest { course_id: course_id.to_owned(), run: Some(run) }).await?;
        Ok(created.run_id)
    }

    /// As staff: opens a run to learners.
    pub async fn publish_run(&self, run_id: &str) -> Result<Run> {
        self.call(&PublishRunRequest { run_id: run_id.to_owned(), ..Default::default() }).await
    }

    /// As staff: puts a run on sale. Payments hears of a published run by an event, so that a first try may come too early.
    pub async fn sell(&self, product: Product, run_id: &str, access: Option<wkt::Duration>) -> Result<String> {
        let grant = Grant { run_id: run_id.to_owned(), access_duration: access, ..Default::default() };
        let request = CreateProductRequest { product: Some(Product { grants: vec![grant], ..product }) };
        let created = self.school.eventually("that payments hears of the published run", async || {
            match self.call::<_, Product>(&request).await {
                Ok(product) => Ok(Seen::Yes(product.product_id)),
                Err(error) if Refused::is(&error, "RUN_UNKNOWN") => Ok(Seen::NotYet(format!("{error:#}"))),
                Err(error) => Err(error),
            }
        });
        created.await
    }
}
