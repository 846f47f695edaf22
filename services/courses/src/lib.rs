//! Courses: the catalogue, runs, versioned content, enrolments, progress and quizzes.
//!
//! The door (`grpc`) parses, `flows` order the steps, `domain` decides, `store` remembers, `events` announces and hears,
//! `jobs` tick. What a learner may open is decided by one chain of pure checks, `domain::access`.

pub mod config;

pub mod app;

pub mod grpc;

pub mod flows;

pub mod documents;

pub mod domain;

pub mod store;

pub mod events;
pub mod jobs;

pub mod error;
