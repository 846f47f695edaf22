//! A school on an ordinary day, at a fixed rate: reads and writes of learners and a manager that reach every service. Whoever changes
//! the installation meanwhile says so, and learns which of its changes lost a request.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{HeaderValue, Method};
use people::{Course, Person, School, VIDEO_SECONDS};
use proto::lyceum::courses::v1::LessonKind;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    task::JoinSet,
    time::{Interval, interval, sleep},
};
use url::Url;

use crate::{
    drive::{self, Asked},
    open::Open,
};

/// How many people learn.
const LEARNERS: usize = 8;
/// More a second is a mistake of whoever asks for it.
const FASTEST: u64 = 1000;
/// How often each session is renewed: well within the ten minutes of a token.
const RENEW: Duration = Duration::from_secs(240);

/// Drives the mix as it is told, line by line, on standard input: `<name of a phase> <requests a second>`. When the input ends it waits
/// for what is in flight and prints the book as one JSON document. `longest` ends it in any case.
pub async fn run(gateway: &Url, longest: Duration) -> Result<()> {
    let school = School::of_tests()?;
    let mix = Arc::new(Mix::prepare(&school).await?);
    let open = Open::new(gateway)?;
    println!("ready");
    let mut lines = BufReader::new(stdin()).lines();
    let mut asked = JoinSet::new();
    let mut running: Option<(usize, Instant, Interval)> = None;
    let mut renewal = interval(RENEW);
    renewal.tick().await;
    let end = Instant::now() + longest;
    loop {
        let phase = running.as_ref().map(|(phase, ..)| *phase);
        tokio::select! {
            line = lines.next_line() => {
                if let Some((phase, begun, _)) = running.take() {
                    open.end(phase, begun.elapsed());
                }
                let Some(line) = line? else { break };
                let (name, rate) = line.rsplit_once(' ').context("expected a phase and a rate")?;
                let rate: u64 = rate.parse().context("a rate is a whole number")?;
                if rate > 0 {
                    let every = Duration::from_micros(1_000_000 / rate.min(FASTEST));
                    running = Some((open.begin(name), Instant::now(), interval(every)));
                }
            }
            // A tick that comes late is due when it was due: those behind it follow at once.
            due = next(&mut running) => {
                if let Some(phase) = phase {
                    let (mix, open) = (Arc::clone(&mix), open.clone());
                    asked.spawn(async move { mix.ask(&open, phase, due).await });
                }
            }
            _ = renewal.tick() => {
                if let Some(phase) = phase {
                    let (mix, open) = (Arc::clone(&mix), open.clone());
                    asked.spawn(async move { mix.renew(&open, phase).await });
                }
            }
            () = sleep(end.saturating_duration_since(Instant::now())) => bail!("{longest:?} are over"),
        }
        while asked.try_join_next().is_some() {}
    }
    while asked.join_next().await.is_some() {}
    let (phases, failures) = open.book();
    println!("{}", json!({"phases": phases, "failures": failures}));
    Ok(())
}

async fn next(running: &mut Option<(usize, Instant, Interval)>) -> Instant {
    match running {
        Some((_, _, interval)) => interval.tick().await.into_std(),
        None => std::future::pending().await,
    }
}

/// Somebody who is signed in.
struct Session {
    access: String,
    refresh: String,
}

struct Mix {
    course: Course,
    /// The paths of two lessons, and the video in one of them.
    text: String,
    video: String,
    media: String,
    learners: Vec<Mutex<Session>>,
    manager: Mutex<Session>,
    number: AtomicU64,
}

/// What is asked in turn, each by the next learner.
#[derive(Clone, Copy)]
enum Wish {
    Catalogue,
    Outline,
    Lesson,
    Heartbeat,
    Enrolments,
    Products,
    Product,
    Quote,
    OrderAndCancel,
    Orders,
    Entitlements,
    Me,
    Rename,
    Notifications,
    QuietHours,
    Certificates,
    Files,
    Dashboard,
}

/// A quarter are writes.
const WISHES: [Wish; 21] = [
    Wish::Catalogue,
    Wish::Outline,
    Wish::Products,
    Wish::Me,
    Wish::Heartbeat,
    Wish::Orders,
    Wish::OrderAndCancel,
    Wish::Notifications,
    Wish::Certificates,
    Wish::Rename,
    Wish::Quote,
    Wish::Product,
    Wish::Heartbeat,
    Wish::Entitlements,
    Wish::QuietHours,
    Wish::Dashboard,
    Wish::OrderAndCancel,
    Wish::Enrolments,
    Wish::Files,
    Wish::Lesson,
    Wish::Heartbeat,
];

