//! The second half of the journey: every lesson of the course, and the quiz, answered from the demo school's own files.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::EFFECT;
use super::timeline::Timeline;
use crate::home::random_hex;
use crate::rest::{Rest, eventually, list, text};
use crate::school::School;

/// So many seconds of a video a player reports at once.
const HEARTBEAT: u64 = 15;

/// The lessons of an outline, in order.
pub(super) fn lessons(outline: &Value) -> Vec<&Value> {
    list(outline, "sections").iter().flat_map(|section| list(section, "lessons")).collect()
}

/// Goes through the lessons one after another until the course is completed.
pub(super) async fn to_the_end(rest: &Rest, run_id: &str, school: &School, timeline: &mut Timeline) -> Result<()> {
    let outline = rest.get(&format!("/v1/runs/{run_id}/outline")).await?;
    for lesson in lessons(&outline) {
        let path = format!("/v1/runs/{run_id}/lessons/{}", text(lesson, "lessonId")?);
        let name = match text(lesson, "kind")? {
            "LESSON_KIND_TEXT" => "read a text",
            "LESSON_KIND_VIDEO" => "watch a video",
            "LESSON_KIND_FILE" => "take a file",
            "LESSON_KIND_QUIZ" => "answer a quiz",
            other => bail!("nobody knows how to learn {other}"),
        };
        timeline
            .step(rest, name, async |rest| {
                let lesson = rest.get(&path).await?;
                let how = match name {
                    "watch a video" => watch(rest, &path, &lesson).await?,
                    "answer a quiz" => answer(rest, &path, &lesson, school).await?,
                    _ => {
                        rest.post(&format!("{path}/complete"), json!({})).await?;
                        String::new()
                    }
                };
                Ok(format!("«{}»{how}", text(&lesson, "title")?))
            })
            .await?;
    }
    timeline
        .step(rest, "the course is completed", async |rest| {
            let progress = eventually("that the course is completed", EFFECT, async || {
                let outline = rest.get(&format!("/v1/runs/{run_id}/outline")).await?;
                Ok(Some(outline["progress"].clone()).filter(|progress| progress["completedAt"].is_string()))
            })
            .await?;
            Ok(format!(
                "{} %, {} of {} lessons",
                progress["percent"], progress["completedLessons"], progress["requiredLessons"]
            ))
        })
        .await
}

/// Watches a video as a player does, with a pause in the middle after which it is resumed where it stopped.
async fn watch(rest: &Rest, path: &str, lesson: &Value) -> Result<String> {
    let video = &lesson["video"];
    let length = seconds(text(video, "duration")?)?;
    let player = random_hex(8)?;
    let mut position = 0;
    let mut resumed = String::new();
    for sequence in 1..=length.div_ceil(HEARTBEAT) {
        let end = (position + HEARTBEAT).min(length);
        let heartbeat = json!({
            "mediaId": text(video, "mediaId")?, "playerId": player, "sequence": sequence.to_string(), "clientAt": now()?,
            "position": format!("{end}s"), "ranges": [{"start": format!("{position}s"), "end": format!("{end}s")}],
            "duration": format!("{length}s"),
        });
        rest.post(&format!("{path}/heartbeats"), heartbeat).await?;
        position = end;
        if sequence == length.div_ceil(HEARTBEAT) / 2 {
            let seen = rest.get(path).await?;
            resumed = format!(", resumed at {}", seen["progress"]["video"]["position"].as_str().unwrap_or("?"));
        }
    }
    let seen = rest.get(path).await?;
    if seen["progress"]["state"] != "STATE_COMPLETED" {
        bail!("the video was watched to its end and is not completed: {}", seen["progress"]);
    }
    Ok(format!(", {length} s in {} heartbeats{resumed}", length.div_ceil(HEARTBEAT)))
}

