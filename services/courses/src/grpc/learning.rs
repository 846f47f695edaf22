//! LearningService at the door. Attempts at quizzes are printed by `quizzes`.

use contract::{Call, Page, courses as asked, message, show};
use proto::lyceum::courses::v1::{self as pb, lesson::Content as Shown};
use uuid::Uuid;

use super::{Door, content, quizzes, show};
use crate::{
    domain::{
        Refusal, content::Content, grading::Given, id::AttemptId, id::LearnerId, id::LessonId, outline::LessonKind,
        playback::Report, progress::Key, quiz::QuizTerms, seat::Seat,
    },
    error::Result,
    flows::{complete_lesson, link_media, read_attempt, save_answers, send_heartbeat, start_attempt, submit_attempt},
    store::{attempts, progress, seats, versions},
};

impl Door {
    /// A lesson's progress with what its own page shows; the terms of a quiz say how many attempts are left.
    async fn progress(&self, id: LessonId, key: Option<Key>, terms: Option<&QuizTerms>) -> Result<pb::LessonProgress> {
        let Some(key) = key else { return Ok(show::lesson_progress(id, None)) };
        let detail = progress::find(&self.0.db, key).await?;
        let mut shown = show::lesson_progress(id, detail.as_ref());
        if let Some(terms) = terms {
            let begun = attempts::begun(&self.0.db, key).await?;
            shown.quiz = Some(quizzes::progress(begun, detail.and_then(|detail| detail.best), terms));
        }
        Ok(shown)
    }

    async fn attempt(&self, learner: LearnerId, id: AttemptId) -> Result<pb::QuizAttempt> {
        Ok(quizzes::attempt_with_questions(&read_attempt::run(&self.0, learner, id).await?))
    }

    async fn lesson(&self, seat: &Seat, id: LessonId) -> Result<pb::Lesson> {
        let (section, card) = seat.outline.lesson(id)?;
        let (run, locks) = (&seat.run, seat.locks_of(id));
        let content = if locks.is_empty() {
            let content = versions::content(&self.0.db, run.course, run.version, id).await?;
            Some(content.ok_or(Refusal::LessonNotFound)?)
        } else {
            None
        };
        let terms = if let Some(Content::Quiz(quiz)) = &content { Some(&quiz.terms) } else { None };
        Ok(message! { pb::Lesson {
            run_id: run.id, section_id: section.id, lesson_id: card.id, version: run.version, title: &card.title,
            kind: card.kind.name(), required: card.required, free_preview: card.free_preview, locks: locks,
            progress = Some(self.progress(id, seat.key(id), terms).await?),
            content = content.as_ref().map(learner_content),
        } })
    }

    async fn resume_point(&self, seat: &Seat) -> Result<pb::ResumePoint> {
        let Some(id) = seat.resume() else { return Ok(pb::ResumePoint::default()) };
        let (section, card) = seat.outline.lesson(id)?;
        let (mut position, mut open_attempt) = (None, None);
        match (&card.kind, seat.key(id)) {
            (LessonKind::Video(video), Some(key)) => {
                let playback = progress::find(&self.0.db, key).await?.and_then(|detail| detail.playback);
                let at = playback.filter(|playback| playback.media == video.media).and_then(|it| it.position);
                position = Some(show::milliseconds(at.map_or(0, |position| position.at_ms)));
            }
            (LessonKind::Quiz, Some(key)) => open_attempt = attempts::begun(&self.0.db, key).await?.open,
            _ => {}
        }
        Ok(message! { pb::ResumePoint {
            lesson_id: Some(id), section_id: Some(section.id), title: Some(&card.title), kind: card.kind.name(),
            position: position, open_attempt_id: open_attempt,
        } })
    }
}

/// What a learner sees of an open lesson; of a quiz only its terms, the questions belong to an attempt.
fn learner_content(content: &Content) -> Shown {
    match content {
        Content::Text(markdown) => Shown::Text(content::text(markdown)),
        Content::Video(video) => Shown::Video(show(video)),
        Content::File(file) => Shown::File(show(file)),
        Content::Quiz(quiz) => Shown::Quiz(show(quiz)),
    }
}

impl asked::LearningService for Door {
    async fn list_my_enrolments(&self, call: Call, ask: asked::ListMyEnrolments) -> Result<Page<pb::MyEnrolment>> {
        let (app, page) = (&self.0, ask.page);
        let (now, after) = (app.clock.now(), page.after()?);
        let rows = seats::list(&app.db, &app.outlines, call.person()?, now, after, page.limit()).await?;
        let key = |seat: &Seat| seat.enrolment.as_ref().map_or_else(Uuid::nil, |enrolment| enrolment.id.uuid());
        Ok(show(page.cut(rows, key)))
    }

