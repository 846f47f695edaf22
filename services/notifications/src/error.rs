//! What this service refuses, by name.

use rpc::Violation;

values::refusals! {
    /// Everything that is refused.
    pub enum Refusal {
        NotificationNotFound: NotFound "There is no such notification.",
        DeliveryNotFound: NotFound "There is no such e-mail.",
        LinkNotFound: NotFound "There is no such link." as "UNSUBSCRIBE_LINK_NOT_FOUND",
        PersonNotFound: NotFound "There is no such person any more.",
        /// Their profile is on its way.
        NotKnownYet: Unavailable "the person is not known yet" as "UNAVAILABLE" after 1,
        TooManyWatchers: TooMany "You watch too often at once: close another window." after 1,
        AlwaysTold(Vec<Violation>): Invalid "Codes and warnings about your account are always sent." at Clone::clone,
        /// An event that will not make sense tomorrow either.
        BadProfile { why: String }: Invalid "the profile makes no sense: {why}",
    }
}

impl flow::Refusal for Refusal {}

pub type Error = flow::Error<Refusal>;
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<crate::domain::recipient::BadProfile> for Refusal {
    fn from(bad: crate::domain::recipient::BadProfile) -> Self {
        Self::BadProfile { why: bad.to_string() }
    }
}
