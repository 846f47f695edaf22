//! From a finished course to the PDF, its check, and its end.

use std::{sync::Arc, time::Duration};

use bus::{Consume, Event, Relay};
use documents::{
    App,
    app::Documents,
    domain::certificate::{Completion, LEASE},
    flows::{issue_certificate, measure, print_certificate},
    jobs::printer,
    store::certificates,
};
use proto::lyceum::documents::v1::{
    Certificate, CertificateCheck, CheckCertificateRequest, CreateCertificateLinkRequest, ExportCertificatesRequest,
    GetCertificateRequest, ListCertificatesRequest, ListMyCertificatesRequest, ReissueCertificateRequest,
    RevokeCertificateRequest, certificate::State, certificate_service_client::CertificateServiceClient,
};
use proto::lyceum::events::v1::{
    CertificateIssued, CertificateRevoked, CourseCompleted, ProfileChanged, RunPublished, UserErased,
};
use service::Service;
use testkit::{Broker, FixedClock, Fleet, Served, eventually};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};
use uuid::Uuid;
use values::{Clock, Id, Language};

use crate::helpers;

/// The longest that a test waits for something that should be quick.
const SOON: Duration = Duration::from_secs(15);

/// A school, and a broker between it and its neighbours.
struct World {
    app: Arc<App>,
    clock: FixedClock,
    fleet: Fleet,
    broker: Broker,
    _school: helpers::World,
}

impl World {
    async fn new() -> Self {
        let school = helpers::World::new().await;
        let (app, clock) = (Arc::clone(&school.app), school.clock.clone());
        Self { app, fleet: Fleet::new(clock.shared()), clock, broker: Broker::new().await, _school: school }
    }

    /// Starts the consumer, and a relay for what neighbours announce. Dropping it is a `kill -9`.
    fn hear(&self) -> JoinSet<()> {
        let amqp: bus::Amqp = self.broker.url.parse().unwrap();
        let mut running = JoinSet::new();
        let stop = CancellationToken::new();
        running.spawn(Relay::new(self.app.db.clone(), amqp.clone(), self.clock.shared()).run(stop.clone()));
        running.spawn(Documents::consumer(&self.app, amqp).run(stop));
        running
    }

    async fn announce(&self, event: Event) {
        let mut transaction = self.app.db.begin().await.unwrap();
        bus::announce(&mut transaction, event, bus::By { actor: "service:test", now: self.clock.now() }).await.unwrap();
        transaction.commit().await.unwrap();
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.app.db).await.unwrap()
    }

    async fn expect_count(&self, sql: &'static str, expected: i64) {
        eventually(sql, SOON, async || (self.count(sql).await == expected).then_some(())).await;
    }

    /// Waits until everything that was announced had its effect here.
    async fn expect_heard(&self, events: i64) {
        self.expect_count("select count(*) from inbox", events).await;
    }
}

/// A learner who finished a course.
#[derive(Clone, Copy)]
struct Learner {
    user: Uuid,
    run: Uuid,
    enrolment: Uuid,
}

impl Learner {
    fn new() -> Self {
        Self { user: Uuid::new_v4(), run: Uuid::new_v4(), enrolment: Uuid::new_v4() }
    }

    fn profile(self, name: &str, version: i64) -> Event {
        let profile = ProfileChanged {
            user_id: self.user.to_string(),
            display_name: name.to_owned(),
            email: "anna@example.org".to_owned(),
            email_confirmed: true,
            language: "en".to_owned(),
            time_zone: "Europe/Moscow".to_owned(),
        };
        Event::new(&profile, "user", self.user, version).personal()
    }

    fn published(self) -> Event {
        let published = RunPublished {
            course_id: Uuid::from_u128(7).to_string(),
            run_id: self.run.to_string(),
            version: 3,
            title: "Ржавчина для начинающих".to_owned(),
            language: "ru".to_owned(),
            lessons: Vec::new(),
        };
        Event::new(&published, "run", self.run, 1)
    }

    fn completed(self, world: &World) -> Event {
        let completed = CourseCompleted {
            enrolment_id: self.enrolment.to_string(),
            learner_id: self.user.to_string(),
            course_id: Uuid::from_u128(7).to_string(),
            run_id: self.run.to_string(),
            version: 3,
            completed_at: Some(world.clock.now().into()),
        };
        Event::new(&completed, "enrolment", self.enrolment, 9)
    }

    fn erased(self) -> Event {
        Event::new(&UserErased { user_id: self.user.to_string() }, "user", self.user, 9)
    }
}

