//! Values as messages.

use contract::wire;
use proto::lyceum::users::v1 as pb;
use time::Date;

use crate::{
    domain::{
        audit::Entry,
        consent::Consent,
        role::Permission,
        session::{Policy, Session},
        user::{Account, StateName, User},
    },
    flows::Tokens,
};

pub(super) fn user(user: User, today: Date) -> pb::User {
    pb::User {
        user_id: user.id.to_string(),
        etag: user.version.to_string(),
        email: user.email.as_str().to_owned(),
        email_confirmed: user.email_confirmed_at.is_some(),
        display_name: user.profile.display_name.to_string(),
        language: user.profile.language.to_string(),
        time_zone: user.profile.time_zone.to_string(),
        permissions: user.permissions(today).into_iter().map(Permission::as_str).map(str::to_owned).collect(),
        roles: user.roles.iter().map(wire::<pb::user::Role>).collect(),
        state: wire::<pb::user::State>(user.state.name()),
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
            state: wire::<pb::user::State>(StateName::Erased),
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
            display_name: Some(user.profile.display_name.to_string()),
            email: Some(user.email.as_str().to_owned()),
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
        address: session.address.map(|address| address.to_string()),
        user_agent: session.user_agent,
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
        target_user_id: entry.target.map(|user| user.to_string()),
        address: entry.address,
        request_id: entry.request_id,
        details: entry.details.into_iter().collect(),
    }
}

pub(super) fn key(key: &auth::Jwk) -> pb::JsonWebKey {
    pb::JsonWebKey {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        kid: key.kid().to_owned(),
        x: key.x(),
        alg: "EdDSA".to_owned(),
        r#use: "sig".to_owned(),
    }
}
