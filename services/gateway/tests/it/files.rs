//! A stream of pieces is a file.

use std::time::Duration;

use proto::lyceum::values::v1::FileChunk;
use reqwest::RequestBuilder;
use rpc::Kind;
use tokio::time::timeout;
use tonic::Status;

use crate::{
    backend::Pen,
    helpers::{World, ask, problem, refusal},
};

const EXPORT: &str = "analytics.v1.ReportService/ExportReport";
/// How long a writer that nobody reads is watched before it counts as stopped.
const PATIENCE: Duration = Duration::from_millis(500);
/// More than all the windows and socket buffers on the way hold together.
const BUFFERS: usize = 64 * 1024 * 1024;

fn export(world: &World) -> RequestBuilder {
    world.get("/v1/reports/export").bearer_auth(world.token(&["reports.read"]))
}

fn first(data: &str) -> FileChunk {
    FileChunk {
        content_type: "text/csv; charset=utf-8".into(),
        file_name: "Выручка.csv".into(),
        data: data.as_bytes().to_vec(),
    }
}

fn piece(data: impl Into<Vec<u8>>) -> FileChunk {
    FileChunk { data: data.into(), ..FileChunk::default() }
}

#[tokio::test]
async fn the_pieces_are_one_file() {
    let world = World::new().await;
    let pen = world.backend.stream(EXPORT);
    let writing = async {
        for chunk in [first("day,minor\r\n"), piece("2026-01-01,1\r\n"), piece(""), piece("2026-01-02,2\r\n")] {
            assert!(pen.write(&chunk).await);
        }
        drop(pen);
    };
    let (answer, ()) = tokio::join!(ask(export(&world)), writing);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.text, "day,minor\r\n2026-01-01,1\r\n2026-01-02,2\r\n");
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"_______.csv\"; filename*=UTF-8''%D0%92%D1%8B%D1%80%D1%83%D1%87%D0%BA%D0%B0.csv"
    );
    assert_eq!((answer.header("cache-control"), answer.header("content-length")), ("no-store", ""));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn what_is_refused_before_the_first_piece_is_a_problem() {
    let world = World::new().await;
    problem(ask(world.get("/v1/reports/export").bearer_auth(world.token(&[]))).await, 403, "PERMISSION_DENIED");
    let broken = async |pen: Pen, status| pen.break_off(status).await;
    let pen = world.backend.stream(EXPORT);
    let status = refusal(Kind::Invalid, "INVALID", &[("from", "is later than to")]);
    let (answer, ()) = tokio::join!(ask(export(&world)), broken(pen, status));
    let told = problem(answer, 400, "INVALID");
    assert_eq!(told["violations"][0]["field"], "from");
    let pen = world.backend.stream(EXPORT);
    let (answer, ()) = tokio::join!(ask(export(&world)), broken(pen, Status::unavailable("10.0.0.7")));
    assert_eq!(answer.header("retry-after"), "1");
    problem(answer, 503, "UNAVAILABLE");
    drop(world.backend.stream(EXPORT));
    problem(ask(export(&world)).await, 500, "INTERNAL");
}

#[tokio::test]
async fn a_file_that_breaks_off_does_not_look_whole() {
    let world = World::new().await;
    for encoding in ["identity", "gzip"] {
        let pen = world.backend.stream(EXPORT);
        let writing = async {
            assert!(pen.write(&first("day,minor\r\n")).await);
            assert!(pen.write(&piece("2026-01-01,1\r\n".repeat(1_000))).await);
            pen.break_off(Status::internal("select * from events")).await;
        };
        let reading = async {
            let response = export(&world).header("accept-encoding", encoding).send().await.unwrap();
            assert_eq!(response.status(), 200);
            response.bytes().await
        };
        let (read, ()) = tokio::join!(reading, writing);
        assert!(read.is_err(), "{encoding}: the client takes half a file for a whole one");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_writer() {
    let world = World::new().await;
    let pen = world.backend.stream(EXPORT);
    let asking = export(&world).send();
    let (response, _) = tokio::join!(asking, async { pen.write(&first("")).await });
    let block = piece(vec![b'x'; 64 * 1024]);
    let mut written = 0;
    while timeout(PATIENCE, pen.write(&block)).await.is_ok() {
        written += block.data.len();
        assert!(written < BUFFERS, "{written} bytes were taken from the service and not by the client");
    }
    let (whole, ()) = tokio::join!(response.unwrap().bytes(), async {
        assert!(pen.write(&piece("end")).await);
        drop(pen);
    });
    let whole = whole.unwrap();
    assert!(whole.ends_with(b"end") && whole.len() >= written, "{} of {written}", whole.len());
}

#[tokio::test]
async fn a_client_that_goes_away_stops_the_writer() {
    let world = World::new().await;
    let pen = world.backend.stream(EXPORT);
    let (response, _) = tokio::join!(export(&world).send(), async { pen.write(&first("a")).await });
    drop(response.unwrap());
    timeout(Duration::from_secs(5), pen.closed()).await.unwrap();
}
