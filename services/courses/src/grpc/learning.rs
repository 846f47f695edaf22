//! LearningService at the door. Attempts at quizzes are shown by `quizzes`.

use std::sync::Arc;

use proto::{
    lyceum::courses::v1::{
        CompleteLessonRequest, CreateLessonMediaLinkRequest, GetLessonRequest, GetOutlineRequest,
        GetQuizAttemptRequest, GetResumePointRequest, Lesson, LessonMediaLink, LessonProgress, ListMyEnrolmentsRequest,
        ListMyEnrolmentsResponse, ListQuizAttemptsRequest, ListQuizAttemptsResponse, MyEnrolment, Outline, QuizAttempt,
        ResumePoint, SaveAnswersRequest, SendHeartbeatRequest, StartQuizAttemptRequest, SubmitQuizAttemptRequest,
        VideoProgress, WatchedRange, learning_service_server::LearningService, lesson,
    },
    wkt,
};
use rpc::{Fields, Invalid};
use tonic::{Request, Response, Status};
use uuid::Uuid;
use values::Text;

use super::{actor, content, id, idempotent, instant, learner, only_id, page::Asked, quizzes, show};
use crate::{
    app::App,
    domain::{
        Refusal,
        content::Content,
        course::MediaId,
        grading::Given,
        id::{AttemptId, LearnerId, LessonId, RunId},
        outline::LessonKind,
        playback::Report,
        quiz::QuizTerms,
    },
    error::{Error, Result},
    flows::{
        complete_lesson, link_media, save_answers, send_heartbeat, start_attempt, submit_attempt, take_seat,
        take_seat::Seated,
    },
    store::{answers, attempts, progress, progress::Detail, progress::Key, seats, versions},
};

pub(super) struct Door(pub(super) Arc<App>);

impl Door {
    /// A lesson's progress with what its own page shows; the terms of a quiz say how many attempts are left.
    async fn progress(&self, lesson: LessonId, key: Option<Key>, terms: Option<&QuizTerms>) -> Result<LessonProgress> {
        let detail = match key {
            Some(key) => progress::find(&self.0.db, key).await?,
            None => None,
        };
        let mut shown = shown_progress(lesson, detail.as_ref());
        if let (Some(key), Some(terms)) = (key, terms) {
            let begun = attempts::begun(&self.0.db, key).await?;
            shown.quiz = Some(quizzes::progress(begun, detail.and_then(|detail| detail.best), terms));
        }
        Ok(shown)
    }

    /// An attempt with its questions. One whose time is up is handed in first, so that nobody waits for a job to see it.
    async fn attempt(&self, learner: LearnerId, id: AttemptId) -> Result<QuizAttempt> {
        let app = &self.0;
        let mut attempt = attempts::find(&app.db, learner, id).await?.ok_or(Refusal::AttemptNotFound)?;
        if attempt.overdue(app.clock.now()) {
            submit_attempt::run(app, "service:courses", learner, id).await?;
            attempt = attempts::find(&app.db, learner, id).await?.ok_or(Refusal::AttemptNotFound)?;
        }
        let quiz = submit_attempt::quiz(&app.db, attempt.course, attempt.version, attempt.lesson).await?;
        let given = answers::latest(&app.db, learner, id).await?;
        let key = Key { learner, enrolment: attempt.enrolment, lesson: attempt.lesson };
        let begun = attempts::begun(&app.db, key).await?;
        Ok(quizzes::attempt_with_questions(&attempt, &quiz, &given, begun))
    }

    async fn lesson(&self, seated: &Seated, id: LessonId) -> Result<Lesson> {
        let (section, card) = seated.outline.lesson(id)?;
        let locks: Vec<_> =
            seated.locks().into_iter().filter(|(other, _)| other.id == id).flat_map(|(_, locks)| locks).collect();
        let run = &seated.seat.run;
        let (content, terms) = if locks.is_empty() {
            let content = versions::content(&self.0.db, run.course, run.version, id).await?;
            learner_content(content.ok_or(Refusal::LessonNotFound)?)
        } else {
            (None, None)
        };
        let progress = self.progress(id, seated.key(id), terms.as_ref()).await?;
        Ok(Lesson {
            run_id: run.id.to_string(),
            section_id: section.id.to_string(),
            lesson_id: card.id.to_string(),
            version: run.version,
            title: card.title.to_string(),
            kind: show::kind(&card.kind).into(),
            required: card.required,
            free_preview: card.free_preview,
            locks: locks.iter().map(show::lock).collect(),
            progress: Some(progress),
            content,
        })
    }

