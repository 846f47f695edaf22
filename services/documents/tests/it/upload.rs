//! How files come in: what is let through, and what is not, whoever dies when.

use std::time::Duration;

use documents::{
    bucket::Part,
    domain::{
        file::Sha256,
        upload::{AT_ONCE, MOST_OPEN},
    },
};
use proto::lyceum::documents::v1::{AbortUploadRequest, CreateUploadRequest, file::Kind, upload::State};
use uuid::Uuid;

use crate::helpers::{EDITOR, PDF, World, announce, keyed, pdf, reason, sum};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_file_is_written_straight_to_the_store_and_counts_once() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    let upload = w.open(me, pdf(Kind::Paper, "Диплом.pdf")).await;
    assert_eq!(reason(w.complete(me, &upload).await), "UPLOAD_INCOMPLETE");
    assert_eq!(w.write(upload.link.as_ref().unwrap(), PDF).await, 200);
    let file = w.complete(me, &upload).await.unwrap();
    assert_eq!((file.name.as_str(), &file.sha256), ("Диплом.pdf", &upload.sha256));
    assert_eq!(w.complete(me, &upload).await.unwrap(), file);
    let looked = w.look(me, &upload).await;
    assert_eq!(
        (looked.state(), looked.file_id.as_deref(), looked.link),
        (State::Completed, Some(file.file_id.as_str()), None)
    );
    let answer = w.download(me, &file).await;
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\""));
    assert_eq!(answer.bytes().await.unwrap().as_ref(), PDF);
}

#[tokio::test]
async fn what_is_written_after_the_end_is_nobodys_file() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    let upload = w.open(me, pdf(Kind::Paper, "a.pdf")).await;
    w.write(upload.link.as_ref().unwrap(), PDF).await;
    let file = w.complete(me, &upload).await.unwrap();
    w.tick(Duration::from_secs(1)).await;
    assert_eq!(w.objects().await, [format!("paper/{}", file.file_id)]);
    // The link still works; what it writes goes when it does not any more.
    assert!(w.write(upload.link.as_ref().unwrap(), PDF).await.is_success());
    assert_eq!(w.objects().await.len(), 2);
    w.tick(Duration::from_secs(2 * 3_600)).await;
    assert_eq!(w.objects().await, [format!("paper/{}", file.file_id)]);
    assert_eq!(w.download(me, &file).await.bytes().await.unwrap().as_ref(), PDF);
}

#[tokio::test]
async fn the_store_takes_only_what_was_announced() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    let upload = w.open(me, pdf(Kind::Paper, "a.pdf")).await;
    let link = upload.link.as_ref().unwrap();
    let mut other = PDF.to_vec();
    other[12] ^= 1;
    assert!(!w.write(link, &other).await.is_success(), "another checksum");
    assert!(!w.write(link, &PDF[1..]).await.is_success(), "another size");
    let mut typed = link.clone();
    typed.headers.insert("content-type".into(), "text/html".into());
    assert!(!w.write(&typed, PDF).await.is_success(), "another type");
    assert_eq!(reason(w.complete(me, &upload).await), "UPLOAD_INCOMPLETE");
    assert!(w.write(link, PDF).await.is_success());
    assert!(w.complete(me, &upload).await.is_ok());
}

#[tokio::test]
async fn bytes_that_are_not_what_they_say_end_the_upload() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    let upload = w.open(me, announce(Kind::Paper, "a.png", "image/png", PDF)).await;
    w.write(upload.link.as_ref().unwrap(), PDF).await;
    assert_eq!(reason(w.complete(me, &upload).await), "CONTENT_MISMATCH");
    assert_eq!(reason(w.complete(me, &upload).await), "CONTENT_MISMATCH");
    let looked = w.look(me, &upload).await;
    assert_eq!((looked.state(), looked.refused_reason.as_deref()), (State::Refused, Some("CONTENT_MISMATCH")));
    w.tick(Duration::from_secs(1)).await;
    assert_eq!(w.objects().await, Vec::<String>::new());
}

#[tokio::test]
async fn kinds_have_limits() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    let refused = async |request: CreateUploadRequest, permissions: &[&str]| {
        reason(w.uploads(me, permissions).create_upload(request).await)
    };
    assert_eq!(refused(announce(Kind::Media, "a.mp4", "video/mp4", PDF), &[]).await, "KIND_NOT_ALLOWED");
    assert_eq!(refused(announce(Kind::Paper, "a.mp4", "video/mp4", PDF), &[]).await, "CONTENT_TYPE_NOT_ALLOWED");
    assert_eq!(refused(announce(Kind::Paper, "a", "text/html", PDF), &[]).await, "CONTENT_TYPE_NOT_ALLOWED");
    let long = CreateUploadRequest { size_bytes: 21 << 20, ..pdf(Kind::Paper, "a.pdf") };
    assert_eq!(refused(long, &[]).await, "SIZE_NOT_ALLOWED");
    let empty = CreateUploadRequest { size_bytes: 0, ..pdf(Kind::Paper, "a.pdf") };
    assert_eq!(refused(empty, &[]).await, "SIZE_NOT_ALLOWED");
    assert_eq!(refused(pdf(Kind::Paper, "a/b.pdf"), &[]).await, "INVALID");
    let sumless = CreateUploadRequest { sha256: String::new(), ..pdf(Kind::Paper, "a.pdf") };
    assert_eq!(refused(sumless, &[]).await, "INVALID");
}

