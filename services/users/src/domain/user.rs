//! An account, its states, and what may become of it.

use std::collections::BTreeSet;

use time::{Date, OffsetDateTime};
use values::{Named, Record};

use super::{
    email::EmailAddress,
    id::UserId,
    profile::{Profile, ProfilePatch},
    refusal::Refusal,
    role::{Permission, Role, Roles},
    teaching::BelievedUntil,
};

/// An account with a person behind it. Once erased it is only a [`Tombstone`].
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct User {
    #[record(name = "user_id")]
    pub id: UserId,
    pub email: EmailAddress,
    pub email_confirmed_at: Option<OffsetDateTime>,
    #[record(flatten)]
    pub profile: Profile,
    #[record(with = Roles)]
    pub roles: Roles,
    /// Until when the person's papers as a tutor are believed; none where they are not. It stands in a table of its own.
    #[record(skip)]
    pub believed: Option<BelievedUntil>,
    #[record(flatten)]
    pub state: State,
    /// Grows with every change; events carry it.
    pub version: i64,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// Whether an account can be used.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub enum State {
    /// The address was not proved yet.
    Unconfirmed,
    /// In use.
    Active,
    /// Closed by an administrator for now.
    Blocked {
        #[record(name = "blocked_at")]
        since: OffsetDateTime,
        #[record(name = "block_reason")]
        reason: String,
    },
}

/// Where an account stands, without when and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum StateName {
    Unconfirmed,
    Active,
    Blocked,
    Erased,
}

impl State {
    /// The state's name.
    pub const fn name(&self) -> StateName {
        match self {
            Self::Unconfirmed => StateName::Unconfirmed,
            Self::Active => StateName::Active,
            Self::Blocked { .. } => StateName::Blocked,
        }
    }
}

/// What is left of an erased account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Record)]
pub struct Tombstone {
    #[record(name = "user_id")]
    pub id: UserId,
    pub version: i64,
    pub created_at: OffsetDateTime,
    pub erased_at: OffsetDateTime,
}

/// An account as it may be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    Person(User),
    Erased(Tombstone),
}

impl Account {
    /// Whose it is or was.
    pub fn id(&self) -> UserId {
        match self {
            Self::Person(user) => user.id,
            Self::Erased(tombstone) => tombstone.id,
        }
    }

    /// The person, if there still is one.
    pub fn person(self) -> Result<User, Refusal> {
        match self {
            Self::Person(user) => Ok(user),
            Self::Erased(_) => Err(Refusal::AccountErased),
        }
    }
}

