//! Announce a file.

use auth::Caller;
use pg::{Claim, Idempotent};
use values::Id;

use crate::{
    App, Error,
    domain::{
        Refusal, Upload,
        id::UserId,
        upload::{Announced, MOST_OPEN},
    },
    store,
};

/// Who may upload what belongs to courses.
const EDITS: &str = "courses.edit";

/// Opens an upload. The store is not asked: its links are signed here, and an upload in parts begins with its first
/// part.
pub async fn run(
    app: &App,
    caller: &Caller,
    owner: UserId,
    announced: Announced,
    key: Option<&Idempotent>,
) -> Result<Upload, Error> {
    let now = app.clock.now();
    let edits = caller.has(EDITS);
    let (upload, fresh) = pg::transaction(&app.db, async |conn| {
        if let Some(key) = key
            && let Claim::Replay(id) = key.claim(conn, now).await?
        {
            let upload = store::uploads::of(conn, Id::from_uuid(id), owner).await?;
            return Ok((upload.ok_or(Refusal::UploadNotFound)?, false));
        }
        let upload = Upload::open(owner, announced, edits, now)?;
        store::uploads::lock_owner(conn, owner).await?;
        if store::files::is_erased(conn, owner).await? {
            return Err(Refusal::AccountErased.into());
        }
        if store::uploads::open_of(conn, owner, now).await? >= MOST_OPEN {
            return Err(Refusal::TooManyUploads.into());
        }
        store::uploads::insert(conn, &upload).await?;
        if let Some(key) = key {
            key.record(conn, upload.id.uuid(), now).await?;
        }
        Ok::<_, Error>((upload, true))
    })
    .await?;
    if fresh {
        super::count(&upload, "opened");
    }
    Ok(upload)
}
