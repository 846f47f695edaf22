//! Who came back, by when they began.

use proto::lyceum::analytics::v1::{GetRetentionReportRequest, Granularity, RetentionRow};

use crate::asking::{Office, learnt, started, wrong};

fn request(from: &str, to: &str, by: Granularity) -> GetRetentionReportRequest {
    GetRetentionReportRequest { from: from.to_owned(), to: to.to_owned(), granularity: by.into() }
}

async fn rows(office: &Office, request: GetRetentionReportRequest) -> Vec<RetentionRow> {
    office.ask().get_retention_report(request).await.unwrap().into_inner().rows
}

fn row(cohort: &str, size: i64, active: &[i64]) -> RetentionRow {
    RetentionRow { cohort: cohort.to_owned(), size, active: active.to_vec() }
}

#[tokio::test]
async fn cohorts_begin_with_the_first_enrolment_and_are_followed_up_to_now() {
    let office = Office::new().await;
    let mut events = vec![
        // The first learner begins in September and comes back in November.
        started(11, 1, "2026-09-10T10:00:00Z"),
        learnt(11, 1, 1, "2026-09-11T10:00:00Z"),
        learnt(11, 1, 2, "2026-09-12T10:00:00Z"),
        started(12, 1, "2026-10-10T10:00:00Z"),
        learnt(12, 1, 1, "2026-11-11T10:00:00Z"),
        // The second one begins with the first minute of October in Moscow.
        started(21, 2, "2026-09-30T21:00:00Z"),
        learnt(21, 2, 1, "2026-10-31T20:59:00Z"),
        started(31, 3, "2026-10-20T10:00:00Z"),
        learnt(31, 3, 1, "2026-11-02T10:00:00Z"),
        // Never learnt.
        started(41, 4, "2026-09-20T10:00:00Z"),
    ];
    events.reverse();
    for event in events {
        office.world.hear(&[event]).await;
    }
    let months = request("2026-09-01", "2026-12-31", Granularity::Unspecified);
    let expected = [row("2026-09-01", 2, &[1, 0, 1]), row("2026-10-01", 2, &[1, 1]), row("2026-11-01", 0, &[0])];
    assert_eq!(rows(&office, months).await, expected);
    let weeks = rows(&office, request("2026-10-19", "2026-10-25", Granularity::Week)).await;
    assert_eq!(weeks, [row("2026-10-19", 1, &[0, 0, 1, 0, 0, 0])]);
}

#[tokio::test]
async fn days_and_long_periods_are_refused() {
    let office = Office::new().await;
    let refused = office.ask().get_retention_report(request("2024-11-01", "2026-11-02", Granularity::Day)).await;
    assert_eq!(wrong(&refused.unwrap_err()), ["to", "granularity"]);
}
