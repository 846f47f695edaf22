//! A small course of the journeys' own, written and put on sale through the public door.

use serde_json::{Value, json};

use crate::{Person, answer::text, eventually};

/// A published course with one lesson of each kind, its run and its product.
#[derive(Debug, Clone)]
pub struct Course {
    /// The catalogue item.
    pub course_id: String,
    /// Its only run.
    pub run_id: String,
    /// What is sold: access to the run for 1,490.00 RUB.
    pub product_id: String,
    /// Opaque id of the video.
    pub media_id: String,
    /// Lessons by kind: `text`, `video`, `file`, `quiz`.
    lessons: Value,
}

/// Seconds of video in the course.
pub const VIDEO_SECONDS: u32 = 60;

impl Course {
    /// Writes, publishes and prices a course called `title`.
    pub async fn publish(manager: &Person, title: &str) -> Self {
        let course = json!({"course": {"language": "ru", "level": "LEVEL_BEGINNER", "title": title, "summary": "Для путешествий по тестам"}});
        let course_id = text(&manager.post("/v1/authoring/courses", course).await.ok(), "/courseId");
        let media_id = uuid::Uuid::new_v4().to_string();
        let draft = json!({"sections": [{"title": "Начало", "lessons": [
            {"title": "О ткани", "text": {"markdown": "Долевая нить идёт вдоль кромки."}, "freePreview": true},
            {"title": "Крой", "video": {"mediaId": media_id, "duration": format!("{VIDEO_SECONDS}s"), "completionPercent": 80}},
            {"title": "Лекало", "file": {"mediaId": uuid::Uuid::new_v4(), "fileName": "pattern.pdf", "sizeBytes": "20480"}},
            {"title": "Проверка", "quiz": {"passPercent": 50, "maxAttempts": 3, "answersShown": "ANSWERS_SHOWN_AFTER_EACH_ATTEMPT", "questions": [
                {"text": "Как идёт долевая нить?", "points": 1, "singleChoice": {"options": [
                    {"text": "Вдоль кромки", "correct": true}, {"text": "Поперёк кромки"}]}},
                {"text": "Сколько сантиметров в метре?", "points": 1, "number": {"value": "100"}},
            ]}},
        ]}]});
        let path = format!("/v1/authoring/courses/{course_id}");
        let draft = manager.put(&format!("{path}/draft"), draft).await.ok();
        let lessons = by_kind(&draft);
        manager.post(&format!("{path}/publish"), json!({"note": "first"})).await.ok();
        let run = json!({"run": {"title": "Осень", "pacing": "PACING_SELF_PACED", "sequence": "SEQUENCE_FREE"}});
        let run_id = text(&manager.post(&format!("{path}/runs"), run).await.ok(), "/runId");
        manager.post(&format!("/v1/authoring/runs/{run_id}/publish"), json!({})).await.ok();
        let product_id = Self::product(manager, title, &run_id).await;
        Self { course_id, run_id, product_id, media_id, lessons }
    }

    /// Payments hears of the run by an event, so that the product may have to wait for it.
    async fn product(manager: &Person, title: &str, run_id: &str) -> String {
        let product = json!({
            "title": title, "grants": [{"runId": run_id}],
            "prices": [{"amount": {"minor": "149000", "currency": "RUB"}}],
        });
        let created = eventually("payments has heard of the run", async || {
            let answer = manager.post("/v1/products", product.clone()).await;
            (answer.status != 409).then(|| answer.ok())
        });
        text(&created.await, "/productId")
    }

    /// The lesson of a kind: `text`, `video`, `file` or `quiz`.
    pub fn lesson(&self, kind: &str) -> String {
        text(&self.lessons, &format!("/{kind}"))
    }

    /// The REST path of the lesson of a kind.
    pub fn lesson_path(&self, kind: &str) -> String {
        format!("/v1/runs/{}/lessons/{}", self.run_id, self.lesson(kind))
    }
}

fn by_kind(draft: &Value) -> Value {
    let lessons = draft.pointer("/sections/0/lessons").and_then(Value::as_array).expect("the draft has lessons");
    let kind = |lesson: &Value| text(lesson, "/kind").trim_start_matches("LESSON_KIND_").to_lowercase();
    lessons.iter().map(|lesson| (kind(lesson), lesson["lessonId"].clone())).collect::<serde_json::Map<_, _>>().into()
}
