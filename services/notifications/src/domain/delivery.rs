//! The life of an e-mail: queued → sending → sent, failed or given up.

use time::{Duration, OffsetDateTime};

/// Where a delivery is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Queued,
    Sending,
    Sent,
    Failed,
    GaveUp,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Queued, Self::Sending, Self::Sent, Self::Failed, Self::GaveUp];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::GaveUp => "gave_up",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What a try at the mail server came to. Reasons are codes: a server's own words may name the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// The same try may succeed later.
    Later(String),
    /// No try will ever succeed.
    Never(String),
}

/// What becomes of a delivery after a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Sent,
    Retry { at: OffsetDateTime, reason: String },
    Failed { reason: String },
    GaveUp { reason: String },
}

/// How long a sender may hold a delivery before another one takes it for dead; longer than any try can last.
pub const LEASE: Duration = Duration::minutes(2);

/// The pauses between the tries, some sixteen hours together.
const PAUSES: [Duration; 10] = [
    Duration::seconds(5),
    Duration::seconds(15),
    Duration::minutes(1),
    Duration::minutes(5),
    Duration::minutes(15),
    Duration::minutes(30),
    Duration::hours(1),
    Duration::hours(2),
    Duration::hours(4),
    Duration::hours(8),
];

/// Decides after the `attempts`-th try. A code is not sent after it has expired.
pub fn after(verdict: Verdict, attempts: u32, expires_at: Option<OffsetDateTime>, now: OffsetDateTime) -> Next {
    let reason = match verdict {
        Verdict::Accepted => return Next::Sent,
        Verdict::Never(reason) => return Next::Failed { reason },
        Verdict::Later(reason) => reason,
    };
    let pause = usize::try_from(attempts.saturating_sub(1)).ok().and_then(|tried| PAUSES.get(tried));
    match pause.map(|pause| now + *pause) {
        Some(at) if expires_at.is_none_or(|expires_at| at < expires_at) => Next::Retry { at, reason },
        _ => Next::GaveUp { reason },
    }
}

/// An address with most of the name hidden, such as `a***@example.org`.
pub fn masked(address: &str) -> String {
    let (name, host) = address.rsplit_once('@').unwrap_or((address, ""));
    let first = name.chars().next().map(String::from).unwrap_or_default();
    format!("{first}***@{host}")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    fn later() -> Verdict {
        Verdict::Later("TIMEOUT".to_owned())
    }

    #[test]
    fn what_was_accepted_is_sent_and_what_was_refused_for_good_has_failed() {
        assert_eq!(after(Verdict::Accepted, 3, None, NOW), Next::Sent);
        let never = Verdict::Never("SMTP_550".to_owned());
        assert_eq!(after(never, 1, None, NOW), Next::Failed { reason: "SMTP_550".to_owned() });
    }

    #[test]
    fn pauses_grow_until_it_is_given_up() {
        let mut pauses = Vec::new();
        let mut attempts = 1;
        while let Next::Retry { at, .. } = after(later(), attempts, None, NOW) {
            pauses.push(at - NOW);
            attempts += 1;
        }
        assert!(pauses.is_sorted() && pauses[0] == Duration::seconds(5));
        assert_eq!(attempts, 11);
        assert!(matches!(after(later(), attempts, None, NOW), Next::GaveUp { .. }));
    }

    #[test]
    fn a_code_is_not_tried_after_its_end() {
        let soon = Some(NOW + Duration::seconds(5));
        assert!(matches!(after(later(), 1, soon, NOW), Next::GaveUp { .. }));
        let in_time = Some(NOW + Duration::seconds(6));
        assert!(matches!(after(later(), 1, in_time, NOW), Next::Retry { .. }));
    }

    #[test]
    fn an_address_is_masked_but_its_host_is_shown() {
        assert_eq!(masked("anna@example.org"), "a***@example.org");
        assert_eq!(masked("ё@example.org"), "ё***@example.org");
        assert_eq!(masked("broken"), "b***@");
    }

    #[test]
    fn states_are_read_as_they_are_written() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }
}
