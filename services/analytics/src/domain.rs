//! The law: what is a fact, and what an event must look like. No SQL, no wire, no clock, no logging.

pub mod event;
pub mod fact;
pub mod id;
pub mod month;
