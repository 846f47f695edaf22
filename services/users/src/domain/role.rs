//! Roles, permissions, and the one table between them.

use std::{collections::BTreeSet, fmt};

use values::{Named, record};

/// What a person is in the school. The names stand in tokens and in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Named)]
pub enum Role {
    Learner,
    Tutor,
    Curator,
    Manager,
    Support,
    Admin,
}

/// What a method of the contract may ask for. The names are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Named)]
pub enum Permission {
    #[named("courses.edit")]
    CoursesEdit,
    #[named("courses.publish")]
    CoursesPublish,
    #[named("enrolments.read")]
    EnrolmentsRead,
    #[named("enrolments.manage")]
    EnrolmentsManage,
    #[named("products.edit")]
    ProductsEdit,
    #[named("orders.read")]
    OrdersRead,
    #[named("orders.refund")]
    OrdersRefund,
    #[named("users.read")]
    UsersRead,
    #[named("users.manage")]
    UsersManage,
    #[named("audit.read")]
    AuditRead,
    #[named("deliveries.read")]
    DeliveriesRead,
    #[named("deliveries.manage")]
    DeliveriesManage,
    #[named("files.read")]
    FilesRead,
    #[named("verifications.review")]
    VerificationsReview,
    #[named("certificates.manage")]
    CertificatesManage,
    #[named("reports.read")]
    ReportsRead,
    #[named("lessons.teach")]
    LessonsTeach,
}

use Permission::{
    AuditRead, CertificatesManage, CoursesEdit, CoursesPublish, DeliveriesManage, DeliveriesRead, EnrolmentsManage,
    EnrolmentsRead, FilesRead, OrdersRead, OrdersRefund, ProductsEdit, ReportsRead, UsersManage, UsersRead,
    VerificationsReview,
};

impl Role {
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
            Self::Admin => &Permission::OF_ROLES,
        }
    }
}

impl Permission {
    /// Every permission that a role can give. [`Permission::LessonsTeach`] is not among them: no role gives it, not even an
    /// administrator's, nor can it be given away. A tutor has it while the tutor's papers are verified.
    pub const OF_ROLES: [Self; 16] = [
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
        self.iter().map(|role| role.as_str().to_owned()).collect()
    }

    /// Whether a person with these roles may turn `before` into `after`: every role that comes or goes permits only what
    /// they are permitted themselves.
    pub fn may_turn(&self, before: &Self, after: &Self) -> bool {
        let own = self.permissions();
        let mut changed = before.0.symmetric_difference(&after.0);
        changed.all(|role| role.permissions().iter().all(|permission| own.contains(permission)))
    }
}

/// Kept as an array of names.
impl record::Stored<Self> for Roles {
    type As = Vec<Role>;
    type Error = std::convert::Infallible;

    fn stored(roles: &Self) -> Vec<Role> {
        roles.iter().collect()
    }

    fn read(stored: Vec<Role>) -> Result<Self, Self::Error> {
        Ok(stored.into_iter().collect())
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
    fn an_administrator_may_do_everything_and_a_learner_nothing() {
        assert_eq!(roles(&[Role::Admin]).permissions().len(), Permission::OF_ROLES.len());
        assert!(Roles::learner().permissions().is_empty());
    }

    #[test]
    fn no_role_lets_anybody_teach() {
        for role in Role::ALL.iter().copied() {
            assert!(!roles(&[role]).permissions().contains(&Permission::LessonsTeach), "{role}");
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
