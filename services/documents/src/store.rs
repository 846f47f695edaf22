//! The memory: SQL and row structs. Free functions over a connection; transactions and decisions belong to the flows.

pub mod asks;
pub mod cases;
pub mod certificates;
pub mod deletions;
pub mod files;
pub mod holders;
pub mod tutors;
pub mod uploads;

pub use values::made::Range;
use values::made::within;
