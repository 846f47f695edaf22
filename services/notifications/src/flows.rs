//! The verbs: each loads, decides, saves; each owns its transaction, or works in the one of an event.

mod copy_recipients;
mod digest;
mod erase_recipient;
mod keep_recipient;
mod know_run;
mod measure;
mod prefer;
mod read_notices;
mod send;
mod sweep;
mod tell;
mod watch;

pub use copy_recipients::{copy_recipients, knows_nobody};
pub use digest::make_digests;
pub use erase_recipient::erase_recipient;
pub use keep_recipient::keep_recipient;
pub use know_run::{keep_run, run_title};
pub use measure::measure;
pub use prefer::{Link, change_preferences, show_link, unsubscribe};
pub use read_notices::{read_all_notices, read_notice};
pub use send::{claim, deliver};
pub use sweep::sweep;
pub use tell::tell;
pub use watch::watch;
