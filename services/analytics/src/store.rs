//! The memory: SQL and row structs. Free functions over a connection; transactions and decisions belong to the flows.

pub mod events;
pub mod partitions;
pub mod progress;
pub mod reports;
pub mod rollups;
