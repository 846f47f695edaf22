//! The contract as it is built: the codec, the well-known types, the method table, and what was published before.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

// The generated fixture says `crate::fixture`, as every generated file names its own crate.
mod generated {
    include!(concat!(env!("OUT_DIR"), "/fixture/mod.rs"));
}
pub use generated::fixture;

mod codec;
mod conformance;
mod contract;
mod wkt;
