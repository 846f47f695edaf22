//! Panics as text, and as log lines.

use std::{any::Any, panic};

/// What a caught panic said.
pub(crate) fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

/// Makes every panic a log line with its place, in the format of the other lines.
pub(crate) fn log() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(error = text(info.payload()), error.stack_trace = place, "a thread panicked at {place}");
    }));
}
