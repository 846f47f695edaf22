//! The rules of courses: pure types, states, transitions and refusals. No database, no wire, no clock.
//!
//! Reading order: ids, number, course, run, content, quiz, outline; then the learner: entitlement, enrolment, access, watched,
//! playback, attempt, progress, resume, seat.

pub mod access;
pub mod attempt;
pub mod content;
pub mod course;
pub mod decimal;
pub mod enrolment;
pub mod entitlement;
pub mod grading;
pub mod id;
pub mod number;
pub mod outline;
pub mod playback;
pub mod progress;
pub mod quiz;
pub mod refusal;
pub mod resume;
pub mod run;
pub mod seat;
pub mod shuffle;
pub mod watched;

pub use refusal::Refusal;