/// Begins an attempt, answers every question from the school's files, and hands it in.
async fn answer(rest: &Rest, path: &str, lesson: &Value, school: &School) -> Result<String> {
    let attempt = rest.post(&format!("{path}/attempts"), json!({})).await?;
    let known = questions(school, text(lesson, "title")?)?;
    let mut answers = Vec::new();
    for question in list(&attempt, "questions") {
        let asked = text(question, "text")?;
        let right = known
            .iter()
            .find(|right| right["text"] == asked)
            .with_context(|| format!("nobody knows the answer to: {asked}"))?;
        answers.push(right_answer(question, right)?);
    }
    let attempt_id = text(&attempt, "attemptId")?;
    rest.put(&format!("/v1/attempts/{attempt_id}/answers"), json!({"answers": answers})).await?;
    let graded = rest.post(&format!("/v1/attempts/{attempt_id}/submit"), json!({})).await?;
    if graded["passed"] != true {
        bail!("the right answers did not pass: {graded}");
    }
    Ok(format!(", {} of {} points", graded["score"], graded["maxScore"]))
}

/// The questions of a quiz with their right answers, as the school wrote them.
fn questions<'a>(school: &'a School, quiz: &str) -> Result<&'a [Value]> {
    let sections = school.courses.iter().filter_map(|course| course.sections.as_array()).flatten();
    let mut lessons = sections.flat_map(|section| list(section, "lessons"));
    let lesson = lessons.find(|lesson| lesson["title"] == quiz && lesson.get("quiz").is_some());
    Ok(list(&lesson.with_context(|| format!("the demo school has no quiz {quiz}"))?["quiz"], "questions"))
}

/// The answer to a question of an attempt, whose options stand in an order of their own.
fn right_answer(question: &Value, right: &Value) -> Result<Value> {
    let question_id = text(question, "questionId")?;
    if let Some(value) = right["number"]["value"].as_str() {
        return Ok(json!({"questionId": question_id, "number": value}));
    }
    if let Some(word) = list(&right["shortText"], "accepted").first() {
        return Ok(json!({"questionId": question_id, "text": word}));
    }
    let options = list(&right["singleChoice"], "options").iter().chain(list(&right["multipleChoice"], "options"));
    let correct: Vec<&Value> =
        options.filter(|option| option["correct"] == true).map(|option| &option["text"]).collect();
    let shown = list(question, "options").iter().filter(|option| correct.contains(&&option["text"]));
    let chosen: Vec<&Value> = shown.map(|option| &option["optionId"]).collect();
    if chosen.is_empty() {
        bail!("no option of the attempt is right: {question}");
    }
    Ok(json!({"questionId": question_id, "optionIds": chosen}))
}

/// `480s` as a number.
fn seconds(duration: &str) -> Result<u64> {
    let number = duration.strip_suffix('s').and_then(|number| number.parse().ok());
    number.with_context(|| format!("{duration} is not a whole number of seconds"))
}

/// The time by this machine's clock, as the API writes it.
#[expect(clippy::disallowed_methods, reason = "a player tells its own time, which nobody else sets")]
fn now() -> Result<String> {
    Ok(OffsetDateTime::now_utc().format(&Rfc3339)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_options_are_chosen_whatever_their_order() {
        let right = json!({"text": "?", "multipleChoice": {"options": [
            {"text": "a", "correct": true}, {"text": "b"}, {"text": "c", "correct": true},
        ]}});
        let question = json!({"questionId": "q", "options": [
            {"optionId": "1", "text": "c"}, {"optionId": "2", "text": "b"}, {"optionId": "3", "text": "a"},
        ]});
        assert_eq!(right_answer(&question, &right).unwrap(), json!({"questionId": "q", "optionIds": ["1", "3"]}));
    }

    #[test]
    fn numbers_and_words_are_answered_as_they_are_accepted() {
        let question = json!({"questionId": "q"});
        let number = json!({"number": {"value": "24"}});
        let word = json!({"shortText": {"accepted": ["насыщенность", "сатурация"]}});
        assert_eq!(right_answer(&question, &number).unwrap()["number"], "24");
        assert_eq!(right_answer(&question, &word).unwrap()["text"], "насыщенность");
    }

    #[test]
    fn durations_are_read_as_the_api_writes_them() {
        assert_eq!(seconds("480s").unwrap(), 480);
        assert!(seconds("1.5s").is_err());
    }
}
