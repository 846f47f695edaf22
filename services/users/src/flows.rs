//! The paths: one verb a file. Each loads, lets the law decide, saves and announces, and owns its transaction.
//!
//! No SQL text, no wire types. Every flow is told first in which app it runs and who acts.

pub mod change_profile;
pub mod confirm_email;
pub mod create_user;
pub mod register;
pub mod resend_code;

pub mod refresh_session;
pub mod revoke_session;
pub mod sign_in;
pub mod sign_out;
pub mod sign_out_everywhere;

pub mod change_password;
pub mod request_password_reset;
pub mod reset_password;

pub mod give_consent;
pub mod withdraw_consent;

pub mod block_user;
pub mod change_roles;
pub mod erase_user;
pub mod unblock_user;

pub mod repair_revocations;
pub mod rotate_keys;
pub mod sweep;

// Parts of several verbs.
mod authority;
mod check_password;
mod issue_code;
mod mint;
mod revocation;
mod throttle;
mod try_code;

pub use mint::Tokens;

use crate::domain::id::{SessionId, UserId};

/// The signed-in person who asks, and in which session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Me {
    pub user: UserId,
    pub session: SessionId,
}
