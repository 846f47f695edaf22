//! Forget a person's files: papers and homework go, files of courses stay without the names that the person gave them.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    domain::{id::UserId, upload::State},
    store::{self, deletions::PendingDeletion},
};

/// Forgets in the caller's transaction. Doing it twice changes nothing.
pub async fn run(conn: &mut PgConnection, owner: UserId, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    store::uploads::lock_owner(conn, owner).await?;
    store::files::erase_owner(conn, owner, now).await?;
    for upload in store::uploads::lock_open_of(conn, owner).await? {
        store::uploads::end(conn, upload.id, State::Aborted).await?;
        super::delete_later(conn, &upload, upload.writable_until(now), now).await?;
    }
    store::uploads::forget_names(conn, owner).await?;
    for file in store::files::delete_own(conn, owner).await? {
        let deletion = PendingDeletion { key: file.key(), store_id: String::new(), last_at: now };
        store::deletions::insert(conn, &deletion, now).await?;
    }
    Ok(())
}
