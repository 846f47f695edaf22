//! Copies whom certificates name and what runs are called from their owners: for a database that has nothing, or lost
//! it.

use crate::{
    App, Error,
    domain::id::UserId,
    flows::{erase_owner, erase_tutor, issue_certificate},
    neighbours::{Broken, Exported, Neighbours},
    store,
};

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    pub profiles: u64,
    pub runs: u64,
}

/// Whether a copy is empty, as in a fresh installation or after a loss.
pub async fn lacks_copies(app: &App) -> Result<bool, Error> {
    Ok(!store::holders::any(&mut *app.db.acquire().await?).await?)
}

/// Copies everything and says how much it was. What is older than what we have changes nothing, and nobody comes back
/// who was erased.
///
/// # Errors
///
/// A neighbour does not answer, or the database; what was copied before stays.
pub async fn run(app: &App, neighbours: &Neighbours) -> anyhow::Result<Copied> {
    // Runs first: they are few, and a certificate that waits needs both.
    let runs = copy_runs(app, neighbours).await?;
    Ok(Copied { profiles: copy_profiles(app, neighbours).await?, runs })
}

async fn copy_runs(app: &App, neighbours: &Neighbours) -> anyhow::Result<u64> {
    let mut runs = neighbours.runs().await?;
    let mut copied = 0;
    while let Some(run) = runs.next().await? {
        let conn = &mut *app.db.acquire().await?;
        issue_certificate::keep_run(conn, run.id, &run.title, &run.language, run.version).await?;
        copied += 1;
    }
    Ok(copied)
}

/// An export that is cut off goes on where it was.
async fn copy_profiles(app: &App, neighbours: &Neighbours) -> anyhow::Result<u64> {
    let (mut copied, mut last) = (0, None);
    loop {
        let before = copied;
        let mut profiles = neighbours.profiles(last).await?;
        loop {
            match profiles.next().await {
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

/// Somebody who was erased is erased here too, with everything: a database that comes from a backup has forgotten that
/// it forgot.
async fn keep(app: &App, user: UserId, exported: Exported) -> Result<(), Error> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| match &exported {
        Exported::Person { name, language, version } => {
            issue_certificate::keep_holder(conn, user, name, *language, *version).await
        }
        Exported::Erased { version } => {
            issue_certificate::erase_holder(conn, user, *version, now).await?;
            erase_tutor::run(conn, user, now).await?;
            Ok(erase_owner::run(conn, user, now).await?)
        }
    })
    .await
}
