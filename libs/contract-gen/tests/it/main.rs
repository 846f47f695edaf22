//! The generator against small contracts: what it refuses, what it reports as breaking, what it prints.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod breaking;
mod doors;
mod helpers;
mod house;
mod printed;
mod refused;
mod source;
