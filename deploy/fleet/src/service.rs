//! The table of everything that the fleet runs beside its stores. A new service is one more line of it.

/// In the order in which `status` shows them; they start all at once.
///
/// The first list of each names what it reads beside what all read, without `LYCEUM_`: a service refuses variables that it does
/// not know. The second is set in the fleet of the tests only, where hundreds of people come from one address and nobody waits.
pub(crate) const SERVICES: &[Service] = &[
    with_database("users", "KEY_SECRET REDIS_URL", ""),
    with_database("courses", "SERVICE_KEY USERS_URL DOCUMENTS_URL", ""),
    with_database(
        "payments",
        "USERS_URL PUBLIC_URL TBANK_URL TBANK_TERMINAL TBANK_PASSWORD",
        "ASK_AFTER=1s,2s,3s,5s,10s",
    ),
    with_database("notifications", "SERVICE_KEY USERS_URL PUBLIC_URL SMTP_URL MAIL_FROM", ""),
    with_database(
        "documents",
        "SERVICE_KEY USERS_URL COURSES_URL PUBLIC_URL S3_URL S3_REGION S3_BUCKET S3_ACCESS_KEY S3_SECRET_KEY \
         DOCUMENT_SYSTEM_AMQP_URL",
        "",
    ),
    with_database("analytics", "SERVICE_KEY USERS_URL COURSES_URL PAYMENTS_URL DOCUMENTS_URL", ""),
    Service {
        name: "gateway",
        database: false,
        reads: "HTTP_LISTEN REDIS_URL SERVICE_KEY PUBLIC_URL USERS_URL COURSES_URL PAYMENTS_URL NOTIFICATIONS_URL \
                DOCUMENTS_URL ANALYTICS_URL",
        in_tests: "RATE_CALLER=1000000 RATE_ADDRESS=1000000 RATE_SIGN_IN=1000000 RATE_HOOKS=1000000",
    },
];

/// What all services read.
const ALL_READ: &str = "LOG_FORMAT OTLP_ENDPOINT ADMIN_LISTEN ISSUER SERVICE_KEYS";
/// What all services with a database read: they answer gRPC and speak on the bus.
const OWNERS_READ: &str = "GRPC_LISTEN DATABASE_URL AMQP_URL";

/// The outside world, simulated.
pub(crate) const SANDBOX: &str = "sandbox";

/// A program of the fleet.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its name: of the package, the program, the database and the log.
    pub(crate) name: &'static str,
    /// Whether it owns a database.
    pub(crate) database: bool,
    reads: &'static str,
    in_tests: &'static str,
}

const fn with_database(name: &'static str, reads: &'static str, in_tests: &'static str) -> Service {
    Service { name, database: true, reads, in_tests }
}

impl Service {
    /// What its main port is for.
    pub(crate) fn door(&self) -> &'static str {
        if self.database { "grpc" } else { "http" }
    }

    /// The variables that it is given, without `LYCEUM_`.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &'static str> {
        let owners = if self.database { OWNERS_READ } else { "" };
        [ALL_READ, owners, self.reads].into_iter().flat_map(str::split_whitespace)
    }

    /// Variables with their values for the fleet of the tests, without `LYCEUM_`.
    pub(crate) fn test_settings(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.in_tests.split_whitespace().filter_map(|setting| setting.split_once('='))
    }
}
