//! The paths: one verb a file. Each loads, lets the law decide, saves and announces, and owns its transaction.
//!
//! No SQL text, no wire types. Every flow is told first in which app it runs and who acts.

mod change_profile;
mod confirm_email;
mod create_user;
mod register;
mod resend_code;

mod refresh_session;
mod revoke_session;
mod sign_in;
mod sign_out;
mod sign_out_everywhere;

mod change_password;
mod request_password_reset;
mod reset_password;

mod give_consent;
mod withdraw_consent;

mod block_user;
mod change_roles;
mod erase_user;
mod unblock_user;

mod repair_revocations;
mod rotate_keys;
mod sweep;

// Parts of several verbs.
mod authority;
mod check_password;
mod issue_code;
mod mint;
mod revocation;
mod throttle;
mod try_code;

pub use block_user::{BlockUser, block_user};
pub use change_password::{ChangePassword, change_password};
pub use change_profile::{ChangeProfile, change_profile};
pub use change_roles::{ChangeRoles, change_roles};
pub use confirm_email::{ConfirmEmail, confirm_email};
pub use create_user::{CreateUser, Created, create_user};
pub use erase_user::{EraseUser, erase_user};
pub use give_consent::{GiveConsent, give_consent};
pub use mint::Tokens;
pub use refresh_session::refresh_session;
pub use register::{Register, Registered, register};
pub use repair_revocations::repair_revocations;
pub use request_password_reset::request_password_reset;
pub use resend_code::resend_code;
pub use reset_password::{ResetPassword, reset_password};
pub use revoke_session::revoke_session;
pub use rotate_keys::rotate_keys;
pub use sign_in::{SignIn, sign_in};
pub use sign_out::{SignOut, sign_out};
pub use sign_out_everywhere::sign_out_everywhere;
pub use sweep::sweep;
pub use unblock_user::unblock_user;
pub use withdraw_consent::withdraw_consent;

use crate::domain::id::{SessionId, UserId};

/// The signed-in person who asks, and in which session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Me {
    pub user: UserId,
    pub session: SessionId,
}
