//! Links to media: for whom the lesson is open, and of what is stored.

use courses::documents::Documents;
use proto::{
    lyceum::{
        courses::v1::CreateLessonMediaLinkRequest,
        documents::v1::{
            CreateDownloadLinkRequest, CreateMediaLinkRequest, DeleteFileRequest, DownloadLink, File, GetFileRequest,
            ListMyFilesRequest, ListMyFilesResponse,
            file_service_server::{FileService, FileServiceServer},
        },
    },
    wkt::Timestamp,
};
use testkit::{FixedClock, Fleet, Served, serve};
use tonic::{Request, Response, Status, service::Routes};
use uuid::Uuid;

use crate::helpers::{School, reason, section, text, titled, video};

/// A documents service that stores one file.
struct Shelf(Uuid);

#[tonic::async_trait]
impl FileService for Shelf {
    async fn create_media_link(
        &self,
        request: Request<CreateMediaLinkRequest>,
    ) -> Result<Response<DownloadLink>, Status> {
        assert!(auth::peer(&request).is_some(), "courses asks in its own name");
        if request.into_inner().file_id != self.0.to_string() {
            return Err(Status::not_found("there is no such file"));
        }
        let expires_at = Some(Timestamp { seconds: 1_900_000_000, nanos: 0 });
        Ok(Response::new(DownloadLink { url: format!("https://cdn.test/{}", self.0), expires_at }))
    }

    async fn list_my_files(&self, _: Request<ListMyFilesRequest>) -> Result<Response<ListMyFilesResponse>, Status> {
        Err(Status::unimplemented("courses lists no files"))
    }

    async fn get_file(&self, _: Request<GetFileRequest>) -> Result<Response<File>, Status> {
        Err(Status::unimplemented("courses reads no files"))
    }

    async fn create_download_link(
        &self,
        _: Request<CreateDownloadLinkRequest>,
    ) -> Result<Response<DownloadLink>, Status> {
        Err(Status::unimplemented("courses downloads nothing"))
    }

    async fn delete_file(&self, _: Request<DeleteFileRequest>) -> Result<Response<()>, Status> {
        Err(Status::unimplemented("courses deletes nothing"))
    }
}

/// A school with a shelf, on which this file is.
async fn school(file: Uuid) -> (School, Served) {
    let fleet = Fleet::new(FixedClock::default().shared());
    let shelf = serve(Routes::new(FileServiceServer::new(Shelf(file))), fleet.layer()).await;
    let documents = Documents::new(shelf.to(fleet.service()));
    (School::with(documents).await, shelf)
}

/// The link to a lesson's media, or why there is none.
async fn link(school: &School, learner: Uuid, run_id: &str, lesson_id: &str) -> Result<String, String> {
    let request = CreateLessonMediaLinkRequest { run_id: run_id.into(), lesson_id: lesson_id.into() };
    let answer = school.learning(learner).create_lesson_media_link(request).await;
    answer.map(|link| link.into_inner().url).map_err(|status| reason(&status))
}

fn film(title: &str, media: &str) -> proto::lyceum::courses::v1::DraftLesson {
    use proto::lyceum::courses::v1::draft_lesson::Content;
    let mut lesson = video(title, 60);
    if let Some(Content::Video(video)) = &mut lesson.content {
        video.media_id = media.into();
    }
    lesson
}

#[tokio::test]
async fn media_are_linked_for_whom_the_lesson_is_open() {
    let file = Uuid::new_v4();
    let (school, _shelf) = school(file).await;
    let lessons = vec![
        film("stored", &file.to_string()),
        film("lost", &Uuid::new_v4().to_string()),
        film("old", "media-video"),
        text("text"),
    ];
    let offered = school.offered(vec![section("one", lessons)]).await;
    let learner = school.learner(&offered.run).await;
    let outline = school.outline(learner, &offered.run).await;
    let of = |title: &str| titled(&outline, title).lesson_id.clone();
    let run = offered.run.run_id.clone();
    assert_eq!(link(&school, learner, &run, &of("stored")).await, Ok(format!("https://cdn.test/{file}")));
    for title in ["lost", "old", "text"] {
        assert_eq!(link(&school, learner, &run, &of(title)).await, Err("MEDIA_NOT_STORED".to_owned()), "{title}");
    }
    let stranger = Uuid::new_v4();
    assert_eq!(link(&school, stranger, &run, &of("stored")).await, Err("LESSON_LOCKED".to_owned()));
    let nowhere = Uuid::new_v4().to_string();
    assert_eq!(link(&school, learner, &run, &nowhere).await, Err("LESSON_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn a_documents_service_that_is_down_is_asked_again_later() {
    let school = School::new().await;
    let offered = school.offered(vec![section("one", vec![film("stored", &Uuid::new_v4().to_string())])]).await;
    let learner = school.learner(&offered.run).await;
    let outline = school.outline(learner, &offered.run).await;
    let lesson = titled(&outline, "stored").lesson_id.clone();
    assert_eq!(link(&school, learner, &offered.run.run_id, &lesson).await, Err("UNAVAILABLE".to_owned()));
}