    async fn resume_point(&self, seated: &Seated) -> Result<ResumePoint> {
        let Some(id) = seated.resume() else { return Ok(ResumePoint::default()) };
        let (section, card) = seated.outline.lesson(id)?;
        let mut point = ResumePoint {
            lesson_id: id.to_string(),
            section_id: section.id.to_string(),
            title: card.title.to_string(),
            kind: show::kind(&card.kind).into(),
            position: None,
            open_attempt_id: String::new(),
        };
        match (&card.kind, seated.key(id)) {
            (LessonKind::Video(video), Some(key)) => {
                let playback = progress::find(&self.0.db, key).await?.and_then(|detail| detail.playback);
                let position = playback.filter(|playback| playback.media == video.media).and_then(|it| it.position);
                point.position = Some(show::milliseconds(position.map_or(0, |position| position.at_ms)));
            }
            (LessonKind::Quiz, Some(key)) => {
                let open = attempts::begun(&self.0.db, key).await?.open;
                point.open_attempt_id = open.map(|open| open.to_string()).unwrap_or_default();
            }
            _ => {}
        }
        Ok(point)
    }

    async fn my_enrolment(&self, seat: seats::Seat) -> Result<MyEnrolment> {
        let seated = take_seat::seated(&self.0, seat).await?;
        let seat = &seated.seat;
        Ok(MyEnrolment {
            enrolment: seat.enrolment.as_ref().map(show::enrolment),
            course_title: seat.course_title.clone(),
            run_title: seat.run.plan.title.to_string(),
            cover_media_id: seat.cover_media_id.clone().unwrap_or_default(),
            progress: Some(show::course_progress(seated.course_progress())),
        })
    }
}

#[tonic::async_trait]
impl LearningService for Door {
    async fn list_my_enrolments(
        &self,
        request: Request<ListMyEnrolmentsRequest>,
    ) -> Result<Response<ListMyEnrolmentsResponse>, Status> {
        let learner = learner(&request)?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let scope = format!("ListMyEnrolments {learner}");
        let asked = Asked::<Uuid>::read(&mut fields, m.page_size, &m.page_token, scope);
        let (asked,) = fields.finish((asked,))?;
        let rows = seats::list(&self.0.db, learner, asked.after, asked.limit()).await.map_err(Error::from)?;
        let key = |seat: &seats::Seat| seat.enrolment.as_ref().map_or_else(Uuid::nil, |enrolment| enrolment.id.uuid());
        let (rows, next_page_token) = asked.cut(rows, key);
        let mut enrolments = Vec::with_capacity(rows.len());
        for seat in rows {
            enrolments.push(self.my_enrolment(seat).await?);
        }
        Ok(Response::new(ListMyEnrolmentsResponse { enrolments, next_page_token }))
    }

    async fn get_outline(&self, request: Request<GetOutlineRequest>) -> Result<Response<Outline>, Status> {
        let learner = learner(&request)?;
        let run = only_id("run_id", &request.get_ref().run_id)?;
        let seated = take_seat::run(&self.0, learner, run).await?;
        Ok(Response::new(show::outline(&seated)))
    }

    async fn get_lesson(&self, request: Request<GetLessonRequest>) -> Result<Response<Lesson>, Status> {
        let learner = learner(&request)?;
        let (run, lesson) = place(&request.get_ref().run_id, &request.get_ref().lesson_id)?;
        let seated = take_seat::run(&self.0, learner, run).await?;
        Ok(Response::new(self.lesson(&seated, lesson).await?))
    }

    async fn create_lesson_media_link(
        &self,
        request: Request<CreateLessonMediaLinkRequest>,
    ) -> Result<Response<LessonMediaLink>, Status> {
        let learner = learner(&request)?;
        let (run, lesson) = place(&request.get_ref().run_id, &request.get_ref().lesson_id)?;
        let link = link_media::run(&self.0, learner, run, lesson).await?;
        Ok(Response::new(LessonMediaLink { url: link.url, expires_at: Some(link.expires_at.into()) }))
    }

