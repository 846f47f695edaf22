//! The voice and the ear: what this service announces, and what it hears about tutors' papers.
//!
//! The aggregate is always the user. Only ProfileChanged and CodeIssued say who that is, and travel on the personal exchange.

use bus::{Envelope, Event, Failure};
use proto::lyceum::events::v1::{
    CodeIssued, PasswordChanged, ProfileChanged, SessionsRevoked, TutorVerificationEnded, TutorVerified, UserErased,
    UserRegistered, code_issued, sessions_revoked,
};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    domain::{
        audit::By,
        code::{Code, Purpose},
        id::UserId,
        session::EndReason,
        teaching::BelievedUntil,
        user::{Tombstone, User},
    },
    store,
};

/// Announces an event of this service, as caused by whoever acts.
pub async fn announce(conn: &mut PgConnection, by: &By, event: Event, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    bus::announce(conn, event, bus::By { actor: &by.actor, now }).await
}

fn about<P: proto::Message + proto::Name>(user: &User, payload: &P) -> Event {
    Event::new(payload, "user", user.id.uuid(), user.version)
}

/// An account was opened.
pub fn user_registered(user: &User) -> Event {
    about(user, &UserRegistered { user_id: user.id.to_string() })
}

/// How to address a person changed.
pub fn profile_changed(user: &User) -> Event {
    let changed = ProfileChanged {
        user_id: user.id.to_string(),
        display_name: user.profile.display_name.to_string(),
        email: user.email.as_str().to_owned(),
        email_confirmed: user.email_confirmed_at.is_some(),
        language: user.profile.language.to_string(),
        time_zone: user.profile.time_zone.to_string(),
    };
    about(user, &changed).personal()
}

/// A code waits to be sent.
pub fn code_issued(user: &User, purpose: Purpose, code: &Code, expires_at: OffsetDateTime) -> Event {
    let purpose = match purpose {
        Purpose::ConfirmEmail => code_issued::Purpose::ConfirmEmail,
        Purpose::ResetPassword => code_issued::Purpose::ResetPassword,
    };
    let issued = CodeIssued {
        user_id: user.id.to_string(),
        purpose: purpose.into(),
        code: code.as_str().to_owned(),
        expires_at: Some(expires_at.into()),
    };
    about(user, &issued).personal()
}

/// A password was replaced.
pub fn password_changed(user: &User) -> Event {
    about(user, &PasswordChanged { user_id: user.id.to_string() })
}

/// Sessions ended early. Nothing is announced where a person ends one of their own.
pub fn sessions_revoked(user: &User, reason: EndReason) -> Option<Event> {
    let reason = match reason {
        EndReason::SignedOut => sessions_revoked::Reason::SignedOut,
        EndReason::TokenReused => sessions_revoked::Reason::TokenReused,
        EndReason::PasswordChanged => sessions_revoked::Reason::PasswordChanged,
        EndReason::Blocked => sessions_revoked::Reason::Blocked,
        // UserErased says it all.
        EndReason::Erased => return None,
    };
    Some(about(user, &SessionsRevoked { user_id: user.id.to_string(), reason: reason.into() }))
}

/// A person left for ever.
pub fn user_erased(tombstone: &Tombstone) -> Event {
    let erased = UserErased { user_id: tombstone.id.to_string() };
    Event::new(&erased, "user", tombstone.id.uuid(), tombstone.version)
}

/// A tutor may teach from the next token on.
pub async fn on_tutor_verified(
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: TutorVerified,
) -> Result<(), Failure> {
    let until = BelievedUntil::parse(&event.valid_until).map_err(|error| Failure::DeadLetter(error.to_string()))?;
    let tutor = tutor(&event.tutor_id)?;
    Ok(store::tutor_verifications::keep(conn, tutor, Some(until), envelope.aggregate_version).await?)
}

/// A tutor may not teach any more, from the next token on.
pub async fn on_tutor_verification_ended(
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: TutorVerificationEnded,
) -> Result<(), Failure> {
    let tutor = tutor(&event.tutor_id)?;
    Ok(store::tutor_verifications::keep(conn, tutor, None, envelope.aggregate_version).await?)
}

/// An id in an event that is none will never become one.
fn tutor(text: &str) -> Result<UserId, Failure> {
    text.parse().map_err(|error: values::NotAnId| Failure::DeadLetter(format!("{text:?}: {error}")))
}
