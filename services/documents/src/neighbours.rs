//! Users and courses as we ask them, in our own name: whom certificates name and what runs are called. What is done
//! with it is the flows' business.

use anyhow::{Context, Result, bail};
use proto::lyceum::{
    courses::v1::{ExportRunsRequest, ExportedRun, enrolment_service_client::EnrolmentServiceClient},
    users::v1::{ExportProfilesRequest, ExportedProfile, user_service_client::UserServiceClient},
};
use tonic::{Code, Status, Streaming};
use values::Language;

use crate::domain::id::{RunId, UserId};

/// Ways to the neighbours; clones share them.
#[derive(Clone, Debug)]
pub struct Neighbours {
    pub users: auth::Channel,
    pub courses: auth::Channel,
}

/// What an export tells of one user.
#[derive(Clone)]
pub enum Exported {
    Person { name: String, language: Language, version: i64 },
    Erased { version: i64 },
}

/// What a run is called.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: RunId,
    pub title: String,
    pub language: String,
    pub version: i64,
}

/// Profiles that are under way, in the order of the users' ids.
#[derive(Debug)]
pub struct Profiles(Streaming<ExportedProfile>);

/// Runs that are under way.
#[derive(Debug)]
pub struct Runs(Streaming<ExportedRun>);

/// Why profiles ended too early.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A deadline or a replica's end; whoever asks again goes on.
    #[error("the export of profiles was cut off")]
    CutOff(#[source] Status),
    /// Anything else.
    #[error("the export of profiles failed")]
    Failed(#[source] anyhow::Error),
}

impl Neighbours {
    /// Begins after a user, or with the first one.
    pub async fn profiles(&self, after: Option<UserId>) -> Result<Profiles> {
        let after_user_id = after.map(|user| user.to_string()).unwrap_or_default();
        let mut users = UserServiceClient::new(self.users.clone());
        let answer = users.export_profiles(ExportProfilesRequest { after_user_id }).await;
        Ok(Profiles(answer.context("profiles are not exported")?.into_inner()))
    }

    /// Begins with the first run; there is no going on, because runs are few.
    pub async fn runs(&self) -> Result<Runs> {
        let answer = EnrolmentServiceClient::new(self.courses.clone()).export_runs(ExportRunsRequest {}).await;
        Ok(Runs(answer.context("runs are not exported")?.into_inner()))
    }
}

impl Profiles {
    /// The next user; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<(UserId, Exported)>, Broken> {
        match self.0.message().await {
            Ok(None) => Ok(None),
            Ok(Some(exported)) => profile(exported).map(Some).map_err(Broken::Failed),
            Err(status) if cut_off(status.code()) => Err(Broken::CutOff(status)),
            Err(status) => Err(Broken::Failed(status.into())),
        }
    }
}

impl Runs {
    /// The next run; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Run>> {
        self.0.message().await.context("the export of runs was cut off")?.map(run).transpose()
    }
}

fn cut_off(code: Code) -> bool {
    matches!(code, Code::DeadlineExceeded | Code::Unavailable | Code::Cancelled | Code::Unknown)
}

fn profile(exported: ExportedProfile) -> Result<(UserId, Exported)> {
    let ExportedProfile { user_id, display_name, language, version, erased, .. } = exported;
    let user = user_id.parse().context("user_id")?;
    if erased {
        return Ok((user, Exported::Erased { version }));
    }
    let Some(language) = Language::parse(&language) else { bail!("user {user} speaks {language:?}") };
    Ok((user, Exported::Person { name: display_name.unwrap_or_default(), language, version }))
}

fn run(exported: ExportedRun) -> Result<Run> {
    let ExportedRun { run_id, title, language, aggregate_version, .. } = exported;
    Ok(Run { id: run_id.parse().context("run_id")?, title, language, version: aggregate_version })
}
