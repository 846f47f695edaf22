//! Copies every profile from the users service: for a database that has none, or lost them.

use crate::app::App;
use crate::domain::id::UserId;
use crate::error::Error;
use crate::flows::{erase_recipient, keep_recipient};
use crate::store;
use crate::users::{Broken, Exported, Users};

/// Whether there is nobody yet, as in a fresh installation or after a loss.
pub async fn knows_nobody(app: &App) -> Result<bool, Error> {
    let mut conn = app.db.acquire().await?;
    Ok(!store::recipients::any(&mut conn).await?)
}

/// Copies profiles and says how many. An export that is cut off goes on where it was; older versions change nothing.
///
/// # Errors
///
/// The users service does not answer, or the database; what was copied before stays.
pub async fn run(app: &App, users: &Users) -> anyhow::Result<u64> {
    let (mut copied, mut last) = (0, None);
    loop {
        let before = copied;
        let mut export = users.export(last).await?;
        loop {
            match export.next().await {
                Ok(None) => return Ok(copied),
                Ok(Some((user, exported))) => {
                    keep(app, user, exported).await?;
                    last = Some(user);
                    copied += 1;
                }
                // As long as it moves on, it will end.
                Err(Broken::CutOff(_)) if copied > before => break,
                Err(broken) => return Err(broken.into()),
            }
        }
    }
}

async fn keep(app: &App, user: UserId, exported: Exported) -> Result<(), Error> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| match exported.clone() {
        Exported::Profile(profile) => keep_recipient::run(conn, profile, now).await,
        Exported::Erased { version } => erase_recipient::run(conn, user, version, now).await,
    })
    .await
}
