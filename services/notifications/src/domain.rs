//! The law: whom to tell what and by which way, and how long to try. No SQL, no wire, no clock, no logging.

pub mod delivery;
pub mod hours;
pub mod id;
pub mod letter;
pub mod notice;
pub mod preference;
pub mod recipient;
