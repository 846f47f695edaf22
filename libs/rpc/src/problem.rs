//! A refusal as it travels: what the gateway prints as `application/problem+json`. Nothing in it is secret.

use crate::{Kind, KindOnWire, Refusal, Violation, refusal::chain};
use std::{collections::HashMap, fmt, time::Duration};
use tonic::{Code, Status};
use tonic_types::{BadRequest, ErrorDetails, ErrorInfo, FieldViolation, RetryInfo, StatusExt};
use values::{Params, ViolationCode};

/// The `domain` of our `google.rpc.ErrorInfo`: the mark of texts and reasons that were written for customers.
pub const DOMAIN: &str = "lyceum";

/// The reason of an answer that did not come in time. It is [`Kind::Unavailable`] to whoever decides, but has a gRPC
/// code and an HTTP status (504) of its own.
pub const DEADLINE_EXCEEDED: &str = "DEADLINE_EXCEEDED";

/// A response head holds 16 KiB; a list of mistakes that is longer than this helps nobody.
pub(crate) const MOST_VIOLATIONS: usize = 50;

/// The public face of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What sort of refusal it is.
    pub kind: Kind,
    /// The public code.
    pub reason: String,
    /// What happened, for people.
    pub message: String,
    /// What a machine needs to know to say it in its own words, such as `attemptsLeft` or the present `etag`.
    pub params: Params,
    /// Which fields are wrong.
    pub violations: Vec<Violation>,
    /// How long to wait before asking again.
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// A problem without details.
    pub fn new(kind: Kind, reason: impl Into<String>, message: impl Into<String>) -> Self {
        let (params, violations) = (Params::new(), Vec::new());
        Self { kind, reason: reason.into(), message: message.into(), params, violations, retry_after: None }
    }

    /// Takes the public face of a refusal. What is our own fault is logged with all its causes, and its text is
    /// replaced.
    pub fn of(refusal: &dyn Refusal) -> Self {
        let kind = refusal.kind();
        let reason = refusal.reason();
        let message = if kind.is_ours() {
            let error = chain(refusal);
            match kind {
                Kind::Internal => tracing::error!(error, reason, "a request failed by our own mistake"),
                _ => tracing::warn!(error, reason, "a request failed because something is not available"),
            }
            kind.message().to_owned()
        } else {
            refusal.to_string()
        };
        let (params, violations) = (refusal.params(), refusal.violations());
        Self { params, violations, retry_after: refusal.retry_after(), ..Self::new(kind, reason, message) }
    }

    /// An answer that did not come in time.
    pub fn late() -> Self {
        Self::new(Kind::Unavailable, DEADLINE_EXCEEDED, "The answer did not come in time: try again shortly.")
    }

    /// The gRPC code.
    pub fn code(&self) -> Code {
        if self.is_late() { Code::DeadlineExceeded } else { self.kind.code() }
    }

    /// The HTTP status.
    pub fn http(&self) -> http::StatusCode {
        if self.is_late() { http::StatusCode::GATEWAY_TIMEOUT } else { self.kind.http() }
    }

    /// The value of HTTP's `Retry-After`: whole seconds, rounded up.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }

    fn is_late(&self) -> bool {
        self.kind == Kind::Unavailable && self.reason == DEADLINE_EXCEEDED
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.message, self.reason)
    }
}

impl std::error::Error for Problem {}

impl From<Problem> for Status {
    fn from(mut problem: Problem) -> Self {
        let code = problem.code();
        problem.violations.truncate(MOST_VIOLATIONS);
        let metadata = metadata(&problem);
        let mut details = ErrorDetails::with_error_info(problem.reason, DOMAIN, metadata);
        if !problem.violations.is_empty() {
            let listed = problem.violations.into_iter().map(|wrong| FieldViolation {
                reason: wrong.code.as_str().to_owned(),
                ..FieldViolation::new(wrong.field, wrong.message)
            });
            details.set_bad_request(listed.collect::<Vec<_>>());
        }
        if let Some(wait) = problem.retry_after {
            details.set_retry_info(Some(wait));
        }
        Self::with_error_details(code, problem.message, details)
    }
}