/// The door, and who comes to it.
struct Door<'a> {
    world: &'a World,
    served: Served,
}

impl<'a> Door<'a> {
    async fn open(world: &'a World) -> Self {
        Self { world, served: testkit::serve(Documents::routes(&world.app), world.fleet.layer()).await }
    }

    fn learner(&self, user: Uuid) -> CertificateServiceClient<auth::Channel> {
        CertificateServiceClient::new(self.served.to(self.world.fleet.person(user, &[])))
    }

    fn manager(&self) -> CertificateServiceClient<auth::Channel> {
        // One person: an idempotency key is its caller's own.
        let manager = self.world.fleet.person(Uuid::from_u128(42), &["certificates.manage"]);
        CertificateServiceClient::new(self.served.to(manager))
    }

    async fn mine(&self, user: Uuid) -> Vec<Certificate> {
        let listed = self.learner(user).list_my_certificates(ListMyCertificatesRequest::default()).await;
        listed.unwrap().into_inner().certificates
    }

    async fn check(&self, number: &str) -> Result<CertificateCheck, Status> {
        let visitor = self.served.to(self.world.fleet.visitor());
        let request = CheckCertificateRequest { number: number.to_owned() };
        Ok(CertificateServiceClient::new(visitor).check_certificate(request).await?.into_inner())
    }

    async fn reissue(&self, id: &str, name: &str, key: &str) -> Result<Certificate, Status> {
        let message = ReissueCertificateRequest {
            certificate_id: id.to_owned(),
            holder_name: (!name.is_empty()).then(|| name.to_owned()),
            language: None,
        };
        let mut request = Request::new(message);
        request.metadata_mut().insert("idempotency-key", key.parse().unwrap());
        Ok(self.manager().reissue_certificate(request).await?.into_inner())
    }

    async fn link(&self, user: Uuid, id: &str) -> Result<String, Status> {
        let request = CreateCertificateLinkRequest { certificate_id: id.to_owned() };
        Ok(self.learner(user).create_certificate_link(request).await?.into_inner().url)
    }
}

/// Somebody who finished a course, with the certificate.
async fn certified(world: &World, door: &Door<'_>) -> (Learner, Certificate) {
    let learner = Learner::new();
    for event in [learner.profile("Anna Petrova", 1), learner.published(), learner.completed(world)] {
        world.announce(event).await;
    }
    let certificate = eventually("a certificate", SOON, async || door.mine(learner.user).await.pop()).await;
    (learner, certificate)
}

/// Makes the learner and the run known, without the bus.
async fn known(world: &World, learner: Learner) {
    let mut conn = world.app.db.acquire().await.unwrap();
    let (user, run) = (Id::from_uuid(learner.user), Id::from_uuid(learner.run));
    issue_certificate::keep_holder(&mut conn, user, "Anna Petrova", Language::English, 1).await.unwrap();
    issue_certificate::keep_run(&mut conn, run, "Rust", "en", 1).await.unwrap();
}

fn completion(learner: Learner, world: &World) -> Completion {
    Completion {
        enrolment: Id::from_uuid(learner.enrolment),
        learner: Id::from_uuid(learner.user),
        course: Id::from_uuid(Uuid::from_u128(7)),
        run: Id::from_uuid(learner.run),
        course_version: 3,
        completed_at: world.clock.now(),
    }
}

/// Somebody's certificate, without the bus.
async fn issued(world: &World) -> (Door<'_>, Certificate) {
    let (learner, door) = (Learner::new(), Door::open(world).await);
    known(world, learner).await;
    let mut conn = world.app.db.acquire().await.unwrap();
    issue_certificate::run(&world.app, &mut conn, &completion(learner, world)).await.unwrap();
    let certificate = door.mine(learner.user).await.remove(0);
    (door, certificate)
}

fn reason(status: &Status) -> String {
    rpc::Problem::from(status).reason
}

async fn announced<P: prost::Message + prost::Name + Default>(world: &World) -> Vec<P> {
    testkit::announced(&world.app.db).await.iter().filter_map(testkit::Recorded::decode).collect()
}

