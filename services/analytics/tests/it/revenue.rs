//! Money by day, week and month of the school's zone.

use analytics::store::rollups;
use proto::lyceum::analytics::v1::{GetRevenueReportRequest, Granularity, RevenueReport, RevenueRow};
use tonic::Code;
use values::TimeZone;

use crate::asking::{Office, money, paid, paid_in, refunded, wrong};

fn request(from: &str, to: &str, by: Granularity) -> GetRevenueReportRequest {
    GetRevenueReportRequest { from: from.to_owned(), to: to.to_owned(), granularity: by.into(), currency: None }
}

async fn report(office: &Office, request: GetRevenueReportRequest) -> RevenueReport {
    office.ask().get_revenue_report(request).await.unwrap().into_inner()
}

/// Period, gross, refunds, orders, refunds made, average.
fn figures(row: &RevenueRow) -> (&str, i64, i64, i64, i64, Option<i64>) {
    let minor = |money: &Option<proto::lyceum::values::v1::Money>| money.as_ref().unwrap().minor;
    assert_eq!(minor(&row.net), minor(&row.gross) - minor(&row.refunds));
    let average = row.average_order.as_ref().map(|average| average.minor);
    (&row.period, minor(&row.gross), minor(&row.refunds), row.orders, row.refund_count, average)
}

/// In Moscow, 23:30 UTC is half past two of the next day.
#[tokio::test]
async fn money_is_counted_on_the_day_that_the_school_had() {
    let office = Office::new().await;
    let events = [
        paid(1, 100, "2026-10-31T20:59:59Z"),
        paid(2, 200, "2026-10-31T23:30:00Z"),
        paid(3, 205, "2026-11-01T12:00:00Z"),
        paid_in(4, 999, "EUR", "2026-11-01T12:00:00Z"),
        refunded(1, 100, "2026-11-03T21:30:00Z"),
        paid(5, 0, "2026-11-02T10:00:00Z"),
    ];
    office.world.hear(&events).await;
    let report = report(&office, request("2026-10-31", "2026-11-04", Granularity::Day)).await;
    let rows: Vec<_> = report.rows.iter().map(figures).collect();
    // 405 by 2 is 202.5, and the even neighbour is 202.
    let expected = [
        ("2026-10-31", 100, 0, 1, 0, Some(100)),
        ("2026-11-01", 405, 0, 2, 0, Some(202)),
        ("2026-11-02", 0, 0, 1, 0, Some(0)),
        ("2026-11-03", 0, 0, 0, 0, None),
        ("2026-11-04", 0, 100, 0, 1, None),
    ];
    assert_eq!(rows, expected);
    assert_eq!(figures(report.total.as_ref().unwrap()), ("2026-10-31", 505, 100, 4, 1, Some(126)));
    let about = report.about.unwrap();
    assert_eq!(about.time_zone, "Europe/Moscow");
    assert!(about.definition.contains("refund"));
}

#[tokio::test]
async fn weeks_and_months_count_only_what_is_inside_the_period() {
    let office = Office::new().await;
    let events = [
        paid(1, 1, "2026-10-26T12:00:00Z"),
        paid(2, 10, "2026-10-28T12:00:00Z"),
        paid(3, 100, "2026-11-01T12:00:00Z"),
        paid(4, 1_000, "2026-11-09T12:00:00Z"),
        paid(5, 10_000, "2026-11-11T12:00:00Z"),
    ];
    office.world.hear(&events).await;
    let by = async |by| {
        let report = report(&office, request("2026-10-28", "2026-11-10", by)).await;
        report.rows.iter().map(|row| (row.period.clone(), figures(row).1)).collect::<Vec<_>>()
    };
    let named = |rows: &[(&str, i64)]| rows.iter().map(|(day, gross)| ((*day).to_owned(), *gross)).collect::<Vec<_>>();
    assert_eq!(by(Granularity::Week).await, named(&[("2026-10-26", 110), ("2026-11-02", 0), ("2026-11-09", 1_000)]));
    assert_eq!(by(Granularity::Month).await, named(&[("2026-10-01", 10), ("2026-11-01", 1_100)]));
}

#[tokio::test]
async fn currencies_are_never_added() {
    let office = Office::new().await;
    office.world.hear(&[paid(1, 5, "2026-11-02T12:00:00Z"), paid_in(2, 7, "EUR", "2026-11-02T12:00:00Z")]).await;
    let euros = GetRevenueReportRequest {
        currency: Some("EUR".to_owned()),
        ..request("2026-11-02", "2026-11-02", Granularity::Day)
    };
    let total = report(&office, euros).await.total.unwrap();
    assert_eq!((total.gross, total.orders), (money(7, "EUR"), 1));
}

/// On 25 October 2026 clocks in Berlin are put back at 1:00 UTC: that day lasts from 22:00 UTC to 23:00 UTC of the next one.
#[tokio::test]
async fn another_zone_moves_every_day_and_counts_the_long_one_right() {
    let office = Office::new().await;
    let events = [
        paid(1, 1, "2026-10-24T21:59:59Z"),
        paid(2, 10, "2026-10-24T22:00:00Z"),
        paid(3, 100, "2026-10-25T22:59:59Z"),
        paid(4, 1_000, "2026-10-25T23:00:00Z"),
    ];
    office.world.hear(&events).await;
    let days = async || {
        let report = report(&office, request("2026-10-24", "2026-10-26", Granularity::Day)).await;
        report.rows.iter().map(|row| figures(row).1).collect::<Vec<_>>()
    };
    assert_eq!(days().await, [0, 11, 1_100], "in Moscow the day ends at 21:00 UTC");
    let before = office.world.rollups().await;
    let move_to = async |zone| {
        let mut transaction = office.world.database.pool.begin().await.unwrap();
        rollups::move_to_zone(&mut transaction, &TimeZone::parse(zone).unwrap()).await.unwrap();
        transaction.commit().await.unwrap();
    };
    move_to("Europe/Berlin").await;
    assert_eq!(days().await, [1, 110, 1_000]);
    office.world.hear(&[paid(5, 5, "2026-10-25T22:30:00Z")]).await;
    assert_eq!(days().await, [1, 115, 1_000]);
    move_to("Europe/Moscow").await;
    assert_eq!(office.world.rollups().await.len(), before.len() + 1, "one order more");
    assert_eq!(days().await, [0, 11, 1_105]);
}

#[tokio::test]
async fn every_mistake_is_told_at_once() {
    let office = Office::new().await;
    let mut bad = request("2026-02-30", "tomorrow", Granularity::Day);
    (bad.granularity, bad.currency) = (9, Some("rubles".to_owned()));
    let refused = office.ask().get_revenue_report(bad).await.unwrap_err();
    assert_eq!(
        (refused.code(), wrong(&refused)),
        (Code::InvalidArgument, ["from", "to", "granularity", "currency"].map(String::from).to_vec())
    );
    for (from, to) in [("2026-11-02", "2026-11-01"), ("2021-11-01", "2026-11-02")] {
        let refused = office.ask().get_revenue_report(request(from, to, Granularity::Day)).await.unwrap_err();
        assert_eq!(wrong(&refused), ["to"]);
    }
    report(&office, request("2021-11-01", "2026-11-01", Granularity::Day)).await;
    let stranger = office.ask_as(&["orders.read"]).get_revenue_report(GetRevenueReportRequest::default()).await;
    assert_eq!(stranger.unwrap_err().code(), Code::PermissionDenied);
}
