//! Copies every profile from the users service: for a database that has none, or lost them.

use anyhow::Context;
use proto::lyceum::users::v1::{ExportProfilesRequest, ExportedProfile};
use tonic::Code;

use crate::app::{App, Users};
use crate::domain::id::UserId;
use crate::flows::{Profile, erase_recipient, keep_recipient};

/// Copies profiles and says how many. An export that is cut off goes on where it was; older versions change nothing.
///
/// # Errors
///
/// The users service does not answer, or the database; what was copied before stays.
pub async fn copy_recipients(app: &App, mut users: Users) -> anyhow::Result<u64> {
    let (mut copied, mut after_user_id) = (0, String::new());
    loop {
        let before = copied;
        let request = ExportProfilesRequest { after_user_id: after_user_id.clone() };
        let mut profiles = users.export_profiles(request).await.context("profiles are not exported")?.into_inner();
        loop {
            match profiles.message().await {
                Ok(Some(profile)) => {
                    after_user_id.clone_from(&profile.user_id);
                    copy(app, profile).await?;
                    copied += 1;
                }
                Ok(None) => return Ok(copied),
                // A long export outlives a deadline or a replica; as long as it moves on, it will end.
                Err(status) if cut_off(status.code()) && copied > before => break,
                Err(status) => return Err(status).context("the export of profiles was cut off"),
            }
        }
    }
}

fn cut_off(code: Code) -> bool {
    matches!(code, Code::DeadlineExceeded | Code::Unavailable | Code::Cancelled | Code::Unknown)
}

async fn copy(app: &App, profile: ExportedProfile) -> anyhow::Result<()> {
    let mut conn = app.db.acquire().await?;
    if profile.erased {
        let user: UserId = profile.user_id.parse()?;
        erase_recipient(&mut conn, user, profile.version, app.clock.now()).await?;
        return Ok(());
    }
    let profile = Profile {
        user_id: profile.user_id,
        display_name: profile.display_name,
        email: profile.email,
        email_confirmed: profile.email_confirmed,
        language: profile.language,
        time_zone: profile.time_zone,
        version: profile.version,
    };
    Ok(keep_recipient(&mut conn, profile).await?)
}
