//! The voice and the ear: what is announced, in the transaction that causes it, and what is heard.

pub(crate) mod certificate;
pub mod paper;

use bus::{Envelope, Failure};
use proto::lyceum::events::v1::UserErased;
use sqlx::PgConnection;
use values::{Id, Kind, SharedClock};

pub(crate) use certificate::{certificate_issued, certificate_revoked};
pub use paper::{
    document_expired, document_expiring, document_rejected, document_verified, tutor_verification_ended, tutor_verified,
};

use crate::{Error, flows};

/// An erased person leaves files of courses behind, and nothing else.
pub async fn on_user_erased(
    clock: &SharedClock,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: UserErased,
) -> Result<(), Failure> {
    let (user, now) = (id(&event.user_id)?, clock.now());
    flows::issue_certificate::erase_holder(conn, user, envelope.aggregate_version, now).await?;
    flows::erase_tutor::erase_tutor(conn, user, now).await.map_err(Error::from)?;
    Ok(flows::erase_owner::erase_owner(conn, user, now).await.map_err(Error::from)?)
}

/// An id in an event that is none will never become one.
fn id<K: Kind>(text: &str) -> Result<Id<K>, Failure> {
    text.parse().map_err(|error| Failure::DeadLetter(format!("{text:?}: {error}")))
}
