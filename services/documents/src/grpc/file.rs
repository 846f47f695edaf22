//! FileService at the door: files that are stored, and links to read them.

use std::time::Duration;

use contract::{Call, Page, documents as asked};
use proto::lyceum::documents::v1 as pb;

use super::{Door, connection, print};
use crate::{
    Error,
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

impl asked::FileService for Door {
    async fn list_my_files(&self, call: Call, ask: asked::ListMyFiles<Self>) -> Result<Page<pb::File>, Error> {
        let (me, after) = (call.person()?, ask.page.after()?);
        let mut conn = connection(&self.0).await?;
        let rows = store::files::list_of(&mut conn, me, ask.kind, after, ask.page.limit()).await?;
        Ok(ask.page.cut(rows, |file| file.id).map(print::file))
    }

    async fn get_file(&self, call: Call, ask: asked::GetFile) -> Result<pb::File, Error> {
        Ok(print::file(self.file(ask.file_id, readers(&call)?).await?))
    }

    async fn create_download_link(
        &self,
        call: Call,
        ask: asked::CreateDownloadLink,
    ) -> Result<pb::DownloadLink, Error> {
        let file = self.file(ask.file_id, readers(&call)?).await?;
        Ok(self.link(&file, LINK_WORKS))
    }

    async fn delete_file(&self, call: Call, ask: asked::DeleteFile) -> Result<(), Error> {
        delete_file::delete_file(&self.0, call.person()?, ask.file_id).await
    }

    async fn create_media_link(&self, _: Call, ask: asked::CreateMediaLink) -> Result<pb::DownloadLink, Error> {
        let works = ask.ttl.map_or(MEDIA_WORKS, time::Duration::unsigned_abs);
        let file = self.file(ask.file_id, None).await?;
        // Nobody's papers and homework are media, whatever a lesson says.
        if !file.kind.is_of_course() {
            return Err(Refusal::FileNotFound.into());
        }
        Ok(self.link(&file, works))
    }
}

/// Whose files the caller reads: one's own, or `None` for everybody's.
fn readers(call: &Call) -> Result<Option<UserId>, Error> {
    let me = call.person()?;
    Ok((!call.caller.has(READS_ALL)).then_some(me))
}

impl Door {
    async fn file(&self, id: FileId, owner: Option<UserId>) -> Result<File, Error> {
        let mut conn = connection(&self.0).await?;
        Ok(store::files::get(&mut conn, id, owner).await?.ok_or(Refusal::FileNotFound)?)
    }

    /// A link by the CDN for what belongs to courses, and to the store itself for what belongs to people.
    fn link(&self, file: &File, works: Duration) -> pb::DownloadLink {
        let now = self.0.clock.now();
        let url = match &self.0.cdn {
            Some(cdn) if file.kind.is_of_course() => cdn.link(&file.key(), now + works),
            _ => self.0.bucket.link(&file.key(), &Reading::of(file), works, now),
        };
        pb::DownloadLink { url: url.to_string(), expires_at: Some((now + works).into()) }
    }
}
