//! A school with tutors who hand papers in and reviewers who read them, in a few words.

use std::{sync::Arc, time::Duration};

use auth::Channel;
use documents::{
    App,
    config::{Papers, Patience},
    document_system::{Line, Listener},
    flows::ask_system,
    jobs,
};
use proto::lyceum::documents::v1::{
    ApproveCaseRequest, GetMyTutorStatusRequest, GetVerificationCaseRequest, PaperKind, RejectCaseRequest,
    RevokeVerificationRequest, SubmitPaperRequest, TutorStatus, VerificationCase,
    tutor_paper_service_client::TutorPaperServiceClient, verification_case::State,
    verification_service_client::VerificationServiceClient,
};
use testkit::{Broker, Database, FixedClock, Fleet, Recorded, Served};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::helpers::app;

pub const REVIEW: &[&str] = &["verifications.review"];

/// Long enough for anything that has to happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Everything that a test needs.
pub struct Desk {
    pub clock: FixedClock,
    pub db: Database,
    pub app: Arc<App>,
    fleet: Fleet,
    door: Served,
}

impl Desk {
    /// A school without a Document System.
    pub async fn new() -> Self {
        Self::with(Papers { asked: "identity,education".parse().unwrap(), system: None }).await
    }

    /// A school that asks the Document System three times, an hour apart.
    pub async fn with_system() -> Self {
        let system = Some(Patience { each: time::Duration::HOUR, times: 3 });
        Self::with(Papers { asked: "identity".parse().unwrap(), system }).await
    }

    pub async fn with(papers: Papers) -> Self {
        let clock = FixedClock::default();
        let db = Database::new(&documents::app::migrations()).await;
        let fleet = Fleet::new(clock.shared());
        let app = app(&db, &clock, papers);
        let door = testkit::serve(documents::grpc::routes(Arc::clone(&app)), fleet.layer()).await;
        Self { clock, db, app, fleet, door }
    }

    /// The same school after it decided otherwise about papers.
    pub fn decided(&self, papers: Papers) -> Arc<App> {
        app(&self.db, &self.clock, papers)
    }

    fn as_person(&self, user: Uuid, permissions: &[&str]) -> Channel {
        self.door.to(self.fleet.person(user, permissions))
    }

    pub fn papers_of(&self, tutor: Uuid) -> TutorPaperServiceClient<Channel> {
        TutorPaperServiceClient::new(self.as_person(tutor, &[]))
    }

    pub fn reviewing(&self, reviewer: Uuid) -> VerificationServiceClient<Channel> {
        VerificationServiceClient::new(self.as_person(reviewer, REVIEW))
    }

    pub fn reviewing_without_permission(&self, user: Uuid) -> VerificationServiceClient<Channel> {
        VerificationServiceClient::new(self.as_person(user, &[]))
    }

    pub fn exports(&self) -> VerificationServiceClient<Channel> {
        VerificationServiceClient::new(self.door.to(self.fleet.service()))
    }

    /// A file that was uploaded before.
    pub async fn file(&self, owner: Uuid, kind: &str) -> String {
        let id = Uuid::new_v4();
        sqlx::query(
            "insert into files (file_id, owner_id, kind, name, content_type, size_bytes, sha256, created_at)
             values ($1, $2, $3, 'passport.pdf', 'application/pdf', 1000, sha256('a'::bytea), now())",
        )
        .bind(id)
        .bind(owner)
        .bind(kind)
        .execute(&self.db.pool)
        .await
        .unwrap();
        id.to_string()
    }

    pub async fn submission(&self, tutor: Uuid, kind: PaperKind, valid_until: &str) -> SubmitPaperRequest {
        let file_ids = vec![self.file(tutor, "paper").await];
        SubmitPaperRequest {
            kind: kind.into(),
            file_ids,
            valid_until: (!valid_until.is_empty()).then(|| valid_until.to_owned()),
        }
    }

