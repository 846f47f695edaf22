//! How a course is learnt: every lesson of the outline, one after another, and the quiz by a key.

use anyhow::{Context, Result, bail, ensure};
use proto::lyceum::courses::v1::lesson::Content;
use proto::lyceum::courses::v1::lesson_progress::State;
use proto::lyceum::courses::v1::{
    CompleteLessonRequest, GetLessonRequest, GetOutlineRequest, Lesson, LessonKind, LessonProgress, Outline,
    OutlineLesson, QuizAttempt, SaveAnswersRequest, SendHeartbeatRequest, StartQuizAttemptRequest,
    SubmitQuizAttemptRequest, VideoContent, WatchedRange,
};
use proto::wkt;
use time::{Duration, OffsetDateTime};

use crate::{Key, Outcome, Person, Seen, new_key};

/// So many seconds of a video a player reports at once.
const HEARTBEAT: i64 = 15;

/// The lessons of an outline, in order.
fn lessons(outline: &Outline) -> impl Iterator<Item = &OutlineLesson> {
    outline.sections.iter().flat_map(|section| &section.lessons)
}

/// So many seconds, as the API writes a length of time.
fn seconds(count: i64) -> wkt::Duration {
    Duration::seconds(count).into()
}

impl Person {
    /// The outline of a run, as this person sees it.
    pub async fn outline(&self, run_id: &str) -> Result<Outline> {
        self.call(&GetOutlineRequest { run_id: run_id.to_owned() }).await
    }

    /// A lesson, as this person sees it.
    pub async fn lesson(&self, run_id: &str, lesson_id: &str) -> Result<Lesson> {
        let (run_id, lesson_id) = (run_id.to_owned(), lesson_id.to_owned());
        self.call(&GetLessonRequest { run_id, lesson_id }).await
    }

    /// Reads what everybody may read of a run.
    pub async fn read_a_free_lesson(&self, run_id: &str) -> Result<()> {
        self.step("read a free lesson", async |me| {
            let outline = me.outline(run_id).await?;
            let (open, locked): (Vec<_>, Vec<_>) = lessons(&outline).partition(|lesson| lesson.locks.is_empty());
            let open = open.first().context("every lesson is locked")?;
            let lesson = me.lesson(run_id, &open.lesson_id).await?;
            Ok(Outcome::new(()).note(format!("«{}»; {} others are locked", lesson.title, locked.len())))
        })
        .await
    }

    /// Learns a run to its end: reads, watches, opens files, passes quizzes.
    pub async fn learn(&self, run_id: &str, key: &Key) -> Result<()> {
        let outline = self.outline(run_id).await?;
        for lesson in lessons(&outline) {
            let name = match lesson.kind() {
                LessonKind::Text => "read a text",
                LessonKind::Video => "watch a video",
                LessonKind::File => "take a file",
                LessonKind::Quiz => "answer a quiz",
                LessonKind::Unspecified => bail!("nobody knows how to learn {lesson:?}"),
            };
            let learn = self.step(name, async |me| {
                let lesson = me.lesson(run_id, &lesson.lesson_id).await?;
                let how = me.complete(&lesson, key).await?;
                Ok(Outcome::new(()).note(format!("«{}»{how}", lesson.title)))
            });
            learn.await?;
        }
        self.step("the course is completed", async |me| {
            let completed = me.school.eventually("that the course is completed", async || {
                let progress = me.outline(run_id).await?.progress.unwrap_or_default();
                let missing = format!("{progress:?}");
                Ok(Seen::found(Some(progress).filter(|progress| progress.completed_at.is_some()), &missing))
            });
            let done = completed.await?;
            let what = format!("{} %, {} of {} lessons", done.percent, done.completed_lessons, done.required_lessons);
            Ok(Outcome::new(()).note(what))
        })
        .await
    }

