//! Courses through its door: real PostgreSQL, real tokens, one file a promise.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing to unwrap has failed")]

mod helpers;

mod access;
mod authoring;
mod catalogue;
mod completing;
mod drafts;
mod enrolling;
mod entitlements;
mod exporting;
mod guard;
mod media;
mod names;
mod paging;
mod publishing;
mod quizzes;
mod watching;
