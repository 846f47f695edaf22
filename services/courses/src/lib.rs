//! Courses: the catalogue, runs, versioned content, enrolments, progress and quizzes.
//!
//! `grpc` answers, `hear` applies events, `jobs` lists what is done from time to time; all three call `flows`, which order
//! the steps: `domain` decides, `store` remembers, `announce` informs others. What a learner may open is decided by one
//! chain of pure checks, `domain::access`.

pub mod app;

pub mod grpc;
pub mod hear;
pub mod jobs;

pub mod flows;

pub mod announce;
pub mod documents;

pub mod domain;

pub mod store;

pub mod error;
