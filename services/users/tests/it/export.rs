//! Handing every profile to a service that rebuilds its copy.

use proto::lyceum::{
    events::v1::ProfileChanged,
    users::v1::{EraseUserRequest, ExportProfilesRequest, ExportedProfile},
};
use rpc::Kind;
use testkit::announced;
use time::Duration;
use users::domain::role::Role;

use crate::helpers::{School, invalid, refused};

async fn export(school: &School, after: &str) -> Vec<ExportedProfile> {
    let request = ExportProfilesRequest { after_user_id: after.to_owned() };
    let mut stream = school.users_of_service().export_profiles(request).await.unwrap().into_inner();
    let mut profiles = Vec::new();
    while let Some(profile) = stream.message().await.unwrap() {
        profiles.push(profile);
    }
    profiles
}

#[tokio::test]
async fn an_export_says_what_the_events_said() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    school.clock.advance(Duration::seconds(1));
    let anna = school.person("anna").await;
    school.clock.advance(Duration::seconds(1));
    let gone = school.person("gone").await;
    let erase = EraseUserRequest { user_id: gone.id.clone(), password: String::new() };
    school.users_of(&admin).erase_user(erase).await.unwrap();

    let profiles = export(&school, "").await;
    let ids: Vec<_> = profiles.iter().map(|profile| profile.user_id.as_str()).collect();
    assert_eq!(ids, [admin.user_id.as_str(), &anna.id, &gone.id]);
    let said = announced(&school.db.pool).await.into_iter().rev().find_map(|event| {
        let changed: ProfileChanged = event.decode()?;
        (changed.user_id == anna.id).then_some((changed, event.aggregate_version))
    });
    let (changed, version) = said.unwrap();
    let expected = ExportedProfile {
        user_id: changed.user_id,
        display_name: Some(changed.display_name),
        email: Some(changed.email),
        email_confirmed: changed.email_confirmed,
        language: changed.language,
        time_zone: changed.time_zone,
        version,
        erased: false,
    };
    assert_eq!(profiles[1], expected);
    assert!(profiles[2].erased && profiles[2].email.is_none() && profiles[2].display_name.is_none());
    assert_eq!(export(&school, &anna.id).await.len(), 1, "an interrupted export goes on");
}

#[tokio::test]
async fn an_export_of_more_than_one_batch_is_whole() {
    let school = School::open().await;
    sqlx::query(
        "insert into users
             (user_id, email, display_name, language, time_zone, roles, state, version, created_at, updated_at)
         select gen_random_uuid(), 'somebody-' || number || '@example.com', 'Somebody', 'ru', 'UTC', '{learner}',
                'unconfirmed', 1, now(), now()
         from generate_series(1, 1100) as number",
    )
    .execute(&school.db.pool)
    .await
    .unwrap();
    let profiles = export(&school, "").await;
    assert_eq!(profiles.len(), 1100);
    assert!(profiles.is_sorted_by(|one, next| one.user_id < next.user_id));
}

#[tokio::test]
async fn people_get_no_export_not_even_administrators() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let answer = school.users_of(&admin).export_profiles(ExportProfilesRequest::default()).await;
    refused(answer.map(|_| ()), Kind::Forbidden, "SERVICE_ONLY");
    let answer = school.users().export_profiles(ExportProfilesRequest::default()).await;
    refused(answer.map(|_| ()), Kind::Forbidden, "SERVICE_ONLY");
    let bad = ExportProfilesRequest { after_user_id: "nonsense".into() };
    invalid(school.users_of_service().export_profiles(bad).await.map(|_| ()), &["after_user_id"]);
}
