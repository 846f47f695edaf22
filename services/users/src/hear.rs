//! What is done about the events of other services. Each handler runs in the transaction of its event's inbox row.

use std::sync::Arc;

use bus::{Amqp, Consumer, Envelope, Failure, field};
use proto::lyceum::events::v1::{TutorVerificationEnded, TutorVerified};
use sqlx::PgConnection;

use crate::{app::App, domain::teaching::BelievedUntil, store::tutor_verifications};

/// One queue for all replicas.
pub fn consumer(name: &'static str, app: &Arc<App>, amqp: Amqp) -> Consumer {
    Consumer::new(name, app.db.clone(), amqp, app.clock.clone())
        .on::<TutorVerified>(on_tutor_verified)
        .on::<TutorVerificationEnded>(on_tutor_verification_ended)
}

/// A tutor may teach from the next token on.
pub async fn on_tutor_verified(
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: TutorVerified,
) -> Result<(), Failure> {
    let tutor = field::id("tutor_id", &event.tutor_id)?;
    let last_day = field::optional_date("valid_until", &event.valid_until)?;
    let until = last_day.map_or(BelievedUntil::for_ever(), BelievedUntil::day);
    Ok(tutor_verifications::keep(conn, tutor, Some(until), envelope.aggregate_version).await?)
}

/// A tutor may not teach any more, from the next token on.
pub async fn on_tutor_verification_ended(
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: TutorVerificationEnded,
) -> Result<(), Failure> {
    let tutor = field::id("tutor_id", &event.tutor_id)?;
    Ok(tutor_verifications::keep(conn, tutor, None, envelope.aggregate_version).await?)
}
