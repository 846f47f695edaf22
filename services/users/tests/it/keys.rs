//! Signing keys, and how they change without anybody noticing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::join_all;
use proto::lyceum::users::v1::{GetJwksRequest, GetMeRequest, SessionTokens};
use rpc::Kind;
use time::Duration;
use users::{
    app::App,
    domain::{audit::Requester, email::EmailAddress, role::Role},
    flows::{
        rotate_keys,
        sign_in::{self, SignIn},
    },
    vault::KeySecret,
};

use crate::helpers::{PASSWORD, Person, School, refused};

async fn published(school: &School) -> Vec<String> {
    let keys = school.auth().get_jwks(GetJwksRequest {}).await.unwrap().into_inner().keys;
    keys.into_iter().map(|key| key.kid).collect()
}

/// The name of the key that signed a token.
fn signed_by(tokens: &SessionTokens) -> String {
    let header = URL_SAFE_NO_PAD.decode(tokens.access_token.split('.').next().unwrap()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

async fn access_token_from(app: &App, person: &Person) -> String {
    let command = SignIn { email: EmailAddress::parse(&person.email).unwrap(), password: PASSWORD.into() };
    sign_in::run(app, &Requester::the_service(), command).await.unwrap().access
}

#[tokio::test]
async fn published_keys_have_the_shape_of_a_jwk() {
    let school = School::open().await;
    let keys = school.auth().get_jwks(GetJwksRequest {}).await.unwrap().into_inner().keys;
    assert_eq!(keys.len(), 1);
    let key = &keys[0];
    assert_eq!((&*key.kty, &*key.crv, &*key.alg, &*key.r#use), ("OKP", "Ed25519", "EdDSA", "sig"));
    assert_eq!(auth::Jwk::new(&key.kid, &key.x).unwrap().thumbprint(), key.kid);
}

#[tokio::test]
async fn a_key_is_published_before_it_signs_and_until_its_tokens_have_expired() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let old = published(&school).await;

    school.clock.advance(Duration::days(30) - Duration::hours(1));
    rotate_keys::run(&school.app).await.unwrap();
    let both = published(&school).await;
    assert_eq!(both.len(), 2);
    let before = school.sign_in(&anna).await;
    assert_eq!(signed_by(&before), old[0], "the next key is known, but does not sign yet");

    school.clock.advance(Duration::hours(1));
    let before = school.sign_in(&anna).await;
    rotate_keys::run(&school.app).await.unwrap();
    let after = school.sign_in(&anna).await;
    assert!(both.contains(&signed_by(&after)) && signed_by(&after) != old[0]);
    assert_eq!(published(&school).await.len(), 2);
    for tokens in [&before, &after] {
        school.users_of(tokens).get_me(GetMeRequest {}).await.unwrap();
    }

    school.clock.advance(Duration::minutes(20));
    rotate_keys::run(&school.app).await.unwrap();
    assert_eq!(published(&school).await, [signed_by(&after)]);
}

#[tokio::test]
async fn replicas_that_rotate_at_once_agree() {
    let school = School::open().await;
    let replicas: Vec<_> = (0..6).map(|_| school.replica()).collect();
    for step in [Duration::days(30) - Duration::hours(1), Duration::hours(1), Duration::minutes(20)] {
        school.clock.advance(step);
        for done in join_all(replicas.iter().map(|app| rotate_keys::run(app))).await {
            done.unwrap();
        }
        let states: Vec<String> = sqlx::query_scalar("select state from signing_keys order by state")
            .fetch_all(&school.db.pool)
            .await
            .unwrap();
        assert_eq!(states.iter().filter(|state| *state == "active").count(), 1, "{states:?}");
        assert!(states.len() <= 2, "{states:?}");
    }
}

#[tokio::test]
async fn the_first_replicas_of_a_new_school_make_one_key() {
    let school = School::open().await;
    sqlx::query("delete from signing_keys").execute(&school.db.pool).await.unwrap();
    let replicas: Vec<_> = (0..6).map(|_| school.replica()).collect();
    for done in join_all(replicas.iter().map(|app| rotate_keys::run(app))).await {
        done.unwrap();
    }
    assert_eq!(published(&school).await.len(), 1);
}

#[tokio::test]
async fn a_replica_that_has_not_noticed_yet_signs_tokens_that_are_still_believed() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let slow = school.replica();
    rotate_keys::run(&slow).await.unwrap();
    school.clock.advance(Duration::days(30) - Duration::hours(1));
    rotate_keys::run(&school.app).await.unwrap();
    school.clock.advance(Duration::hours(1));
    rotate_keys::run(&school.app).await.unwrap();
    school.clock.advance(Duration::minutes(5));
    let token = access_token_from(&slow, &anna).await;
    school.clock.advance(Duration::minutes(9));
    rotate_keys::run(&school.app).await.unwrap();
    let fresh = school.replica();
    school.verifier(&fresh).person(&token).await.unwrap();
}

#[tokio::test]
async fn private_keys_are_sealed_and_another_secret_does_not_open_them() {
    let school = School::open().await;
    let sealed: Vec<u8> =
        sqlx::query_scalar("select sealed from signing_keys").fetch_one(&school.db.pool).await.unwrap();
    assert!(auth::Signer::from_pkcs8("k", &sealed).is_err());
    let mut config = school.config.clone();
    config.secret = KeySecret::parse(&"/////////////////////////////////////////w8=".into()).unwrap();
    let other = school.other(&config);
    let error = rpc::chain(&rotate_keys::run(&other).await.unwrap_err());
    assert!(error.contains("LYCEUM_KEY_SECRET"), "{error}");
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let (rest, signature) = tokens.access_token.rsplit_once('.').unwrap();
    let mut parts = rest.split('.');
    let (header, claims) = (parts.next().unwrap(), parts.next().unwrap());
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{claims}.");
    let swapped = format!("{header}.{}.{signature}", claims.to_ascii_uppercase());
    for forged in [unsigned.as_str(), &swapped, "nonsense", &tokens.refresh_token] {
        let answer = school.users_with(forged).get_me(GetMeRequest {}).await;
        refused(answer, Kind::Unauthenticated, "TOKEN_INVALID");
    }
}
