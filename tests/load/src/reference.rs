//! What the fleet is checked against: bare axum handlers over sqlx that answer the same questions from the same tables, without a
//! gateway, tokens, limits, traces, events or idempotency. It is the floor that a service with all of that can approach.

use std::{
    net::SocketAddr,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, postgres::PgPoolOptions, types::Json as Jsonb};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use url::Url;
use uuid::Uuid;

use crate::{fleet::Fleet, process::Process};

/// The reference as a process of its own, ended on drop.
#[derive(Debug)]
pub struct Reference {
    /// Where it answers.
    pub url: Url,
    /// Whose CPU time and memory count.
    pub process: Process,
    /// From the start of the process until it answered.
    pub started_in: Duration,
    _child: Child,
}

impl Reference {
    /// Starts it over the fleet's database of courses.
    pub async fn start(fleet: &Fleet) -> Result<Self> {
        let begin = Instant::now();
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("reference").arg(fleet.database_url("courses").as_str());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("cannot start the reference")?;
        let mut lines = BufReader::new(child.stdout.take().context("the reference says nothing")?).lines();
        let address = lines.next_line().await?.context("the reference ended at once")?;
        let pid = child.id().context("the reference ended at once")?;
        let process = Process { name: "reference".into(), pid };
        Ok(Self { url: address.parse()?, process, started_in: begin.elapsed(), _child: child })
    }
}

#[derive(Clone)]
struct App {
    db: PgPool,
    password_hash: Arc<str>,
}

/// The password that the reference knows.
pub const PASSWORD: &str = "tailor-made-trousers-42";

