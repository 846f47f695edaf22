//! A course of one run of the chaos: written, published and put on sale through the public door.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::{Person, Refused},
    fleet::POLL,
};

/// Seconds of video in the course.
pub const VIDEO_SECONDS: u32 = 60;

/// What is learnt and sold.
#[derive(Debug, Clone)]
pub struct Course {
    pub run: Uuid,
    pub product: Uuid,
    pub media: Uuid,
    lessons: Vec<(String, String)>,
}

impl Course {
    /// Writes, publishes and prices a course with one lesson of each kind.
    pub async fn publish(manager: &Person, title: &str) -> Result<Self> {
        let course =
            json!({"course": {"language": "ru", "level": "LEVEL_BEGINNER", "title": title, "summary": "Для бури"}});
        let course = id(&manager.post("/v1/authoring/courses", course).await?, "courseId")?;
        let (media, file) = (Uuid::new_v4(), Uuid::new_v4());
        let draft = json!({"sections": [{"title": "Начало", "lessons": [
            {"title": "О ткани", "text": {"markdown": "Долевая нить идёт вдоль кромки."}, "freePreview": true},
            {"title": "Крой", "video": {"mediaId": media, "duration": format!("{VIDEO_SECONDS}s"), "completionPercent": 80}},
            {"title": "Лекало", "file": {"mediaId": file, "fileName": "pattern.pdf", "sizeBytes": "20480"}},
            {"title": "Проверка", "quiz": {"passPercent": 50, "maxAttempts": 3, "answersShown": "ANSWERS_SHOWN_AFTER_EACH_ATTEMPT", "questions": [
                {"text": "Как идёт долевая нить?", "points": 1, "singleChoice": {"options": [
                    {"text": "Вдоль кромки", "correct": true}, {"text": "Поперёк кромки"}]}},
            ]}},
        ]}]});
        let path = format!("/v1/authoring/courses/{course}");
        let draft = manager.put(&format!("{path}/draft"), draft).await?;
        let lessons = lessons(&draft)?;
        manager.post(&format!("{path}/publish"), json!({"note": "first"})).await?;
        let run = json!({"run": {"title": "Осень", "pacing": "PACING_SELF_PACED", "sequence": "SEQUENCE_FREE"}});
        let run = id(&manager.post(&format!("{path}/runs"), run).await?, "runId")?;
        manager.post(&format!("/v1/authoring/runs/{run}/publish"), json!({})).await?;
        let product = json!({
            "title": title, "grants": [{"runId": run}], "prices": [{"amount": {"minor": "149000", "currency": "RUB"}}],
        });
        // Payments hears of the run by an event, so that the product may have to wait for it.
        let product = loop {
            match manager.post("/v1/products", product.clone()).await {
                Ok(product) => break id(&product, "productId")?,
                Err(error) if error.downcast_ref::<Refused>().is_some_and(|refused| refused.status == 409) => {
                    tokio::time::sleep(POLL).await;
                }
                Err(error) => return Err(error),
            }
        };
        Ok(Self { run, product, media, lessons })
    }

    /// The REST path of the lesson of a kind.
    pub fn lesson(&self, kind: &str) -> Result<String> {
        let found = self.lessons.iter().find(|(name, _)| name == kind);
        let (_, lesson) = found.with_context(|| format!("the course has no {kind}"))?;
        Ok(format!("/v1/runs/{}/lessons/{lesson}", self.run))
    }
}

/// An id in an answer.
pub fn id(answer: &Value, name: &str) -> Result<Uuid> {
    let text = answer[name].as_str().with_context(|| format!("no {name} in {answer}"))?;
    Ok(text.parse()?)
}

fn lessons(draft: &Value) -> Result<Vec<(String, String)>> {
    let lessons = draft.pointer("/sections/0/lessons").and_then(Value::as_array).context("the draft has lessons")?;
    let text =
        |lesson: &Value, name: &str| lesson[name].as_str().map(str::to_owned).with_context(|| format!("{lesson}"));
    lessons
        .iter()
        .map(|lesson| {
            Ok((text(lesson, "kind")?.trim_start_matches("LESSON_KIND_").to_lowercase(), text(lesson, "lessonId")?))
        })
        .collect()
}

/// How long a video plays, as the API writes it.
pub fn seconds(count: u32) -> String {
    format!("{}s", Duration::from_secs(count.into()).as_secs())
}
