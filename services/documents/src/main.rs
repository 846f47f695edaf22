//! The process: everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::main::<documents::app::Documents>(service::build!())
}
