//! Reports that take more than one query: the dashboard's figures, and files of any length.

mod csv;
pub mod dashboard;
pub mod file;
