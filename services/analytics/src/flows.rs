//! The verbs: each loads, decides, saves; each owns its transaction.

mod ingest;
mod partition;

pub use ingest::ingest;
pub use partition::{ahead, drop_old, make_room};