    pub async fn try_submit(&self, tutor: Uuid, kind: PaperKind, until: &str) -> Result<VerificationCase, Status> {
        // Ids sort by time, as they do where it passes.
        self.clock.advance(time::Duration::MILLISECOND);
        let request = self.submission(tutor, kind, until).await;
        self.papers_of(tutor).submit_paper(request).await.map(Response::into_inner)
    }

    pub async fn submit(&self, tutor: Uuid, kind: PaperKind, until: &str) -> VerificationCase {
        self.try_submit(tutor, kind, until).await.unwrap()
    }

    pub async fn approve(&self, by: Uuid, case: &VerificationCase, until: &str) -> Result<VerificationCase, Status> {
        let request = ApproveCaseRequest { case_id: case.case_id.clone(), valid_until: until.to_owned() };
        self.reviewing(by).approve_case(request).await.map(Response::into_inner)
    }

    pub async fn reject(&self, by: Uuid, case: &VerificationCase, reason: &str) -> Result<VerificationCase, Status> {
        let (reason, comment) = (reason.to_owned(), "Не видно даты".to_owned());
        let request = RejectCaseRequest { case_id: case.case_id.clone(), reason, comment };
        self.reviewing(by).reject_case(request).await.map(Response::into_inner)
    }

    pub async fn revoke(&self, by: Uuid, case: &VerificationCase, reason: &str) -> Result<VerificationCase, Status> {
        let (reason, comment) = (reason.to_owned(), String::new());
        let request = RevokeVerificationRequest { case_id: case.case_id.clone(), reason, comment };
        self.reviewing(by).revoke_verification(request).await.map(Response::into_inner)
    }

    /// A paper that two people have verified.
    pub async fn verified(&self, tutor: Uuid, kind: PaperKind, until: &str) -> VerificationCase {
        let case = self.submit(tutor, kind, until).await;
        self.approve(Uuid::new_v4(), &case, until).await.unwrap();
        let case = self.approve(Uuid::new_v4(), &case, until).await.unwrap();
        assert_eq!(case.state(), State::Verified);
        case
    }

    pub async fn look(&self, case: &VerificationCase) -> VerificationCase {
        let request = GetVerificationCaseRequest { case_id: case.case_id.clone() };
        self.reviewing(Uuid::new_v4()).get_verification_case(request).await.unwrap().into_inner()
    }

    pub async fn status(&self, tutor: Uuid) -> TutorStatus {
        self.papers_of(tutor).get_my_tutor_status(GetMyTutorStatusRequest {}).await.unwrap().into_inner()
    }

    pub async fn announced(&self) -> Vec<Recorded> {
        testkit::announced(&self.db.pool).await
    }

    /// The short names of what was announced, in order.
    pub async fn event_names(&self) -> Vec<String> {
        let short = |event: Recorded| event.kind.rsplit('.').next().unwrap_or_default().to_owned();
        self.announced().await.into_iter().map(short).collect()
    }

    /// The clockwork's daily round.
    pub async fn day_passes(&self) {
        jobs::paper::expire_papers(&self.app).await.unwrap();
    }

    /// Sends what is due to the Document System.
    pub async fn ask(&self, broker: &Broker) {
        let line = Line::new(broker.url.parse().unwrap());
        ask_system::run(&self.app, &line).await.unwrap();
    }

    /// Hears the Document System while `work` goes on.
    pub async fn hearing<T>(&self, broker: &Broker, work: impl Future<Output = T>) -> T {
        let stop = CancellationToken::new();
        let listener = Listener::new(Arc::clone(&self.app), broker.url.parse().unwrap()).run(stop.clone());
        let work = async {
            let done = work.await;
            stop.cancel();
            done
        };
        tokio::join!(listener, work).1
    }
}

/// The public name of a refusal.
#[track_caller]
pub fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    rpc::Problem::from(&answer.unwrap_err()).reason
}

/// What happened to a case, in words.
pub fn history(case: &VerificationCase) -> Vec<&str> {
    case.history.iter().map(|entry| entry.what.as_str()).collect()
}

/// A request with its idempotency key.
pub fn keyed<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(rpc::IDEMPOTENCY_KEY, key.parse().unwrap());
    request
}
