use std::sync::LazyLock;

use analytics::flows;
use bus::Envelope;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use time::macros::datetime;

use crate::helpers::{NOW, Story, World, envelope, heard, paid};

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());

/// The same events in any order, some of them twice, in batches of any size.
fn retold(mut told: Vec<Envelope>, seed: u64) -> Vec<Vec<Envelope>> {
    let mut random = StdRng::seed_from_u64(seed);
    let twice: Vec<Envelope> = told.iter().filter(|_| random.random_bool(0.2)).cloned().collect();
    told.extend(twice);
    told.shuffle(&mut random);
    let mut batches = Vec::new();
    while !told.is_empty() {
        let size = random.random_range(1..=told.len().min(40));
        batches.push(told.split_off(told.len() - size));
    }
    batches
}

/// Tells a story in order to one database and in disorder to another one; whatever is counted has to be equal, before and after it
/// is counted anew.
async fn expect_the_same_however_it_is_told(story: u64, order: u64) {
    let told = Story::of(story).announced();
    let (plain, disordered) = (World::new().await, World::new().await);
    plain.hear(&told).await;
    for batch in retold(told, order) {
        disordered.hear(&batch).await;
    }
    let counted = plain.rollups().await;
    assert_eq!(disordered.rollups().await, counted);
    for world in [&plain, &disordered] {
        flows::recount::run(&world.app).await.unwrap();
        assert_eq!(world.rollups().await, counted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn counting_anew_gives_what_was_counted_in_whatever_order_it_came(story: u64, order: u64) {
        RUNTIME.block_on(expect_the_same_however_it_is_told(story, order));
    }
}

#[tokio::test]
async fn counting_anew_mends_what_was_spoiled() {
    let world = World::new().await;
    world.hear(&Story::of(1).announced()).await;
    let counted = world.rollups().await;
    sqlx::raw_sql("delete from orders; update daily_revenue set gross_minor = 1; delete from lesson_completions")
        .execute(&world.database.pool)
        .await
        .unwrap();
    assert_ne!(world.rollups().await, counted);
    flows::recount::run(&world.app).await.unwrap();
    assert_eq!(world.rollups().await, counted);
}

#[tokio::test]
async fn what_is_heard_while_everything_is_counted_anew_is_counted_once() {
    let world = World::new().await;
    let told = Story::of(2).announced();
    let (early, late) = told.split_at(told.len() / 2);
    world.hear(early).await;
    let other = world.replica();
    let hearing = async {
        for envelope in late {
            flows::ingest::run(&world.app, &heard(std::slice::from_ref(envelope)), None).await.unwrap();
        }
    };
    let recounting = async {
        for _ in 0..5 {
            flows::recount::run(&other).await.unwrap();
        }
    };
    tokio::join!(hearing, recounting);
    let plain = World::new().await;
    plain.hear(&told).await;
    assert_eq!(world.rollups().await, plain.rollups().await);
}

#[tokio::test]
async fn what_was_counted_of_dropped_events_is_final() {
    let world = World::new().await;
    world.clock.set(datetime!(2025-11-01 0:00 UTC));
    world.hear(&[paid(datetime!(2025-09-30 23:00 UTC)), paid(datetime!(2025-10-22 12:00 UTC))]).await;
    world.clock.set(NOW);
    world.hear(&[paid(NOW)]).await;
    let counted = world.rollups().await;
    flows::partition::drop_old(&world.app).await.unwrap();
    assert_eq!(flows::recount::run(&world.app).await.unwrap(), 2);
    assert_eq!(world.rollups().await, counted);
}

#[tokio::test]
async fn an_erased_person_stays_a_number() {
    use proto::lyceum::events::v1::UserErased;

    let world = World::new().await;
    let story = Story::of(3);
    world.hear(&story.announced()).await;
    let counted = world.rollups().await;
    let erased = envelope(NOW, &UserErased { user_id: story.purchases[0].learner.clone() });
    assert_eq!(world.hear(&[erased]).await, 1);
    assert_eq!(world.rollups().await, counted);
}
