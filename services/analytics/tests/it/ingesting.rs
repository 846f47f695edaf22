use analytics::domain::event::Refused;
use analytics::domain::month::Month;
use analytics::{flows, payload, store};
use bus::Envelope;
use time::Duration;
use time::macros::datetime;

use crate::helpers::{NOW, World, heard, paid};

const EVENTS: &str = "select count(*) from events";
const ORDERS: &str = "select count(*) from orders";
const SUM: &str = "select coalesce(sum(gross_minor), 0)::bigint from daily_revenue";

#[tokio::test]
async fn an_event_is_stored_and_counted_once_however_often_it_comes() {
    let world = World::new().await;
    let (first, second) = (paid(NOW), paid(NOW));
    assert_eq!(world.hear(&[first.clone(), first.clone()]).await, 1);
    assert_eq!(world.hear(&[second.clone(), first.clone(), second.clone()]).await, 1);
    assert_eq!(world.hear(&[first, second]).await, 0);
    assert_eq!(world.count(EVENTS).await, 2);
    assert_eq!([world.count(ORDERS).await, world.count(SUM).await], [2, 200_000]);
}

#[tokio::test]
async fn two_processes_that_hear_the_same_at_once_count_it_once() {
    let world = World::new().await;
    let other = world.replica();
    for _ in 0..10 {
        let batch: Vec<Envelope> = (0..40).map(|_| paid(NOW)).collect();
        let mut reversed = batch.clone();
        reversed.reverse();
        let (one, two) = (heard(&batch), heard(&reversed));
        let (one, two) =
            tokio::join!(flows::ingest::run(&world.app, &one, None), flows::ingest::run(&other, &two, None));
        assert_eq!(one.unwrap() + two.unwrap(), 40);
    }
    assert_eq!([world.count(EVENTS).await, world.count(ORDERS).await], [400, 400]);
}

#[tokio::test]
async fn what_a_later_release_announces_is_kept_as_it_is() {
    let world = World::new().await;
    let later = Envelope { r#type: "lyceum.events.v9.Something".to_owned(), payload: vec![0, 1, 255], ..paid(NOW) };
    assert_eq!(world.hear(&[later]).await, 1);
    let kept = "select count(*) from events where type = 'lyceum.events.v9.Something' and payload = '\\x0001ff'";
    assert_eq!(world.count(kept).await, 1);
    assert_eq!(world.count(ORDERS).await, 0);
}

#[tokio::test]
async fn an_event_that_is_read_again_is_what_was_heard() {
    let world = World::new().await;
    let precise = paid(NOW + Duration::nanoseconds(123_456_789));
    world.hear(std::slice::from_ref(&precise)).await;
    let mut conn = world.database.pool.acquire().await.unwrap();
    let read = store::events::page(&mut conn, store::events::Place::before(NOW), 10).await.unwrap();
    assert_eq!(read, [payload::event(precise).unwrap()]);
}

#[tokio::test]
async fn a_batch_is_stored_whole_or_not_at_all() {
    let world = World::new().await;
    sqlx::raw_sql("alter table daily_revenue add constraint spoiled check (gross_minor < 0)")
        .execute(&world.database.pool)
        .await
        .unwrap();
    assert!(flows::ingest::run(&world.app, &heard(&[paid(NOW)]), Some(NOW)).await.is_err());
    assert_eq!([world.count(EVENTS).await, world.count(ORDERS).await], [0, 0]);
    let mut conn = world.database.pool.acquire().await.unwrap();
    assert_eq!(store::progress::as_of(&mut conn).await.unwrap(), None);
}

#[tokio::test]
async fn how_far_everything_was_heard_never_goes_back() {
    let world = World::new().await;
    for until in [NOW, NOW - Duration::hours(1)] {
        flows::ingest::run(&world.app, &[], Some(until)).await.unwrap();
    }
    let mut conn = world.database.pool.acquire().await.unwrap();
    assert_eq!(store::progress::as_of(&mut conn).await.unwrap(), Some(NOW));
}

#[tokio::test]
async fn a_month_is_made_by_whoever_needs_it_first_and_by_nobody_twice() {
    let world = World::new().await;
    let other = world.replica();
    let months = flows::partition::ahead(NOW);
    let (one, two) = tokio::join!(
        flows::partition::make_room(&world.app, months.clone()),
        flows::partition::make_room(&other, months)
    );
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    let mut conn = world.database.pool.acquire().await.unwrap();
    let made: Vec<String> =
        store::partitions::months(&mut conn).await.unwrap().iter().map(|month| month.name()).collect();
    assert_eq!(made, ["2026_11", "2026_12", "2027_01"]);
    // One that comes late makes its own.
    world.hear(&[paid(datetime!(2026-03-31 23:59:59.999999 UTC)), paid(datetime!(2026-04-01 0:00 UTC))]).await;
    assert_eq!(world.count("select count(*) from events_2026_03").await, 1);
    assert_eq!(world.count("select count(*) from events_2026_04").await, 1);
}

#[tokio::test]
async fn months_that_are_old_are_dropped_and_do_not_come_back() {
    let world = World::new().await;
    let (old, kept) = (paid(datetime!(2025-09-30 23:00 UTC)), paid(datetime!(2025-10-22 12:00 UTC)));
    world.clock.set(datetime!(2025-11-01 0:00 UTC));
    world.hear(&[old.clone(), kept.clone()]).await;
    world.clock.set(NOW);
    let counted = world.rollups().await;
    assert_eq!(flows::partition::drop_old(&world.app).await.unwrap(), 1);
    assert_eq!(flows::partition::drop_old(&world.app).await.unwrap(), 0);
    assert_eq!(world.count(EVENTS).await, 1);
    let mut conn = world.database.pool.acquire().await.unwrap();
    let kept_from = datetime!(2025-10-01 0:00 UTC);
    assert_eq!(store::progress::final_before(&mut conn).await.unwrap(), Some(kept_from));
    let months = store::partitions::months(&mut conn).await.unwrap();
    assert!(months.iter().all(|month| *month >= Month::of(kept_from)));
    // What was counted of it is final.
    assert_eq!(world.rollups().await, counted);
    let refused = |envelope| payload::event(envelope).unwrap().check(NOW, world.app.kept_from());
    assert_eq!(refused(old), Err(Refused::TooOld));
    assert_eq!(refused(kept), Ok(()));
}

type Spoil = fn(&mut Envelope);

#[test]
fn what_is_no_event_is_refused() {
    let broken: [(&str, Spoil); 4] = [
        ("id is no id", |envelope| envelope.id = "1".to_owned()),
        ("aggregate_id is no id", |envelope| envelope.aggregate_id = String::new()),
        ("occurred_at is no instant", |envelope| envelope.occurred_at = None),
        ("occurred_at is no instant", |envelope| {
            envelope.occurred_at = Some(proto::wkt::Timestamp { seconds: i64::MAX, nanos: -1 });
        }),
    ];
    for (reason, spoil) in broken {
        let mut envelope = paid(NOW);
        spoil(&mut envelope);
        assert_eq!(payload::event(envelope).unwrap_err().to_string(), reason);
    }
    let garbage = payload::fact("lyceum.events.v1.OrderPaid", NOW, b"\xff").unwrap_err().to_string();
    assert!(garbage.starts_with("the payload is no"), "{garbage}");
    let nobody = payload::fact("lyceum.events.v1.UserRegistered", NOW, b"").unwrap_err().to_string();
    assert!(nobody.starts_with("user_id"), "{nobody}");
}
