//! Delete a file: its row now, its object soon after.

use crate::{
    App, Error,
    domain::{
        Refusal,
        id::{FileId, UserId},
    },
    store::{self, deletions::PendingDeletion},
};

/// Deletes a file of one's own that no verification case rests on.
pub async fn run(app: &App, owner: UserId, id: FileId) -> Result<(), Error> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        // Locked: a case that is opened meanwhile waits, and does not find the file.
        let file = store::files::lock(conn, id, owner).await?.ok_or(Refusal::FileNotFound)?;
        if store::cases::uses_file(conn, id).await? {
            return Err(Error::from(Refusal::FileInUse));
        }
        store::files::delete(conn, id).await?;
        let deletion = PendingDeletion { key: file.key(), store_id: String::new(), last_at: now };
        Ok(store::deletions::insert(conn, &deletion, now).await?)
    })
    .await
}
