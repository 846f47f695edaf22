//! A part of several verbs: counting tries against the law's policies.

use std::net::IpAddr;

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        audit::Requester,
        code::Purpose,
        email::EmailAddress,
        throttle::{Policy, TooSoon},
    },
    error::Result,
    store::{self, throttles::Subject},
};

/// Passwords tried for an e-mail address, whether or not it has an account.
pub(super) fn passwords_of(app: &App, email: &EmailAddress) -> Subject {
    subject(app, "passwords of account", &email.key())
}

/// Passwords tried from where the caller is, if we know.
pub(super) fn passwords_from(app: &App, by: &Requester) -> Option<Subject> {
    // Somebody who has one IPv6 address has all 2⁶⁴ of the network.
    let network = match by.address?.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x}", address.to_bits() >> 64),
    };
    Some(subject(app, "passwords from address", &network))
}

/// Mails with codes to an e-mail address, whether or not it has an account.
pub(super) fn codes_to(app: &App, purpose: Purpose, email: &EmailAddress) -> Subject {
    let kind = match purpose {
        Purpose::ConfirmEmail => "codes to confirm",
        Purpose::ResetPassword => "codes to reset",
    };
    subject(app, kind, &email.key())
}

fn subject(app: &App, kind: &'static str, of: &str) -> Subject {
    Subject { kind, fingerprint: app.vault.subject_fingerprint(kind, of) }
}

/// Counts one more try, or says how long to wait.
pub(super) async fn count(
    conn: &mut PgConnection,
    subject: &Subject,
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<Result<(), TooSoon>, sqlx::Error> {
    let tries = store::throttles::lock(conn, subject, now).await?;
    match tries.one_more(policy, now) {
        Ok(counted) => store::throttles::save(conn, subject, counted).await.map(Ok),
        Err(too_soon) => Ok(Err(too_soon)),
    }
}
