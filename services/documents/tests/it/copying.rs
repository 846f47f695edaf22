use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use documents::{
    flows::{
        copy_neighbours::{self, Copied},
        issue_certificate,
    },
    jobs::copier,
    neighbours::Neighbours,
};
use futures::{
    future::BoxFuture,
    stream::{self, BoxStream},
};
use proto::lyceum::{
    courses::v1::{ExportRunsRequest, ExportedRun},
    users::v1::{ExportProfilesRequest, ExportedProfile},
};
use testkit::{Database, FixedClock, Fleet, serve};
use tonic::{
    Request, Response, Status,
    body::Body,
    server::{Grpc, NamedService, ServerStreamingService},
    service::Routes,
};
use tonic_prost::ProstCodec;
use uuid::Uuid;
use values::{Clock, Id, Language, SystemClock};

use crate::helpers::app;

/// What the neighbours know; profiles break off after some of them, if told to.
#[derive(Clone, Default)]
struct Known {
    profiles: Vec<ExportedProfile>,
    runs: Vec<ExportedRun>,
    cuts: Arc<Mutex<Vec<usize>>>,
}

#[derive(Clone)]
struct Users(Known);

#[derive(Clone)]
struct Courses(Known);

type Answer<T> = BoxFuture<'static, Result<Response<BoxStream<'static, Result<T, Status>>>, Status>>;

/// A service with one method that streams.
macro_rules! neighbour {
    ($server:ident, $name:literal, $method:literal, $request:ty, $answer:ty) => {
        impl NamedService for $server {
            const NAME: &'static str = $name;
        }

        impl tower::Service<http::Request<Body>> for $server {
            type Response = http::Response<Body>;
            type Error = Infallible;
            type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: http::Request<Body>) -> Self::Future {
                assert_eq!(request.uri().path(), concat!("/", $name, "/", $method));
                let server = self.clone();
                Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).server_streaming(server, request).await) })
            }
        }

        impl ServerStreamingService<$request> for $server {
            type Response = $answer;
            type ResponseStream = BoxStream<'static, Result<$answer, Status>>;
            type Future = Answer<$answer>;

            fn call(&mut self, request: Request<$request>) -> Self::Future {
                let answer = self.answer(request.into_inner());
                Box::pin(async move {
                    let stream: Self::ResponseStream = Box::pin(stream::iter(answer));
                    Ok(Response::new(stream))
                })
            }
        }
    };
}

neighbour!(Users, "lyceum.users.v1.UserService", "ExportProfiles", ExportProfilesRequest, ExportedProfile);
neighbour!(Courses, "lyceum.courses.v1.EnrolmentService", "ExportRuns", ExportRunsRequest, ExportedRun);

impl Users {
    fn answer(&self, request: ExportProfilesRequest) -> Vec<Result<ExportedProfile, Status>> {
        let left = self.0.profiles.iter().filter(|profile| profile.user_id > request.after_user_id).cloned().map(Ok);
        match self.0.cuts.lock().unwrap().pop() {
            Some(cut) => left.take(cut).chain([Err(Status::unavailable("restarted"))]).collect(),
            None => left.collect(),
        }
    }
}

impl Courses {
    fn answer(&self, _: ExportRunsRequest) -> Vec<Result<ExportedRun, Status>> {
        self.0.runs.iter().cloned().map(Ok).collect()
    }
}

fn person(user: Uuid, version: i64) -> ExportedProfile {
    ExportedProfile {
        user_id: user.to_string(),
        display_name: Some("Anna Petrova".to_owned()),
        email: Some("anna@example.org".to_owned()),
        language: "ru".to_owned(),
        version,
        ..ExportedProfile::default()
    }
}

fn nobody(user: Uuid, version: i64) -> ExportedProfile {
    ExportedProfile { user_id: user.to_string(), version, erased: true, ..ExportedProfile::default() }
}

fn run(run: Uuid, aggregate_version: i64) -> ExportedRun {
    ExportedRun {
        run_id: run.to_string(),
        title: "Rust for Beginners".to_owned(),
        language: "en".to_owned(),
        aggregate_version,
        ..ExportedRun::default()
    }
}

/// A service without copies.
struct Empty {
    db: Database,
    app: Arc<documents::App>,
    fleet: Fleet,
}

impl Empty {
    async fn new() -> Self {
        let clock = FixedClock::at(SystemClock.now());
        let db = Database::new(&documents::app::migrations()).await;
        let papers = documents::config::Papers { asked: "identity".parse().unwrap(), system: None };
        Self { app: app(&db, &clock, papers), db, fleet: Fleet::new(clock.shared()) }
    }