/// All parameters as `google.rpc.ErrorInfo` carries them; `BadRequest` has no room for those of a field, so that they
/// stand here as `violations.2.max`.
fn metadata(problem: &Problem) -> HashMap<String, String> {
    let of_fields = problem.violations.iter().enumerate().flat_map(|(index, wrong)| {
        wrong.params.iter().map(move |(name, value)| (format!("violations.{index}.{name}"), value.clone()))
    });
    let own = problem.params.iter().map(|(name, value)| (name.clone(), value.clone()));
    own.chain(of_fields).collect()
}

/// The parameters out of the metadata: those of the problem, and those of its violations.
fn params(metadata: HashMap<String, String>, violations: &mut [Violation]) -> Params {
    let mut own = Params::new();
    for (name, value) in metadata {
        let of_field = name.strip_prefix("violations.").and_then(|rest| rest.split_once('.'));
        match of_field.and_then(|(index, name)| Some((index.parse::<usize>().ok()?, name))) {
            Some((index, name)) => {
                if let Some(wrong) = violations.get_mut(index) {
                    wrong.params.insert(name.to_owned(), value);
                }
            }
            None => {
                own.insert(name, value);
            }
        }
    }
    own
}

/// Reads what a neighbour answered. Only texts marked with our [`DOMAIN`] are repeated; everything else (the
/// transport's complaints, a foreign server's) is replaced by the kind's own words.
impl From<&Status> for Problem {
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let late = matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled);
        let kind = Kind::of(status.code());
        let ours = details.error_info().filter(|info| info.domain == DOMAIN && !late);
        let mut problem = match ours {
            _ if late => Self::late(),
            Some(ErrorInfo { reason, .. }) if kind.is_ours() => Self::new(kind, reason, kind.message()),
            Some(ErrorInfo { reason, .. }) => Self::new(kind, reason, status.message()),
            None => Self::new(kind, kind.reason(), kind.message()),
        };
        if let Some(BadRequest { field_violations }) = details.bad_request() {
            let read = |wrong: &FieldViolation| {
                Violation::new(wrong.field.clone(), ViolationCode::parse(&wrong.reason), wrong.description.clone())
            };
            problem.violations = field_violations.iter().map(read).collect();
        }
        if let Some(info) = ours {
            problem.params = params(info.metadata.clone(), &mut problem.violations);
        }
        problem.retry_after = details.retry_info().and_then(|RetryInfo { retry_delay }| *retry_delay);
        problem
    }
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        Self::from(&status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use values::mistake::params;

    proptest! {
        #[test]
        fn any_answer_of_a_neighbour_is_a_problem(code in -1..40_i32, text in any::<String>(), details in prop::collection::vec(any::<u8>(), 0..120)) {
            let status = Status::with_details(Code::from_i32(code), text, details.into());
            let problem = Problem::from(&status);
            prop_assert!(problem.http().is_client_error() || problem.http().is_server_error());
            let _ = problem.retry_after_seconds();
        }
    }
    use crate::status;

    #[derive(Debug, thiserror::Error)]
    enum Error {
        #[error("the promo code has run out")]
        PromoCodeUsedUp,
        #[error("postgres://secret@db refused us")]
        Database(#[source] std::io::Error),
        #[error("row 17 has no owner")]
        Broken,
        #[error("slow down")]
        Slow,
    }

    impl Refusal for Error {
        fn kind(&self) -> Kind {
            match self {
                Self::PromoCodeUsedUp => Kind::Conflict,
                Self::Database(_) => Kind::Unavailable,
                Self::Broken => Kind::Internal,
                Self::Slow => Kind::TooMany,
            }
        }
        fn reason(&self) -> &'static str {
            match self {
                Self::PromoCodeUsedUp => "PROMO_CODE_USED_UP",
                Self::Database(_) => "UNAVAILABLE",
                Self::Broken => "INTERNAL",
                Self::Slow => "TOO_MANY_ATTEMPTS",
            }
        }
        fn violations(&self) -> Vec<Violation> {
            match self {
                Self::PromoCodeUsedUp => vec![
                    Violation::new("products", ViolationCode::TooManyItems, "too many").with("max", 3).with("min", 1),
                    Violation::new("promo_code", ViolationCode::InvalidValue, "is used up"),
                ],
                _ => Vec::new(),
            }
        }
        fn params(&self) -> Params {
            match self {
                Self::PromoCodeUsedUp => params([("uses", &17), ("until", &"2026-12-01")]),
                _ => Params::new(),
            }
        }
        fn retry_after(&self) -> Option<Duration> {
            matches!(self, Self::Slow).then_some(Duration::from_millis(1_500))
        }
    }

    #[test]
    fn a_refusal_arrives_as_it_was_sent() {
        let status = status(&Error::PromoCodeUsedUp);
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(status.message(), "the promo code has run out");
        let problem = Problem::from(&status);
        assert_eq!(problem, Problem::of(&Error::PromoCodeUsedUp));
        assert_eq!((problem.reason.as_str(), problem.http().as_u16()), ("PROMO_CODE_USED_UP", 409));
        assert_eq!(problem.violations, Error::PromoCodeUsedUp.violations());
        assert_eq!((problem.params["uses"].as_str(), problem.violations[0].params["max"].as_str()), ("17", "3"));
    }

    #[test]
    fn waiting_times_are_rounded_up_to_seconds() {
        let problem = Problem::from(status(&Error::Slow));
        assert_eq!(problem.retry_after, Some(Duration::from_millis(1_500)));
        assert_eq!(problem.retry_after_seconds(), Some(2));
        assert_eq!(Problem { retry_after: Some(Duration::from_secs(3)), ..problem }.retry_after_seconds(), Some(3));
    }

    #[test]
    fn our_own_mistakes_do_not_leave_the_house() {
        let down = Error::Database(std::io::Error::other("password authentication failed"));
        for (error, kind) in [(down, Kind::Unavailable), (Error::Broken, Kind::Internal)] {
            let status = status(&error);
            assert_eq!(status.code(), kind.code());
            assert_eq!(status.message(), kind.message());
            let bytes = String::from_utf8_lossy(status.details()).into_owned();
            assert!(!bytes.contains("secret") && !bytes.contains("password") && !bytes.contains("row 17"), "{bytes}");
        }
    }

    #[test]
    fn texts_of_strangers_are_not_repeated() {
        let problem = Problem::from(Status::unavailable("tcp connect error: 10.0.0.7:5001"));
        assert_eq!(problem, Problem::new(Kind::Unavailable, "UNAVAILABLE", Kind::Unavailable.message()));
        let foreign = ErrorDetails::with_error_info("QUOTA", "example.com", []);
        let foreign = Status::with_error_details(Code::NotFound, "no bucket b-17", foreign);
        assert_eq!(Problem::from(foreign), Problem::new(Kind::NotFound, "NOT_FOUND", Kind::NotFound.message()));
        let hostile = ErrorDetails::with_error_info("BROKEN", DOMAIN, []);
        let hostile = Status::with_error_details(Code::Internal, "select * from users", hostile);
        assert_eq!(Problem::from(hostile).message, Kind::Internal.message());
    }

    #[test]
    fn a_late_answer_is_a_504_everywhere() {
        for status in [Status::deadline_exceeded("x"), Status::cancelled("Timeout expired"), Problem::late().into()] {
            let problem = Problem::from(&status);
            assert_eq!((problem.code(), problem.http().as_u16()), (Code::DeadlineExceeded, 504));
            assert_eq!(problem, Problem::late());
        }
    }

    #[test]
    fn a_flood_of_violations_still_fits_a_response_head() {
        let path = "lessons[1234].questions[12].answers[7].text";
        let wrong = Violation::new(path, ViolationCode::TooLong, "m".repeat(80)).with("max", 100_000).with("min", 1);
        let problem = Problem { violations: vec![wrong; 5_000], ..Problem::new(Kind::Invalid, "INVALID", "m") };
        assert!(Status::from(problem).details().len() < 10_000);
    }

    /// What is logged while something is done.
    fn logged(work: impl FnOnce()) -> String {
        #[derive(Clone, Default)]
        struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl std::io::Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let lines = Lines::default();
        let written = lines.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone()).finish();
        tracing::subscriber::with_default(log, work);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn our_own_mistakes_are_logged_once_with_every_cause_and_others_not_at_all() {
        let down = Error::Database(std::io::Error::other("password authentication failed"));
        let log = logged(|| drop(status(&down)));
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("postgres://secret@db refused us: password authentication failed"), "{log}");
        assert_eq!(logged(|| drop(status(&Error::PromoCodeUsedUp))), "");
    }
}
