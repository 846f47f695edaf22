//! Reads the annotated `.proto` files at build time and prints everything that follows from them.
//!
//! Reading order: [`compile`] turns sources into descriptors, [`Api::load`] turns descriptors and options into an
//! [`Api`] or refuses with every reason at once, the printers turn an `Api` into text, [`breaking`] compares two. Nothing
//! here runs in a service, and nothing here writes files: the build scripts of `proto` and `gateway` decide where text goes.

mod refused;
mod source;

mod api;
mod check;
mod field;
mod load;
mod option;
mod rules;

mod doors;
mod json;
mod methods;
mod modules;
mod openapi;
mod routes;
mod rust;
mod wire;

mod breaking;
mod house;

pub use api::{Access, Answer, Api, Binding, Body, Cache, FILE_CHUNK, Idempotency, Paging, Rpc, Segment, Verb};
pub use breaking::breaking;
pub use doors::{doors, readers, served_packages};
pub use house::house_rules;
pub use json::json;
pub use methods::methods;
pub use modules::modules;
pub use openapi::openapi;
pub use refused::Refused;
pub use routes::routes;
pub use source::{compile, proto_files, without_comments};
pub use wire::wire;
