//! Reports as files.

use std::sync::Arc;

use analytics::{
    domain::calendar::Span,
    report::file::{File, Report as Wanted},
};
use futures::{StreamExt, TryStreamExt};
use proto::lyceum::analytics::v1::{ExportReportRequest, export_report_request::Report};
use time::macros::date;
use tonic::Code;
use values::Currency;

use crate::{
    asking::{Office, RUN, granted, id, learnt, paid, placed, published, refunded, started, wrong},
    helpers::{SOON, World},
};

fn request(report: Report, from: &str, to: &str) -> ExportReportRequest {
    ExportReportRequest { report: report.into(), from: from.to_owned(), to: to.to_owned(), currency: None }
}

/// What the file is called, and its lines.
async fn file(office: &Office, report: Report) -> (String, Vec<String>) {
    let request = request(report, "2026-11-01", "2026-11-02");
    let stream = office.ask().export_report(request).await.unwrap().into_inner();
    let chunks: Vec<_> = stream.try_collect().await.unwrap();
    assert_eq!(chunks[0].content_type, "text/csv; charset=utf-8");
    assert!(chunks[1..].iter().all(|chunk| chunk.content_type.is_empty() && chunk.file_name.is_empty()));
    let text = String::from_utf8(chunks.iter().flat_map(|chunk| chunk.data.clone()).collect()).unwrap();
    assert!(text.ends_with("\r\n"));
    (chunks[0].file_name.clone(), text.split_terminator("\r\n").map(str::to_owned).collect())
}

#[tokio::test]
async fn files_have_a_header_and_a_line_a_row() {
    let office = Office::new().await;
    let events = [
        published("=Rust, \"2021\"", &[(1, true)], "2026-10-01T10:00:00Z"),
        placed(1, 100, "2026-10-31T20:59:59Z"),
        placed(2, 250, "2026-10-31T21:00:00Z"),
        paid(2, 250, "2026-11-02T10:00:00Z"),
        granted(21, 2, "2026-11-02T10:00:00Z"),
        started(21, 5, "2026-11-02T10:00:01Z"),
        learnt(21, 5, 1, "2026-11-02T10:00:02.5Z"),
        refunded(2, 250, "2026-11-09T10:00:00Z"),
    ];
    office.world.hear(&events).await;
    let (name, revenue) = file(&office, Report::Revenue).await;
    assert_eq!(name, "lyceum-revenue-2026-11-01-2026-11-02.csv");
    let header = "day,currency,gross_minor,refunds_minor,net_minor,orders,refunds,average_order_minor";
    assert_eq!(revenue, [header, "2026-11-01,RUB,0,0,0,0,0,", "2026-11-02,RUB,250,0,250,1,0,250"]);

    let (_, orders) = file(&office, Report::Orders).await;
    let line = format!(
        "{},LY-2,{},RUB,250,2026-10-31T21:00:00Z,2026-11-02T10:00:00Z,250,2026-11-02T10:00:01Z,2026-11-02T10:00:02.5Z",
        id(2),
        id(2)
    );
    assert_eq!(orders[1..], [line]);

    let (_, enrolments) = file(&office, Report::Enrolments).await;
    let line = format!(
        "{},{},{},\"'=Rust, \"\"2021\"\"\",{},2026-11-02T10:00:01Z,1,2026-11-02T10:00:02.5Z,,",
        id(21),
        id(5),
        id(RUN),
        id(2)
    );
    assert_eq!(enrolments[1..], [line]);

    let (_, active) = file(&office, Report::ActiveLearners).await;
    assert_eq!(active, ["day,learners", "2026-11-01,0", "2026-11-02,1"]);

    let (_, kept) = file(&office, Report::Events).await;
    let kinds: Vec<_> = kept[1..].iter().map(|line| line.split(',').nth(1).unwrap()).collect();
    let expected = ["OrderPlaced", "OrderPaid", "EntitlementGranted", "EnrolmentStarted", "LessonCompleted"];
    let mut kinds: Vec<_> = kinds.iter().map(|kind| kind.strip_prefix("lyceum.events.v1.").unwrap()).collect();
    kinds[1..3].sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(kinds, expected, "what happened outside the days is not there");
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_before_the_file_begins() {
    let office = Office::new().await;
    let mut bad = request(Report::Unspecified, "x", "y");
    bad.currency = Some("1".to_owned());
    let refused = office.ask().export_report(bad).await.unwrap_err();
    assert_eq!(wrong(&refused), ["report", "from", "to", "currency"]);
    let refused = office.ask_as(&[]).export_report(request(Report::Orders, "2026-11-01", "2026-11-02")).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
}

const MANY: i64 = 200_000;

async fn many_orders() -> World {
    let world = World::new().await;
    sqlx::query(
        "insert into orders (order_id, number, buyer_id, currency, total_minor, placed_at, placed_day)
         select gen_random_uuid(), 'LY-' || n, gen_random_uuid(), 'RUB', n, timestamptz '2026-11-01' + n * interval '1 second',
                date '2026-11-01' + (n / 86400)
         from generate_series(1, $1::int) as n",
    )
    .bind(i32::try_from(MANY).unwrap())
    .execute(&world.database.pool)
    .await
    .unwrap();
    world
}

fn export(world: &World) -> File {
    let span = Span { from: date!(2026 - 11 - 01), to: date!(2026 - 11 - 30) };
    File::new(Arc::clone(&world.app), Wanted::Orders, span, Currency::RUB)
}

#[tokio::test]
async fn a_long_file_is_whole_and_comes_in_small_pieces() {
    let world = many_orders().await;
    let mut chunks = std::pin::pin!(export(&world).pieces());
    let (mut lines, mut last, mut sum) = (0, String::new(), 0_i64);
    while let Some(chunk) = chunks.try_next().await.unwrap() {
        assert!(chunk.data.len() <= 32 * 1024);
        last.push_str(std::str::from_utf8(&chunk.data).unwrap());
        let whole = last.rfind("\r\n").map_or(0, |end| end + 2);
        for line in last[..whole].lines().filter(|line| !line.starts_with("order_id")) {
            lines += 1;
            sum += line.split(',').nth(4).unwrap().parse::<i64>().unwrap();
        }
        last.drain(..whole);
    }
    assert_eq!((lines, sum, last.as_str()), (MANY, MANY * (MANY + 1) / 2, ""));
}

#[tokio::test]
async fn nothing_is_read_ahead_and_no_connection_is_held_between_pieces() {
    let world = many_orders().await;
    let mut chunks = Box::pin(export(&world).pieces());
    for _ in 0..3 {
        chunks.next().await.unwrap().unwrap();
    }
    let pool = &world.database.pool;
    // A connection is checked before it rests again, which takes a moment.
    testkit::eventually("a slow reader to hold no connection", SOON, async || {
        (usize::try_from(pool.size()).unwrap() == pool.num_idle()).then_some(())
    })
    .await;
    // Whatever had been read before this would still come.
    sqlx::query("delete from orders").execute(pool).await.unwrap();
    let rest: usize = chunks.map(|chunk| chunk.unwrap().data.len()).fold(0, async |sum, length| sum + length).await;
    assert!(rest <= 256 * 1024, "{rest} bytes were in memory");
}