    /// Completes a lesson; says how.
    async fn complete(&self, lesson: &Lesson, key: &Key) -> Result<String> {
        match &lesson.content {
            Some(Content::Video(video)) => self.watch_all(lesson, video).await,
            Some(Content::Quiz(_)) => self.pass(lesson, key).await,
            _ => {
                let (run_id, lesson_id) = (lesson.run_id.clone(), lesson.lesson_id.clone());
                let _: LessonProgress = self.call(&CompleteLessonRequest { run_id, lesson_id }).await?;
                Ok(String::new())
            }
        }
    }

    /// Watches a video as a player does, with a pause in the middle after which it is resumed where it stopped.
    async fn watch_all(&self, lesson: &Lesson, video: &VideoContent) -> Result<String> {
        let length = video.duration.context("a video has a length")?.seconds;
        let (player, beats) = (new_key(), (length + HEARTBEAT - 1) / HEARTBEAT);
        let mut resumed = String::new();
        for beat in 1..=beats {
            let (from, to) = ((beat - 1) * HEARTBEAT, (beat * HEARTBEAT).min(length));
            self.watch_as(lesson, video, &player, beat, from, to).await?;
            if beat == beats / 2 {
                let seen = self.lesson(&lesson.run_id, &lesson.lesson_id).await?;
                let position = seen.progress.and_then(|progress| progress.video?.position);
                resumed = format!(", resumed at {}", position.unwrap_or_default());
            }
        }
        let progress = self.lesson(&lesson.run_id, &lesson.lesson_id).await?.progress.unwrap_or_default();
        ensure!(progress.state() == State::Completed, "a video was watched and is not completed: {progress:?}");
        Ok(format!(", {length} s in {beats} heartbeats{resumed}"))
    }

    /// Reports that seconds of a video were watched.
    pub async fn watch(&self, run_id: &str, lesson_id: &str, beat: i64, from: i64, to: i64) -> Result<LessonProgress> {
        let lesson = self.lesson(run_id, lesson_id).await?;
        let Some(Content::Video(video)) = &lesson.content else { bail!("no video: {lesson:?}") };
        self.watch_as(&lesson, video, "journey-player-1", beat, from, to).await
    }

    async fn watch_as(
        &self,
        lesson: &Lesson,
        video: &VideoContent,
        player: &str,
        beat: i64,
        from: i64,
        to: i64,
    ) -> Result<LessonProgress> {
        let heartbeat = SendHeartbeatRequest {
            run_id: lesson.run_id.clone(),
            lesson_id: lesson.lesson_id.clone(),
            media_id: video.media_id.clone(),
            player_id: player.to_owned(),
            sequence: beat,
            client_at: Some(now().into()),
            position: Some(seconds(to)),
            ranges: vec![WatchedRange { start: Some(seconds(from)), end: Some(seconds(to)) }],
            duration: video.duration,
        };
        self.call(&heartbeat).await
    }

    /// Begins an attempt, answers every question by the key, and hands it in.
    async fn pass(&self, lesson: &Lesson, key: &Key) -> Result<String> {
        let (run_id, lesson_id) = (lesson.run_id.clone(), lesson.lesson_id.clone());
        let attempt: QuizAttempt = self.call(&StartQuizAttemptRequest { run_id, lesson_id }).await?;
        let attempt_id = attempt.attempt_id;
        let answers = attempt.questions.iter().map(|question| key.answer(question)).collect::<Result<_>>()?;
        let _: QuizAttempt = self.call(&SaveAnswersRequest { attempt_id: attempt_id.clone(), answers }).await?;
        let graded: QuizAttempt = self.call(&SubmitQuizAttemptRequest { attempt_id }).await?;
        ensure!(graded.passed == Some(true), "the right answers did not pass: {graded:?}");
        Ok(format!(", {} of {} points", graded.score.unwrap_or_default(), graded.max_score))
    }
}

/// The time by this machine's clock.
#[expect(clippy::disallowed_methods, reason = "a player tells its own time, which nobody else sets")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
