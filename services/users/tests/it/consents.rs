//! Agreeing to texts, and withdrawing.

use futures::future::join_all;
use proto::lyceum::users::v1::{
    Consent, GiveConsentRequest, ListMyConsentsRequest, SessionTokens, WithdrawConsentRequest,
};
use rpc::Kind;
use time::Duration;
use tonic::Response;
use users::domain::role::Role;
use values::Clock;

use crate::helpers::{School, invalid, keyed, refused};

fn newsletter(version: &str) -> GiveConsentRequest {
    GiveConsentRequest { document: "newsletter".into(), version: version.into() }
}

async fn give(school: &School, tokens: &SessionTokens, version: &str) -> Consent {
    school.users_of(tokens).give_consent(newsletter(version)).await.unwrap().into_inner()
}

async fn list(school: &School, tokens: &SessionTokens) -> Vec<Consent> {
    let answer = school.users_of(tokens).list_my_consents(ListMyConsentsRequest::default()).await;
    answer.unwrap().into_inner().consents
}

fn withdrawal(consent: &Consent) -> WithdrawConsentRequest {
    WithdrawConsentRequest { consent_id: consent.consent_id.clone() }
}

#[tokio::test]
async fn a_consent_is_recorded_once_for_each_version() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let first = give(&school, &tokens, "1").await;
    school.clock.advance(Duration::minutes(1));
    assert_eq!(give(&school, &tokens, "1").await, first);
    let second = give(&school, &tokens, "2").await;
    assert_eq!(list(&school, &tokens).await, [second, first]);
}

#[tokio::test]
async fn consents_at_once_leave_one_record() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let given = join_all((0..6).map(|_| give(&school, &tokens, "1"))).await;
    assert!(given.iter().all(|consent| *consent == given[0]));
    assert_eq!(list(&school, &tokens).await.len(), 1);
}

#[tokio::test]
async fn a_withdrawn_consent_stays_on_record_and_can_be_given_again() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let first = give(&school, &tokens, "1").await;
    school.clock.advance(Duration::minutes(1));
    let withdrawn = school.users_of(&tokens).withdraw_consent(withdrawal(&first)).await.unwrap().into_inner();
    assert_eq!(withdrawn.withdrawn_at, Some(school.clock.now().into()));
    school.clock.advance(Duration::minutes(1));
    let again = school.users_of(&tokens).withdraw_consent(withdrawal(&first)).await.map(Response::into_inner);
    assert_eq!(again.unwrap(), withdrawn, "the first withdrawal counts");
    let second = give(&school, &tokens, "1").await;
    assert_eq!(list(&school, &tokens).await, [second, withdrawn]);
}

#[tokio::test]
async fn a_repetition_with_its_key_answers_with_the_first_record_even_after_a_withdrawal() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let mut door = school.users_of(&tokens);
    let first = door.give_consent(keyed("consent-1", newsletter("1"))).await.unwrap().into_inner();
    door.withdraw_consent(withdrawal(&first)).await.unwrap();
    let again = door.give_consent(keyed("consent-1", newsletter("1"))).await.unwrap().into_inner();
    assert_eq!(again.consent_id, first.consent_id);
    assert_eq!(list(&school, &tokens).await.len(), 1);
    let other = door.give_consent(keyed("consent-1", newsletter("2"))).await;
    refused(other, Kind::Conflict, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn two_people_may_use_the_same_key() {
    let school = School::open().await;
    let (anna, boris) =
        (school.signed_in("anna", &[Role::Learner]).await, school.signed_in("boris", &[Role::Learner]).await);
    let one = school.users_of(&anna).give_consent(keyed("consent-1", newsletter("1"))).await.unwrap().into_inner();
    let other = school.users_of(&boris).give_consent(keyed("consent-1", newsletter("2"))).await.unwrap().into_inner();
    assert_ne!(one.consent_id, other.consent_id);
}

#[tokio::test]
async fn somebody_elses_consent_is_not_found() {
    let school = School::open().await;
    let (anna, boris) =
        (school.signed_in("anna", &[Role::Learner]).await, school.signed_in("boris", &[Role::Learner]).await);
    let theirs = give(&school, &boris, "1").await;
    let answer = school.users_of(&anna).withdraw_consent(withdrawal(&theirs)).await;
    refused(answer, Kind::NotFound, "CONSENT_NOT_FOUND");
    assert_eq!(list(&school, &boris).await, [theirs]);
    assert!(list(&school, &anna).await.is_empty());
}

#[tokio::test]
async fn bad_documents_and_pages_are_refused() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let bad = GiveConsentRequest { document: "Terms of use".into(), version: String::new() };
    invalid(school.users_of(&tokens).give_consent(bad).await, &["document", "version"]);
    let bad = ListMyConsentsRequest { page_size: -5, page_token: "nonsense".into() };
    invalid(school.users_of(&tokens).list_my_consents(bad).await, &["page_size", "page_token"]);
}
