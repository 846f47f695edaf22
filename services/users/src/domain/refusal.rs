//! Everything that the rules refuse, in one table: name, kind and text. What can happen to every service stands in `flow`.

use std::time::Duration;

use super::throttle::TooSoon;

values::refusals! {
    /// A refusal. Its name is a promise to clients, its text is read by people.
    pub enum Refusal {
        EmailTaken: Conflict "This e-mail address has an account already.",
        CodeInvalid: Invalid "The code is wrong or has expired. Ask for a new one.",
        TooManyCodes { retry_after: Duration }:
            TooMany "Too many codes were asked for. Wait before asking for another one." after retry_after,
        CredentialsInvalid: Unauthenticated "The e-mail address or the password is wrong.",
        TooManyAttempts { retry_after: Duration }:
            TooMany "Too many wrong passwords. Wait before trying again, or reset the password." after retry_after,
        PasswordWrong: Forbidden "The password is wrong.",
        RefreshTokenInvalid: Unauthenticated "The session cannot be prolonged. Sign in again.",
        RefreshTokenReused:
            Unauthenticated "This refresh token was used before, so the session was ended for safety. Sign in again.",

        UserNotFound: NotFound "There is no such user.",
        SessionNotFound: NotFound "There is no such session.",
        ConsentNotFound: NotFound "There is no such consent.",
        Forbidden: Forbidden "You may not do this." as "PERMISSION_DENIED",

        EmailNotConfirmed: Forbidden "Confirm the e-mail address first, with the code that was sent there.",
        AccountBlocked: Forbidden "This account is blocked.",
        AccountErased: Conflict "This account was erased.",
        OwnAccount: Conflict "Ask somebody else to do this to your account.",
        LastAdmin: Conflict "The last administrator has to stay one.",
        RoleTooHigh: Forbidden "You cannot do this to an account or role that permits more than your own roles do.",
        // The etag is the present one.
        EtagMismatch { etag: i64 }: Stale "The account was changed meanwhile. Read it again.",

        // The queue of passwords that are to be hashed is full; it moves quickly.
        Busy: Unavailable "too many people are signing in at the moment" after 1,
    }
}

impl Refusal {
    /// For [`Result::map_err`] after a password was counted.
    pub fn too_many_attempts(too_soon: TooSoon) -> Self {
        Self::TooManyAttempts { retry_after: too_soon.retry_after.unsigned_abs() }
    }

    /// For [`Result::map_err`] after a code was counted.
    pub fn too_many_codes(too_soon: TooSoon) -> Self {
        Self::TooManyCodes { retry_after: too_soon.retry_after.unsigned_abs() }
    }
}
