//! The program as people run it.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Starts the program over a folder; what it prints can be read, what it says beside is dropped.
pub fn start(folder: &Path, command: &str) -> Child {
    start_with(folder, &[command])
}

fn start_with(folder: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_flux-setup"))
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program was built")
}

/// Runs it and reads all that it prints.
pub fn run(folder: &Path, command: &str) {
    run_with(folder, &[command]);
}

/// The same with arguments.
pub fn run_with(folder: &Path, arguments: &[&str]) {
    let mut child = start_with(folder, arguments);
    let mut printed = child.stdout.take().expect("stdout is a pipe");
    let mut buffer = vec![0; 1 << 16];
    while printed.read(&mut buffer).expect("a pipe can be read") > 0 {}
    let status = child.wait().expect("the program ends");
    assert!(
        status.success(),
        "`{}` ended with {status}",
        arguments.join(" ")
    );
}
