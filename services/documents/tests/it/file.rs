//! Files that are stored: whose they are, by which links they are read, and how they go.

use std::time::Duration;

use proto::lyceum::documents::v1::{
    CreateDownloadLinkRequest, CreateMediaLinkRequest, DeleteFileRequest, GetFileRequest, ListMyFilesRequest,
    file::Kind,
};
use uuid::Uuid;

use crate::helpers::{World, pdf, reason};

#[tokio::test]
async fn files_are_their_owners_and_those_who_read_all() {
    let w = World::new().await;
    let (me, other) = (Uuid::new_v4(), Uuid::new_v4());
    let file = w.stored(me, Kind::Paper, "a.pdf").await;
    let get = GetFileRequest { file_id: file.file_id.clone() };
    let link = CreateDownloadLinkRequest { file_id: file.file_id.clone() };
    let delete = DeleteFileRequest { file_id: file.file_id.clone() };
    assert_eq!(w.files(me, &[]).get_file(get.clone()).await.unwrap().into_inner(), file);
    assert_eq!(reason(w.files(other, &[]).get_file(get.clone()).await), "FILE_NOT_FOUND");
    assert_eq!(reason(w.files(other, &[]).create_download_link(link.clone()).await), "FILE_NOT_FOUND");
    assert!(w.files(other, &["files.read"]).get_file(get).await.is_ok());
    assert!(w.files(other, &["files.read"]).create_download_link(link).await.is_ok());
    assert_eq!(reason(w.files(other, &["files.read"]).delete_file(delete).await), "FILE_NOT_FOUND");
}

#[tokio::test]
async fn files_are_listed_newest_first_in_pages() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    let mut stored = vec![];
    for name in ["1.pdf", "2.pdf", "3.pdf"] {
        stored.push(w.stored(me, Kind::Homework, name).await);
        w.clock.advance(time::Duration::SECOND);
    }
    w.stored(me, Kind::Paper, "4.pdf").await;
    let mut page = ListMyFilesRequest { page_size: 2, kind: Kind::Homework.into(), ..ListMyFilesRequest::default() };
    let first = w.files(me, &[]).list_my_files(page.clone()).await.unwrap().into_inner();
    assert_eq!(first.files, [stored[2].clone(), stored[1].clone()]);
    page.page_token = first.next_page_token.unwrap();
    let last = w.files(me, &[]).list_my_files(page).await.unwrap().into_inner();
    assert_eq!((last.files.as_slice(), last.next_page_token), (&stored[..1], None));
}

#[tokio::test]
async fn a_deleted_file_goes_from_the_store_soon() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    let file = w.stored(me, Kind::Paper, "a.pdf").await;
    let delete = DeleteFileRequest { file_id: file.file_id.clone() };
    w.files(me, &[]).delete_file(delete.clone()).await.unwrap();
    assert_eq!(reason(w.files(me, &[]).delete_file(delete).await), "FILE_NOT_FOUND");
    w.tick(Duration::from_secs(2 * 3_600)).await;
    assert_eq!(w.objects().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_paper_that_a_case_rests_on_stays() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    let file = w.stored(me, Kind::Paper, "a.pdf").await;
    let case = Uuid::new_v4();
    let used = [
        format!("insert into tutors (tutor_id) values ('{me}')"),
        format!(
            "insert into verification_cases
             (case_id, tutor_id, kind, state, comment, version, created_at, updated_at)
             values ('{case}', '{me}', 'identity', 'in_review', '', 1, now(), now())"
        ),
        format!("insert into case_files (case_id, position, file_id) values ('{case}', 1, '{}')", file.file_id),
    ];
    for statement in used {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&w.db.pool).await.unwrap();
    }
    let delete = DeleteFileRequest { file_id: file.file_id.clone() };
    assert_eq!(reason(w.files(me, &[]).delete_file(delete).await), "FILE_IN_USE");
}

#[tokio::test]
async fn media_are_linked_for_services_and_nothing_else_is() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    let (material, paper) = (w.stored(me, Kind::Material, "a.pdf").await, w.stored(me, Kind::Paper, "b.pdf").await);
    let ask = |file_id: &str| CreateMediaLinkRequest { file_id: file_id.to_owned(), ttl: None };
    assert!(w.files(me, &["files.read"]).create_media_link(ask(&material.file_id)).await.is_err());
    let link = w.files_for_services().create_media_link(ask(&material.file_id)).await.unwrap().into_inner();
    assert!(w.http.get(link.url).send().await.unwrap().status().is_success());
    let refused = w.files_for_services().create_media_link(ask(&paper.file_id)).await;
    assert_eq!(reason(refused), "FILE_NOT_FOUND");
    let long = CreateMediaLinkRequest { ttl: Some(time::Duration::days(2).into()), ..ask(&material.file_id) };
    assert_eq!(reason(w.files_for_services().create_media_link(long).await), "INVALID");
}

#[tokio::test]
async fn an_erased_person_leaves_only_what_belongs_to_courses() {
    let w = World::new().await;
    let me = Uuid::new_v4();
    w.stored(me, Kind::Paper, "паспорт Иванова.pdf").await;
    w.stored(me, Kind::Homework, "сочинение Иванова.pdf").await;
    let material = w.stored(me, Kind::Material, "Иванов, лекция.pdf").await;
    let open = w.open(me, pdf(Kind::Paper, "диплом Иванова.pdf")).await;
    w.erase(me).await;
    w.erase(me).await;
    w.tick(Duration::from_secs(2 * 3_600)).await;
    assert_eq!(w.objects().await, [format!("material/{}", material.file_id)]);
    let get = GetFileRequest { file_id: material.file_id };
    let left = w.files(Uuid::new_v4(), &["files.read"]).get_file(get).await.unwrap().into_inner();
    assert_eq!(left.name, "");
    let named: i64 =
        sqlx::query_scalar("select count(*) from uploads where name <> ''").fetch_one(&w.db.pool).await.unwrap();
    assert_eq!(named, 0);
    // A token that still works for some minutes brings nothing back.
    assert_eq!(reason(w.complete(me, &open).await), "UPLOAD_OVER");
    let again = w.uploads(me, &[]).create_upload(pdf(Kind::Paper, "a.pdf")).await;
    assert_eq!(reason(again), "ACCOUNT_ERASED");
}
