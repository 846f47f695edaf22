//! End uploads that nobody completed in time.

use pg::Lease;

use crate::{App, Error, domain::upload::State, store};

/// Expires a batch of uploads and says how many there were. What they left is deleted by `delete_object`.
pub async fn run(app: &App, lease: Lease) -> Result<usize, Error> {
    let expired = pg::transaction(&app.db, async |conn| {
        let uploads = store::uploads::lock_expired(conn, lease).await?;
        for upload in &uploads {
            store::uploads::end(conn, upload.id, State::Expired).await?;
            super::delete_later(conn, upload, upload.writable_until(lease.now), lease.now).await?;
        }
        Ok::<_, Error>(uploads)
    })
    .await?;
    expired.iter().for_each(|upload| super::count(upload, "expired"));
    Ok(expired.len())
}
