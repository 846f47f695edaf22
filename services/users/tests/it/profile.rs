//! Describing oneself.

use proto::{
    lyceum::{
        events::v1::ProfileChanged,
        users::v1::{GetMeRequest, SessionTokens, UpdateMeRequest, User},
    },
    wkt::FieldMask,
};
use rpc::Kind;
use tonic::{Response, Status};
use users::domain::role::Role;

use crate::helpers::{School, invalid, refused};

fn update(user: User, paths: &[&str]) -> UpdateMeRequest {
    let mask = FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() };
    UpdateMeRequest { user: Some(user), update_mask: Some(mask), etag: String::new() }
}

async fn send(school: &School, tokens: &SessionTokens, request: UpdateMeRequest) -> Result<User, Status> {
    school.users_of(tokens).update_me(request).await.map(Response::into_inner)
}

async fn me(school: &School, tokens: &SessionTokens) -> User {
    school.users_of(tokens).get_me(GetMeRequest {}).await.unwrap().into_inner()
}

fn named(name: &str) -> User {
    User { display_name: Some(name.to_owned()), ..User::default() }
}

#[tokio::test]
async fn only_what_the_mask_names_changes_and_it_is_announced() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let sent = User { language: Some("en".into()), time_zone: Some("Asia/Tokyo".into()), ..named("Анна") };
    let changed = send(&school, &tokens, update(sent, &["display_name", "time_zone"])).await.unwrap();
    assert_eq!(changed, me(&school, &tokens).await);
    assert_eq!((changed.display_name(), changed.language(), changed.time_zone()), ("Анна", "ru", "Asia/Tokyo"));
    let announced = school.events::<ProfileChanged>().await.pop().unwrap();
    assert_eq!((announced.display_name.as_str(), announced.time_zone.as_str()), ("Анна", "Asia/Tokyo"));
}

#[tokio::test]
async fn without_a_mask_what_is_not_empty_changes() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let request = |user| UpdateMeRequest { user: Some(user), ..UpdateMeRequest::default() };
    let changed = send(&school, &tokens, request(named("Анна"))).await.unwrap();
    assert_eq!((changed.display_name(), changed.language()), ("Анна", "ru"));
    assert_eq!(send(&school, &tokens, request(User::default())).await.unwrap(), changed);
    let all = UpdateMeRequest { user: Some(named("Анна")), ..update(User::default(), &["*"]) };
    invalid(send(&school, &tokens, all).await, &["user.language", "user.time_zone"]);
}

#[tokio::test]
async fn the_etag_keeps_one_writer_from_overwriting_another() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let etag = me(&school, &tokens).await.etag;
    let with = |name: &str| UpdateMeRequest { etag: etag.clone(), ..update(named(name), &["display_name"]) };
    let changed = send(&school, &tokens, with("first")).await.unwrap();
    assert_ne!(changed.etag, etag);
    refused(send(&school, &tokens, with("second")).await, Kind::Stale, "ETAG_MISMATCH");
    // What is no etag of ours names no version, and is not the field that is wrong.
    let foreign = UpdateMeRequest { etag: "stale".to_owned(), ..with("third") };
    refused(send(&school, &tokens, foreign).await, Kind::Stale, "ETAG_MISMATCH");
    assert_eq!(me(&school, &tokens).await.display_name(), "first");
}

#[tokio::test]
async fn a_change_to_the_same_is_not_announced() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let before = me(&school, &tokens).await;
    let after = send(&school, &tokens, update(named("anna"), &["display_name"])).await.unwrap();
    assert_eq!(before, after);
    assert_eq!(school.events::<ProfileChanged>().await.len(), 1);
}

#[tokio::test]
async fn bad_values_and_fields_that_are_not_ones_own_to_change_are_refused() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let sent = User { language: Some("tlh".into()), time_zone: Some("Mars/Olympus".into()), ..named("A\nB") };
    let answer = send(&school, &tokens, update(sent, &["display_name", "language", "time_zone"])).await;
    invalid(answer, &["user.display_name", "user.language", "user.time_zone"]);
    invalid(send(&school, &tokens, update(named(""), &["display_name"])).await, &["user.display_name"]);
    let answer = send(&school, &tokens, update(User::default(), &["roles", "email"])).await;
    invalid(answer, &["update_mask", "update_mask"]);
}

#[tokio::test]
async fn writers_at_once_do_not_lose_each_others_changes() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let language = User { language: Some("en".into()), ..User::default() };
    let (one, other) = tokio::join!(
        send(&school, &tokens, update(named("Анна"), &["display_name"])),
        send(&school, &tokens, update(language, &["language"])),
    );
    one.and(other).unwrap();
    let me = me(&school, &tokens).await;
    assert_eq!((me.display_name(), me.language()), ("Анна", "en"));
}
