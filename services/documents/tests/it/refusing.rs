//! An object that the store will not delete holds no other one up: they may be what an erased person left.

use std::sync::Arc;

use documents::{App, config::Papers, flows::print_certificate, jobs};
use testkit::{Database, FixedClock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use uuid::Uuid;
use values::{Clock, SystemClock};

use crate::helpers::{app_over, store_at};

/// An object store that deletes everything but what has this in its key.
async fn refusing(what: &'static str, running: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    running.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut head, mut piece) = (Vec::new(), [0; 4096]);
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                let read = stream.read(&mut piece).await.unwrap();
                assert!(read > 0, "no whole request");
                head.extend_from_slice(&piece[..read]);
            }
            let line = String::from_utf8_lossy(&head).lines().next().unwrap().to_owned();
            assert!(line.starts_with("DELETE "), "{line}");
            let status = if line.contains(what) { "403 Forbidden" } else { "204 No Content" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

async fn school(what: &'static str, running: &mut JoinSet<()>) -> (Database, Arc<App>) {
    let clock = FixedClock::at(SystemClock.now());
    let db = Database::new(&documents::app::migrations()).await;
    let store = store_at(&refusing(what, running).await, "school", ("key", "secret", "ru-1"));
    let papers = Papers { asked: "identity".parse().unwrap(), system: None };
    let app = app_over(&db, &clock, papers, &store);
    (db, app)
}

#[tokio::test]
async fn an_object_that_cannot_be_deleted_holds_no_other_up() {
    let mut running = JoinSet::new();
    let (db, app) = school("stubborn", &mut running).await;
    let insert = "insert into doomed_objects (object_key, delete_at, last_at)
                  select 'paper/' || case when n = 1 then 'stubborn' else n::text end,
                         now() - interval '1 hour', now() - interval '1 hour'
                  from generate_series(1, 9) as n";
    sqlx::query(insert).execute(&db.pool).await.unwrap();
    jobs::delete(&app).await.unwrap_err();
    let left: Vec<String> =
        sqlx::query_scalar("select object_key from doomed_objects").fetch_all(&db.pool).await.unwrap();
    assert_eq!(left, ["paper/stubborn"]);
    // It waits for its turn; until then there is nothing to complain about.
    jobs::delete(&app).await.unwrap();
}

#[tokio::test]
async fn a_pdf_that_cannot_be_deleted_holds_no_other_up() {
    let mut running = JoinSet::new();
    let stubborn = Uuid::from_u128(1);
    let (db, app) = school("00000000-0000-0000-0000-000000000001", &mut running).await;
    for (id, hours) in [(stubborn, 2), (Uuid::new_v4(), 1)] {
        let insert = "insert into certificates (certificate_id, version, number, number_key, learner_id, holder_name,
                          course_id, run_id, enrolment_id, course_title, course_version, language, state, completed_at,
                          issued_at, erased_at, unprint_at)
                      values ($1, 1, $1::text, $1::text, $1, '', $1, $1, $1, 'Rust', 1, 'en', 'printed', now(), now(),
                          now(), now() - $2 * interval '1 hour')";
        sqlx::query(insert).bind(id).bind(hours).execute(&db.pool).await.unwrap();
    }
    print_certificate::unprint(&app).await.unwrap_err();
    let left: Vec<Uuid> = sqlx::query_scalar("select certificate_id from certificates where unprint_at is not null")
        .fetch_all(&db.pool)
        .await
        .unwrap();
    assert_eq!(left, [stubborn]);
}
