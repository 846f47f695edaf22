//! Why a handler did not apply an event, and so what happens to the event next.

/// What a handler answers instead of `Ok`. Its transaction is rolled back in every case.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event builds on one that has not arrived yet; it comes again later, and nobody is alarmed.
    #[error("the event came too early: {0}")]
    TooEarly(String),
    /// Something failed that may work later.
    #[error("the event could not be applied")]
    Retry(#[source] anyhow::Error),
    /// The event can never be applied; it becomes a dead letter, which waits for a person.
    #[error("the event cannot be applied: {0}")]
    DeadLetter(String),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Retry(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Retry(error.into())
    }
}

impl Failure {
    /// Whether our own database is out of reach, so that the event is not at fault and need not go anywhere.
    pub(crate) fn is_ours(&self) -> bool {
        let Self::Retry(error) = self else { return false };
        error.chain().filter_map(|cause| cause.downcast_ref::<sqlx::Error>()).any(pg::is_unavailable)
    }

    /// The failure for a header of the message: one line with its causes.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Retry(error) => format!("{error:#}"),
            Self::TooEarly(_) | Self::DeadLetter(_) => self.to_string(),
        }
    }
}
