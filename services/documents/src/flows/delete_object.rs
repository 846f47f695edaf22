//! Delete from the object store what nobody needs any more.

use crate::{
    App, Error,
    store::{self, doomed::Doomed},
};

/// Deletes one object, and gives its upload in parts up. Safe to do twice.
pub async fn run(app: &App, doomed: &Doomed) -> Result<(), Error> {
    let at = app.clock.now();
    if !doomed.store_id.is_empty() {
        app.bucket.give_up(&doomed.key, &doomed.store_id).await?;
    }
    app.bucket.delete(&doomed.key).await?;
    Ok(store::doomed::deleted(&mut *app.db.acquire().await?, doomed, at).await?)
}
