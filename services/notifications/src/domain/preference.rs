//! What a person wants to be told, by which way and when; the school's defaults where nothing was chosen.

use time::OffsetDateTime;
use values::{Named, Record, TimeZone};

use crate::domain::{
    hours::{DigestTimes, QuietHours},
    notice::Kind,
};

/// By which way a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum Channel {
    Email,
    Feed,
}

/// When a kind of news is told by a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum Timing {
    AtOnce,
    /// With others, by e-mail only.
    Digest,
    Never,
}

/// How one kind of news is told by one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Record)]
pub struct Rule {
    #[record(key)]
    pub kind: Kind,
    #[record(key)]
    pub channel: Channel,
    pub timing: Timing,
}

/// Why a rule cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// Codes and warnings about the account.
    #[error("is always told at once")]
    AlwaysTold,
    #[error("is made of other kinds and has no rule of its own")]
    Digest,
    #[error("the feed knows no digests")]
    DigestOfFeed,
}

values::mistake!(BadRule => NotAllowed);

impl Rule {
    /// A rule that may be chosen. To want what is always told is no mistake.
    pub fn new(kind: Kind, channel: Channel, timing: Timing) -> Result<Self, BadRule> {
        match (kind, channel, timing) {
            (Kind::Digest, ..) => Err(BadRule::Digest),
            (_, Channel::Feed, Timing::Digest) => Err(BadRule::DigestOfFeed),
            (kind, _, timing) if !kind.can_be_chosen() && timing != Timing::AtOnce => Err(BadRule::AlwaysTold),
            _ => Ok(Self { kind, channel, timing }),
        }
    }
}

/// What a person chose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Record)]
pub struct Preferences {
    /// What differs from the defaults, or was said to be the same.
    #[record(skip)]
    pub chosen: Vec<Rule>,
    #[record(flatten, prefix = "quiet_")]
    pub quiet: Option<QuietHours>,
    #[record(flatten, prefix = "digest_")]
    pub digest: DigestTimes,
}

impl Preferences {
    /// When a kind is told by a channel: at once, unless the person wants it otherwise and may.
    pub fn timing(&self, kind: Kind, channel: Channel) -> Timing {
        let chosen = self.chosen.iter().find(|rule| rule.kind == kind && rule.channel == channel);
        chosen.filter(|_| kind.can_be_chosen()).map_or(Timing::AtOnce, |rule| rule.timing)
    }

    /// The first instant from `at` on that is not in the person's quiet hours.
    pub fn release(&self, at: OffsetDateTime, zone: &TimeZone) -> OffsetDateTime {
        self.quiet.map_or(at, |quiet| quiet.release(at, zone))
    }

    /// A rule for each kind that can be chosen and each channel.
    pub fn rules(&self) -> Vec<Rule> {
        let kinds = Kind::ALL.iter().copied().filter(|kind| kind.can_be_chosen());
        let pairs = kinds.flat_map(|kind| Channel::ALL.iter().map(move |channel| (kind, *channel)));
        pairs.map(|(kind, channel)| Rule { kind, channel, timing: self.timing(kind, channel) }).collect()
    }

    /// The kinds whose mails are gathered.
    pub fn gathered(&self) -> Vec<Kind> {
        let gathered = |rule: &Rule| rule.channel == Channel::Email && rule.timing == Timing::Digest;
        self.rules().into_iter().filter(gathered).map(|rule| rule.kind).collect()
    }
}

/// What to change; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    pub rules: Vec<Rule>,
    pub quiet: Option<Option<QuietHours>>,
    pub digest: Option<DigestTimes>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_told_at_once_by_default() {
        let rules = Preferences::default().rules();
        assert!(rules.iter().all(|rule| rule.timing == Timing::AtOnce));
        let chosen = Kind::ALL.iter().copied().filter(|kind| kind.can_be_chosen()).count();
        assert_eq!(rules.len(), 2 * chosen);
    }

    #[test]
    fn what_is_about_the_account_cannot_be_switched_off() {
        for kind in [Kind::ConfirmEmail, Kind::ResetPassword, Kind::PasswordChanged, Kind::SessionsRevoked] {
            assert_eq!(Rule::new(kind, Channel::Email, Timing::Never), Err(BadRule::AlwaysTold));
            assert!(Rule::new(kind, Channel::Email, Timing::AtOnce).is_ok());
            // Whatever stands in the database.
            let chosen = vec![Rule { kind, channel: Channel::Email, timing: Timing::Never }];
            let preferences = Preferences { chosen, ..Preferences::default() };
            assert_eq!(preferences.timing(kind, Channel::Email), Timing::AtOnce);
        }
        assert_eq!(Rule::new(Kind::OrderPaid, Channel::Feed, Timing::Digest), Err(BadRule::DigestOfFeed));
        assert_eq!(Rule::new(Kind::Digest, Channel::Email, Timing::Never), Err(BadRule::Digest));
    }
}
