//! What was made of a provider's notification.

/// The verdict on one notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
pub enum Verdict {
    /// Genuine, and not acted upon yet: the provider could not be asked.
    Received,
    /// Genuine, and the provider's answer was applied.
    Done,
    /// Genuine, about a payment that is not ours to know.
    UnknownPayment,
    /// Genuine, about something that is not a payment.
    Other,
    /// Not what the provider writes.
    Malformed,
    /// Its signature is wrong.
    Forged,
    /// Signed with our secret for a shop that we are not.
    ForeignShop,
}
