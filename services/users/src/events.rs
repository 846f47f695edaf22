//! The voice: what this service announces. It hears nothing yet.
//!
//! The aggregate is always the user. Only ProfileChanged and CodeIssued say who that is, and travel on the personal exchange.

use bus::Event;
use proto::lyceum::events::v1::{
    CodeIssued, PasswordChanged, ProfileChanged, SessionsRevoked, UserErased, UserRegistered, code_issued,
    sessions_revoked,
};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{
    audit::By,
    code::{Code, Purpose},
    session::EndReason,
    user::{Tombstone, User},
};

/// Announces an event of this service, as caused by whoever acts.
pub async fn announce(conn: &mut PgConnection, by: &By, event: Event, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    bus::announce(conn, event, &by.actor, now).await
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
