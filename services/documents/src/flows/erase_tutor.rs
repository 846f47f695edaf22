//! Forget a tutor. Cases stay under the pseudonymous id with their states; what was said and shown goes.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    domain::{Tutor, id::UserId, tutor::Standing},
    store,
};

/// Forgets in the caller's transaction. Cases that nobody decided are withdrawn; the standing ends without a word,
/// because everybody who keeps a copy hears of the erasure itself.
pub async fn run(conn: &mut PgConnection, id: UserId, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    let tutor = store::tutors::lock(conn, id).await?;
    if tutor.erased_at.is_some() {
        return Ok(());
    }
    for case in store::cases::open_of(conn, id).await? {
        let Some(case) = store::cases::any(conn, case).await? else { continue };
        if let Ok(withdrawn) = case.withdraw(now) {
            store::cases::update(conn, &withdrawn).await?;
        }
    }
    store::cases::forget_of(conn, id).await?;
    store::asks::forget_of(conn, id).await?;
    let ends = tutor.standing != Standing::Unverified;
    let version = tutor.version + i64::from(ends);
    let erased = Tutor { standing: Standing::Unverified, version, erased_at: Some(now), ..tutor };
    store::tutors::update(conn, &erased).await
}
