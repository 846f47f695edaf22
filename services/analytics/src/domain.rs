//! The law: what is a fact, what an event must look like, and how numbers become reports. No SQL, no wire, no clock, no logging.

pub mod activity;
pub mod calendar;
pub mod event;
pub mod fact;
pub mod id;
pub mod month;
pub mod revenue;
pub mod share;
