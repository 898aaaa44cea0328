//! What our program asks of the system, as strace sees it.

use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use regex::Regex;

use crate::binary::{Run, ended};

/// One call of the system.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) name: String,
    /// The whole line.
    pub(super) text: String,
    /// Where the file really lies that it opened, links followed.
    pub(super) opened: Option<PathBuf>,
    /// What it names where it makes, moves, removes or changes something.
    pub(super) changed: Vec<PathBuf>,
}

/// Calls that change a folder or what lies there, other than by opening a file.
const CHANGING: [&str; 12] = [
    "mkdir", "rename", "unlink", "rmdir", "symlink", "link", "chmod", "chown", "truncate", "utime",
    "mknod", "setxattr",
];

/// Runs our program in a folder; `None` where there is no strace or it may not look.
pub(super) fn traced(folder: &Path, arguments: &[&str]) -> Option<(Run, Vec<Call>)> {
    let log = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-qq",
            "-s",
            "4096",
            "--signal=none",
            "--trace=%network,%process,%file",
            "-o",
        ])
        .arg(log.path().join("trace"))
        .arg(env!("CARGO_BIN_EXE_flux-setup"))
        .args(arguments)
        .env_clear()
        .current_dir(folder)
        .output()
        .ok()?;
    let text = fs::read_to_string(log.path().join("trace")).ok()?;
    if text.is_empty() {
        return None;
    }
    Some((ended(&output), calls(&text, folder)))
}

/// Lines as `1234 openat(AT_FDCWD</a>, "b", O_RDONLY) = 3</a/b>`; a call that another thread interrupts has two.
fn calls(text: &str, folder: &Path) -> Vec<Call> {
    let mut begun: HashMap<&str, &str> = HashMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let (thread, rest) = line.split_once(' ').expect("a line begins with the thread");
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, start);
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, end) = resumed.split_once(" resumed>").expect("it is resumed");
            let start = begun.remove(thread).expect("it began");
            calls.push(call(&format!("{start}{end}"), folder));
        } else if !rest.starts_with("+++") {
            calls.push(call(rest, folder));
        }
    }
    calls
}

fn call(text: &str, folder: &Path) -> Call {
    let (name, arguments) = text.split_once('(').expect("a call has arguments");
    let result = text.rsplit_once(" = ").map(|(_, result)| result);
    let opens = name.starts_with("open") || name == "creat";
    let opened = result.filter(|_| opens).and_then(|result| {
        let (_, path) = result.split_once('<')?;
        path.strip_suffix('>').map(PathBuf::from)
    });
    let changes = CHANGING.iter().any(|changing| name.contains(changing))
        && name != "readlink"
        && name != "readlinkat";
    Call {
        name: name.to_owned(),
        text: text.to_owned(),
        opened,
        changed: if changes {
            named(arguments, folder)
        } else {
            Vec::new()
        },
    }
}

/// The paths among the arguments of a call, each from the folder that it is relative to.
fn named(arguments: &str, folder: &Path) -> Vec<PathBuf> {
    let path = Regex::new(r#"(?:<(?P<from>[^>]*)>, )?"(?P<path>[^"]*)""#).expect("it is a pattern");
    let mut paths = Vec::new();
    for found in path.captures_iter(arguments) {
        let from = found
            .name("from")
            .map_or(folder, |from| Path::new(from.as_str()));
        let mut clean = PathBuf::new();
        for component in from.join(&found["path"]).components() {
            match component {
                Component::ParentDir => drop(clean.pop()),
                other => clean.push(other),
            }
        }
        paths.push(clean);
    }
    paths
}

#[test]
fn a_call_in_two_lines_is_one_call() {
    let text = "12 openat(3</a>, \"b\", O_WRONLY|O_CREAT <unfinished ...>\n13 mkdir(\"../x\", 0777) = 0\n\
                12 <... openat resumed>, 0666) = 4</a/b>\n12 renameat(3</a>, \"b\", 3</a>, \"../c\") = 0\n12 +++ exited with 0 +++\n";
    let calls = calls(text, Path::new("/top/fleet"));
    let names: Vec<_> = calls.iter().map(|call| &*call.name).collect();
    assert_eq!(names, ["mkdir", "openat", "renameat"]);
    assert_eq!(calls[0].changed, [Path::new("/top/x")]);
    assert_eq!(calls[1].opened.as_deref(), Some(Path::new("/a/b")));
    assert!(calls[1].text.contains("O_CREAT"));
    assert_eq!(calls[2].changed, [Path::new("/a/b"), Path::new("/c")]);
}
