//! The verbs: each loads, decides, saves; each owns its transaction.

mod announce_again;
mod copy_from_owners;
mod ingest;
mod partition;
mod recount;
mod settle_zone;

pub use announce_again::announce_again;
pub use copy_from_owners::copy_from_owners;
pub use ingest::ingest;
pub use partition::{ahead, drop_old, make_room, make_room_ahead};
pub use recount::recount;
pub use settle_zone::settle_zone;