#[tokio::test]
async fn a_finished_course_is_certified_once_and_printed_at_once() {
    let world = World::new().await;
    let (door, _hearing) = (Door::open(&world).await, world.hear());
    let (learner, certificate) = certified(&world, &door).await;
    assert_eq!(certificate.state(), State::Issued);
    assert_eq!((certificate.holder_name.as_deref(), certificate.language.as_str()), (Some("Anna Petrova"), "ru"));
    assert_eq!(certificate.course_title, "Ржавчина для начинающих");
    assert!(certificate.check_url.ends_with(&format!("/certificates/{}", certificate.number)));
    let early = door.link(learner.user, &certificate.certificate_id).await.unwrap_err();
    assert_eq!(reason(&early), "CERTIFICATE_NOT_PRINTED");
    let stop = CancellationToken::new();
    let mut printing = JoinSet::new();
    printing.spawn(printer::print(Arc::clone(&world.app), stop.clone()));
    let url =
        eventually("a link", SOON, async || door.link(learner.user, &certificate.certificate_id).await.ok()).await;
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    assert!(answer.bytes().await.unwrap().starts_with(b"%PDF-"));
    // A name that changes later changes nothing that was certified.
    world.announce(learner.profile("Anna Sidorova", 2)).await;
    world.announce(learner.completed(&world)).await;
    world.expect_heard(5).await;
    let mine = door.mine(learner.user).await;
    assert_eq!(
        (mine.len(), mine[0].state(), mine[0].holder_name.as_deref()),
        (1, State::Printed, Some("Anna Petrova"))
    );
    stop.cancel();
    printing.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_completion_waits_for_the_name_and_the_title() {
    let world = World::new().await;
    let (door, _hearing) = (Door::open(&world).await, world.hear());
    let learner = Learner::new();
    world.announce(learner.completed(&world)).await;
    world.expect_count("select count(*) from outbox", 0).await;
    assert_eq!(world.count("select count(*) from certificates").await, 0);
    for event in [learner.profile("Anna Petrova", 1), learner.published()] {
        world.announce(event).await;
    }
    let certificate = eventually("a certificate", SOON, async || door.mine(learner.user).await.pop()).await;
    assert_eq!(certificate.enrolment_id, learner.enrolment.to_string());
}

#[tokio::test]
async fn two_that_issue_at_once_issue_one() {
    let world = World::new().await;
    let learner = Learner::new();
    known(&world, learner).await;
    let completion = completion(learner, &world);
    let racing = (0..8).map(|_| async {
        let mut transaction = world.app.db.begin().await.unwrap();
        issue_certificate::run(&world.app, &mut transaction, &completion).await.unwrap();
        transaction.commit().await.unwrap();
    });
    futures::future::join_all(racing).await;
    assert_eq!(world.count("select count(*) from certificates").await, 1);
    assert_eq!(announced::<CertificateIssued>(&world).await.len(), 1);
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_first_certificate_and_a_second_successor() {
    let world = World::new().await;
    let learner = Learner::new();
    known(&world, learner).await;
    let mut conn = world.app.db.acquire().await.unwrap();
    issue_certificate::run(&world.app, &mut conn, &completion(learner, &world)).await.unwrap();
    for (column, constraint) in
        [("null", "certificates_enrolment_key"), ("certificate_id", "certificates_predecessor_key")]
    {
        let again = format!(
            "insert into certificates (certificate_id, version, number, number_key, learner_id, holder_name, course_id,
                 run_id, enrolment_id, course_title, course_version, language, state, completed_at, issued_at, predecessor_id)
             select gen_random_uuid(), 1, 'x', gen_random_uuid()::text, learner_id, holder_name, course_id, run_id,
                 enrolment_id, course_title, course_version, language, state, completed_at, issued_at, {column}
             from certificates, generate_series(1, 2) where certificates.predecessor_id is null"
        );
        let refused = sqlx::query(sqlx::AssertSqlSafe(again)).execute(&mut *conn).await.unwrap_err();
        assert!(pg::violated(&refused, constraint), "{refused}");
    }
}

#[tokio::test]
async fn a_certificate_is_checked_by_its_number_however_it_is_typed() {
    let world = World::new().await;
    let (door, certificate) = issued(&world).await;
    let typed = certificate.number.to_lowercase().replace('-', " ");
    let check = door.check(&typed).await.unwrap();
    assert!(check.valid);
    assert_eq!((check.number, check.holder_name), (certificate.number.clone(), Some("Anna Petrova".to_owned())));
    let last = certificate.number.chars().last().unwrap();
    let mistyped = format!("{}{}", &certificate.number[..17], if last == '7' { '8' } else { '7' });
    // The database is not asked: it is not even there.
    world.app.db.close().await;
    assert_eq!(reason(&door.check(&mistyped).await.unwrap_err()), "CERTIFICATE_NUMBER_MISTYPED");
    assert_eq!(reason(&door.check("nonsense").await.unwrap_err()), "CERTIFICATE_NUMBER_MISTYPED");
    assert_eq!(door.check(&certificate.number).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_number_that_was_not_given_out_is_not_found() {
    let world = World::new().await;
    let (door, _) = issued(&world).await;
    let other = documents::domain::number::Number::of(&world.app.certificates.prefix, 2026, Uuid::new_v4());
    assert_eq!(reason(&door.check(other.as_str()).await.unwrap_err()), "CERTIFICATE_NOT_FOUND");
}

#[tokio::test]
async fn a_revoked_certificate_is_void_and_revoking_it_again_changes_nothing() {
    let world = World::new().await;
    let (door, certificate) = issued(&world).await;
    let id = certificate.certificate_id.clone();
    for _ in 0..2 {
        let request = RevokeCertificateRequest { certificate_id: id.clone(), reason: "FRAUD".to_owned() };
        let revoked = door.manager().revoke_certificate(request).await.unwrap().into_inner();
        assert_eq!((revoked.state(), revoked.revoked_reason.as_deref()), (State::Revoked, Some("FRAUD")));
    }
    assert_eq!(announced::<CertificateRevoked>(&world).await.len(), 1);
    assert!(!door.check(&certificate.number).await.unwrap().valid);
    assert!(!print_certificate::run(&world.app).await.unwrap(), "what is void is not printed");
    let request = RevokeCertificateRequest { certificate_id: id, reason: "REISSUED".to_owned() };
    assert_eq!(door.manager().revoke_certificate(request).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_reissue_links_both_and_the_same_key_gives_the_same_one() {
    let world = World::new().await;
    let (door, first) = issued(&world).await;
    let second = door.reissue(&first.certificate_id, "Анна Петрова", "reissue-1").await.unwrap();
    let replay = door.reissue(&first.certificate_id, "Анна Петрова", "reissue-1").await.unwrap();
    assert_eq!(second.certificate_id, replay.certificate_id);
    assert_eq!(
        (second.predecessor_id.as_deref(), second.holder_name.as_deref()),
        (Some(first.certificate_id.as_str()), Some("Анна Петрова"))
    );
    assert_ne!(second.number, first.number);
    let old = door.check(&first.number).await.unwrap();
    assert_eq!((old.valid, old.successor_number), (false, Some(second.number.clone())));
    assert_eq!(door.check(&second.number).await.unwrap().predecessor_number, Some(first.number.clone()));
    let again = door.reissue(&first.certificate_id, "", "reissue-2").await.unwrap_err();
    assert_eq!(reason(&again), "CERTIFICATE_REPLACED");
    let revoked = announced::<CertificateRevoked>(&world).await;
    assert_eq!((revoked.len(), revoked[0].successor_id.as_str()), (1, second.certificate_id.as_str()));
    assert_eq!(announced::<CertificateIssued>(&world).await.len(), 2);
}

#[tokio::test]
async fn two_that_reissue_at_once_make_one_successor() {
    let world = World::new().await;
    let (door, first) = issued(&world).await;
    let keys: Vec<String> = (0..6).map(|at| format!("reissue-race-{at}")).collect();
    let racing = keys.iter().map(|key| door.reissue(&first.certificate_id, "", key));
    let answers = futures::future::join_all(racing).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(
        answers.iter().filter_map(|answer| answer.as_ref().err()).all(|error| reason(error) == "CERTIFICATE_REPLACED")
    );
    assert_eq!(world.count("select count(*) from certificates where state = 'issued'").await, 1);
}

#[tokio::test]
async fn a_printer_that_dies_is_followed_by_another_that_prints_the_same() {
    let world = World::new().await;
    let (_, certificate) = issued(&world).await;
    let mut conn = world.app.db.acquire().await.unwrap();
    let now = world.clock.now();
    // Claimed by one that dies.
    let claimed = certificates::claim(&mut conn, now + LEASE, now).await.unwrap();
    assert_eq!(claimed.unwrap().0.id.to_string(), certificate.certificate_id);
    drop(conn);
    assert!(!print_certificate::run(&world.app).await.unwrap());
    world.clock.advance(LEASE.try_into().unwrap());
    assert!(print_certificate::run(&world.app).await.unwrap());
    assert_eq!(world.count("select count(*) from certificates where state = 'printed' and print_at is null").await, 1);
}

#[tokio::test]
async fn an_erased_person_leaves_a_valid_certificate_without_a_name_or_a_pdf() {
    let world = World::new().await;
    let (door, _hearing) = (Door::open(&world).await, world.hear());
    let (learner, certificate) = certified(&world, &door).await;
    assert!(print_certificate::run(&world.app).await.unwrap());
    let url = door.link(learner.user, &certificate.certificate_id).await.unwrap();
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 200);
    world.announce(learner.erased()).await;
    world.expect_count("select count(*) from certificates where holder_name = '' and unprint_at is not null", 1).await;
    print_certificate::unprint(&world.app).await.unwrap();
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 404);
    let check = door.check(&certificate.number).await.unwrap();
    assert_eq!((check.valid, check.holder_name), (true, None));
    let refused = door.link(learner.user, &certificate.certificate_id).await.unwrap_err();
    assert_eq!(reason(&refused), "CERTIFICATE_ERASED");
    let refused = door.reissue(&certificate.certificate_id, "Anna", "reissue-1").await.unwrap_err();
    assert_eq!(reason(&refused), "CERTIFICATE_ERASED");
    // Another course that they finished before is heard of afterwards.
    let late = Learner { enrolment: Uuid::new_v4(), ..learner };
    world.announce(late.profile("Anna Petrova", 99)).await;
    world.announce(late.completed(&world)).await;
    world.expect_heard(6).await;
    assert_eq!(world.count("select count(*) from certificates").await, 1);
}

#[tokio::test]
async fn a_pdf_that_was_being_made_during_an_erasure_is_deleted_after_its_printer_must_be_done() {
    let world = World::new().await;
    let (_, certificate) = issued(&world).await;
    let mut conn = world.app.db.acquire().await.unwrap();
    let (learner, now) = (certificate.learner_id.parse().unwrap(), world.clock.now());
    issue_certificate::erase_holder(&mut conn, learner, 9, now).await.unwrap();
    assert!(certificates::to_unprint(&mut conn, now, 9).await.unwrap().is_empty());
    assert_eq!(certificates::to_unprint(&mut conn, now + LEASE, 9).await.unwrap().len(), 1);
    assert!(!certificates::printed(&mut conn, certificate.certificate_id.parse().unwrap()).await.unwrap());
}

#[tokio::test]
async fn certificates_are_their_holders_own_and_the_managers() {
    let world = World::new().await;
    let (door, certificate) = issued(&world).await;
    let get = |mut client: CertificateServiceClient<auth::Channel>| {
        let request = GetCertificateRequest { certificate_id: certificate.certificate_id.clone() };
        async move { client.get_certificate(request).await }
    };
    let holder = certificate.learner_id.parse().unwrap();
    assert!(get(door.learner(holder)).await.is_ok());
    assert!(get(door.manager()).await.is_ok());
    assert_eq!(reason(&get(door.learner(Uuid::new_v4())).await.unwrap_err()), "CERTIFICATE_NOT_FOUND");
    assert!(door.mine(Uuid::new_v4()).await.is_empty());
    let wanted = ListCertificatesRequest { learner_id: Some(certificate.learner_id.clone()), ..Default::default() };
    let listed = door.manager().list_certificates(wanted.clone()).await.unwrap().into_inner();
    assert_eq!(listed.certificates.len(), 1);
    let refused = door.learner(holder).list_certificates(wanted).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn certificates_are_exported_without_names() {
    let world = World::new().await;
    let (door, first) = issued(&world).await;
    // Ids grow with time, not within one instant.
    world.clock.advance(time::Duration::SECOND);
    let second = door.reissue(&first.certificate_id, "", "reissue-1").await.unwrap();
    let service = door.served.to(world.fleet.service());
    let stream = CertificateServiceClient::new(service).export_certificates(ExportCertificatesRequest::default()).await;
    let mut stream = stream.unwrap().into_inner();
    let mut exported = Vec::new();
    while let Some(one) = stream.message().await.unwrap() {
        exported.push((one.certificate_id, one.valid, one.predecessor_id));
    }
    let expected =
        [(first.certificate_id.clone(), false, None), (second.certificate_id, true, Some(first.certificate_id))];
    assert_eq!(exported, expected);
}

#[tokio::test]
async fn a_certificate_without_a_pdf_is_counted_until_it_has_one() {
    let world = World::new().await;
    let _issued = issued(&world).await;
    let unprinted = async || {
        measure::run(&world.app).await.unwrap();
        let mut conn = world.app.db.acquire().await.unwrap();
        certificates::unprinted_yet(&mut conn).await.unwrap()
    };
    let (count, since) = unprinted().await;
    assert!(count == 1 && since.is_some());
    assert!(print_certificate::run(&world.app).await.unwrap());
    assert_eq!(unprinted().await, (0, None));
}
