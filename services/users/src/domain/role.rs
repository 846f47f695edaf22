//! Roles, permissions, and the one table between them.

use std::{collections::BTreeSet, fmt, str::FromStr};

/// What a person is in the school.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Learner,
    Tutor,
    Curator,
    Manager,
    Support,
    Admin,
}

/// What a method of the contract may ask for. The names are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    CoursesEdit,
    CoursesPublish,
    EnrolmentsRead,
    EnrolmentsManage,
    ProductsEdit,
    OrdersRead,
    OrdersRefund,
    UsersRead,
    UsersManage,
    AuditRead,
    DeliveriesRead,
    DeliveriesManage,
    FilesRead,
    VerificationsReview,
    CertificatesManage,
    ReportsRead,
    LessonsTeach,
}

use Permission::{
    AuditRead, CertificatesManage, CoursesEdit, CoursesPublish, DeliveriesManage, DeliveriesRead, EnrolmentsManage,
    EnrolmentsRead, FilesRead, LessonsTeach, OrdersRead, OrdersRefund, ProductsEdit, ReportsRead, UsersManage,
    UsersRead, VerificationsReview,
};

impl Role {
    /// Every role, in the order in which they are listed.
    pub const ALL: [Self; 6] = [Self::Learner, Self::Tutor, Self::Curator, Self::Manager, Self::Support, Self::Admin];

    /// The table: what each role permits.
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Learner | Self::Tutor => &[],
            Self::Curator => &[EnrolmentsRead],
            Self::Manager => &[
                CoursesEdit,
                CoursesPublish,
                EnrolmentsRead,
                EnrolmentsManage,
                ProductsEdit,
                OrdersRead,
                OrdersRefund,
                UsersRead,
                DeliveriesRead,
                FilesRead,
                VerificationsReview,
                CertificatesManage,
                ReportsRead,
            ],
            Self::Support => &[EnrolmentsRead, OrdersRead, UsersRead, DeliveriesRead, DeliveriesManage],
            Self::Admin => &Permission::ALL,
        }
    }

    /// The role's name in tokens and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Learner => "learner",
            Self::Tutor => "tutor",
            Self::Curator => "curator",
            Self::Manager => "manager",
            Self::Support => "support",
            Self::Admin => "admin",
        }
    }
}

/// A text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected learner, tutor, curator, manager, support or admin")]
pub struct BadRole;

impl FromStr for Role {
    type Err = BadRole;
    fn from_str(text: &str) -> Result<Self, BadRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(BadRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Permission {
    /// Every permission that a role can give. [`Permission::LessonsTeach`] is not among them: no role gives it, not even an
    /// administrator's, nor can it be given away. A tutor has it while the tutor's papers are verified.
    pub const ALL: [Self; 16] = [
        CoursesEdit,
        CoursesPublish,
        EnrolmentsRead,
        EnrolmentsManage,
        ProductsEdit,
        OrdersRead,
        OrdersRefund,
        UsersRead,
        UsersManage,
        AuditRead,
        DeliveriesRead,
        DeliveriesManage,
        FilesRead,
        VerificationsReview,
        CertificatesManage,
        ReportsRead,
    ];

    /// The permission's name in the contract and in tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            CoursesEdit => "courses.edit",
            CoursesPublish => "courses.publish",
            EnrolmentsRead => "enrolments.read",
            EnrolmentsManage => "enrolments.manage",
            ProductsEdit => "products.edit",
            OrdersRead => "orders.read",
            OrdersRefund => "orders.refund",
            UsersRead => "users.read",
            UsersManage => "users.manage",
            AuditRead => "audit.read",
            DeliveriesRead => "deliveries.read",
            DeliveriesManage => "deliveries.manage",
            FilesRead => "files.read",
            VerificationsReview => "verifications.review",
            CertificatesManage => "certificates.manage",
            ReportsRead => "reports.read",
            LessonsTeach => "lessons.teach",
        }
    }
}

/// The roles of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    /// What everybody starts with.
    pub fn learner() -> Self {
        Self::from_iter([Role::Learner])
    }

    /// Whether there are none, as after an erasure.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is `role`.
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// The roles in their order.
    pub fn iter(&self) -> impl Iterator<Item = Role> + '_ {
        self.0.iter().copied()
    }

    /// Everything that one of them gives, in order. What a person earns comes to it in `User::permissions`.
    pub fn permissions(&self) -> BTreeSet<Permission> {
        self.0.iter().flat_map(|role| role.permissions()).copied().collect()
    }

    /// The names, as the database and tokens have them.
    pub fn names(&self) -> Vec<String> {
        self.iter().map(|role| role.to_string()).collect()
    }

    /// Whether a person with these roles may turn `before` into `after`: every role that comes or goes permits only what
    /// they are permitted themselves.
    pub fn may_turn(&self, before: &Self, after: &Self) -> bool {
        let own = self.permissions();
        let mut changed = before.0.symmetric_difference(&after.0);
        changed.all(|role| role.permissions().iter().all(|permission| own.contains(permission)))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<T: IntoIterator<Item = Role>>(roles: T) -> Self {
        Self(roles.into_iter().collect())
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.names().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(list: &[Role]) -> Roles {
        list.iter().copied().collect()
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert_eq!("Admin".parse::<Role>(), Err(BadRole));
    }

    #[test]
    fn an_administrator_may_do_everything_and_a_learner_nothing() {
        assert_eq!(roles(&[Role::Admin]).permissions().len(), Permission::ALL.len());
        assert!(Roles::learner().permissions().is_empty());
    }

    #[test]
    fn no_role_lets_anybody_teach() {
        for role in Role::ALL {
            assert!(!roles(&[role]).permissions().contains(&LessonsTeach), "{role}");
        }
    }

    #[test]
    fn nobody_gives_more_than_they_have() {
        let learner = Roles::learner();
        let manager = roles(&[Role::Manager]);
        assert!(manager.may_turn(&learner, &roles(&[Role::Learner, Role::Tutor])));
        assert!(manager.may_turn(&learner, &roles(&[Role::Curator])));
        assert!(manager.may_turn(&learner, &manager), "a manager may make a second one");
        assert!(!manager.may_turn(&learner, &roles(&[Role::Admin])));
        assert!(!roles(&[Role::Support]).may_turn(&learner, &manager));
    }

    #[test]
    fn nobody_takes_more_than_they_have() {
        let admin = roles(&[Role::Admin]);
        assert!(!roles(&[Role::Manager]).may_turn(&admin, &Roles::learner()));
        assert!(
            roles(&[Role::Manager]).may_turn(&admin, &roles(&[Role::Admin, Role::Curator])),
            "what stays is not asked"
        );
        assert!(admin.may_turn(&admin, &Roles::learner()));
    }
}
