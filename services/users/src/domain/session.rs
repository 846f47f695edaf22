//! Sessions, and what a refresh token is worth. A session is the family of its refresh tokens.

use std::net::IpAddr;

use time::{Duration, OffsetDateTime};
use values::{Named, Record, record};

use super::id::{SessionId, UserId};

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// However often it is used.
    pub lifetime: Duration,
    /// If it is not used.
    pub idle: Duration,
    /// How long the answer to a refresh is repeated while the new token has not been used.
    pub grace: Duration,
}

/// One sign-in on one device.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Session {
    #[record(name = "user_id", key)]
    pub user: UserId,
    #[record(name = "session_id", key)]
    pub id: SessionId,
    pub created_at: OffsetDateTime,
    pub last_used_at: OffsetDateTime,
    /// When it ends whatever happens.
    pub expires_at: OffsetDateTime,
    #[record(with = Address)]
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub ended_at: Option<OffsetDateTime>,
}

/// How an address is kept: as text. It is shown to its owner and decides nothing, so an unreadable one is as good as none.
struct Address;

impl record::Stored<Option<IpAddr>> for Address {
    type As = Option<String>;
    type Error = std::convert::Infallible;

    fn stored(address: &Option<IpAddr>) -> Option<String> {
        address.map(|address| address.to_string())
    }

    fn read(stored: Option<String>) -> Result<Option<IpAddr>, Self::Error> {
        Ok(stored.and_then(|address| address.parse().ok()))
    }
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum EndReason {
    SignedOut,
    TokenReused,
    PasswordChanged,
    Blocked,
    Erased,
}

/// What is known about a refresh token that somebody presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenUse {
    /// It is the newest of its session.
    Newest,
    /// It was exchanged; `is_last` if its successor is the newest still, so has never been used.
    Exchanged { at: OffsetDateTime, is_last: bool },
}

/// What to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Exchange it for a new one.
    Rotate,
    /// Give the same successor again: the answer was lost, or two tabs asked at once.
    Repeat,
    /// Two parties have the token, so one of them stole it: end the session.
    Stolen,
    /// The session is over.
    Over,
}

impl Session {
    /// A new session.
    pub fn open(user: UserId, id: SessionId, policy: &Policy, now: OffsetDateTime) -> Self {
        Self {
            user,
            id,
            created_at: now,
            last_used_at: now,
            expires_at: now + policy.lifetime,
            address: None,
            user_agent: None,
            ended_at: None,
        }
    }

    /// Until when the newest refresh token can be used.
    pub fn usable_until(&self, policy: &Policy) -> OffsetDateTime {
        self.expires_at.min(self.last_used_at + policy.idle)
    }

    /// Judges a refresh token of this session.
    ///
    /// Theft is looked for before age, so that a stolen token is noticed in an idle session too. In a session that was ended
    /// there is nothing to steal.
    pub fn refresh(&self, token: TokenUse, policy: &Policy, now: OffsetDateTime) -> Refresh {
        if self.ended_at.is_some() || now >= self.expires_at {
            return Refresh::Over;
        }
        match token {
            TokenUse::Exchanged { at, is_last } if is_last && now - at < policy.grace => Refresh::Repeat,
            TokenUse::Exchanged { .. } => Refresh::Stolen,
            TokenUse::Newest if now >= self.usable_until(policy) => Refresh::Over,
            TokenUse::Newest => Refresh::Rotate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-01 12:00 UTC);
    const POLICY: Policy =
        Policy { lifetime: Duration::days(30), idle: Duration::days(14), grace: Duration::seconds(10) };

    fn session() -> Session {
        Session::open(UserId::new(NOW), SessionId::new(NOW), &POLICY, NOW)
    }

    fn exchanged(is_last: bool) -> TokenUse {
        TokenUse::Exchanged { at: NOW, is_last }
    }

    #[test]
    fn the_newest_token_is_exchanged_until_the_session_idles_out() {
        let last = NOW + POLICY.idle - Duration::microseconds(1);
        assert_eq!(session().refresh(TokenUse::Newest, &POLICY, last), Refresh::Rotate);
        assert_eq!(session().refresh(TokenUse::Newest, &POLICY, NOW + POLICY.idle), Refresh::Over);
    }

    #[test]
    fn use_prolongs_a_session_only_to_the_end_of_its_life() {
        let used = Session { last_used_at: NOW + Duration::days(29), ..session() };
        assert_eq!(used.usable_until(&POLICY), NOW + POLICY.lifetime);
        assert_eq!(used.refresh(TokenUse::Newest, &POLICY, NOW + POLICY.lifetime), Refresh::Over);
    }

    #[test]
    fn an_answer_is_repeated_for_a_moment_while_nobody_used_it() {
        let soon = NOW + POLICY.grace - Duration::microseconds(1);
        assert_eq!(session().refresh(exchanged(true), &POLICY, soon), Refresh::Repeat);
        assert_eq!(session().refresh(exchanged(true), &POLICY, NOW + POLICY.grace), Refresh::Stolen);
    }

    #[test]
    fn a_token_whose_successor_was_used_is_stolen_at_once() {
        assert_eq!(session().refresh(exchanged(false), &POLICY, NOW), Refresh::Stolen);
    }

    #[test]
    fn theft_is_noticed_in_an_idle_session_too() {
        assert_eq!(session().refresh(exchanged(true), &POLICY, NOW + POLICY.idle), Refresh::Stolen);
    }

    #[test]
    fn an_ended_session_stays_ended() {
        let ended = Session { ended_at: Some(NOW), ..session() };
        for token in [TokenUse::Newest, exchanged(true), exchanged(false)] {
            assert_eq!(ended.refresh(token, &POLICY, NOW), Refresh::Over);
        }
    }
}
