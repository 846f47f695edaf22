//! The contract in Rust: messages, clients, servers, their JSON, and who may call what.
//!
//! Everything under [`lyceum`] is generated from `proto/` when this crate is built; nothing is written by hand there.
//! No rules live here and no conversions into values: those stand at the door of the service that owns the message.

// Generated code says `::proto`, so that the same text also compiles in tests outside this crate.
extern crate self as proto;

pub mod json;
mod method;
pub mod wkt;

pub use generated::lyceum;
pub use method::{Access, Cache, Idempotency, METHODS, Method, method};
pub use prost::{Message, Name};

#[expect(clippy::allow_attributes, reason = "tonic writes allow, and its text is not ours")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/mod.rs"));
}

/// The encoded `FileDescriptorSet` of the whole contract with comments and options.
pub static DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// The same without comments and positions, which take most of its room: what services offer for reflection.
pub static REFLECTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/reflection.bin"));