#[tokio::test]
async fn nobody_has_too_many_open_uploads_even_at_once() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    let open = (0..MOST_OPEN + 5).map(|_| async { self::opened(&w, me).await });
    let answers = futures::future::join_all(open).await;
    let good = answers.iter().filter(|answer| answer.is_none()).count();
    assert_eq!(i64::try_from(good).unwrap(), MOST_OPEN);
    assert!(answers.iter().flatten().all(|reason| reason == "TOO_MANY_UPLOADS"), "{answers:?}");
    // An expired one does not count.
    w.tick(DAY).await;
    assert_eq!(opened(&w, me).await, None);
}

async fn opened(w: &World, me: Uuid) -> Option<String> {
    let answer = w.uploads(me, &[]).create_upload(pdf(Kind::Paper, "a.pdf")).await;
    answer.is_err().then(|| reason(answer))
}

#[tokio::test]
async fn a_repeated_announcement_is_one_upload() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    let once = w.uploads(me, &[]).create_upload(keyed(pdf(Kind::Paper, "a.pdf"), "one-and-the-same")).await.unwrap();
    let twice = w.uploads(me, &[]).create_upload(keyed(pdf(Kind::Paper, "a.pdf"), "one-and-the-same")).await.unwrap();
    assert_eq!(once.into_inner().upload_id, twice.into_inner().upload_id);
}

#[tokio::test]
async fn an_upload_is_its_owners() {
    let w = World::new().await;
    let (me, other) = (Uuid::new_v4(), Uuid::new_v4());
    let upload = w.open(me, pdf(Kind::Paper, "a.pdf")).await;
    w.write(upload.link.as_ref().unwrap(), PDF).await;
    assert_eq!(reason(w.complete(other, &upload).await), "UPLOAD_NOT_FOUND");
    let abort = AbortUploadRequest { upload_id: upload.upload_id.clone() };
    assert_eq!(reason(w.uploads(other, &[]).abort_upload(abort).await), "UPLOAD_NOT_FOUND");
    assert!(w.complete(me, &upload).await.is_ok());
}

/// A film of 65 MiB in five parts.
fn film() -> Vec<u8> {
    let mut film = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    film.resize(usize::try_from(AT_ONCE).unwrap() + (1 << 20), 7);
    film
}

fn in_parts(film: &[u8]) -> CreateUploadRequest {
    CreateUploadRequest { sha256: String::new(), ..announce(Kind::Media, "film.mp4", "video/mp4", film) }
}

#[tokio::test]
async fn a_big_file_comes_in_parts_that_may_be_written_again() {
    let w = World::new().await;
    let (me, film) = (Uuid::new_v4(), film());
    let upload = w.open(me, in_parts(&film)).await;
    assert_eq!((upload.part_count, upload.link.as_ref()), (5, None));
    let size = usize::try_from(upload.part_size_bytes).unwrap();
    assert_eq!(reason(w.complete(me, &upload).await), "UPLOAD_INCOMPLETE");
    let pieces: Vec<&[u8]> = film.chunks(size).collect();
    // The first part is written wrongly first, as it was said to be: the last saying counts.
    let wrong = vec![9; size];
    let link = w.sign_part(me, &upload, 1, &wrong).await;
    assert!(!w.write(&link, pieces[0]).await.is_success(), "the store checks parts, too");
    assert!(w.write(&link, &wrong).await.is_success());
    for (number, piece) in (1..).zip(&pieces).skip(1) {
        let link = w.sign_part(me, &upload, number, piece).await;
        assert!(w.write(&link, piece).await.is_success());
    }
    let link = w.sign_part(me, &upload, 1, pieces[0]).await;
    assert_eq!(w.look(me, &upload).await.stored_parts, [1, 2, 3, 4, 5]);
    assert_eq!(reason(w.complete(me, &upload).await), "UPLOAD_INCOMPLETE", "part 1 is not what it is said to be now");
    assert!(w.write(&link, pieces[0]).await.is_success());
    let file = w.complete(me, &upload).await.unwrap();
    assert_eq!((file.size_bytes, &file.sha256), (film.len().try_into().unwrap(), &None));
    assert_eq!(w.complete(me, &upload).await.unwrap(), file);
    assert!(w.download(me, &file).await.bytes().await.unwrap() == film);
}

/// Joins the parts behind the service's back, with their checksums, whether the store lists them or not.
async fn join(w: &World, key: &str, store_id: &str, film: &[u8], size: usize) {
    let listed = w.app.bucket.parts(key, store_id).await.unwrap().unwrap();
    let sums = film.chunks(size).map(|piece| Some(Sha256::parse(&sum(piece)).unwrap()));
    let parts: Vec<Part> = listed.into_iter().zip(sums).map(|(part, sha256)| Part { sha256, ..part }).collect();
    w.app.bucket.join(key, store_id, &parts).await.unwrap();
}

