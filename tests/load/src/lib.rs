//! The load scenarios behind `cargo fleet bench`: each drives the running fleet and, in the same run, a reference that answers
//! the same question with as little as possible. Figures are whole numbers with their units; nothing is asserted here.

pub mod report;

pub mod fleet;
pub mod process;

pub mod drive;
pub mod open;

pub mod reference;

pub mod dashboard;
pub mod ingestion;

pub mod scenario;
pub mod steady;
