//! The memory: SQL and row structs. Free functions over a connection; transactions and decisions belong to the flows.

pub mod deliveries;
pub mod doorbell;
pub mod notices;
pub mod recipients;
pub mod runs;
