//! The users service as we ask it, in our own name: its profiles as values. What is done with them is the flows' business.

use anyhow::Context;
use proto::lyceum::users::v1::{ExportProfilesRequest, ExportedProfile, user_service_client::UserServiceClient};
use tonic::{Code, Status, Streaming};

use crate::domain::id::UserId;
use crate::domain::recipient::Profile;

/// A way to the users service; clones share it.
#[derive(Clone, Debug)]
pub struct Users(UserServiceClient<auth::Channel>);

/// One user of an export.
#[derive(Debug, Clone)]
pub enum Exported {
    Profile(Profile),
    Erased { version: i64 },
}

/// An export that is under way, in the order of the users' ids.
#[derive(Debug)]
pub struct Export(Streaming<ExportedProfile>);

/// Why an export ended too early.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A deadline or a replica's end; whoever asks again goes on.
    #[error("the export of profiles was cut off")]
    CutOff(#[source] Status),
    /// Anything else.
    #[error("the export of profiles failed")]
    Failed(#[source] anyhow::Error),
}

impl Users {
    pub fn new(channel: auth::Channel) -> Self {
        Self(UserServiceClient::new(channel))
    }

    /// Begins an export after a user, or with the first one.
    pub async fn export(&self, after: Option<UserId>) -> anyhow::Result<Export> {
        let after_user_id = after.map(|user| user.to_string()).unwrap_or_default();
        let answer = self.0.clone().export_profiles(ExportProfilesRequest { after_user_id }).await;
        Ok(Export(answer.context("profiles are not exported")?.into_inner()))
    }
}

impl Export {
    /// The next user; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<(UserId, Exported)>, Broken> {
        match self.0.message().await {
            Ok(None) => Ok(None),
            Ok(Some(exported)) => user(exported).map(Some).map_err(Broken::Failed),
            Err(status) if cut_off(status.code()) => Err(Broken::CutOff(status)),
            Err(status) => Err(Broken::Failed(status.into())),
        }
    }
}

fn cut_off(code: Code) -> bool {
    matches!(code, Code::DeadlineExceeded | Code::Unavailable | Code::Cancelled | Code::Unknown)
}

fn user(exported: ExportedProfile) -> anyhow::Result<(UserId, Exported)> {
    let user = exported.user_id.parse().context("user_id")?;
    if exported.erased {
        return Ok((user, Exported::Erased { version: exported.version }));
    }
    let profile = Profile {
        user_id: exported.user_id,
        display_name: exported.display_name.unwrap_or_default(),
        email: exported.email.unwrap_or_default(),
        email_confirmed: exported.email_confirmed,
        language: exported.language,
        time_zone: exported.time_zone,
        version: exported.version,
    };
    Ok((user, Exported::Profile(profile)))
}
