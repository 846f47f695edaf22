//! The memory: SQL and row structs. Free functions over a connection; transactions and decisions belong to the flows.

pub mod attempts;
pub mod bounces;
pub mod deliveries;
pub mod digests;
pub mod notices;
pub mod preferences;
pub mod recipients;
pub mod runs;
pub mod unsubscribe;
