//! The map comes with the first rooms.

pub mod config;

pub mod app;

pub mod error;