impl User {
    /// A new account, which waits for its address to be confirmed.
    pub fn register(id: UserId, email: EmailAddress, profile: Profile, now: OffsetDateTime) -> Self {
        Self {
            id,
            email,
            email_confirmed_at: None,
            profile,
            roles: Roles::learner(),
            believed: None,
            state: State::Unconfirmed,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// What the person may do today: what the roles give, and teaching for a tutor whose papers are believed.
    pub fn permissions(&self, today: Date) -> BTreeSet<Permission> {
        let mut permissions = self.roles.permissions();
        if self.roles.has(Role::Tutor) && self.believed.is_some_and(|until| until.holds(today)) {
            permissions.insert(Permission::LessonsTeach);
        }
        permissions
    }

    fn changed(self, now: OffsetDateTime) -> Self {
        Self { version: self.version + 1, updated_at: now, ..self }
    }

    /// Refuses a writer who read another version. Whoever names none overwrites whatever is there.
    pub fn matches(&self, etag: Option<i64>) -> Result<(), Refusal> {
        match etag {
            Some(read) if read != self.version => Err(Refusal::EtagMismatch { etag: self.version }),
            _ => Ok(()),
        }
    }

    /// Whether the person may be let in.
    pub fn may_enter(&self) -> Result<(), Refusal> {
        match self.state {
            State::Unconfirmed => Err(Refusal::EmailNotConfirmed),
            State::Active => Ok(()),
            State::Blocked { .. } => Err(Refusal::AccountBlocked),
        }
    }

    /// The address is proved. A blocked account stays blocked; a second proof changes nothing.
    pub fn confirm_email(self, now: OffsetDateTime) -> Self {
        if self.email_confirmed_at.is_some() {
            return self;
        }
        let state = if self.state == State::Unconfirmed { State::Active } else { self.state.clone() };
        Self { email_confirmed_at: Some(now), state, ..self }.changed(now)
    }

    /// The person describes themselves anew.
    pub fn change_profile(self, change: ProfilePatch, now: OffsetDateTime) -> Self {
        let profile = self.profile.clone().with(change);
        if profile == self.profile { self } else { Self { profile, ..self }.changed(now) }
    }

    /// The password was replaced; the account itself only notes that something did.
    pub fn change_password(self, now: OffsetDateTime) -> Self {
        self.changed(now)
    }

    /// `giver` replaces the roles.
    pub fn change_roles(
        self,
        roles: Roles,
        giver: &Roles,
        others: OtherAdmins,
        now: OffsetDateTime,
    ) -> Result<Self, Refusal> {
        if roles == self.roles {
            return Ok(self);
        }
        if !giver.may_turn(&self.roles, &roles) {
            return Err(Refusal::RoleTooHigh);
        }
        let after = Self { roles, ..self.clone() };
        others.suffice(&self, Some(&after))?;
        Ok(after.changed(now))
    }

    /// A manager of accounts closes this one for now.
    pub fn block(
        self,
        manager: &Self,
        reason: String,
        others: OtherAdmins,
        now: OffsetDateTime,
    ) -> Result<Self, Refusal> {
        if manager.id == self.id {
            return Err(Refusal::OwnAccount);
        }
        if matches!(self.state, State::Blocked { .. }) {
            return Ok(self);
        }
        self.outranked_by(manager)?;
        let after = Self { state: State::Blocked { since: now, reason }, ..self.clone() };
        others.suffice(&self, Some(&after))?;
        Ok(after.changed(now))
    }

    /// Nobody closes an account that may do more than they may themselves.
    fn outranked_by(&self, manager: &Self) -> Result<(), Refusal> {
        if manager.roles.may_turn(&self.roles, &Roles::default()) { Ok(()) } else { Err(Refusal::RoleTooHigh) }
    }

    /// The account is as it was before it was blocked.
    pub fn unblock(self, now: OffsetDateTime) -> Self {
        if !matches!(self.state, State::Blocked { .. }) {
            return self;
        }
        let state = if self.email_confirmed_at.is_some() { State::Active } else { State::Unconfirmed };
        Self { state, ..self }.changed(now)
    }

    /// The person leaves for ever: by themselves, or because a manager of accounts does it for them.
    pub fn erase(self, manager: Option<&Self>, others: OtherAdmins, now: OffsetDateTime) -> Result<Tombstone, Refusal> {
        if let Some(manager) = manager {
            self.outranked_by(manager)?;
        }
        others.suffice(&self, None)?;
        Ok(Tombstone { id: self.id, version: self.version + 1, created_at: self.created_at, erased_at: now })
    }

    fn administers(&self) -> bool {
        self.roles.has(Role::Admin) && self.state == State::Active
    }
}

/// How many other accounts can administer the school.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherAdmins(pub i64);

impl OtherAdmins {
    /// Refuses a change that leaves nobody who could undo it.
    fn suffice(self, before: &User, after: Option<&User>) -> Result<(), Refusal> {
        let stays = after.is_some_and(User::administers);
        if before.administers() && !stays && self.0 == 0 { Err(Refusal::LastAdmin) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::DisplayName;
    use time::macros::datetime;
    use values::{Language, TimeZone};

    const NOW: OffsetDateTime = datetime!(2026-11-01 12:00 UTC);
    const LATER: OffsetDateTime = datetime!(2026-11-02 12:00 UTC);

    fn anna() -> User {
        let profile = Profile {
            display_name: DisplayName::parse("Anna").unwrap(),
            language: Language::Russian,
            time_zone: TimeZone::parse("Europe/Moscow").unwrap(),
        };
        User::register(UserId::new(NOW), EmailAddress::parse("anna@example.com").unwrap(), profile, NOW)
    }

    fn admin() -> User {
        User { roles: Roles::from_iter([Role::Admin]), ..anna().confirm_email(NOW) }
    }

    #[test]
    fn an_account_is_entered_only_once_its_address_is_proved() {
        assert_eq!(anna().may_enter(), Err(Refusal::EmailNotConfirmed));
        let confirmed = anna().confirm_email(LATER);
        assert_eq!(confirmed.may_enter(), Ok(()));
        assert_eq!((confirmed.version, confirmed.updated_at), (2, LATER));
        assert_eq!(confirmed.clone().confirm_email(LATER), confirmed, "twice is the same as once");
    }

    #[test]
    fn a_block_outlives_the_proof_of_the_address_and_leaves_no_trace_when_lifted() {
        let blocked = anna().block(&admin(), "spam".into(), OtherAdmins(1), NOW).unwrap();
        assert_eq!(blocked.may_enter(), Err(Refusal::AccountBlocked));
        assert_eq!(blocked.clone().unblock(LATER).state, State::Unconfirmed);
        let confirmed = blocked.confirm_email(LATER);
        assert_eq!(confirmed.may_enter(), Err(Refusal::AccountBlocked));
        assert_eq!(confirmed.unblock(LATER).state, State::Active);
    }

    #[test]
    fn blocking_twice_keeps_the_first_reason() {
        let once = anna().block(&admin(), "spam".into(), OtherAdmins(1), NOW).unwrap();
        let twice = once.clone().block(&admin(), "fraud".into(), OtherAdmins(1), LATER).unwrap();
        assert_eq!(once, twice);
    }

    #[test]
    fn nobody_blocks_themselves() {
        let admin = admin();
        assert_eq!(admin.clone().block(&admin, "oops".into(), OtherAdmins(1), NOW), Err(Refusal::OwnAccount));
    }

    #[test]
    fn nobody_closes_an_account_that_may_do_more() {
        let manager = User { roles: Roles::from_iter([Role::Manager]), ..anna() };
        assert_eq!(admin().block(&manager, "coup".into(), OtherAdmins(1), NOW), Err(Refusal::RoleTooHigh));
        assert_eq!(admin().erase(Some(&manager), OtherAdmins(1), NOW), Err(Refusal::RoleTooHigh));
        assert!(anna().erase(Some(&manager), OtherAdmins(1), NOW).is_ok());
    }

    #[test]
    fn the_last_administrator_stays() {
        let learner = Roles::learner();
        assert_eq!(admin().change_roles(learner.clone(), &admin().roles, OtherAdmins(0), NOW), Err(Refusal::LastAdmin));
        assert_eq!(admin().block(&admin(), "x".into(), OtherAdmins(0), NOW), Err(Refusal::LastAdmin));
        assert_eq!(admin().erase(None, OtherAdmins(0), NOW), Err(Refusal::LastAdmin));
        assert!(admin().change_roles(learner, &admin().roles, OtherAdmins(1), NOW).is_ok());
        assert!(admin().erase(None, OtherAdmins(1), NOW).is_ok());
        assert!(anna().erase(None, OtherAdmins(0), NOW).is_ok(), "who is no administrator may always go");
    }

    #[test]
    fn an_administrator_may_get_more_roles_while_being_the_last() {
        let roles = Roles::from_iter([Role::Admin, Role::Tutor]);
        assert!(admin().change_roles(roles, &admin().roles, OtherAdmins(0), NOW).is_ok());
    }

    #[test]
    fn a_tutor_teaches_while_the_papers_are_believed() {
        let today = NOW.date();
        let teaches = |user: &User, today| user.permissions(today).contains(&Permission::LessonsTeach);
        let believed = Some(BelievedUntil::day(today));
        let tutor = User { roles: Roles::from_iter([Role::Tutor]), believed, ..anna() };
        assert!(teaches(&tutor, today));
        assert!(!teaches(&tutor, LATER.date()), "the last day is over");
        assert!(!teaches(&User { believed: None, ..tutor.clone() }, today), "no papers");
        let all = Roles::from_iter(Role::ALL.iter().copied().filter(|role| *role != Role::Tutor));
        assert!(!teaches(&User { roles: all, ..tutor }, today), "not a tutor, whatever else");
    }

    #[test]
    fn an_etag_names_one_version() {
        let anna = anna();
        assert_eq!(anna.matches(Some(anna.version)), Ok(()));
        assert_eq!(anna.matches(None), Ok(()));
        let changed = anna.clone().change_password(NOW);
        assert_eq!(changed.matches(Some(anna.version)), Err(Refusal::EtagMismatch { etag: changed.version }));
    }

    #[test]
    fn a_change_to_the_same_is_no_change() {
        assert_eq!(anna().change_profile(ProfilePatch::default(), LATER).version, 1);
        let same = admin().change_roles(admin().roles, &Roles::learner(), OtherAdmins(0), LATER).unwrap();
        assert_eq!(same.version, admin().version);
    }
}
