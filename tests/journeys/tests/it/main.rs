//! Journeys through the public door of a running fleet. `cargo fleet test journeys` starts one and runs them.

mod access;
mod bad_input;
mod certificate;
mod double_order;
mod live_feed;
mod main_journey;
mod notices;
mod objects;
mod paper;
mod payment;
mod promo;
mod report;
mod session;

mod trace;
