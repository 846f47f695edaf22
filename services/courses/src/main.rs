//! The process: configuration, chassis, serve.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    chassis::main::<courses::app::Courses>(chassis::build!())
}
