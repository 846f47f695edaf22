//! The life of an e-mail: queued → sending → sent, failed, given up or suppressed.

use time::{Duration, OffsetDateTime};

/// Where a delivery is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
pub enum State {
    Queued,
    Sending,
    Sent,
    Failed,
    GaveUp,
    /// Not sent: an earlier one to the same address bounced, or the person does not want it any more.
    Suppressed,
}

/// What a try at the mail server came to. Reasons are codes: a server's own words may name the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// The same try may succeed later.
    Later(String),
    /// No try will ever succeed.
    Never(String),
    /// No mail to this address will ever arrive.
    Bounced(String),
    /// It was not tried, because an earlier one bounced.
    Suppressed,
}

/// Why a mail to an address that bounced is not tried.
pub const BOUNCED: &str = "BOUNCED";

/// Why a mail that was on its way is not tried any more.
pub const UNSUBSCRIBED: &str = "UNSUBSCRIBED";

/// Whether a refusal for good says that nobody lives at the address, so that no other mail should be sent there.
///
/// A reply's code alone does not say at which command it came, and the library hides that: a bare 550 or 553 may as well be about
/// the sender or the content. So only what RFC 3463 says of the destination counts (5.1.0 to 5.1.3, 5.1.6, 5.1.10, and 5.2.1 for a
/// mailbox that is switched off), and 551, which nothing but a recipient can get. A full mailbox (552, 5.2.2) empties again, and
/// policy (5.7.x) is about us.
pub fn bounces(code: u16, words: &str) -> bool {
    let enhanced = words.split_whitespace().next().filter(|word| {
        let parts: Vec<_> = word.split('.').collect();
        parts.len() == 3
            && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit()))
    });
    match enhanced {
        Some(status) => {
            matches!(status, "5.1.0" | "5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10" | "5.2.1") && code != 552
        }
        None => code == 551,
    }
}

/// What becomes of a delivery after a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Sent,
    Retry { at: OffsetDateTime, reason: String },
    Failed { reason: String },
    GaveUp { reason: String },
    Suppressed { reason: String },
}

/// How long a mail waits until its person confirms the address; after that it is old news, and given up.
pub const CONFIRMED_WITHIN: Duration = Duration::days(7);

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
        Verdict::Never(reason) | Verdict::Bounced(reason) => return Next::Failed { reason },
        Verdict::Suppressed => return Next::Suppressed { reason: BOUNCED.to_owned() },
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
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    proptest! {
        #[test]
        fn any_words_of_a_mail_server_are_read(code in any::<u16>(), words in "\\PC{0,80}|[0-9.]{0,12} .{0,20}") {
            // A full mailbox empties again, whatever the words are.
            prop_assert!(!bounces(code, &words) || code != 552);
        }
    }

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
    fn only_what_is_said_of_the_recipient_is_a_bounce() {
        for (code, words) in [
            (550, "5.1.1 <anna@example.org> unknown"),
            (550, "5.1.10 null MX"),
            (550, "5.2.1 disabled"),
            (551, "user not local"),
            (551, ""),
            (553, "5.1.3 bad syntax"),
        ] {
            assert!(bounces(code, words), "{code} {words}");
        }
        for (code, words) in [
            (550, "no"),
            (553, "sender rejected"),
            (552, "5.2.2 mailbox full"),
            (552, "5.1.1 odd"),
            (550, "5.7.1 5.1.1 spam"),
            (550, "5.1.8 the sender's domain"),
            (554, "5.7.25 no PTR record"),
            (550, "5.1.1.1 what"),
            (535, "5.7.8 bad password"),
        ] {
            assert!(!bounces(code, words), "{code} {words}");
        }
    }

    #[test]
    fn states_are_read_as_they_are_written() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(*state));
        }
    }
}
