//! Too much, and too little: a storm of sign-ins does not starve anything else, and a database that is gone is said to be.

use futures::future::join_all;
use proto::lyceum::users::v1::GetMeRequest;
use rpc::{Kind, Problem};
use users::domain::role::Role;

use crate::helpers::{PASSWORD, School, credentials, refused};

#[tokio::test]
async fn people_are_served_while_others_storm_the_door() {
    let school = School::with(|config| {
        // About a hundred milliseconds a hash, on one thread.
        config.hasher.memory = 64 * 1024;
        config.hasher.iterations = 3;
        (config.hasher.threads, config.hasher.queue) = (1, 15);
    })
    .await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    // One test thread: a hash that is computed on it would make GetMe wait for the whole storm.
    let storm: Vec<_> = (0..40)
        .map(|number| {
            let mut door = school.auth();
            let guess = credentials(&format!("somebody-{number}@example.com"), PASSWORD);
            #[expect(clippy::disallowed_methods, reason = "the storm is awaited below")]
            tokio::spawn(async move { door.sign_in(guess).await })
        })
        .collect();
    testkit::eventually("the queue is full", std::time::Duration::from_secs(10), async || {
        school.app.hasher.place().is_err().then_some(())
    })
    .await;
    for _ in 0..10 {
        school.users_of(&tokens).get_me(GetMeRequest {}).await.unwrap();
    }
    assert!(storm.iter().any(|guess| !guess.is_finished()), "the storm still rages when everybody else was served");

    let answers = join_all(storm).await.into_iter().map(|answer| Problem::from(&answer.unwrap().unwrap_err()));
    let (busy, looked_at): (Vec<_>, Vec<_>) = answers.partition(|problem| problem.reason == "BUSY");
    assert_eq!(looked_at.len(), 16, "as many as the queue holds");
    assert!(looked_at.iter().all(|problem| problem.reason == "CREDENTIALS_INVALID"));
    for problem in busy {
        assert_eq!((problem.kind, problem.retry_after_seconds()), (Kind::Unavailable, Some(1)));
    }
}

#[tokio::test]
async fn without_a_database_everybody_is_asked_to_come_back() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    school.users_of(&tokens).get_me(GetMeRequest {}).await.unwrap();
    school.app.db.close().await;
    let answer = school.users_of(&tokens).get_me(GetMeRequest {}).await;
    let refusal = refused(answer, Kind::Unavailable, "UNAVAILABLE");
    assert_eq!(refusal.retry_after_seconds(), Some(1));
    refused(school.try_sign_in("anna@example.com", PASSWORD).await, Kind::Unavailable, "UNAVAILABLE");
}

#[tokio::test]
async fn whoever_finds_the_queue_full_has_not_used_up_a_try() {
    let school = School::with(|config| (config.hasher.threads, config.hasher.queue) = (1, 0)).await;
    let anna = school.person("anna").await;
    let place = school.app.hasher.place().unwrap();
    for _ in 0..10 {
        refused(school.try_sign_in(&anna.email, PASSWORD).await, Kind::Unavailable, "BUSY");
    }
    drop(place);
    school.sign_in(&anna).await;
}
