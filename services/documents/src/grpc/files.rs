//! Files: how they come in, and links to read them.

use std::time::Duration;

use contract::{Call, Page, documents as asked, show};
use proto::lyceum::documents::v1 as pb;

use super::{Door, show};
use crate::{
    domain::{
        File, Refusal, Upload,
        content::ContentType,
        id::FileId,
        upload::{Announced, Way},
    },
    error::Result,
    flows::{abort_upload, complete_upload, create_upload, delete_file, sign_link, sign_parts},
    store,
};

/// Who reads everybody's files.
const READS_ALL: &str = "files.read";
/// How long a link to a file works: long enough to begin, because a download that runs goes on.
const LINK_WORKS: Duration = Duration::from_secs(600);
/// How long a link to media works, unless the caller says otherwise.
const MEDIA_WORKS: Duration = Duration::from_secs(3_600);

impl Door {
    /// A file of one's own; everybody's for those who may.
    async fn file(&self, call: &Call, id: FileId) -> Result<File> {
        let me = call.person()?;
        let owner = (!call.caller.has(READS_ALL)).then_some(me);
        Ok(store::files::get(&mut *self.connection().await?, id, owner).await?.ok_or(Refusal::FileNotFound)?)
    }

    /// An upload with a link, if it is written at once and still open.
    fn upload(&self, upload: Upload) -> pb::Upload {
        let link = sign_link::to_write(&self.0, &upload);
        show::upload(upload, link, self.0.clock.now())
    }
}

impl asked::UploadService for Door {
    async fn create_upload(&self, call: Call, ask: asked::CreateUpload<Self>) -> Result<pb::Upload> {
        let (owner, way) = (call.person()?, Way::of(ask.size_bytes, ask.sha256)?);
        let content_type = ContentType::parse(ask.content_type.as_str()).or(Err(Refusal::ContentTypeNotAllowed))?;
        let announced = Announced { kind: ask.kind, name: ask.name, content_type, size: ask.size_bytes, way };
        let key = call.key.as_ref();
        Ok(self.upload(create_upload::run(&self.0, &call.caller, owner, announced, key).await?))
    }

    async fn get_upload(&self, call: Call, ask: asked::GetUpload) -> Result<pb::Upload> {
        let (upload, stored_parts) = sign_parts::look(&self.0, call.person()?, ask.upload_id).await?;
        Ok(pb::Upload { stored_parts, ..self.upload(upload) })
    }

    async fn create_part_links(&self, call: Call, ask: asked::CreatePartLinks<Self>) -> Result<Vec<pb::PartLink>> {
        let parts: Vec<_> = ask.parts.into_iter().map(|part| (part.number.cast_signed(), part.sha256)).collect();
        let signed = sign_parts::run(&self.0, call.person()?, ask.upload_id, &parts).await?;
        Ok(show(signed))
    }

    async fn complete_upload(&self, call: Call, ask: asked::CompleteUpload) -> Result<pb::File> {
        Ok(show(complete_upload::run(&self.0, call.person()?, ask.upload_id).await?))
    }

    async fn abort_upload(&self, call: Call, ask: asked::AbortUpload) -> Result<pb::Upload> {
        Ok(self.upload(abort_upload::run(&self.0, call.person()?, ask.upload_id).await?))
    }
}

impl asked::FileService for Door {
    async fn list_my_files(&self, call: Call, ask: asked::ListMyFiles<Self>) -> Result<Page<pb::File>> {
        let me = call.person()?;
        let after = ask.page.after_of(me)?;
        let mut conn = self.connection().await?;
        let found = store::files::list_of(&mut conn, me, ask.kind, after, ask.page.limit()).await?;
        Ok(show(ask.page.cut(found, |file| (me, file.id))))
    }

    async fn get_file(&self, call: Call, ask: asked::GetFile) -> Result<pb::File> {
        Ok(show(self.file(&call, ask.file_id).await?))
    }

    async fn create_download_link(&self, call: Call, ask: asked::CreateDownloadLink) -> Result<pb::DownloadLink> {
        let file = self.file(&call, ask.file_id).await?;
        Ok(show(sign_link::to_read(&self.0, &file, LINK_WORKS)))
    }

    async fn delete_file(&self, call: Call, ask: asked::DeleteFile) -> Result<()> {
        delete_file::run(&self.0, call.person()?, ask.file_id).await
    }

    async fn create_media_link(&self, _: Call, ask: asked::CreateMediaLink) -> Result<pb::DownloadLink> {
        let found = store::files::any(&mut *self.connection().await?, ask.file_id).await?;
        // Nobody's papers and homework are media, whatever a lesson says.
        let file = found.filter(|file| file.kind.is_of_course()).ok_or(Refusal::FileNotFound)?;
        let works = ask.ttl.map_or(MEDIA_WORKS, time::Duration::unsigned_abs);
        Ok(show(sign_link::to_read(&self.0, &file, works)))
    }
}