    async fn get_outline(&self, call: Call, ask: asked::GetOutline) -> Result<pb::Outline> {
        Ok(show::outline(&self.seat(&call, ask.run_id).await?))
    }

    async fn get_lesson(&self, call: Call, ask: asked::GetLesson) -> Result<pb::Lesson> {
        self.lesson(&self.seat(&call, ask.run_id).await?, ask.lesson_id).await
    }

    async fn create_lesson_media_link(
        &self,
        call: Call,
        ask: asked::CreateLessonMediaLink,
    ) -> Result<pb::LessonMediaLink> {
        let link = link_media::run(&self.0, call.person()?, ask.run_id, ask.lesson_id).await?;
        Ok(pb::LessonMediaLink { url: link.url, expires_at: show(link.expires_at) })
    }

    async fn complete_lesson(&self, call: Call, ask: asked::CompleteLesson) -> Result<pb::LessonProgress> {
        let key = complete_lesson::run(&self.0, &call.actor(), call.person()?, ask.run_id, ask.lesson_id).await?;
        self.progress(ask.lesson_id, Some(key), None).await
    }

    async fn send_heartbeat(&self, call: Call, ask: asked::SendHeartbeat) -> Result<pb::LessonProgress> {
        let part = |range: asked::WatchedRangeInput| (range.start.whole_milliseconds(), range.end.whole_milliseconds());
        let report = Report {
            media: ask.media_id,
            player: ask.player_id.into_string(),
            sequence: i64::try_from(ask.sequence).unwrap_or(i64::MAX),
            client_at: ask.client_at,
            position_ms: ask.position.unwrap_or_default().whole_milliseconds(),
            ranges: ask.ranges.into_iter().map(part).collect(),
            length_ms: ask.duration.map(time::Duration::whole_milliseconds),
        };
        let (actor, learner) = (call.actor(), call.person()?);
        let key = send_heartbeat::run(&self.0, &actor, learner, ask.run_id, ask.lesson_id, report).await?;
        self.progress(ask.lesson_id, Some(key), None).await
    }

    async fn get_resume_point(&self, call: Call, ask: asked::GetResumePoint) -> Result<pb::ResumePoint> {
        self.resume_point(&self.seat(&call, ask.run_id).await?).await
    }

    async fn start_quiz_attempt(&self, call: Call, ask: asked::StartQuizAttempt) -> Result<pb::QuizAttempt> {
        let (actor, learner, key) = (call.actor(), call.person()?, call.key.as_ref());
        let attempt = start_attempt::run(&self.0, &actor, key, learner, ask.run_id, ask.lesson_id).await?;
        self.attempt(learner, attempt).await
    }

    async fn list_quiz_attempts(&self, call: Call, ask: asked::ListQuizAttempts) -> Result<Page<pb::QuizAttempt>> {
        let seat = self.seat(&call, ask.run_id).await?;
        seat.outline.lesson(ask.lesson_id)?;
        let rows = match seat.key(ask.lesson_id) {
            Some(key) => attempts::list(&self.0.db, key, ask.page.after()?, ask.page.limit()).await?,
            None => Vec::new(),
        };
        Ok(ask.page.cut(rows, |attempt| attempt.number).map(|attempt| quizzes::attempt(&attempt)))
    }

    async fn get_quiz_attempt(&self, call: Call, ask: asked::GetQuizAttempt) -> Result<pb::QuizAttempt> {
        self.attempt(call.person()?, ask.attempt_id).await
    }

    async fn save_answers(&self, call: Call, ask: asked::SaveAnswers) -> Result<pb::QuizAttempt> {
        let given = |answer: asked::QuizAnswerInput| Given {
            question: answer.question_id,
            options: answer.option_ids,
            number: answer.number.into_string(),
            text: answer.text.into_string(),
        };
        let (learner, given) = (call.person()?, ask.answers.into_iter().map(given).collect::<Vec<_>>());
        save_answers::run(&self.0, &call.actor(), learner, ask.attempt_id, &given).await?;
        self.attempt(learner, ask.attempt_id).await
    }

    async fn submit_quiz_attempt(&self, call: Call, ask: asked::SubmitQuizAttempt) -> Result<pb::QuizAttempt> {
        let learner = call.person()?;
        submit_attempt::run(&self.0, &call.actor(), learner, ask.attempt_id).await?;
        self.attempt(learner, ask.attempt_id).await
    }
}
