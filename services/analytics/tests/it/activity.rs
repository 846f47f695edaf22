//! How many different people learnt.

use proto::lyceum::analytics::v1::{GetActiveLearnersRequest, Granularity};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use time::Duration;

use crate::{
    asking::{Office, id, learnt, wrong},
    helpers::{NOW, World, envelope},
};

async fn active(office: &Office, from: &str, to: &str, by: Granularity) -> Vec<(String, i64)> {
    let request = GetActiveLearnersRequest { from: from.to_owned(), to: to.to_owned(), granularity: by.into() };
    let report = office.ask().get_active_learners(request).await.unwrap().into_inner();
    report.rows.into_iter().map(|row| (row.period, row.learners)).collect()
}

#[tokio::test]
async fn somebody_who_learns_often_is_one_person() {
    let office = Office::new().await;
    let events = [
        learnt(1, 1, 1, "2026-11-01T20:59:00Z"),
        learnt(1, 1, 2, "2026-11-01T21:00:00Z"),
        learnt(1, 1, 3, "2026-11-02T10:00:00Z"),
        learnt(2, 2, 1, "2026-11-02T10:00:00Z"),
        learnt(3, 2, 1, "2026-11-03T10:00:00Z"),
        learnt(4, 3, 1, "2026-12-01T10:00:00Z"),
        learnt(1, 1, 4, "2026-10-31T10:00:00Z"),
    ];
    office.world.hear(&events).await;
    let owned = |rows: &[(&str, i64)]| rows.iter().map(|(day, n)| ((*day).to_owned(), *n)).collect::<Vec<_>>();
    let days = active(&office, "2026-10-31", "2026-11-04", Granularity::Day).await;
    let expected = [("2026-10-31", 1), ("2026-11-01", 1), ("2026-11-02", 2), ("2026-11-03", 1), ("2026-11-04", 0)];
    assert_eq!(days, owned(&expected));
    let weeks = active(&office, "2026-10-31", "2026-11-08", Granularity::Week).await;
    assert_eq!(weeks, owned(&[("2026-10-26", 1), ("2026-11-02", 2)]));
    let months = active(&office, "2026-10-31", "2026-11-30", Granularity::Month).await;
    assert_eq!(months, owned(&[("2026-10-01", 1), ("2026-11-01", 2)]));
    let bad = GetActiveLearnersRequest { from: "2020-01-01".into(), to: "2026-01-01".into(), granularity: 7 };
    // What is wrong with one field comes first; whether the days fit together is asked of a request that is whole.
    let backwards = GetActiveLearnersRequest { granularity: 0, ..bad.clone() };
    assert_eq!(wrong(&office.ask().get_active_learners(bad).await.unwrap_err()), ["granularity"]);
    assert_eq!(wrong(&office.ask().get_active_learners(backwards).await.unwrap_err()), ["to"]);
}

/// The gaps between days of learning, however the days came in, are those that counting all of them at once would find.
#[tokio::test]
async fn gaps_do_not_depend_on_the_order_of_arrival() {
    let world = World::new().await;
    let mut random = StdRng::seed_from_u64(7);
    for round in 0_u128..6 {
        let mut events = Vec::new();
        for number in 0..120_u128 {
            let (learner, back) = (round * 10 + random.random_range(0..4), random.random_range(0..90_i64));
            let event = proto::lyceum::events::v1::LessonCompleted {
                enrolment_id: id(learner),
                learner_id: id(learner),
                course_id: id(1),
                run_id: id(1),
                lesson_id: id(round * 1_000 + number),
            };
            events.push(envelope(NOW - Duration::days(back), &event));
        }
        events.shuffle(&mut random);
        let mut rest = events.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(random.random_range(1..=rest.len().min(30)));
            world.hear(batch).await;
            rest = later;
        }
    }
    let wrong = world
        .count(
            "with counted as (
                 select day, gap::int, count(*) as learners
                 from (
                     select day, least(coalesce(day - lag(day) over (partition by learner_id order by day), 32), 32) as gap
                     from activity_days
                 ) as learnt
                 group by day, gap
             )
             select count(*)
             from counted
             full join activity_gaps g on g.day = counted.day and g.gap = counted.gap
             where g.learners is distinct from counted.learners",
        )
        .await;
    assert_eq!(wrong, 0);
    assert!(world.count("select count(*) from activity_gaps").await > 300);
}
