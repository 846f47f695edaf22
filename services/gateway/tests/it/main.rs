//! The gateway through its HTTP door, with services behind it that answer what a test tells them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod backend;
mod browser;
mod calls;
mod conditional;
mod documents;
mod down;
mod files;
mod helpers;
mod hooks;
mod input;
mod limits;
mod pages;
mod session;
mod streams;
