//! What users announces, in the transaction that causes it.
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
    audit::Requester,
    code::{Code, Purpose},
    session::EndReason,
    user::{Tombstone, User},
};

type Announced = Result<(), sqlx::Error>;

async fn announce(conn: &mut PgConnection, event: Event, by: &Requester, now: OffsetDateTime) -> Announced {
    bus::announce(conn, event, bus::By { actor: &by.actor, now }).await
}

fn about<P: proto::Message + proto::Name>(user: &User, payload: &P) -> Event {
    Event::new(payload, "user", user.id.uuid(), user.version)
}

/// An account was opened.
pub async fn user_registered(conn: &mut PgConnection, user: &User, by: &Requester, now: OffsetDateTime) -> Announced {
    announce(conn, about(user, &UserRegistered { user_id: user.id.to_string() }), by, now).await
}

/// How to address a person changed.
pub async fn profile_changed(conn: &mut PgConnection, user: &User, by: &Requester, now: OffsetDateTime) -> Announced {
    let changed = ProfileChanged {
        user_id: user.id.to_string(),
        display_name: user.profile.display_name.to_string(),
        email: user.email.as_str().to_owned(),
        email_confirmed: user.email_confirmed_at.is_some(),
        language: user.profile.language.to_string(),
        time_zone: user.profile.time_zone.to_string(),
    };
    announce(conn, about(user, &changed).personal(), by, now).await
}

/// A code waits to be sent.
pub async fn code_issued(
    conn: &mut PgConnection,
    user: &User,
    purpose: Purpose,
    (code, expires_at): (&Code, OffsetDateTime),
    by: &Requester,
    now: OffsetDateTime,
) -> Announced {
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
    announce(conn, about(user, &issued).personal(), by, now).await
}

/// A password was replaced.
pub async fn password_changed(conn: &mut PgConnection, user: &User, by: &Requester, now: OffsetDateTime) -> Announced {
    announce(conn, about(user, &PasswordChanged { user_id: user.id.to_string() }), by, now).await
}

/// Sessions ended early. Nothing is announced where a person ends one of their own.
pub async fn sessions_revoked(
    conn: &mut PgConnection,
    user: &User,
    reason: EndReason,
    by: &Requester,
    now: OffsetDateTime,
) -> Announced {
    let reason = match reason {
        EndReason::SignedOut => sessions_revoked::Reason::SignedOut,
        EndReason::TokenReused => sessions_revoked::Reason::TokenReused,
        EndReason::PasswordChanged => sessions_revoked::Reason::PasswordChanged,
        EndReason::Blocked => sessions_revoked::Reason::Blocked,
        // UserErased says it all.
        EndReason::Erased => return Ok(()),
    };
    let revoked = SessionsRevoked { user_id: user.id.to_string(), reason: reason.into() };
    announce(conn, about(user, &revoked), by, now).await
}

/// A person left for ever.
pub async fn user_erased(
    conn: &mut PgConnection,
    tombstone: &Tombstone,
    by: &Requester,
    now: OffsetDateTime,
) -> Announced {
    let erased = UserErased { user_id: tombstone.id.to_string() };
    announce(conn, Event::new(&erased, "user", tombstone.id.uuid(), tombstone.version), by, now).await
}
