//! A tutor's papers and the permission to teach.

use bus::{Consume, Event, Relay};
use proto::lyceum::{
    events::v1::{Envelope, TutorVerificationEnded, TutorVerified},
    users::v1::{EraseUserRequest, GetMeRequest, SessionTokens},
};
use service::Service;
use testkit::{Broker, eventually};
use time::macros::datetime;
use tokio_util::sync::CancellationToken;
use users::{app::Users, domain::role::Role, hear};
use uuid::Uuid;
use values::Clock;

use crate::helpers::{PASSWORD, Person, School};

const TEACH: &str = "lessons.teach";

async fn verified(school: &School, tutor: &str, valid_until: &str, version: i64) {
    let conn = &mut *school.db.pool.acquire().await.unwrap();
    let envelope = Envelope { aggregate_version: version, ..Envelope::default() };
    let event = TutorVerified { tutor_id: tutor.to_owned(), valid_until: valid_until.to_owned() };
    hear::on_tutor_verified(conn, &envelope, event).await.unwrap();
}

async fn ended(school: &School, tutor: &str, version: i64) {
    let conn = &mut *school.db.pool.acquire().await.unwrap();
    let envelope = Envelope { aggregate_version: version, ..Envelope::default() };
    let event = TutorVerificationEnded { tutor_id: tutor.to_owned(), reason: "REVOKED".to_owned() };
    hear::on_tutor_verification_ended(conn, &envelope, event).await.unwrap();
}

/// Whether a fresh token lets somebody teach, which is also what they are told.
async fn teaches(school: &School, person: &Person) -> bool {
    let tokens = school.sign_in(person).await;
    let me = school.users_of(&tokens).get_me(GetMeRequest {}).await.unwrap().into_inner();
    let told = me.permissions.iter().any(|permission| permission == TEACH);
    let granted = permissions(school, &tokens);
    assert_eq!(granted.iter().any(|permission| permission == TEACH), told);
    told
}

fn permissions(school: &School, tokens: &SessionTokens) -> Vec<String> {
    let claims = tokens.access_token.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert!(claims["exp"].as_i64().unwrap() > school.clock.now().unix_timestamp());
    claims["scope"].as_str().unwrap_or_default().split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn a_tutor_teaches_while_the_papers_are_believed() {
    let school = School::open().await;
    let tutor = school.staff("tutor", &[Role::Tutor]).await;
    assert!(!teaches(&school, &tutor).await, "the role alone is not enough");
    verified(&school, &tutor.id, "2026-03-05", 1).await;
    assert!(teaches(&school, &tutor).await);
    // 23:30 of the last day in Moscow, and half an hour later.
    school.clock.set(datetime!(2026-03-05 20:30 UTC));
    assert!(teaches(&school, &tutor).await);
    school.clock.set(datetime!(2026-03-05 21:00 UTC));
    assert!(!teaches(&school, &tutor).await, "nobody has to announce that a day is over");
    verified(&school, &tutor.id, "", 2).await;
    assert!(teaches(&school, &tutor).await, "for ever");
    ended(&school, &tutor.id, 3).await;
    assert!(!teaches(&school, &tutor).await);
}

#[tokio::test]
async fn what_was_announced_earlier_does_not_undo_what_came_later() {
    let school = School::open().await;
    let tutor = school.staff("tutor", &[Role::Tutor]).await;
    ended(&school, &tutor.id, 5).await;
    verified(&school, &tutor.id, "", 4).await;
    assert!(!teaches(&school, &tutor).await);
    verified(&school, &tutor.id, "", 5).await;
    assert!(!teaches(&school, &tutor).await, "the same version again");
    verified(&school, &tutor.id, "", 6).await;
    assert!(teaches(&school, &tutor).await);
}

#[tokio::test]
async fn nobody_else_teaches_whatever_their_roles_and_papers() {
    let school = School::open().await;
    for (name, role) in [("root", Role::Admin), ("boss", Role::Manager), ("anna", Role::Learner)] {
        let person = school.staff(name, &[role]).await;
        verified(&school, &person.id, "", 1).await;
        assert!(!teaches(&school, &person).await, "{name}");
    }
}

#[tokio::test]
async fn an_open_session_learns_of_it_at_its_next_token() {
    let school = School::open().await;
    let tutor = school.staff("tutor", &[Role::Tutor]).await;
    verified(&school, &tutor.id, "", 1).await;
    let tokens = school.sign_in(&tutor).await;
    ended(&school, &tutor.id, 2).await;
    assert!(permissions(&school, &tokens).contains(&TEACH.to_owned()), "a token says what it says for ten minutes");
    let request = proto::lyceum::users::v1::RefreshSessionRequest { refresh_token: tokens.refresh_token.clone() };
    let next = school.auth().refresh_session(request).await.unwrap().into_inner();
    assert!(!permissions(&school, &next).contains(&TEACH.to_owned()));
}

#[tokio::test]
async fn an_erased_person_leaves_no_verification_and_gets_none() {
    let school = School::open().await;
    let tutor = school.staff("tutor", &[Role::Tutor]).await;
    verified(&school, &tutor.id, "", 1).await;
    let tokens = school.sign_in(&tutor).await;
    let request = EraseUserRequest { user_id: tutor.id.clone(), password: PASSWORD.to_owned() };
    school.users_of(&tokens).erase_user(request).await.unwrap();
    verified(&school, &tutor.id, "", 2).await;
    verified(&school, &Uuid::new_v4().to_string(), "", 1).await;
    let kept: i64 =
        sqlx::query_scalar("select count(*) from tutor_verifications").fetch_one(&school.db.pool).await.unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn the_events_are_heard_from_the_broker() {
    let school = School::open().await;
    let tutor = school.staff("tutor", &[Role::Tutor]).await;
    let broker = Broker::new().await;
    let amqp: bus::Amqp = broker.url.parse().unwrap();
    Users::consumer(&school.app, amqp.clone()).declare().await.unwrap();
    let conn = &mut *school.db.pool.acquire().await.unwrap();
    let event = TutorVerified { tutor_id: tutor.id.clone(), valid_until: String::new() };
    let event = Event::new(&event, "tutor", tutor.id.parse().unwrap(), 1);
    bus::announce(conn, event, bus::By { actor: "service:documents", now: school.clock.now() }).await.unwrap();
    let stop = CancellationToken::new();
    let relay = Relay::new(school.db.pool.clone(), amqp.clone(), school.app.clock.clone()).run(stop.clone());
    let consumer = Users::consumer(&school.app, amqp).run(stop.clone());
    let heard = async {
        let query = "select count(*) from tutor_verifications where believed_until is not null";
        eventually("the event is heard", std::time::Duration::from_secs(20), async || {
            let kept: i64 = sqlx::query_scalar(query).fetch_one(&school.db.pool).await.unwrap();
            (kept == 1).then_some(())
        })
        .await;
        stop.cancel();
    };
    tokio::join!(relay, consumer, heard);
    assert!(teaches(&school, &tutor).await);
    assert_eq!(<Users as Service>::NAME, "users", "the queue is named after it");
}
