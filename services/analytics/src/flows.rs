//! The verbs: each loads, decides, saves; each owns its transaction.

pub mod announce_again;
pub mod copy_from_owners;
pub mod ingest;
pub mod partition;
pub mod recount;
pub mod settle_zone;
