//! The process: configuration, chassis, serve.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main::<courses::app::Courses>(chassis::build!())
}
