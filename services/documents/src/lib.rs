//! Documents: files that come in and go out by links to an object store, tutors' papers and how they come to be
//! believed, certificates.
//!
//! The door (`grpc`), `hear` and `jobs` call `flows`, which order the steps; `domain` decides, `store` remembers,
//! `announce` tells the others. `bucket` speaks S3, `cdn` signs links, `document_system` asks the world outside,
//! `neighbours` asks users and courses, `print` sets certificates. Bytes of files never pass through here: clients
//! write to and read from the object store.

pub mod config;

pub mod app;

pub mod grpc;

pub mod hear;
pub mod jobs;

pub mod flows;

pub mod announce;

pub mod bucket;
pub mod cdn;
pub mod document_system;
pub mod neighbours;
pub mod print;

pub mod domain;

pub mod store;

pub mod error;

pub use app::App;
pub use error::Error;
