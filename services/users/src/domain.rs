//! The law: what an account, a password, a code, a session and a role are, and what is refused.
//!
//! Pure: no database, no clock, no randomness, no wire. What happens when is in `flows`.

pub mod id;

pub mod email;
pub mod password;
pub mod profile;
pub mod role;
pub mod teaching;
pub mod user;

pub mod code;
pub mod session;
pub mod signing_key;
pub mod throttle;

pub mod audit;
pub mod consent;

mod refusal;

pub use refusal::Refusal;

/// Texts with rules of their own are read by their `parse`, also where a text is read as any type.
macro_rules! read_by_parse {
    ($($text:ty, $mistake:ty;)+) => {
        $(impl std::str::FromStr for $text {
            type Err = $mistake;

            fn from_str(text: &str) -> Result<Self, $mistake> {
                Self::parse(text)
            }
        })+
    };
}

read_by_parse! {
    code::Code, code::BadCode;
    consent::DocumentName, consent::BadDocumentName;
    consent::DocumentVersion, values::BadText;
    email::EmailAddress, email::BadEmail;
    password::NewPassword, password::BadPassword;
    password::TypedPassword, password::BadPassword;
    profile::DisplayName, values::BadText;
}
