//! What the audit log says.

use std::{collections::BTreeMap, net::IpAddr};

use time::OffsetDateTime;
use values::{Named, Record};

use super::id::{AuditEntryId, UserId};

/// What was done; append only, the names are kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
#[named(capitals)]
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

/// Who asks for something, and from where, as the door knows it: the log keeps it, and tries are counted by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requester {
    /// `user:<id>`, `service:<name>` or `anonymous`.
    pub actor: String,
    /// The network address; personal data.
    pub address: Option<IpAddr>,
    /// What the browser or program calls itself; personal data.
    pub user_agent: Option<String>,
    pub request_id: String,
}

impl Requester {
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
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Entry {
    #[record(name = "entry_id")]
    pub id: AuditEntryId,
    pub occurred_at: OffsetDateTime,
    pub actor: String,
    pub action: String,
    #[record(name = "target_user_id")]
    pub target: Option<UserId>,
    pub address: Option<String>,
    pub request_id: String,
    #[record(json)]
    pub details: BTreeMap<String, String>,
}