    async fn complete_lesson(
        &self,
        request: Request<CompleteLessonRequest>,
    ) -> Result<Response<LessonProgress>, Status> {
        let (actor, learner) = (actor(&request), learner(&request)?);
        let (run, lesson) = place(&request.get_ref().run_id, &request.get_ref().lesson_id)?;
        let key = complete_lesson::run(&self.0, &actor, learner, run, lesson).await?;
        Ok(Response::new(self.progress(lesson, Some(key), None).await?))
    }

    async fn send_heartbeat(&self, request: Request<SendHeartbeatRequest>) -> Result<Response<LessonProgress>, Status> {
        let (actor, learner) = (actor(&request), learner(&request)?);
        let m = request.into_inner();
        let mut fields = Fields::new();
        let run = id(&mut fields, "run_id", &m.run_id);
        let lesson = id(&mut fields, "lesson_id", &m.lesson_id);
        let report = report(&mut fields, &m);
        let (run, lesson, report) = fields.finish((run, lesson, report))?;
        let key = send_heartbeat::run(&self.0, &actor, learner, run, lesson, report).await?;
        Ok(Response::new(self.progress(lesson, Some(key), None).await?))
    }

    async fn get_resume_point(&self, request: Request<GetResumePointRequest>) -> Result<Response<ResumePoint>, Status> {
        let learner = learner(&request)?;
        let run = only_id("run_id", &request.get_ref().run_id)?;
        let seated = take_seat::run(&self.0, learner, run).await?;
        Ok(Response::new(self.resume_point(&seated).await?))
    }

    async fn start_quiz_attempt(
        &self,
        request: Request<StartQuizAttemptRequest>,
    ) -> Result<Response<QuizAttempt>, Status> {
        let (actor, learner) = (actor(&request), learner(&request)?);
        let key = idempotent(&request, "LearningService/StartQuizAttempt")?;
        let (run, lesson) = place(&request.get_ref().run_id, &request.get_ref().lesson_id)?;
        let attempt = start_attempt::run(&self.0, &actor, key.as_ref(), learner, run, lesson).await?;
        Ok(Response::new(self.attempt(learner, attempt).await?))
    }

    async fn list_quiz_attempts(
        &self,
        request: Request<ListQuizAttemptsRequest>,
    ) -> Result<Response<ListQuizAttemptsResponse>, Status> {
        let learner = learner(&request)?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let run = id(&mut fields, "run_id", &m.run_id);
        let lesson = id(&mut fields, "lesson_id", &m.lesson_id);
        let scope = format!("ListQuizAttempts {learner} {run:?} {lesson:?}");
        let asked = Asked::<i32>::read(&mut fields, m.page_size, &m.page_token, scope);
        let (run, lesson, asked) = fields.finish((run, lesson, asked))?;
        let seated = take_seat::run(&self.0, learner, run).await?;
        seated.outline.lesson(lesson).map_err(Error::from)?;
        let rows = match seated.key(lesson) {
            Some(key) => attempts::list(&self.0.db, key, asked.after, asked.limit()).await.map_err(Error::from)?,
            None => Vec::new(),
        };
        let (rows, next_page_token) = asked.cut(rows, |attempt| attempt.number);
        let attempts = rows.iter().map(quizzes::attempt).collect();
        Ok(Response::new(ListQuizAttemptsResponse { attempts, next_page_token }))
    }

    async fn get_quiz_attempt(&self, request: Request<GetQuizAttemptRequest>) -> Result<Response<QuizAttempt>, Status> {
        let learner = learner(&request)?;
        let id = only_id("attempt_id", &request.get_ref().attempt_id)?;
        Ok(Response::new(self.attempt(learner, id).await?))
    }

    async fn save_answers(&self, request: Request<SaveAnswersRequest>) -> Result<Response<QuizAttempt>, Status> {
        let (actor, learner) = (actor(&request), learner(&request)?);
        let m = request.into_inner();
        let mut fields = Fields::new();
        let attempt = id(&mut fields, "attempt_id", &m.attempt_id);
        let given: Option<Vec<Given>> = quizzes::read_answers(&mut fields, m.answers);
        let (attempt, given) = fields.finish((attempt, given))?;
        save_answers::run(&self.0, &actor, learner, attempt, &given).await?;
        Ok(Response::new(self.attempt(learner, attempt).await?))
    }

