//! Lines for the eyes.

use std::io::{IsTerminal, stdout};

use tracing::Subscriber;
use tracing_subscriber::{Layer, fmt, registry::LookupSpan};

/// Text with the fields behind the message; coloured on a terminal.
pub(super) fn text<S>() -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fmt::layer().compact().with_target(false).with_ansi(stdout().is_terminal())
}
