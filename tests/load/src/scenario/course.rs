//! A course of a hundred lessons with its run, and learners in it.

use anyhow::{Context, Result};
use journeys::{Person, School};
use serde_json::{Value, json};

/// How many lessons it has.
pub const LESSONS: usize = 100;

/// Milliseconds of each of its videos.
pub const VIDEO_MS: u64 = 3_600_000;

/// A published course that is learnt lesson by lesson.
#[derive(Debug, Clone)]
pub struct Course {
    /// Its run.
    pub run_id: String,
    /// Its videos: the lesson and its media id.
    pub videos: Vec<(String, String)>,
}

impl Course {
    /// Writes and publishes it: ten sections of ten lessons, half of them videos. `sequence` is the API's word for the order.
    pub async fn publish(school: &School, title: &str, sequence: &str) -> Result<Self> {
        let manager = school.staff("manager").await;
        let course =
            json!({"course": {"language": "ru", "level": "LEVEL_BEGINNER", "title": title, "summary": "Для замеров"}});
        let course_id = text(&manager.post("/v1/authoring/courses", course).await.ok(), "courseId")?;
        let path = format!("/v1/authoring/courses/{course_id}");
        let sections: Vec<Value> = (0..LESSONS / 10).map(section).collect();
        let draft = manager.put(&format!("{path}/draft"), json!({"sections": sections})).await.ok();
        let videos = draft["sections"].as_array().into_iter().flatten().flat_map(|s| s["lessons"].as_array().cloned());
        let videos: Vec<Value> = videos.flatten().filter(|lesson| lesson["kind"] == "LESSON_KIND_VIDEO").collect();
        manager.post(&format!("{path}/publish"), json!({})).await.ok();
        let run = json!({"run": {"title": "Замер", "pacing": "PACING_SELF_PACED", "sequence": sequence}});
        let run_id = text(&manager.post(&format!("{path}/runs"), run).await.ok(), "runId")?;
        manager.post(&format!("/v1/authoring/runs/{run_id}/publish"), json!({})).await.ok();
        let mut found = Vec::new();
        for video in videos {
            let lesson_id = text(&video, "lessonId")?;
            let lesson = manager.get(&format!("{path}/draft/lessons/{lesson_id}")).await.ok();
            let media = lesson.pointer("/video/mediaId").and_then(Value::as_str);
            found.push((lesson_id, media.context("a video has a media id")?.to_owned()));
        }
        Ok(Self { run_id, videos: found })
    }

    /// Enrols somebody by the manager's word; gives the enrolment's id.
    pub async fn enrol(&self, school: &School, learner: &Person) -> Result<String> {
        let manager = school.staff("manager").await;
        let enrolment = json!({"learnerId": learner.user_id, "runId": self.run_id, "note": "замер"});
        text(&manager.post("/v1/enrolments", enrolment).await.ok(), "enrolmentId")
    }
}

fn section(number: usize) -> Value {
    let lessons: Vec<Value> = (0..10).map(|place| lesson(number * 10 + place)).collect();
    json!({"title": format!("Раздел {}", number + 1), "lessons": lessons})
}

fn lesson(number: usize) -> Value {
    let title = format!("Урок {}: как читать чертёж выкройки", number + 1);
    if number.is_multiple_of(2) {
        return json!({"title": title, "text": {"markdown": "Долевая нить идёт вдоль кромки."}});
    }
    let duration = format!("{}s", VIDEO_MS / 1000);
    json!({"title": title, "video": {"mediaId": uuid::Uuid::new_v4(), "duration": duration, "completionPercent": 90}})
}

/// A text of an answer.
pub fn text(answer: &Value, field: &str) -> Result<String> {
    Ok(answer[field].as_str().with_context(|| format!("no {field} in {answer}"))?.to_owned())
}
