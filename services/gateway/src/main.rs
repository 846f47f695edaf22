//! The process: everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main::<gateway::Gateway>(chassis::build!())
}
