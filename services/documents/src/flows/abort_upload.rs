//! Give an upload up.

use crate::{
    App, Error,
    domain::{
        Refusal, Upload,
        id::{UploadId, UserId},
        upload::State,
    },
    store,
};

/// Ends an open upload. What was written goes soon after. One that is over already stays as it is, and one that became
/// a file is one.
pub async fn run(app: &App, owner: UserId, id: UploadId) -> Result<Upload, Error> {
    let now = app.clock.now();
    let (upload, ended) = pg::transaction(&app.db, async |conn| {
        let upload = store::uploads::lock(conn, id, owner).await?.ok_or(Refusal::UploadNotFound)?;
        match upload.state {
            State::Completed | State::Refused(_) => return Err(Refusal::UploadOver.into()),
            State::Aborted | State::Expired => return Ok((upload, false)),
            State::Open => {}
        }
        store::uploads::end(conn, id, State::Aborted).await?;
        super::delete_later(conn, &upload, upload.writable_until(now), now).await?;
        Ok::<_, Error>((Upload { state: State::Aborted, ..upload }, true))
    })
    .await?;
    if ended {
        super::count(&upload, upload.state.as_str());
    }
    Ok(upload)
}
