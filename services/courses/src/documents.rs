//! The documents service as we ask it, in our own name: links to media that a learner may see. Whether the learner may is
//! decided before it is asked.

use std::time::Duration;

use proto::lyceum::documents::v1::{CreateMediaLinkRequest, file_service_client::FileServiceClient};
use time::OffsetDateTime;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::domain::{Refusal, course::MediaId};
use crate::error::{Error, Result};

/// How long a link works: longer than a lesson is watched.
const WORKS: Duration = Duration::from_secs(4 * 60 * 60);

/// A way to the documents service; clones share it.
#[derive(Clone, Debug)]
pub struct Documents(FileServiceClient<auth::Channel>);

/// A link to media.
#[derive(Debug, Clone)]
pub struct MediaLink {
    /// A secret until it expires.
    pub url: String,
    pub expires_at: OffsetDateTime,
}

impl Documents {
    pub fn new(channel: auth::Channel) -> Self {
        Self(FileServiceClient::new(channel))
    }

    /// A link to media. Media of old lessons may be known elsewhere by names that are no files of ours.
    pub async fn link(&self, media: &MediaId) -> Result<MediaLink> {
        let file = Uuid::parse_str(media.as_str()).map_err(|_| Refusal::MediaNotStored)?;
        let ttl = time::Duration::try_from(WORKS).ok().map(Into::into);
        let request = CreateMediaLinkRequest { file_id: file.to_string(), ttl };
        let link = self.0.clone().create_media_link(request).await.map_err(refused)?.into_inner();
        let expires_at = link.expires_at.and_then(|at| at.to_time());
        let expires_at = expires_at.ok_or_else(|| anyhow::anyhow!("documents answered a link that does not expire"))?;
        Ok(MediaLink { url: link.url, expires_at })
    }
}

fn refused(status: Status) -> Error {
    match status.code() {
        Code::NotFound => Refusal::MediaNotStored.into(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::ResourceExhausted => {
            Error::neighbour("the documents service")(status)
        }
        _ => Error::Internal(anyhow::Error::new(status).context("documents did not sign a link")),
    }
}