#[tokio::test]
async fn whoever_dies_after_the_parts_were_joined_is_continued() {
    let w = World::new().await;
    let (me, film) = (Uuid::new_v4(), film());
    let upload = w.open(me, in_parts(&film)).await;
    let size = usize::try_from(upload.part_size_bytes).unwrap();
    for (number, piece) in (1..).zip(film.chunks(size)) {
        let link = w.sign_part(me, &upload, number, piece).await;
        assert!(w.write(&link, piece).await.is_success());
    }
    // As a process that dies between the store's answer and its own commit leaves it.
    let (file, store_id): (Uuid, String) =
        sqlx::query_as("select file_id, store_upload_id from uploads").fetch_one(&w.db.pool).await.unwrap();
    let key = format!("media/{file}");
    join(&w, &key, &store_id, &film, size).await;
    assert_eq!(w.app.bucket.parts(&key, &store_id).await.unwrap(), None);
    let both = futures::future::join(w.complete(me, &upload), w.complete(me, &upload)).await;
    assert_eq!(both.0.unwrap(), both.1.unwrap());
    assert_eq!(w.objects().await, [key]);
}

#[tokio::test]
async fn wrong_parts_are_found_where_the_store_did_not_look() {
    let w = World::new().await;
    let (me, film) = (Uuid::new_v4(), film());
    let upload = w.open(me, in_parts(&film)).await;
    let size = usize::try_from(upload.part_size_bytes).unwrap();
    for (number, piece) in (1..).zip(film.chunks(size)) {
        let link = w.sign_part(me, &upload, number, piece).await;
        assert!(w.write(&link, piece).await.is_success());
    }
    let (file, store_id): (Uuid, String) =
        sqlx::query_as("select file_id, store_upload_id from uploads").fetch_one(&w.db.pool).await.unwrap();
    let key = format!("media/{file}");
    join(&w, &key, &store_id, &film, size).await;
    sqlx::query("update upload_parts set sha256 = decode(repeat('00', 32), 'hex') where number = 4")
        .execute(&w.db.pool)
        .await
        .unwrap();
    assert_eq!(reason(w.complete(me, &upload).await), "CHECKSUM_MISMATCH");
    let checked: i32 = sqlx::query_scalar("select checked_parts from uploads").fetch_one(&w.db.pool).await.unwrap();
    assert_eq!(checked, 3, "what was read stays read");
    w.tick(Duration::from_secs(1)).await;
    assert_eq!(w.objects().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_given_up_or_forgotten_leaves_nothing() {
    let w = World::new().await;
    let (me, film) = (Uuid::new_v4(), film());
    let (small, big) = (w.open(me, pdf(Kind::Paper, "a.pdf")).await, w.open(me, in_parts(&film)).await);
    w.write(small.link.as_ref().unwrap(), PDF).await;
    let size = usize::try_from(big.part_size_bytes).unwrap();
    let link = w.sign_part(me, &big, 1, &film[..size]).await;
    assert!(w.write(&link, &film[..size]).await.is_success());
    let abort = AbortUploadRequest { upload_id: big.upload_id.clone() };
    for _ in 0..2 {
        let aborted = w.uploads(me, EDITOR).abort_upload(abort.clone()).await.unwrap().into_inner();
        assert_eq!(aborted.state(), State::Aborted);
    }
    w.tick(DAY).await;
    assert_eq!(w.look(me, &small).await.state(), State::Expired);
    assert_eq!(reason(w.complete(me, &small).await), "UPLOAD_OVER");
    assert_eq!(reason(w.complete(me, &big).await), "UPLOAD_OVER");
    assert!(!w.write(&link, &film[..size]).await.is_success(), "the upload in parts is gone from the store");
    w.tick(DAY).await;
    assert_eq!(w.objects().await, Vec::<String>::new());
    let left: i64 = sqlx::query_scalar("select count(*) from doomed_objects").fetch_one(&w.db.pool).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_store_that_is_down_is_asked_again_later() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    let papers = w.app.papers.clone();
    let door =
        testkit::serve(documents::grpc::routes(crate::helpers::app(&w.db, &w.clock, papers)), w.fleet.layer()).await;
    let mut uploads = proto::lyceum::documents::v1::upload_service_client::UploadServiceClient::new(
        door.to(w.fleet.person(me, EDITOR)),
    );
    let upload = uploads.create_upload(pdf(Kind::Paper, "a.pdf")).await.unwrap().into_inner();
    let complete = proto::lyceum::documents::v1::CompleteUploadRequest { upload_id: upload.upload_id.clone() };
    assert_eq!(reason(uploads.complete_upload(complete).await), "STORE_UNAVAILABLE");
    let link = w.look(me, &upload).await.link.unwrap();
    assert!(w.write(&link, PDF).await.is_success());
    assert!(w.complete(me, &upload).await.is_ok());
}
