//! The README: every example of it is run, and every key of the configuration is in it.
//!
//! A comment before a block says what the block is:
//! - `<!-- run in: NAME -->`: a console block. Its lines that begin with `$ ` are run by a shell in the
//!   folder of that name, which later blocks find again; what they print, stderr included, must be the
//!   lines that follow. `…` alone stands for lines that are left out, in a line for any text.
//!   `repository` is the folder of this repository, which commands find as `$REPOSITORY`.
//! - `<!-- run with a cluster in: NAME -->`: the same, where `kubectl` and a kubeconfig are there.
//! - `<!-- file: NAME/PATH -->`: a file below such a folder.
//! - `<!-- not run: WHY -->`: neither.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::api_server::ApiServer;
use crate::binary::repository;
use crate::unknown_keys;

const README: &str = include_str!("../../README.md");

/// Comes between the outputs of commands.
const SEPARATOR: &str = "\u{1}";

#[derive(Debug)]
enum Purpose<'a> {
    Run(&'a str),
    RunWithCluster(&'a str),
    File(&'a str),
    NotRun,
}

#[derive(Debug)]
struct Block<'a> {
    purpose: Purpose<'a>,
    line: usize,
    text: String,
}

/// Every fenced block of the README, in order.
fn blocks() -> Vec<Block<'static>> {
    let mut blocks = Vec::new();
    let mut lines = README.lines().enumerate();
    let mut before = "";
    while let Some((number, line)) = lines.next() {
        if line.starts_with("```") {
            let text: Vec<_> = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| *line != "```")
                .collect();
            blocks.push(Block {
                purpose: purpose(before, number + 1),
                line: number + 1,
                text: text.join("\n") + "\n",
            });
        }
        before = line;
    }
    blocks
}

fn purpose(comment: &'static str, line: usize) -> Purpose<'static> {
    let inner = comment
        .strip_prefix("<!-- ")
        .and_then(|rest| rest.strip_suffix(" -->"));
    match inner.and_then(|inner| inner.split_once(": ")) {
        Some(("run in", folder)) => Purpose::Run(folder),
        Some(("run with a cluster in", folder)) => Purpose::RunWithCluster(folder),
        Some(("file", path)) => Purpose::File(path),
        Some(("not run", _)) => Purpose::NotRun,
        _ => panic!("README.md:{line}: no comment says what the block is"),
    }
}

fn folder(top: &TempDir, name: &str) -> PathBuf {
    match name {
        "repository" => repository().to_owned(),
        name => top.path().join(name),
    }
}

/// What each command of a block prints.
fn printed(
    commands: &[&str],
    folder: &Path,
    home: &Path,
    cluster: Option<&ApiServer>,
) -> Vec<String> {
    let mut script = "exec 2>&1\n".to_owned();
    for command in commands {
        script += &format!("{command}\ncode=$?; printf '{SEPARATOR}'; (exit $code)\n");
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_flux-setup"));
    let beside = binary.parent().expect("the program lies in a folder");
    let mut path = beside.display().to_string();
    let mut shell = Command::new("sh");
    shell.env_clear();
    if let Some(cluster) = cluster {
        path += &format!(":{}", cluster.programs().display());
        shell.env("KUBECONFIG", cluster.kubeconfig());
    }
    let output = shell
        .args(["-c", &script])
        .current_dir(folder)
        .env("PATH", format!("{path}:/usr/bin:/bin"))
        .env("HOME", home)
        .env("REPOSITORY", repository())
        .output()
        .expect("there is a shell");
    let text = String::from_utf8(output.stdout).expect("it prints text");
    text.split_terminator(SEPARATOR)
        .map(str::to_owned)
        .collect()
}

/// Whether a text is what the lines show of it.
fn shows(expected: &[&str], printed: &[&str]) -> bool {
    match (expected, printed) {
        ([], printed) => printed.is_empty(),
        (["…", rest @ ..], _) => {
            (0..=printed.len()).any(|skipped| shows(rest, &printed[skipped..]))
        }
        ([first, rest @ ..], [line, more @ ..]) => {
            let is_same = is_line(first, line);
            is_same && shows(rest, more)
        }
        (_, []) => false,
    }
}

/// Whether a line is what is shown of it; each `…` stands for any text.
fn is_line(shown: &str, line: &str) -> bool {
    let Some((start, rest)) = shown.split_once('…') else {
        return shown == line;
    };
    let Some(line) = line.strip_prefix(start) else {
        return false;
    };
    let mut ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
    ends.any(|at| is_line(rest, &line[at..]))
}

fn run(block: &Block<'_>, folder: &Path, home: &Path, cluster: Option<&ApiServer>) {
    let mut expected: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), expected.last_mut()) {
            (Some(command), _) => expected.push((command, Vec::new())),
            (None, Some((_, shown))) => shown.push(line),
            (None, None) => panic!("README.md:{}: prints before any command", block.line),
        }
    }
    let commands: Vec<_> = expected.iter().map(|(command, _)| *command).collect();
    let printed = printed(&commands, folder, home, cluster);
    assert_eq!(printed.len(), expected.len(), "README.md:{}", block.line);
    for ((command, expected), printed) in expected.iter().zip(&printed) {
        let lines: Vec<_> = printed.lines().collect();
        assert!(
            shows(expected, &lines),
            "README.md:{}: `{command}` prints\n{printed}",
            block.line
        );
    }
}

