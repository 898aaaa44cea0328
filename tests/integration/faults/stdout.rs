//! A reader of stdout who leaves, and a stdout that takes no more.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use crate::binary::repository;

use super::{PROGRAM, ends, fleet, shell};

/// As `flux-setup render | head -n 1`: more is written than a pipe holds.
#[test]
fn a_reader_who_leaves_after_the_first_line_is_no_fault() {
    let commands: [&[&str]; 4] = [
        &["render"],
        &["render", "--output", "/nowhere/out", "--check"],
        &["budget", "--format", "json"],
        &["validate", "--format", "json"],
    ];
    for arguments in commands {
        let mut run = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(repository())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let mut stdout = run.stdout.take().expect("it is a pipe");
        stdout
            .read_exact(&mut [0; 1])
            .expect("something is printed");
        drop(stdout);
        let output = run.wait_with_output().expect("it is our child");
        let code = output.status.code();
        let is_cut_off = code == Some(0);
        // what was written whole before the reader left has its own answer
        assert!(
            is_cut_off || arguments.contains(&"--check") && code == Some(1),
            "{arguments:?}: {code:?}"
        );
        assert!(
            !String::from_utf8_lossy(&output.stderr).contains("error"),
            "{arguments:?}"
        );
    }
}

/// More than is held back before it is written.
#[test]
fn a_reader_who_leaves_a_long_document_for_machines_is_no_fault() {
    let folder = fleet(2000);
    let reading = "\"$0\" budget --format json 2> told; echo $? > code";
    let run = shell(folder.path(), &format!("({reading}) | head -c 1"));
    assert_eq!(run.stdout, "{");
    let told = |file| fs::read_to_string(folder.path().join(file)).expect("it was written");
    assert_eq!((told("code").as_str(), told("told").as_str()), ("0\n", ""));
}

#[test]
fn a_full_stdout_is_told_and_is_no_success() {
    let sample = repository();
    for arguments in [
        "render",
        "budget",
        "budget --format json",
        "validate",
        "validate --format json",
        "render --output /nowhere/out --check",
        "completions bash",
    ] {
        let run = ends(
            shell(sample, &format!("exec \"$0\" {arguments} > /dev/full")),
            2,
        );
        assert_eq!(
            run.stderr,
            "error: cannot write to stdout\n  because: No space left on device (os error 28)\n",
            "{arguments}"
        );
    }
}
