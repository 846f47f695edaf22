use pg::idempotency::{Error, sweep};
use pg::{Claim, Idempotent, Pool, transaction};
use proto::wkt::Timestamp;
use rpc::{Kind, Refusal};
use time::{Duration, OffsetDateTime};
use tokio::task::JoinSet;
use uuid::Uuid;
use values::{Clock, IdempotencyKey, SystemClock};

use crate::helpers::database;

/// Any message serves as a request.
fn request(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}

fn sent(caller: &str, rpc: &'static str, key: &str, seconds: i64) -> Idempotent {
    Idempotent::of(caller, rpc, IdempotencyKey::parse(key).unwrap(), &request(seconds))
}

fn now() -> OffsetDateTime {
    SystemClock.now()
}

/// What a flow does: replay, or make something and record it.
async fn place(pool: &Pool, sent: &Idempotent, now: OffsetDateTime) -> Result<(Uuid, bool), Error> {
    transaction(pool, async |conn| match sent.claim(conn, now).await? {
        Claim::Replay(made) => Ok((made, false)),
        Claim::Fresh => {
            let made = Uuid::new_v4();
            sent.record(conn, made, now).await?;
            Ok((made, true))
        }
    })
    .await
}

#[tokio::test]
async fn a_repeated_request_is_answered_with_what_the_first_one_made() {
    let database = database().await;
    let order = sent("user:1", "OrderService/PlaceOrder", "key-00001", 1);
    let (made, fresh) = place(&database.pool, &order, now()).await.unwrap();
    assert!(fresh);
    assert_eq!(place(&database.pool, &order, now()).await.unwrap(), (made, false));
}

#[tokio::test]
async fn a_key_with_another_request_is_refused() {
    let database = database().await;
    place(&database.pool, &sent("user:1", "Place", "key-00001", 1), now()).await.unwrap();
    let error = place(&database.pool, &sent("user:1", "Place", "key-00001", 2), now()).await.unwrap_err();
    assert!(matches!(error, Error::Reused));
    assert_eq!((error.kind(), error.reason()), (Kind::Conflict, "IDEMPOTENCY_KEY_REUSED"));
}

#[tokio::test]
async fn a_key_is_one_callers_and_one_rpcs_own() {
    let database = database().await;
    for other in [("user:1", "Place"), ("user:2", "Place"), ("user:1", "Refund")] {
        assert!(place(&database.pool, &sent(other.0, other.1, "key-00001", 1), now()).await.unwrap().1);
    }
}

#[tokio::test]
async fn while_the_first_request_runs_the_second_is_asked_to_come_back() {
    let database = database().await;
    let order = sent("user:1", "Place", "key-00001", 1);
    let mut first = database.pool.begin().await.unwrap();
    assert_eq!(order.claim(&mut first, now()).await.unwrap(), Claim::Fresh);
    let error = place(&database.pool, &order, now()).await.unwrap_err();
    assert!(matches!(error, Error::Running));
    assert_eq!((error.kind(), error.reason()), (Kind::Conflict, "IDEMPOTENCY_KEY_IN_USE"));
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(1)));
    let made = Uuid::new_v4();
    order.record(&mut first, made, now()).await.unwrap();
    first.commit().await.unwrap();
    assert_eq!(place(&database.pool, &order, now()).await.unwrap(), (made, false));
}

#[tokio::test]
async fn a_failure_does_not_burn_the_key() {
    let database = database().await;
    let order = sent("user:1", "Place", "key-00001", 1);
    let mut failing = database.pool.begin().await.unwrap();
    assert_eq!(order.claim(&mut failing, now()).await.unwrap(), Claim::Fresh);
    order.record(&mut failing, Uuid::new_v4(), now()).await.unwrap();
    failing.rollback().await.unwrap();
    // Even a corrected request may use the key: the failed one had no effect.
    assert!(place(&database.pool, &sent("user:1", "Place", "key-00001", 2), now()).await.unwrap().1);
}

#[tokio::test]
async fn of_many_at_once_one_has_the_effect_and_the_others_hear_of_it_or_wait() {
    let database = database().await;
    let order = sent("user:1", "Place", "key-00001", 1);
    let mut placing = JoinSet::new();
    for _ in 0..8 {
        let (pool, order) = (database.pool.clone(), order.clone());
        placing.spawn(async move { place(&pool, &order, now()).await });
    }
    let mut fresh = 0;
    for outcome in placing.join_all().await {
        match outcome {
            Ok((_, true)) => fresh += 1,
            Ok((_, false)) | Err(Error::Running) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(fresh, 1);
}

#[tokio::test]
async fn after_a_day_a_key_is_free_again_and_swept_away() {
    let database = database().await;
    let order = sent("user:1", "Place", "key-00001", 1);
    let then = now();
    place(&database.pool, &order, then).await.unwrap();
    let almost = then + Duration::hours(24) - Duration::seconds(1);
    assert!(!place(&database.pool, &order, almost).await.unwrap().1);
    assert_eq!(sweep(&database.pool, almost).await.unwrap(), 0);
    let later = then + Duration::hours(24);
    let (made, fresh) = place(&database.pool, &sent("user:1", "Place", "key-00001", 2), later).await.unwrap();
    assert!(fresh, "the old row has to give way");
    assert_eq!(sweep(&database.pool, later).await.unwrap(), 0, "the key is in use again");
    assert_eq!(sweep(&database.pool, later + Duration::hours(24)).await.unwrap(), 1);
    assert_ne!(place(&database.pool, &order, later + Duration::hours(24)).await.unwrap().0, made);
}