/// Answers until it is ended; prints its address when it listens.
pub async fn serve(database: &str, listen: SocketAddr) -> Result<()> {
    let db = PgPoolOptions::new().max_connections(10).connect(database).await?;
    let hash = Argon2::default().hash_password(PASSWORD.as_bytes()).map_err(|error| anyhow::anyhow!("{error}"))?;
    let app = App { db, password_hash: hash.to_string().into() };
    let router = Router::new()
        .route("/courses", get(courses))
        .route("/outline/{learner}/{run}", get(outline))
        .route("/heartbeat", post(heartbeat))
        .route("/sign-in", post(sign_in))
        .route("/orders/{order}/paid", post(paid))
        .with_state(app);
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

/// A handler fails with what PostgreSQL said.
struct Failed(sqlx::Error);

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

impl axum::response::IntoResponse for Failed {
    fn into_response(self) -> axum::response::Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}

#[derive(Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
struct Card {
    course_id: Uuid,
    language: String,
    level: Option<String>,
    title: String,
    summary: String,
    tags: Vec<String>,
    cover_media_id: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    published_at: Option<OffsetDateTime>,
}

async fn courses(State(app): State<App>) -> Result<Json<Vec<Card>>, Failed> {
    let cards = sqlx::query_as(
        "select course_id, language, level, title, summary, tags, cover_media_id, published_at
         from courses
         where state = 'published'
         order by published_at desc, course_id desc
         limit 51",
    )
    .fetch_all(&app.db)
    .await?;
    Ok(Json(cards))
}

#[derive(Deserialize)]
struct Sections {
    sections: Vec<StoredSection>,
}

#[derive(Deserialize)]
struct StoredSection {
    id: Uuid,
    title: String,
    lessons: Vec<StoredLesson>,
}

#[derive(Deserialize)]
struct StoredLesson {
    id: Uuid,
    title: String,
    kind: serde_json::Value,
    required: bool,
    weight: u8,
    free_preview: bool,
    release_after_days: u16,
}

#[derive(sqlx::FromRow)]
struct Seat {
    title: String,
    sequence: String,
    version: Option<i32>,
    outline: Jsonb<Sections>,
    state: Option<String>,
    starts_at: Option<OffsetDateTime>,
    access_ends_at: Option<OffsetDateTime>,
}

#[derive(sqlx::FromRow)]
struct Progress {
    lesson_id: Uuid,
    percent: i16,
    completed_at: Option<OffsetDateTime>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    run_id: Uuid,
    course_title: String,
    version: Option<i32>,
    percent: usize,
    sections: Vec<Section>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Section {
    section_id: Uuid,
    title: String,
    lessons: Vec<Lesson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lesson {
    lesson_id: Uuid,
    title: String,
    kind: serde_json::Value,
    required: bool,
    weight: u8,
    free_preview: bool,
    locks: Vec<&'static str>,
    percent: i16,
    #[serde(with = "time::serde::rfc3339::option")]
    completed_at: Option<OffsetDateTime>,
}

async fn outline(State(app): State<App>, Path((learner, run)): Path<(Uuid, Uuid)>) -> Result<Json<Outline>, Failed> {
    let seat: Seat = sqlx::query_as(
        "select c.title, r.sequence, r.version, v.outline, e.state, e.starts_at, e.access_ends_at
         from runs r
         join courses c on c.course_id = r.course_id
         join versions v on v.course_id = r.course_id and v.version = r.version
         left join enrolments e on e.learner_id = $1 and e.run_id = r.run_id
         where r.run_id = $2
         order by e.attempt desc
         limit 1",
    )
    .bind(learner)
    .bind(run)
    .fetch_one(&app.db)
    .await?;
    let progress: Vec<Progress> = sqlx::query_as(
        "select p.lesson_id, p.percent, p.completed_at
         from lesson_progress p
         join enrolments e on e.learner_id = p.learner_id and e.enrolment_id = p.enrolment_id
         where p.learner_id = $1
           and e.run_id = $2",
    )
    .bind(learner)
    .bind(run)
    .fetch_all(&app.db)
    .await?;
    Ok(Json(answer(run, seat, &progress)))
}

/// The rules of access in their simplest form: enrolled, in time, released, one lesson after the other.
fn answer(run: Uuid, seat: Seat, progress: &[Progress]) -> Outline {
    let now = OffsetDateTime::from(std::time::UNIX_EPOCH + since_epoch());
    let enrolled = matches!(seat.state.as_deref(), Some("active" | "completed"));
    let over = seat.access_ends_at.is_some_and(|end| end <= now);
    let (mut open, mut done, mut all) = (true, 0, 0);
    let mut sections = Vec::with_capacity(seat.outline.0.sections.len());
    for stored in seat.outline.0.sections {
        let mut lessons = Vec::with_capacity(stored.lessons.len());
        for lesson in stored.lessons {
            let known = progress.iter().find(|known| known.lesson_id == lesson.id);
            let released = seat
                .starts_at
                .is_none_or(|start| start + time::Duration::days(lesson.release_after_days.into()) <= now);
            let mut locks = Vec::new();
            if !enrolled && !lesson.free_preview {
                locks.push("NOT_ENROLLED");
            }
            if over {
                locks.push("ACCESS_ENDED");
            }
            if !released {
                locks.push("NOT_RELEASED");
            }
            if !open && seat.sequence == "lesson_by_lesson" {
                locks.push("PREREQUISITE");
            }
            let completed_at = known.and_then(|known| known.completed_at);
            if lesson.required {
                open = completed_at.is_some();
                all += 1;
                done += usize::from(open);
            }
            lessons.push(Lesson {
                lesson_id: lesson.id,
                title: lesson.title,
                kind: lesson.kind,
                required: lesson.required,
                weight: lesson.weight,
                free_preview: lesson.free_preview,
                locks,
                percent: known.map_or(0, |known| known.percent),
                completed_at,
            });
        }
        sections.push(Section { section_id: stored.id, title: stored.title, lessons });
    }
    let percent = done * 100 / all.max(1);
    Outline { run_id: run, course_title: seat.title, version: seat.version, percent, sections }
}

#[expect(clippy::disallowed_methods, reason = "the reference has no clock that tests set")]
fn since_epoch() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Heartbeat {
    learner: Uuid,
    enrolment: Uuid,
    lesson: Uuid,
    media_id: String,
    from_ms: i32,
    to_ms: i32,
}

async fn heartbeat(State(app): State<App>, Json(beat): Json<Heartbeat>) -> Result<Json<i16>, Failed> {
    let mut transaction = app.db.begin().await?;
    sqlx::query(
        "insert into lesson_progress (learner_id, enrolment_id, lesson_id, percent, started_at, touched_at)
         values ($1, $2, $3, 0, now(), now())
         on conflict on constraint lesson_progress_pk do update set touched_at = now()",
    )
    .bind(beat.learner)
    .bind(beat.enrolment)
    .bind(beat.lesson)
    .execute(&mut *transaction)
    .await?;
    let watched: Option<Vec<i32>> = sqlx::query_scalar(
        "select watched
         from lesson_progress
         where learner_id = $1 and enrolment_id = $2 and lesson_id = $3
         for no key update",
    )
    .bind(beat.learner)
    .bind(beat.enrolment)
    .bind(beat.lesson)
    .fetch_one(&mut *transaction)
    .await?;
    let watched = merged(watched.unwrap_or_default(), beat.from_ms, beat.to_ms);
    let percent: i16 = sqlx::query_scalar(
        "update lesson_progress
         set watched = $4, media_id = $5, position_ms = $6, percent = least(100, percent + 1)
         where learner_id = $1 and enrolment_id = $2 and lesson_id = $3
         returning percent",
    )
    .bind(beat.learner)
    .bind(beat.enrolment)
    .bind(beat.lesson)
    .bind(watched)
    .bind(beat.media_id)
    .bind(beat.to_ms)
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Json(percent))
}

/// Adds a range to ranges that do not overlap.
fn merged(pairs: Vec<i32>, from: i32, to: i32) -> Vec<i32> {
    let mut ranges: Vec<(i32, i32)> = pairs.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    ranges.push((from, to));
    ranges.sort_unstable();
    let mut out: Vec<(i32, i32)> = Vec::with_capacity(ranges.len());
    for (from, to) in ranges {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out.into_iter().flat_map(|(from, to)| [from, to]).collect()
}

async fn sign_in(State(app): State<App>, body: String) -> StatusCode {
    let hash = Arc::clone(&app.password_hash);
    let checked = tokio::task::spawn_blocking(move || {
        let hash = PasswordHash::new(&hash).ok()?;
        Argon2::default().verify_password(body.as_bytes(), &hash).ok()
    });
    match checked.await {
        Ok(Some(())) => StatusCode::NO_CONTENT,
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// What a school in one program does when the bank says that an order is paid: one transaction over tables of its own.
async fn paid(State(app): State<App>, Path(order): Path<Uuid>) -> Result<StatusCode, Failed> {
    let mut transaction = app.db.begin().await?;
    sqlx::query("insert into reference.orders (order_id, paid_at) values ($1, now()) on conflict do nothing")
        .bind(order)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("insert into reference.enrolments (order_id, started_at) values ($1, now()) on conflict do nothing")
        .bind(order)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::merged;

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(merged(vec![0, 10, 30, 40], 10, 30), [0, 40]);
        assert_eq!(merged(vec![], 5, 6), [5, 6]);
        assert_eq!(merged(vec![20, 30], 0, 5), [0, 5, 20, 30]);
    }
}
