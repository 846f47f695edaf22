//! Where lines go: to standard output, by a thread of its own, so that a reader who is stuck does not hold up the
//! service; and how they look for the eyes.

use std::io::{IsTerminal, stdout};

use tracing::Subscriber;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{Layer, fmt, registry::LookupSpan};

/// Lines that wait for a reader, a few megabytes; further ones are dropped.
const LINES: usize = 4_096;

/// The way out, whom to drop so that the last lines are written, and how many were dropped.
pub(super) fn open() -> (NonBlocking, WorkerGuard, ErrorCounter) {
    let (out, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES).thread_name("log").finish(stdout());
    let dropped = out.error_counter();
    (out, guard, dropped)
}

/// Text with the fields behind the message; coloured on a terminal.
pub(super) fn text<S>(out: NonBlocking) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fmt::layer().compact().with_target(false).with_ansi(stdout().is_terminal()).with_writer(out)
}
