//! The life of a signing key: published, then used, then kept until its tokens have expired.

use time::{Duration, OffsetDateTime};
use values::{
    Named, Record,
    record::{self, Arguments, Column, Row},
};

/// When keys change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long a key signs.
    pub rotation: Duration,
    /// How long a key is published before it signs, so that everybody who checks tokens has fetched it.
    pub lead: Duration,
    /// How long a key is published after it signed: the life of a token, and a while for replicas to notice.
    pub tail: Duration,
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Published, to sign later.
    Next { since: OffsetDateTime },
    /// Signs.
    Active { since: OffsetDateTime },
    /// Signs no more, but its tokens may be out.
    Retired { until: OffsetDateTime },
}

/// The name of a state, as the table knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
enum StateName {
    Next,
    Active,
    Retired,
}

/// Two columns, and `since` to read: whoever moves a key to a state writes down when, also of one that retires.
impl Record for State {
    const COLUMNS: &'static [Column] = &[Column::of("state"), Column::of("until")];

    fn read(row: &Row<'_>) -> Result<Self, record::Error> {
        let since = row.get("since")?;
        match (row.get("state")?, row.get("until")?) {
            (StateName::Next, None) => Ok(Self::Next { since }),
            (StateName::Active, None) => Ok(Self::Active { since }),
            (StateName::Retired, Some(until)) => Ok(Self::Retired { until }),
            (name, until) => Err(record::refused(format!("a signing key cannot be {name} until {until:?}"))),
        }
    }

    fn bind(state: Option<&Self>, to: &mut Arguments) {
        let (name, until) = match state {
            Some(Self::Next { .. }) => (Some(StateName::Next), None),
            Some(Self::Active { .. }) => (Some(StateName::Active), None),
            Some(Self::Retired { until }) => (Some(StateName::Retired), Some(*until)),
            None => (None, None),
        };
        to.add(name);
        to.add(until);
    }
}

/// One thing to do with the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a key that signs at once: there is none, so nobody can have fetched another.
    CreateActive,
    /// Make a key and publish it.
    CreateNext,
    /// Let the next key sign, and retire the one that does.
    Promote { next: String, active: String },
    /// Delete a key whose tokens have expired.
    Forget(String),
}

/// What is to be done at `now`, in order. Nothing to do is the usual answer.
pub fn plan(keys: &[(String, State)], policy: &Policy, now: OffsetDateTime) -> Vec<Step> {
    let mut steps = Vec::new();
    for (name, state) in keys {
        if matches!(state, State::Retired { until } if now >= *until) {
            steps.push(Step::Forget(name.clone()));
        }
    }
    let active = keys.iter().find_map(|(name, state)| match state {
        State::Active { since } => Some((name, *since)),
        _ => None,
    });
    let next = keys.iter().find_map(|(name, state)| match state {
        State::Next { since } => Some((name, *since)),
        _ => None,
    });
    match (active, next) {
        (None, _) => steps.push(Step::CreateActive),
        (Some((_, since)), None) if now >= since + policy.rotation - policy.lead => steps.push(Step::CreateNext),
        (Some((active, since)), Some((next, published)))
            if now >= since + policy.rotation && now >= published + policy.lead =>
        {
            steps.push(Step::Promote { next: next.clone(), active: active.clone() });
        }
        _ => {}
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-01 12:00 UTC);
    const POLICY: Policy =
        Policy { rotation: Duration::days(30), lead: Duration::hours(1), tail: Duration::minutes(15) };

    fn active(age: Duration) -> (String, State) {
        ("a".into(), State::Active { since: NOW - age })
    }
    fn next(age: Duration) -> (String, State) {
        ("n".into(), State::Next { since: NOW - age })
    }

    #[test]
    fn the_first_key_signs_at_once() {
        assert_eq!(plan(&[], &POLICY, NOW), [Step::CreateActive]);
    }

    #[test]
    fn a_young_key_is_left_alone() {
        assert_eq!(plan(&[active(Duration::days(29))], &POLICY, NOW), []);
    }

    #[test]
    fn the_next_key_is_published_before_it_is_needed() {
        let soon = POLICY.rotation - POLICY.lead;
        assert_eq!(plan(&[active(soon)], &POLICY, NOW), [Step::CreateNext]);
        assert_eq!(plan(&[active(soon), next(Duration::ZERO)], &POLICY, NOW), []);
    }

    #[test]
    fn a_key_signs_only_once_everybody_could_fetch_it() {
        let old = POLICY.rotation * 2;
        assert_eq!(
            plan(&[active(old), next(POLICY.lead / 2)], &POLICY, NOW),
            [],
            "after a long stop the lead still counts"
        );
        let promote = Step::Promote { next: "n".into(), active: "a".into() };
        assert_eq!(plan(&[active(old), next(POLICY.lead)], &POLICY, NOW), [promote]);
    }

    #[test]
    fn a_retired_key_stays_until_its_tokens_have_expired() {
        let retired = |until| ("r".to_owned(), State::Retired { until });
        let young = active(Duration::ZERO);
        assert_eq!(plan(&[young.clone(), retired(NOW + Duration::SECOND)], &POLICY, NOW), []);
        assert_eq!(plan(&[young, retired(NOW)], &POLICY, NOW), [Step::Forget("r".into())]);
    }
}
