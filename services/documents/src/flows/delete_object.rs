//! Delete from the object store what nobody needs any more.

use crate::{
    App, Error,
    store::{self, deletions::PendingDeletion},
};

/// Deletes one object, and gives its upload in parts up. Safe to do twice.
pub async fn run(app: &App, deletion: &PendingDeletion) -> Result<(), Error> {
    let at = app.clock.now();
    if !deletion.store_id.is_empty() {
        app.bucket.give_up(&deletion.key, &deletion.store_id).await?;
    }
    app.bucket.delete(&deletion.key).await?;
    Ok(store::deletions::deleted(&mut *app.db.acquire().await?, deletion, at).await?)
}
