//! What the audit log says.

use std::{collections::BTreeMap, net::IpAddr};

use time::OffsetDateTime;

use super::id::{AuditEntryId, UserId};

/// What was done; append only, the names are kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Registered,
    Created,
    EmailConfirmed,
    CodeSent,
    SignedIn,
    SignInFailed,
    SignedOut,
    SignedOutEverywhere,
    SessionRevoked,
    TokenReused,
    PasswordChanged,
    PasswordReset,
    ProfileChanged,
    ConsentGiven,
    ConsentWithdrawn,
    RolesChanged,
    Blocked,
    Unblocked,
    Erased,
    KeyRotated,
}

impl Action {
    /// The action's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "REGISTERED",
            Self::Created => "CREATED",
            Self::EmailConfirmed => "EMAIL_CONFIRMED",
            Self::CodeSent => "CODE_SENT",
            Self::SignedIn => "SIGNED_IN",
            Self::SignInFailed => "SIGN_IN_FAILED",
            Self::SignedOut => "SIGNED_OUT",
            Self::SignedOutEverywhere => "SIGNED_OUT_EVERYWHERE",
            Self::SessionRevoked => "SESSION_REVOKED",
            Self::TokenReused => "TOKEN_REUSED",
            Self::PasswordChanged => "PASSWORD_CHANGED",
            Self::PasswordReset => "PASSWORD_RESET",
            Self::ProfileChanged => "PROFILE_CHANGED",
            Self::ConsentGiven => "CONSENT_GIVEN",
            Self::ConsentWithdrawn => "CONSENT_WITHDRAWN",
            Self::RolesChanged => "ROLES_CHANGED",
            Self::Blocked => "BLOCKED",
            Self::Unblocked => "UNBLOCKED",
            Self::Erased => "ERASED",
            Self::KeyRotated => "KEY_ROTATED",
        }
    }
}

/// Who acts, and from where: what every flow is told first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// `user:<id>`, `service:<name>` or `anonymous`.
    pub actor: String,
    /// The network address; personal data.
    pub address: Option<IpAddr>,
    /// What the browser or program calls itself; personal data.
    pub user_agent: Option<String>,
    pub request_id: String,
}

impl By {
    /// The service itself: its clockwork, and whoever runs it at its command line.
    pub fn the_service() -> Self {
        Self { actor: "service:users".into(), address: None, user_agent: None, request_id: String::new() }
    }

    /// The same caller, who has proved by now to be this user.
    pub fn proved(&self, user: UserId) -> Self {
        Self { actor: format!("user:{user}"), ..self.clone() }
    }
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: AuditEntryId,
    pub occurred_at: OffsetDateTime,
    pub actor: String,
    pub action: String,
    pub target: Option<UserId>,
    pub address: Option<String>,
    pub request_id: String,
    pub details: BTreeMap<String, String>,
}
