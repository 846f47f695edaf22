//! The process: everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::main::<payments::app::Payments>(service::build!())
}
