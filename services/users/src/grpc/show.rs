//! Values as messages.

use contract::{Show, message, show};
use proto::lyceum::users::v1 as pb;
use time::{Date, Duration};

use crate::{
    domain::{audit::Entry, consent::Consent, role::Role, session, user},
    flows::Tokens,
};

contract::twins! { Role => pb::user::Role, user::StateName => pb::user::State }

contract::show! {
    consent: Consent => pb::Consent {
        consent_id: consent.id, document: consent.document.name, version: consent.document.version.as_str(),
        given_at: consent.given_at, withdrawn_at: consent.withdrawn_at,
    }
    entry: Entry => pb::AuditEntry {
        audit_entry_id: entry.id, occurred_at: entry.occurred_at, actor: entry.actor, action: entry.action,
        target_user_id: entry.target, address: entry.address, request_id: entry.request_id,
        details = entry.details.into_iter().collect(),
    }
    tokens: Tokens => pb::SessionTokens {
        access_token: tokens.access, token_type: "Bearer", expires_in: seconds(tokens.access_expires_in),
        refresh_token: tokens.refresh.text(), refresh_expires_in: seconds(tokens.refresh_expires_in),
        session_id: tokens.session, user_id: tokens.user,
    }
}

/// Seconds of weeks fit; a length that does not is capped.
fn seconds(length: Duration) -> i32 {
    i32::try_from(length.whole_seconds()).unwrap_or(i32::MAX)
}

pub(super) fn user(user: &user::User, today: Date) -> pb::User {
    message! { pb::User {
        user_id: user.id, etag: user.version, email: Some(user.email.as_str()),
        email_confirmed: user.email_confirmed_at.is_some(), display_name: Some(&user.profile.display_name),
        language: Some(user.profile.language), time_zone: Some(&user.profile.time_zone), state: user.state.name(),
        roles = user.roles.iter().map(show).collect(), permissions = user.permissions(today).iter().map(show).collect(),
        created_at: user.created_at, updated_at: user.updated_at,
    } }
}

pub(super) fn account(account: user::Account, today: Date) -> pb::User {
    match account {
        user::Account::Person(person) => user(&person, today),
        user::Account::Erased(tombstone) => pb::User {
            user_id: show(tombstone.id),
            etag: show(tombstone.version),
            state: show(user::StateName::Erased),
            created_at: show(tombstone.created_at),
            updated_at: show(tombstone.erased_at),
            ..pb::User::default()
        },
    }
}

impl Show<pb::ExportedProfile> for user::Account {
    fn shown(self) -> pb::ExportedProfile {
        match self {
            Self::Person(user) => message! { pb::ExportedProfile {
                user_id: user.id, display_name: Some(user.profile.display_name), email: Some(user.email.as_str()),
                email_confirmed: user.email_confirmed_at.is_some(), language: user.profile.language,
                time_zone: user.profile.time_zone, version: user.version, erased: false,
            } },
            Self::Erased(gone) => {
                let (user_id, version) = (show(gone.id), gone.version);
                pb::ExportedProfile { user_id, version, erased: true, ..pb::ExportedProfile::default() }
            }
        }
    }
}

pub(super) fn session(session: session::Session, policy: &session::Policy, current: bool) -> pb::Session {
    message! { pb::Session {
        session_id: session.id, current: current, created_at: session.created_at, last_used_at: session.last_used_at,
        expires_at: session.usable_until(policy), address: session.address, user_agent: session.user_agent,
    } }
}

pub(super) fn key(key: &auth::Jwk) -> pb::JsonWebKey {
    message! { pb::JsonWebKey { kty: "OKP", crv: "Ed25519", kid: key.kid(), x: key.x(), alg: "EdDSA", r#use: "sig" } }
}
