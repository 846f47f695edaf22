//! Opening an account.

use futures::future::join_all;
use proto::lyceum::{
    events::v1::{CodeIssued, ProfileChanged, UserRegistered, code_issued},
    users::v1::{RegisterRequest, register_request::AcceptedDocument},
};
use rpc::Kind;
use testkit::announced;
use time::Duration;
use values::Clock;

use crate::helpers::{PASSWORD, School, from, invalid, keyed, refused, registration};

#[tokio::test]
async fn a_registration_is_announced_once_and_names_travel_only_on_the_personal_exchange() {
    let school = School::open().await;
    let request = RegisterRequest { email: " Anna@Example.COM ".into(), ..registration("") };
    let registered = school.auth().register(request).await.unwrap().into_inner();

    let profile = ProfileChanged {
        user_id: registered.user_id.clone(),
        display_name: "Anna".into(),
        email: "Anna@example.com".into(),
        email_confirmed: false,
        language: "ru".into(),
        time_zone: "Europe/Moscow".into(),
    };
    assert_eq!(school.events::<UserRegistered>().await, [UserRegistered { user_id: registered.user_id.clone() }]);
    assert_eq!(school.events::<ProfileChanged>().await, [profile]);
    let code = &school.events::<CodeIssued>().await[0];
    assert_eq!(code.purpose(), code_issued::Purpose::ConfirmEmail);
    assert_eq!(code.code.len(), 6);
    let expires_at = registered.code_expires_at.unwrap().to_time().unwrap();
    assert_eq!(expires_at, school.clock.now() + Duration::minutes(15));

    let events = announced(&school.db.pool).await;
    let personal: Vec<_> =
        events.iter().map(|event| (event.kind.rsplit('.').next().unwrap(), event.personal)).collect();
    assert_eq!(personal, [("UserRegistered", false), ("ProfileChanged", true), ("CodeIssued", true)]);
    assert!(events.iter().all(|event| event.aggregate_id.to_string() == registered.user_id));
    assert!(events.iter().all(|event| event.aggregate_version == 1));
}

#[tokio::test]
async fn neither_password_nor_code_is_kept_in_a_readable_form() {
    let school = School::open().await;
    let anna = school.register("anna").await;
    let code = school.code(&anna, code_issued::Purpose::ConfirmEmail).await;
    let (hash, fingerprint): (String, Vec<u8>) = sqlx::query_as(
        "select password_hash, fingerprint
         from credentials
         join codes using (user_id)",
    )
    .fetch_one(&school.db.pool)
    .await
    .unwrap();
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    assert!(!hash.contains(PASSWORD));
    assert_eq!(fingerprint.len(), 32);
    assert!(!fingerprint.windows(6).any(|bytes| bytes == code.as_bytes()));
}

#[tokio::test]
async fn every_mistake_of_a_registration_is_told_at_once() {
    let school = School::open().await;
    let consent =
        |document: &str, version: &str| AcceptedDocument { document: document.into(), version: version.into() };
    let request = RegisterRequest {
        email: "anna".into(),
        password: "short".into(),
        display_name: " ".into(),
        language: Some("tlh".into()),
        time_zone: Some("Mars/Olympus".into()),
        consents: vec![consent("terms", "1"), consent("Terms", "")],
    };
    let fields =
        ["email", "password", "display_name", "language", "time_zone", "consents[1].document", "consents[1].version"];
    invalid(school.auth().register(request).await, &fields);
    assert!(announced(&school.db.pool).await.is_empty());
}

#[tokio::test]
async fn weak_passwords_are_refused() {
    let school = School::open().await;
    for weak in ["qwertyuiop", "x-anna@example.com", "tooshort", &"long".repeat(40)] {
        let request = RegisterRequest { password: weak.to_owned(), ..registration("anna@example.com") };
        invalid(school.auth().register(request).await, &["password"]);
    }
}

#[tokio::test]
async fn more_consents_than_a_school_has_texts_are_refused() {
    let school = School::open().await;
    let consents = vec![AcceptedDocument { document: "terms".into(), version: "1".into() }; 21];
    let request = RegisterRequest { consents, ..registration("anna@example.com") };
    invalid(school.auth().register(request).await, &["consents"]);
}

#[tokio::test]
async fn an_address_has_one_account_whatever_its_case() {
    let school = School::open().await;
    school.register("anna").await;
    let again = school.auth().register(registration("ANNA@example.com")).await;
    refused(again, Kind::Conflict, "EMAIL_TAKEN");
    assert_eq!(school.events::<UserRegistered>().await.len(), 1);
}

#[tokio::test]
async fn of_many_registrations_at_once_one_wins() {
    let school = School::open().await;
    let spellings = ["anna@example.com", "Anna@example.com", "ANNA@EXAMPLE.COM", "anna@Example.com"];
    let answers = join_all(spellings.map(|email| {
        let mut door = school.auth();
        async move { door.register(registration(email)).await }
    }))
    .await;
    let (opened, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(opened.len(), 1);
    for refusal in refusals {
        refused(refusal, Kind::Conflict, "EMAIL_TAKEN");
    }
    assert_eq!(school.events::<UserRegistered>().await.len(), 1);
    assert_eq!(school.events::<CodeIssued>().await.len(), 1);
}

#[tokio::test]
async fn a_repeated_registration_with_its_key_opens_one_account() {
    let school = School::open().await;
    let request = || keyed("registration-1", registration("anna@example.com"));
    let first = school.auth().register(request()).await.unwrap().into_inner();
    let second = school.auth().register(request()).await.unwrap().into_inner();
    assert_eq!(first, second);
    assert_eq!(school.events::<UserRegistered>().await.len(), 1);

    let other = RegisterRequest { password: "another long one".into(), ..registration("anna@example.com") };
    refused(school.auth().register(keyed("registration-1", other)).await, Kind::Conflict, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn a_refused_registration_does_not_burn_its_key() {
    let school = School::open().await;
    school.register("anna").await;
    let refusal = school.auth().register(keyed("registration-1", registration("anna@example.com"))).await;
    refused(refusal, Kind::Conflict, "EMAIL_TAKEN");
    school.auth().register(keyed("registration-1", registration("boris@example.com"))).await.unwrap();
}

#[tokio::test]
async fn a_key_in_a_strange_shape_is_refused() {
    let school = School::open().await;
    let answer = school.auth().register(keyed("short", registration("anna@example.com"))).await;
    invalid(answer, &["idempotency_key"]);
}

#[tokio::test]
async fn consents_are_recorded_with_time_address_and_browser() {
    let school = School::open().await;
    let consents = vec![AcceptedDocument { document: "terms".into(), version: "2026-11-01".into() }];
    let request = RegisterRequest { consents, ..registration("anna@example.com") };
    school.auth().register(from("203.0.113.7", request)).await.unwrap();
    let recorded: (String, String, time::OffsetDateTime, String, String) =
        sqlx::query_as("select document, version, given_at, address, user_agent from consents")
            .fetch_one(&school.db.pool)
            .await
            .unwrap();
    let expected = ("terms", "2026-11-01", school.clock.now(), "203.0.113.7", "Browser/1.0");
    assert_eq!((&*recorded.0, &*recorded.1, recorded.2, &*recorded.3, &*recorded.4), expected);
}
