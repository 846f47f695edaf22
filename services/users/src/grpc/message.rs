//! Values to messages, and the enums back.

use proto::lyceum::users::v1 as pb;
use time::Date;

use crate::{
    domain::{
        audit::Entry,
        consent::Consent,
        role::{Permission, Role},
        session::{Policy, Session},
        user::{Account, State, User},
    },
    flows::Tokens,
};

pub(super) fn user(user: User, today: Date) -> pb::User {
    let state = match user.state {
        State::Unconfirmed => pb::user::State::Unconfirmed,
        State::Active => pb::user::State::Active,
        State::Blocked { .. } => pb::user::State::Blocked,
    };
    pb::User {
        user_id: user.id.to_string(),
        etag: user.etag(),
        email: user.email.as_str().to_owned(),
        email_confirmed: user.email_confirmed_at.is_some(),
        display_name: user.profile.display_name.to_string(),
        language: user.profile.language.to_string(),
        time_zone: user.profile.time_zone.to_string(),
        permissions: user.permissions(today).into_iter().map(Permission::as_str).map(str::to_owned).collect(),
        roles: user.roles.iter().map(|role| role_message(role).into()).collect(),
        state: state.into(),
        created_at: Some(user.created_at.into()),
        updated_at: Some(user.updated_at.into()),
    }
}

pub(super) fn account(account: Account, today: Date) -> pb::User {
    match account {
        Account::Person(person) => user(person, today),
        Account::Erased(tombstone) => pb::User {
            user_id: tombstone.id.to_string(),
            etag: tombstone.version.to_string(),
            state: pb::user::State::Erased.into(),
            created_at: Some(tombstone.created_at.into()),
            updated_at: Some(tombstone.erased_at.into()),
            ..pb::User::default()
        },
    }
}

pub(super) fn exported(account: Account) -> pb::ExportedProfile {
    match account {
        Account::Person(user) => pb::ExportedProfile {
            user_id: user.id.to_string(),
            display_name: user.profile.display_name.to_string(),
            email: user.email.as_str().to_owned(),
            email_confirmed: user.email_confirmed_at.is_some(),
            language: user.profile.language.to_string(),
            time_zone: user.profile.time_zone.to_string(),
            version: user.version,
            erased: false,
        },
        Account::Erased(tombstone) => pb::ExportedProfile {
            user_id: tombstone.id.to_string(),
            version: tombstone.version,
            erased: true,
            ..pb::ExportedProfile::default()
        },
    }
}

pub(super) fn tokens(tokens: Tokens) -> pb::SessionTokens {
    // Seconds of weeks fit; a length that does not is capped.
    let seconds = |length: time::Duration| i32::try_from(length.whole_seconds()).unwrap_or(i32::MAX);
    pb::SessionTokens {
        access_token: tokens.access,
        token_type: "Bearer".to_owned(),
        expires_in: seconds(tokens.access_expires_in),
        refresh_token: tokens.refresh.text(),
        refresh_expires_in: seconds(tokens.refresh_expires_in),
        session_id: tokens.session.to_string(),
        user_id: tokens.user.to_string(),
    }
}

pub(super) fn session(session: Session, policy: &Policy, current: bool) -> pb::Session {
    pb::Session {
        session_id: session.id.to_string(),
        current,
        created_at: Some(session.created_at.into()),
        last_used_at: Some(session.last_used_at.into()),
        expires_at: Some(session.usable_until(policy).into()),
        address: session.address.map(|address| address.to_string()).unwrap_or_default(),
        user_agent: session.user_agent.unwrap_or_default(),
    }
}

pub(super) fn consent(consent: Consent) -> pb::Consent {
    pb::Consent {
        consent_id: consent.id.to_string(),
        document: consent.document.name.to_string(),
        version: consent.document.version.as_str().to_owned(),
        given_at: Some(consent.given_at.into()),
        withdrawn_at: consent.withdrawn_at.map(Into::into),
    }
}

pub(super) fn audit_entry(entry: Entry) -> pb::AuditEntry {
    pb::AuditEntry {
        audit_entry_id: entry.id.to_string(),
        occurred_at: Some(entry.occurred_at.into()),
        actor: entry.actor,
        action: entry.action,
        target_user_id: entry.target.map(|user| user.to_string()).unwrap_or_default(),
        address: entry.address.unwrap_or_default(),
        request_id: entry.request_id,
        details: entry.details.into_iter().collect(),
    }
}

fn role_message(role: Role) -> pb::user::Role {
    match role {
        Role::Learner => pb::user::Role::Learner,
        Role::Tutor => pb::user::Role::Tutor,
        Role::Curator => pb::user::Role::Curator,
        Role::Manager => pb::user::Role::Manager,
        Role::Support => pb::user::Role::Support,
        Role::Admin => pb::user::Role::Admin,
    }
}

/// A number that is no value of the enum, or the one that says nothing.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("expected one of the values that the contract lists")]
pub(super) struct NotListed;

values::mistake!(NotListed => UnknownValue);

/// Reads a role that has to be there.
pub(super) fn role(number: i32) -> Result<Role, NotListed> {
    match pb::user::Role::try_from(number).map_err(|_| NotListed)? {
        pb::user::Role::Unspecified => Err(NotListed),
        pb::user::Role::Learner => Ok(Role::Learner),
        pb::user::Role::Tutor => Ok(Role::Tutor),
        pb::user::Role::Curator => Ok(Role::Curator),
        pb::user::Role::Manager => Ok(Role::Manager),
        pb::user::Role::Support => Ok(Role::Support),
        pb::user::Role::Admin => Ok(Role::Admin),
    }
}

/// Reads a state to filter by: the name under which the store knows it, or none.
pub(super) fn state_filter(number: i32) -> Result<Option<&'static str>, NotListed> {
    match pb::user::State::try_from(number).map_err(|_| NotListed)? {
        pb::user::State::Unspecified => Ok(None),
        pb::user::State::Unconfirmed => Ok(Some("unconfirmed")),
        pb::user::State::Active => Ok(Some("active")),
        pb::user::State::Blocked => Ok(Some("blocked")),
        pb::user::State::Erased => Ok(Some("erased")),
    }
}
