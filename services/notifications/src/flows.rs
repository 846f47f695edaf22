//! The paths: one verb a file. Each loads, decides, saves; each owns its transaction, or works in the one of an event.

pub mod copy_recipients;
pub mod digest;
pub mod erase_recipient;
pub mod keep_recipient;
pub mod keep_run;
pub mod measure;
pub mod prefer;
pub mod read_notices;
pub mod send;
pub mod sweep;
pub mod tell;
pub mod watch;
