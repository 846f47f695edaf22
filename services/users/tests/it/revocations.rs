//! The gateway hears of ended sessions even when Redis was down.

use proto::lyceum::users::v1::SignOutRequest;
use time::Duration;
use users::{domain::role::Role, flows};
use values::Clock;

use crate::helpers::School;

#[tokio::test]
async fn a_session_ends_while_redis_is_down_and_is_published_later() {
    let school = School::with(|config| config.redis_url = "redis://127.0.0.1:1".into()).await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    school.auth_of(&tokens).sign_out(SignOutRequest::default()).await.unwrap();
    flows::repair_revocations::run(&school.app).await.unwrap_err();

    let mut config = school.config.clone();
    config.redis_url = testkit::stores().redis.as_str().into();
    let recovered = school.other(&config);
    let session = tokens.session_id.parse().unwrap();
    assert!(!recovered.cache.revoked(school.clock.now()).await.unwrap().contains(&session));
    flows::repair_revocations::run(&recovered).await.unwrap();
    assert!(recovered.cache.revoked(school.clock.now()).await.unwrap().contains(&session));
}

#[tokio::test]
async fn a_session_is_remembered_as_long_as_its_last_token_lives() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    school.auth_of(&tokens).sign_out(SignOutRequest::default()).await.unwrap();
    school.clock.advance(Duration::minutes(10) + Duration::seconds(30));
    assert!(school.is_revoked(&tokens).await, "as long as the token is granted the leeway of clocks");
    school.clock.advance(Duration::minutes(1));
    flows::repair_revocations::run(&school.app).await.unwrap();
    assert!(!school.is_revoked(&tokens).await);
}