/// Runs every example that needs a cluster, or every other.
fn run_all(cluster: Option<&ApiServer>) {
    let top = tempfile::tempdir().expect("a temporary folder can be made");
    for block in blocks() {
        match block.purpose {
            Purpose::Run(name) if cluster.is_none() => {
                let folder = folder(&top, name);
                fs::create_dir_all(&folder).expect("a temporary folder can be written");
                run(&block, &folder, top.path(), None);
            }
            Purpose::RunWithCluster(name) if cluster.is_some() => {
                let folder = folder(&top, name);
                fs::create_dir_all(&folder).expect("a temporary folder can be written");
                run(&block, &folder, top.path(), cluster);
            }
            Purpose::File(path) => {
                let path = top.path().join(path);
                let parent = path.parent().expect("it lies below a folder");
                let written =
                    fs::create_dir_all(parent).and_then(|()| fs::write(&path, &block.text));
                written.expect("a temporary folder can be written");
            }
            Purpose::Run(_) | Purpose::RunWithCluster(_) | Purpose::NotRun => {}
        }
    }
}

#[test]
fn every_example_does_what_the_readme_shows() {
    run_all(None);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn every_example_with_a_cluster_does_what_the_readme_shows() {
    run_all(Some(&ApiServer::start()));
}

#[test]
fn what_is_left_out_is_left_out_in_whole_lines_or_at_the_end_of_one() {
    assert!(shows(&["a", "…", "d"], &["a", "b", "c", "d"]));
    assert!(shows(&["a", "…"], &["a"]));
    assert!(shows(&["a b…"], &["a b c"]));
    assert!(shows(&["a …c"], &["a b c"]));
    assert!(!shows(&["a …d"], &["a b c"]));
    assert!(!shows(&["a"], &["a", "b"]));
    assert!(!shows(&["a", "…", "d"], &["a", "b"]));
    assert!(!shows(&["a", "b"], &["a"]));
}

#[test]
fn every_key_of_the_configuration_is_in_the_reference() {
    let findings = unknown_keys::findings();
    let hints = findings
        .iter()
        .filter_map(|finding| finding["hint"].as_str());
    let known: Vec<_> = hints
        .filter_map(|hint| hint.strip_prefix("known here: "))
        .collect();
    assert_eq!(known.len(), 30, "{findings:#?}");
    let keys: BTreeSet<_> = known.iter().flat_map(|known| known.split(", ")).collect();
    let is_named = |key: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric();
        README.match_indices(key).any(|(at, _)| {
            let before = README[..at].chars().next_back();
            let after = README[at + key.len()..].chars().next();
            !before.is_some_and(is_part) && matches!(after, Some('`' | ':' | '.'))
        })
    };
    let missing: Vec<_> = keys.into_iter().filter(|key| !is_named(key)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}
