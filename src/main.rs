//! The binary: everything is in the library, so that tests and other programs use the same code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    flux_setup::cli::main()
}
