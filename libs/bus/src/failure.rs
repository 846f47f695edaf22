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
    /// The failure for a header of the message: one line with its causes.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Retry(error) => format!("{error:#}"),
            Self::TooEarly(_) | Self::DeadLetter(_) => self.to_string(),
        }
    }
}

/// A failure, and how far things had gone.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    /// Whether the handler had been called. Before that the event has not touched anything, and nothing can be its
    /// fault.
    pub(crate) begun: bool,
}

impl Failed {
    /// Whether only our database is to blame, so that the event waits where it is and no try is counted: it was out of
    /// reach before the handler was called, or is out of order for everybody. A statement timeout or a connection that
    /// broke under the handler is counted: an event that causes it each time would otherwise be held for ever.
    pub(crate) fn is_ours(&self) -> bool {
        let Failure::Retry(error) = &self.failure else { return false };
        let to_blame = if self.begun { pg::is_outage } else { pg::is_unavailable };
        error.chain().filter_map(|cause| cause.downcast_ref::<sqlx::Error>()).any(to_blame)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::error::Error;
    use std::fmt;

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    #[derive(Debug)]
    struct Code(&'static str);

    impl fmt::Display for Code {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Code {}

    impl DatabaseError for Code {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn is_ours(error: sqlx::Error, begun: bool) -> bool {
        // As a flow wraps it.
        let failure = Failure::Retry(anyhow::Error::from(error).context("the database failed"));
        Failed { failure, begun }.is_ours()
    }

    fn broken() -> sqlx::Error {
        std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()
    }

    #[test]
    fn what_keeps_everybody_from_working_is_never_counted() {
        for code in ["25006", "53100", "53300", "55P03", "57P03"] {
            assert!(is_ours(sqlx::Error::Database(Box::new(Code(code))), true), "{code}");
        }
        assert!(is_ours(sqlx::Error::PoolTimedOut, true));
    }

    #[test]
    fn what_an_event_may_cause_is_counted_once_its_handler_is_at_work() {
        for code in ["57014", "57P01", "57P02", "08006"] {
            assert!(!is_ours(sqlx::Error::Database(Box::new(Code(code))), true), "{code}");
            assert!(is_ours(sqlx::Error::Database(Box::new(Code(code))), false), "{code} before");
        }
        assert!(!is_ours(broken(), true));
        assert!(is_ours(broken(), false));
    }

    #[test]
    fn what_the_database_refuses_is_always_counted() {
        for code in ["22012", "23505", "25P03", "40001", "53200", "53400", "54001", "XX000"] {
            for begun in [false, true] {
                assert!(!is_ours(sqlx::Error::Database(Box::new(Code(code))), begun), "{code}");
            }
        }
    }
}
