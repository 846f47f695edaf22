//! Why a payment or a refund failed, in our own names; each provider maps its codes to them.

/// Our name of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, values::Named)]
#[named(capitals)]
pub enum Failure {
    /// The provider says no and does not say why.
    Declined,
    InsufficientFunds,
    CardDetailsWrong,
    /// Lost, stolen or closed.
    CardBlocked,
    LimitExceeded,
    AuthenticationFailed,
    TooManyTries,
    IssuerRefused,
    /// Trouble at the provider or at the bank that may be over soon.
    ProviderTrouble,
    /// The shop's own contract with the provider does not allow it; a person has to look.
    ShopSetup,
    /// The page was open for too long.
    PageExpired,
    /// Cancelled at the provider.
    Cancelled,
    /// The provider could not be reached: it does not know the attempt.
    ProviderUnavailable,
    /// The provider, asked later, does not know the attempt.
    NotStarted,
    /// The provider knows the attempt, but the address of its page was lost with the answer, so nobody can pay it.
    PageLost,
}

impl Failure {
    /// Whether it is announced to the buyer: somebody who never had a page to pay on has not failed to pay.
    pub const fn is_announced(self) -> bool {
        !matches!(self, Self::NotStarted | Self::PageLost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buyers_hear_of_what_failed_on_a_page_and_not_of_a_page_that_never_was() {
        let silent = [Failure::NotStarted, Failure::PageLost];
        assert!(silent.iter().all(|failure| !failure.is_announced()));
        assert!(
            [Failure::Declined, Failure::PageExpired, Failure::ProviderUnavailable].iter().all(|it| it.is_announced())
        );
    }
}
