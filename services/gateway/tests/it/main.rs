//! The gateway through its HTTP door, with services behind it that answer what a test tells them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod backend;
mod browser;
mod calls;
mod documents;
mod down;
mod helpers;
mod hooks;
mod input;
mod limits;
mod session;
