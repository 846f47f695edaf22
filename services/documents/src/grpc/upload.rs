//! UploadService at the door: how files come in.

use std::sync::Arc;

use proto::lyceum::documents::v1::{
    AbortUploadRequest, CompleteUploadRequest, CreatePartLinksRequest, CreatePartLinksResponse, CreateUploadRequest,
    File, GetUploadRequest, PartLink, Upload as UploadPb, upload_service_server::UploadService,
};
use rpc::{Fields, Invalid};
use tonic::{Request, Response, Status};

use super::{connection, me, optional_key, print, read};
use crate::{
    App, Error,
    bucket::Writing,
    domain::{
        content::ContentType,
        file::{FileName, Sha256},
        upload::{self, AT_ONCE, Announced, LINK_WORKS, Refusal, Upload, Way},
    },
    flows::{abort_upload, complete_upload, create_upload, sign_parts},
    store,
};

/// Parts that are signed at once.
const MOST_LINKS: usize = 100;

pub(super) struct Door(pub(super) Arc<App>);

#[tonic::async_trait]
impl UploadService for Door {
    async fn create_upload(&self, request: Request<CreateUploadRequest>) -> Result<Response<UploadPb>, Status> {
        let (caller, owner) = (auth::caller(&request), me(&request)?);
        let key = optional_key(&request, "UploadService/CreateUpload")?;
        let announced = announced(&request.into_inner())?;
        let upload = create_upload::create_upload(&self.0, &caller, owner, announced, key.as_ref()).await?;
        Ok(Response::new(self.whole(upload)))
    }

    async fn get_upload(&self, request: Request<GetUploadRequest>) -> Result<Response<UploadPb>, Status> {
        let me = me(&request)?;
        let id = read::id("upload_id", &request.into_inner().upload_id)?;
        let mut conn = connection(&self.0).await?;
        let upload = store::uploads::of(&mut conn, id, me).await.map_err(Error::from)?;
        drop(conn);
        let upload = upload.ok_or(Error::from(Refusal::NotFound))?;
        let mut stored = Vec::new();
        if let (true, Some(store_id)) = (upload.is_open(self.0.clock.now()), &upload.store_id) {
            let parts = self.0.bucket.parts(&upload.key(), store_id).await.map_err(Error::from)?;
            stored = parts.unwrap_or_default().into_iter().map(|part| part.number).collect();
        }
        Ok(Response::new(UploadPb { stored_parts: stored, ..self.whole(upload) }))
    }

    async fn create_part_links(
        &self,
        request: Request<CreatePartLinksRequest>,
    ) -> Result<Response<CreatePartLinksResponse>, Status> {
        let me = me(&request)?;
        let m = request.into_inner();
        let id = read::id("upload_id", &m.upload_id)?;
        if m.parts.is_empty() || m.parts.len() > MOST_LINKS {
            return Err(Invalid::field("parts", format!("expected 1 to {MOST_LINKS}")).into());
        }
        let upload = sign_parts::in_parts(&self.0, me, id).await?;
        let parts = parts(&upload, &m)?;
        let now = self.0.clock.now();
        let signed = sign_parts::sign_parts(&self.0, upload, &parts).await?;
        let parts = signed.into_iter().map(|part| PartLink {
            number: part.number,
            size_bytes: part.size,
            link: Some(print::write_link(part.link, now)),
        });
        Ok(Response::new(CreatePartLinksResponse { parts: parts.collect() }))
    }

    async fn complete_upload(&self, request: Request<CompleteUploadRequest>) -> Result<Response<File>, Status> {
        let me = me(&request)?;
        let id = read::id("upload_id", &request.into_inner().upload_id)?;
        let file = complete_upload::complete_upload(&self.0, me, id).await?;
        Ok(Response::new(print::file(file)))
    }

    async fn abort_upload(&self, request: Request<AbortUploadRequest>) -> Result<Response<UploadPb>, Status> {
        let me = me(&request)?;
        let id = read::id("upload_id", &request.into_inner().upload_id)?;
        let upload = abort_upload::abort_upload(&self.0, me, id).await?;
        Ok(Response::new(self.whole(upload)))
    }
}

impl Door {
    /// An upload, with a fresh link if it is open and written at once.
    fn whole(&self, upload: Upload) -> UploadPb {
        let now = self.0.clock.now();
        let link = match upload.way {
            Way::AtOnce(sha256) if upload.is_open(now) => {
                let content_type = Some(upload.content_type.as_str());
                let writing = Writing { content_type, size: upload.size, sha256 };
                Some(self.0.bucket.write_link(&upload.key(), writing, LINK_WORKS, now))
            }
            Way::AtOnce(_) | Way::InParts(_) => None,
        };
        let link = link.map(|link| print::write_link(link, now));
        UploadPb { link, ..print::upload(upload, now) }
    }
}

fn announced(m: &CreateUploadRequest) -> Result<Announced, Status> {
    let mut fields = Fields::new();
    let kind = fields.take("kind", print::read_kind(m.kind()).ok_or("expected a kind of file"));
    let name = fields.take("name", FileName::parse(&m.name));
    let sha256 = fields.take_if("sha256", read::given(&m.sha256).map(Sha256::parse));
    if sha256 == Some(None) && upload::is_at_once(m.size_bytes) {
        fields.refuse("sha256", format!("is required for a file of at most {AT_ONCE} bytes"));
    }
    if matches!(sha256, Some(Some(_))) && !upload::is_at_once(m.size_bytes) {
        fields.refuse("sha256", format!("is left out for a file of more than {AT_ONCE} bytes"));
    }
    if m.content_type.is_empty() {
        fields.refuse("content_type", "is required");
    }
    let (kind, name, sha256) = fields.finish((kind, name, sha256))?;
    let content_type = ContentType::parse(&m.content_type);
    let content_type = content_type.map_err(|_| Error::from(Refusal::ContentTypeNotAllowed))?;
    Ok(Announced { kind, name, content_type, size: m.size_bytes, sha256 })
}

/// Parts of this upload, each once.
fn parts(upload: &Upload, m: &CreatePartLinksRequest) -> Result<Vec<(i32, Sha256)>, Invalid> {
    let mut fields = Fields::new();
    let mut parts: Vec<(i32, Sha256)> = Vec::new();
    for (at, part) in m.parts.iter().enumerate() {
        let sum = fields.take(&format!("parts[{at}].sha256"), Sha256::parse(&part.sha256));
        let number = format!("parts[{at}].number");
        if upload.part(part.number).is_none() {
            fields.refuse(number, format!("expected 1 to {}", upload.parts()));
        } else if parts.iter().any(|(known, _)| *known == part.number) {
            fields.refuse(number, "expected each part only once");
        } else if let Some(sum) = sum {
            parts.push((part.number, sum));
        }
    }
    fields.check()?;
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_announcement_takes_it_down(
            kind: i32,
            name in ".{0,210}",
            content_type in "[a-z]{0,9}/?[a-z0-9+.-]{0,9}|application/pdf|image/png",
            size_bytes: i64,
            sha256 in "[0-9a-f]{64}|.{0,70}",
        ) {
            let request = CreateUploadRequest { kind, name, content_type, size_bytes, sha256 };
            if let Ok(announced) = announced(&request) {
                prop_assert_eq!(announced.sha256.is_some(), upload::is_at_once(size_bytes));
                prop_assert_eq!(announced.content_type.as_str(), request.content_type);
            }
        }
    }
}
