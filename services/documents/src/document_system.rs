//! The Document System, which looks at papers outside the school: what it is asked and what it answers, over its own
//! broker.
//!
//! ```text
//! docverify.commands   topic   document.submitted.v1                   from us: `line` publishes a `question`
//! docverify.results    topic   document.{verified,rejected,failed}.v1  to us: `listener` takes an `answer`
//!   └─ documents.docverify-results           quorum, with a delivery limit
//!        └─ documents.docverify-results.dead-letters   given up by the broker
//! ```
//!
//! Bodies are CloudEvents 1.0 in structured mode. Rules and SQL live elsewhere: a broker that is down, or answers that
//! make no sense, hold up nothing but the cases that wait for them, and those only until their deadline.

pub mod answer;
pub mod line;
pub mod listener;
pub mod question;

pub use line::Line;
pub use listener::Listener;

/// Where questions go.
pub const COMMANDS: &str = "docverify.commands";
/// Where answers come from.
pub const RESULTS: &str = "docverify.results";
/// Our queue of answers.
pub const QUEUE: &str = "documents.docverify-results";
/// Answers that the broker gave up; they are collected into the table of dead letters.
pub const GIVEN_UP: &str = "documents.docverify-results.dead-letters";

/// The type and routing key of a question.
pub const SUBMITTED: &str = "document.submitted.v1";
/// The types and routing keys of answers.
pub const VERIFIED: &str = "document.verified.v1";
pub const REJECTED: &str = "document.rejected.v1";
pub const FAILED: &str = "document.failed.v1";

/// CloudEvents in structured mode: the whole event is the body. There is no other form of it for AMQP 0-9-1.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The version of CloudEvents that is spoken.
const SPEC_VERSION: &str = "1.0";
