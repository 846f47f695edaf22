//! What users promises, through its gRPC door and on a real PostgreSQL and Redis. One file for each flow or rule.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod helpers;

mod confirm_email;
mod register;
mod resend_code;

mod lockout;
mod sign_in;
mod storm;

mod refresh_session;
mod revocations;
mod sessions;
mod sign_out;

mod change_password;
mod reset_password;

mod consents;
mod profile;

mod block_user;
mod erase_user;
mod export;
mod list_users;
mod roles;
mod teaching;

mod audit;
mod keys;
mod operator;
mod sweep;

mod contract;