    /// The door is guarded: only a service with its own key comes in.
    async fn neighbours(&self, mut known: Known) -> (testkit::Served, Neighbours) {
        known.profiles.sort_by(|left, right| left.user_id.cmp(&right.user_id));
        let routes = Routes::new(Users(known.clone())).add_service(Courses(known));
        let door = serve(routes, self.fleet.layer()).await;
        let neighbours = Neighbours { users: door.to(self.fleet.service()), courses: door.to(self.fleet.service()) };
        (door, neighbours)
    }

    async fn copy(&self, known: Known) -> anyhow::Result<Copied> {
        let (_door, neighbours) = self.neighbours(known).await;
        copy_neighbours::run(&self.app, &neighbours).await
    }

    async fn count(&self, query: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(query.to_owned())).fetch_one(&self.db.pool).await.unwrap()
    }
}

#[tokio::test]
async fn names_and_titles_that_were_lost_are_copied_from_their_owners() {
    let empty = Empty::new().await;
    let profiles = vec![person(Uuid::new_v4(), 3), nobody(Uuid::new_v4(), 7)];
    let erased = profiles[1].user_id.clone();
    let known = Known { profiles, runs: vec![run(Uuid::new_v4(), 4)], ..Known::default() };
    let (_door, neighbours) = empty.neighbours(known).await;
    copier::copy(Arc::clone(&empty.app), neighbours).await;
    let holders = "select count(*) from holders where";
    assert_eq!(empty.count(&format!("{holders} name = 'Anna Petrova' and language = 'ru' and version = 3")).await, 1);
    assert_eq!(empty.count(&format!("{holders} erased_at is not null and name = '' and version = 7")).await, 1);
    let runs = "select count(*) from runs where title = 'Rust for Beginners' and language = 'en' and version = 4";
    assert_eq!(empty.count(runs).await, 1);
    // A database from a backup learns of whole erasures.
    for everywhere in ["erased_owners where owner_id::text", "tutors where erased_at is not null and tutor_id::text"] {
        assert_eq!(empty.count(&format!("select count(*) from {everywhere} = '{erased}'")).await, 1);
    }
    // Now that there are copies, nobody asks again by itself.
    let (_door, neighbours) = empty.neighbours(Known { runs: vec![run(Uuid::new_v4(), 1)], ..Known::default() }).await;
    copier::copy(Arc::clone(&empty.app), neighbours).await;
    assert_eq!(empty.count("select count(*) from runs").await, 1);
}

#[tokio::test]
async fn profiles_that_are_cut_off_go_on_where_they_were() {
    let empty = Empty::new().await;
    let profiles = (0..25).map(|_| person(Uuid::new_v4(), 1)).collect();
    let known = Known { profiles, cuts: Arc::new(Mutex::new(vec![4, 10])), ..Known::default() };
    assert_eq!(empty.copy(known).await.unwrap(), Copied { profiles: 25, runs: 0 });
    assert_eq!(empty.count("select count(*) from holders").await, 25);
}

#[tokio::test]
async fn profiles_that_do_not_move_on_are_given_up() {
    let empty = Empty::new().await;
    let profiles = vec![person(Uuid::new_v4(), 1)];
    assert!(empty.copy(Known { profiles, cuts: Arc::new(Mutex::new(vec![0])), ..Known::default() }).await.is_err());
}

#[tokio::test]
async fn a_copy_undoes_nothing_that_events_have_told_since() {
    let empty = Empty::new().await;
    let (user, erased, run_id) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    let mut conn = empty.db.pool.acquire().await.unwrap();
    let (now, english) = (SystemClock.now(), Language::English);
    issue_certificate::keep_holder(&mut conn, Id::from_uuid(user), "Anna Sidorova", english, 4).await.unwrap();
    issue_certificate::erase_holder(&mut conn, Id::from_uuid(erased), 2, now).await.unwrap();
    issue_certificate::keep_run(&mut conn, Id::from_uuid(run_id), "Rust", "en", 5).await.unwrap();
    let profiles = vec![person(user, 3), person(erased, 9)];
    empty.copy(Known { profiles, runs: vec![run(run_id, 4)], ..Known::default() }).await.unwrap();
    assert_eq!(empty.count("select count(*) from holders where name = 'Anna Sidorova' and version = 4").await, 1);
    assert_eq!(empty.count("select count(*) from holders where name = 'Anna Petrova'").await, 0);
    assert_eq!(empty.count("select count(*) from runs where title = 'Rust' and version = 5").await, 1);
}
