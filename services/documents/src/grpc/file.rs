//! FileService at the door: files that are stored, and links to read them.

use std::{sync::Arc, time::Duration};

use proto::lyceum::documents::v1::{
    CreateDownloadLinkRequest, CreateMediaLinkRequest, DeleteFileRequest, DownloadLink, File as FilePb, GetFileRequest,
    ListMyFilesRequest, ListMyFilesResponse, file_service_server::FileService,
};
use rpc::Invalid;
use tonic::{Request, Response, Status};
use values::Page;

use super::{connection, me, print, read};
use crate::{
    App, Error,
    bucket::Reading,
    domain::{
        file::File,
        id::{FileId, UserId},
        upload::Refusal,
    },
    flows::delete_file,
    store,
};

/// Who reads everybody's files.
const READS_ALL: &str = "files.read";
/// How long a link to a file works: long enough to begin, because a download that runs goes on.
const LINK_WORKS: Duration = Duration::from_secs(600);
/// How long a link to media works, unless the caller says otherwise.
const MEDIA_WORKS: Duration = Duration::from_secs(3_600);
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Door(pub(super) Arc<App>);

#[tonic::async_trait]
impl FileService for Door {
    async fn list_my_files(
        &self,
        request: Request<ListMyFilesRequest>,
    ) -> Result<Response<ListMyFilesResponse>, Status> {
        let me = me(&request)?;
        let m = request.into_inner();
        let mut fields = rpc::Fields::new();
        let paging = read::paging::<FileId>(&mut fields, "ListMyFiles", &[&m.kind], m.page_size, &m.page_token);
        let (read::Paging { size, scope, after },) = fields.finish((paging,))?;
        let mut conn = connection(&self.0).await?;
        let kind = print::read_kind(m.kind());
        let rows = store::files::list_of(&mut conn, me, kind, after, size.fetch()).await.map_err(Error::from)?;
        let page = Page::cut(rows, size, &scope, |file| file.id).map(print::file);
        Ok(Response::new(ListMyFilesResponse { next_page_token: page.next, files: page.items }))
    }

    async fn get_file(&self, request: Request<GetFileRequest>) -> Result<Response<FilePb>, Status> {
        let readers = readers(&request)?;
        let id = read::id("file_id", &request.into_inner().file_id)?;
        Ok(Response::new(print::file(self.file(id, readers).await?)))
    }

    async fn create_download_link(
        &self,
        request: Request<CreateDownloadLinkRequest>,
    ) -> Result<Response<DownloadLink>, Status> {
        let readers = readers(&request)?;
        let id = read::id("file_id", &request.into_inner().file_id)?;
        let file = self.file(id, readers).await?;
        Ok(Response::new(self.link(&file, LINK_WORKS)))
    }

    async fn delete_file(&self, request: Request<DeleteFileRequest>) -> Result<Response<()>, Status> {
        let me = me(&request)?;
        let id = read::id("file_id", &request.into_inner().file_id)?;
        delete_file::delete_file(&self.0, me, id).await?;
        Ok(Response::new(()))
    }

    async fn create_media_link(
        &self,
        request: Request<CreateMediaLinkRequest>,
    ) -> Result<Response<DownloadLink>, Status> {
        let m = request.into_inner();
        let id = read::id("file_id", &m.file_id)?;
        let works = match m.ttl {
            None => MEDIA_WORKS,
            Some(ttl) => ttl
                .to_duration()
                .and_then(|ttl| Duration::try_from(ttl).ok())
                .filter(|ttl| (SHORTEST..=LONGEST).contains(ttl))
                .ok_or_else(|| Invalid::field("ttl", "expected one minute to a day"))?,
        };
        let file = self.file(id, None).await?;
        // Nobody's papers and homework are media, whatever a lesson says.
        if !file.kind.is_of_course() {
            return Err(Error::from(Refusal::FileNotFound).into());
        }
        Ok(Response::new(self.link(&file, works)))
    }
}

/// Whose files the caller reads: one's own, or `None` for everybody's.
fn readers<T>(request: &Request<T>) -> Result<Option<UserId>, Status> {
    let me = me(request)?;
    Ok((!auth::caller(request).has(READS_ALL)).then_some(me))
}

impl Door {
    async fn file(&self, id: FileId, owner: Option<UserId>) -> Result<File, Error> {
        let mut conn = connection(&self.0).await?;
        Ok(store::files::get(&mut conn, id, owner).await?.ok_or(Refusal::FileNotFound)?)
    }

    /// A link by the CDN for what belongs to courses, and to the store itself for what belongs to people.
    fn link(&self, file: &File, works: Duration) -> DownloadLink {
        let now = self.0.clock.now();
        let url = match &self.0.cdn {
            Some(cdn) if file.kind.is_of_course() => cdn.link(&file.key(), now + works),
            _ => self.0.bucket.link(&file.key(), &Reading::of(file), works, now),
        };
        DownloadLink { url: url.to_string(), expires_at: Some((now + works).into()) }
    }
}