impl Mix {
    async fn prepare(school: &School) -> Result<Self> {
        let manager = school.staff("manager").await?;
        let course = Course::publish(&manager, "Ровный шов под нагрузкой").await?;
        let mut learners = Vec::new();
        for _ in 0..LEARNERS {
            let learner = school.learner().await?;
            manager.enrol(&learner, &course.run_id).await?;
            learners.push(Mutex::new(Session::of(&learner).await));
        }
        let manager = Mutex::new(Session::of(&manager).await);
        let path = |kind| course.lesson_path(kind);
        let (text, video) = (path(LessonKind::Text)?, path(LessonKind::Video)?);
        let media = course.media.first().cloned().context("the course has a video")?;
        Ok(Self { course, text, video, media, learners, manager, number: AtomicU64::new(0) })
    }

    async fn ask(&self, open: &Open, phase: usize, due: Instant) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let place = usize::try_from(number).unwrap_or_default();
        let wish = WISHES[place % WISHES.len()];
        let learner = access(&self.learners[place % self.learners.len()]);
        let Some(body) = open.ask(phase, due, self.request(wish, number, &learner)).await else { return };
        if let Wish::OrderAndCancel = wish {
            let order: Value = serde_json::from_slice(&body).unwrap_or_default();
            let path = format!("/v1/orders/{}/cancel", order["orderId"].as_str().unwrap_or("none"));
            open.ask(phase, Instant::now(), post(&path, &learner, &json!({}))).await;
        }
    }

    fn request(&self, wish: Wish, number: u64, learner: &str) -> Asked {
        let Course { course_id, run_id, product_id, .. } = &self.course;
        let get = |path: &str| drive::get(path, learner);
        match wish {
            Wish::Catalogue => drive::get("/v1/courses?language=ru", ""),
            Wish::Outline => get(&format!("/v1/runs/{run_id}/outline")),
            Wish::Lesson => get(&self.text),
            Wish::Heartbeat => {
                let second = number % 50;
                let body = json!({
                    "mediaId": self.media, "playerId": "steady-player-1", "sequence": (number + 1).to_string(),
                    "clientAt": "2026-03-02T09:00:00Z", "position": format!("{}s", second + 10),
                    "duration": format!("{}s", VIDEO_SECONDS),
                    "ranges": [{"start": format!("{second}s"), "end": format!("{}s", second + 10)}],
                });
                post(&format!("{}/heartbeats", self.video), learner, &body)
            }
            Wish::Enrolments => get("/v1/me/enrolments"),
            Wish::Products => drive::get(&format!("/v1/products?courseId={course_id}"), ""),
            Wish::Product => get(&format!("/v1/products/{product_id}")),
            Wish::Quote => post("/v1/quotes", learner, &json!({"productId": product_id})),
            Wish::OrderAndCancel => post("/v1/orders", learner, &json!({"productId": product_id})),
            Wish::Orders => get("/v1/orders"),
            Wish::Entitlements => get("/v1/me/entitlements"),
            Wish::Me => get("/v1/me"),
            Wish::Rename => patch("/v1/me", learner, &json!({"displayName": format!("Анна {}", number % 100)})),
            Wish::Notifications => get("/v1/notifications"),
            Wish::QuietHours => {
                let hours = json!({"quietHours": {"from": "22:00", "to": format!("08:{:02}", number % 60)}});
                patch("/v1/me/notification-preferences?updateMask=quiet_hours", learner, &hours)
            }
            Wish::Certificates => get("/v1/me/certificates"),
            Wish::Files => get("/v1/files"),
            Wish::Dashboard => drive::get("/v1/reports/dashboard", &access(&self.manager)),
        }
    }

    /// Exchanges every refresh token for new ones, as each front end does by itself.
    async fn renew(&self, open: &Open, phase: usize) {
        for session in self.learners.iter().chain([&self.manager]) {
            let body = json!({"refreshToken": lock(session).refresh.clone()});
            let request = drive::post("/v1/auth/refresh", "", body.to_string());
            let Some(body) = open.ask(phase, Instant::now(), request).await else { continue };
            if let Ok(fresh) = Session::read(&body) {
                *lock(session) = fresh;
            }
        }
    }
}

impl Session {
    async fn of(person: &Person) -> Self {
        let tokens = person.tokens().await;
        Self { access: tokens.access_token, refresh: tokens.refresh_token }
    }

    fn read(body: &Bytes) -> Result<Self> {
        let tokens: Value = serde_json::from_slice(body)?;
        let text = |name: &str| tokens[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
        Ok(Self { access: text("accessToken")?, refresh: text("refreshToken")? })
    }
}

fn lock(session: &Mutex<Session>) -> std::sync::MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

fn access(session: &Mutex<Session>) -> String {
    lock(session).access.clone()
}

/// With an idempotency key of its own, as front ends send one.
fn post(path: &str, token: &str, body: &Value) -> Asked {
    let mut request = drive::post(path, token, body.to_string());
    if let Ok(key) = HeaderValue::from_str(&people::new_key()) {
        request.headers_mut().insert("idempotency-key", key);
    }
    request
}

fn patch(path: &str, token: &str, body: &Value) -> Asked {
    let mut request = drive::post(path, token, body.to_string());
    *request.method_mut() = Method::PATCH;
    request
}