    async fn submit_quiz_attempt(
        &self,
        request: Request<SubmitQuizAttemptRequest>,
    ) -> Result<Response<QuizAttempt>, Status> {
        let (actor, learner) = (actor(&request), learner(&request)?);
        let id = only_id("attempt_id", &request.get_ref().attempt_id)?;
        submit_attempt::run(&self.0, &actor, learner, id).await?;
        Ok(Response::new(self.attempt(learner, id).await?))
    }
}

fn place(run_id: &str, lesson_id: &str) -> Result<(RunId, LessonId), Invalid> {
    let mut fields = Fields::new();
    let run = id(&mut fields, "run_id", run_id);
    let lesson = id(&mut fields, "lesson_id", lesson_id);
    fields.finish((run, lesson))
}

fn report(fields: &mut Fields, m: &SendHeartbeatRequest) -> Option<Report> {
    let media = fields.take("media_id", MediaId::parse(&m.media_id));
    let player = fields.take("player_id", Text::<1, 64>::parse(&m.player_id));
    if m.sequence < 1 {
        fields.refuse("sequence", "expected 1 or more");
    }
    let sent = fields.required("client_at", m.client_at);
    let client_at = instant(fields, "client_at", sent).flatten();
    let position = millis(fields, "position", Some(m.position.unwrap_or_default()));
    let mut ranges = Vec::with_capacity(m.ranges.len());
    for (number, range) in m.ranges.iter().enumerate() {
        let start = millis(fields, &format!("ranges[{number}].start"), Some(range.start.unwrap_or_default()));
        let end = millis(fields, &format!("ranges[{number}].end"), Some(range.end.unwrap_or_default()));
        ranges.extend(start.flatten().zip(end.flatten()));
    }
    let length = millis(fields, "duration", m.duration);
    Some(Report {
        media: media?,
        player: player?.into_string(),
        sequence: m.sequence,
        client_at: client_at?,
        position_ms: position??,
        ranges,
        length_ms: length?,
    })
}

fn millis(fields: &mut Fields, field: &str, sent: Option<wkt::Duration>) -> Option<Option<i128>> {
    let read = |length: wkt::Duration| length.to_duration().map(time::Duration::whole_milliseconds);
    fields.take_if(field, sent.map(|sent| read(sent).ok_or("expected a duration such as 3.5s")))
}

fn shown_progress(lesson: LessonId, detail: Option<&Detail>) -> LessonProgress {
    let completed_at = detail.and_then(|detail| detail.completed_at);
    LessonProgress {
        lesson_id: lesson.to_string(),
        state: show::stage(detail.is_some(), completed_at.is_some()).into(),
        percent: detail.map_or(0, |detail| i32::from(detail.percent)),
        completed_at: completed_at.map(Into::into),
        video: detail.and_then(|detail| detail.playback.as_ref()).map(|playback| VideoProgress {
            position: Some(show::milliseconds(playback.position.as_ref().map_or(0, |position| position.at_ms))),
            furthest: Some(show::milliseconds(playback.watched.furthest())),
            watched: Some(show::milliseconds(playback.watched.total())),
            ranges: playback.watched.ranges().iter().map(|range| watched(*range)).collect(),
        }),
        quiz: None,
    }
}

fn watched((start, end): (u32, u32)) -> WatchedRange {
    WatchedRange { start: Some(show::milliseconds(start)), end: Some(show::milliseconds(end)) }
}

/// What a learner sees of an open lesson; of a quiz only its terms, the questions belong to an attempt.
fn learner_content(content: Content) -> (Option<lesson::Content>, Option<QuizTerms>) {
    match content {
        Content::Text(markdown) => (Some(lesson::Content::Text(content::text(&markdown))), None),
        Content::Video(video) => (Some(lesson::Content::Video(content::video(&video))), None),
        Content::File(file) => (Some(lesson::Content::File(content::file(&file))), None),
        Content::Quiz(quiz) => (Some(lesson::Content::Quiz(quizzes::terms(&quiz))), Some(quiz.terms)),
    }
}
