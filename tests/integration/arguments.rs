//! What is the same for every command: help, completions, colours, closed pipes.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::binary::{command, ended, repository, run_in};

#[test]
fn help_and_version_are_success_and_no_command_is_bad_input() {
    let here = Path::new(".");
    let help = run_in(here, &["--help"]);
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.contains("\nExamples:\n  flux-setup "));
    assert_eq!(run_in(here, &["--version"]).code, Some(0));
    let nothing = run_in(here, &[]);
    assert_eq!(nothing.code, Some(2));
    assert!(
        nothing
            .stderr
            .contains("\nUsage: flux-setup [OPTIONS] <COMMAND>\n")
    );
}

/// As people ask who know git, cargo or kubectl.
#[test]
fn help_is_a_command_too() {
    let here = Path::new(".");
    for command in ["render", "validate", "budget", "init", "completions"] {
        let asked = run_in(here, &["help", command]);
        assert_eq!(asked.code, Some(0), "{}", asked.stderr);
        assert_eq!(asked.stdout, run_in(here, &[command, "--help"]).stdout);
    }
    assert_eq!(
        run_in(here, &["help"]).stdout,
        run_in(here, &["--help"]).stdout
    );
}

/// Who reads it before a first run over a folder must find what that run may leave undone.
#[test]
fn the_help_of_render_says_all_that_waits_for_prune_and_what_is_no_text() {
    let help = run_in(Path::new("."), &["render", "--help"]).stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for says in [
        "a file that nothing asks for any more is left over",
        "a file that would lose or rename an object is kept as it is",
        "one that `output` now puts elsewhere is not moved",
        "the exit code is 1. Files of others are never touched",
        "With --format json they are one document: findings, and manifests",
        "render --cluster prod-eu | kubectl diff -f -",
    ] {
        assert!(help.contains(says), "{says}: {help}");
    }
}

#[test]
fn an_unknown_command_is_answered_with_the_nearest_one() {
    let run = run_in(Path::new("."), &["validat"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr
            .contains("a similar subcommand exists: 'validate'"),
        "{}",
        run.stderr
    );
}

#[test]
fn every_shell_gets_its_completions() {
    for (shell, says) in [
        ("bash", "complete -F _flux__setup"),
        ("zsh", "#compdef flux-setup"),
        ("fish", "complete -c flux-setup"),
        ("elvish", "edit:completion:arg-completer[flux-setup]"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let run = run_in(Path::new("."), &["completions", shell]);
        assert_eq!(run.code, Some(0));
        assert!(run.stdout.contains(says), "{shell}");
        assert!(run.stdout.contains("completions"), "{shell}");
    }
}

#[test]
fn colours_are_used_when_asked_for_and_never_in_a_file() {
    let failing = |color: &str| {
        let arguments = ["init", "--color", color, "/dev/null/fleet"];
        run_in(Path::new("."), &arguments).stderr
    };
    assert!(failing("always").starts_with("\u{1b}[1m\u{1b}[31merror\u{1b}[0m: "));
    assert!(failing("never").starts_with("error: "));
    assert!(failing("auto").starts_with("error: "));
}

#[test]
fn no_color_takes_colours_away_also_where_they_are_forced() {
    let first_byte = |variables: &[(&str, &str)]| {
        let mut program = command(&["budget", "--config", "tests/fleets/everything"]);
        program.current_dir(repository());
        let output = program.envs(variables.iter().copied()).output();
        ended(&output.expect("the program was built"))
            .stdout
            .chars()
            .next()
    };
    let forced = ("CLICOLOR_FORCE", "1");
    assert_eq!(first_byte(&[forced]), Some('\u{1b}'));
    assert_eq!(first_byte(&[forced, ("NO_COLOR", "1")]), Some('p'));
}

/// The reader leaves at once, before anything is written.
#[test]
fn a_closed_pipe_is_success() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_flux-setup"))
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert_eq!(stderr, "");
}

/// Whoever watches a gate by its exit code may have closed stderr, or stopped reading it.
#[test]
fn a_closed_stderr_changes_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").display().to_string();
    let faulty = folder.path().join("faulty");
    let copied = run_in(folder.path(), &["init", "faulty"]);
    assert_eq!(copied.code, Some(0), "{}", copied.stderr);
    std::fs::write(faulty.join("flux-setup.yaml"), "projectz: []\n").unwrap();
    let faulty = faulty.display().to_string();
    for (arguments, code) in [
        (&["budget", "--fail-above", "40%"][..], 1),
        (&["budget", "--fail-above", "40%", "--format", "json"], 1),
        (&["render", "--output", &out, "--check"], 1),
        (&["render", "--output", &out, "--check", "--verbose"], 1),
        (&["render"], 0),
        (&["validate"], 0),
        (&["validate", "--config", &faulty], 2),
        (&["budget", "--config", &faulty], 2),
        (&["validate", "--manifests", &faulty], 2),
        (&["render", "--project", "nobody"], 2),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = Command::new(env!("CARGO_BIN_EXE_flux-setup"));
        child.current_dir(repository()).args(arguments);
        let ended = child.stdout(Stdio::null()).stderr(writer).status();
        assert_eq!(ended.unwrap().code(), Some(code), "{arguments:?}");
    }
}

/// Whoever parses stdout finds one document there, also where a command cannot be done at all.
#[test]
fn for_machines_stdout_is_one_document_whatever_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let sample = repository().display().to_string();
    std::fs::write(folder.path().join("file"), "").unwrap();
    for (arguments, message) in [
        (
            &["validate", "--config", "nowhere"][..],
            "cannot open the configuration folder: No such file or directory (os error 2)",
        ),
        (
            &["validate", "--manifests", "nowhere"],
            "cannot find `nowhere`: No such file or directory (os error 2)",
        ),
        (
            &["validate", "--manifests", "file"],
            "`file` holds no manifest",
        ),
        (
            &["render", "--config", &sample, "--project", "wbe"],
            "unknown project `wbe`; did you mean `web`?",
        ),
        (
            &["render", "--config", &sample, "--output", "file/out"],
            "cannot make the folder file/out: Not a directory (os error 20)",
        ),
        (
            &["budget", "--config", &sample, "--fail-above", "900%"],
            "invalid value '900%' for '--fail-above <SHARE>': expected a share from 0% to 100%, as `70%`",
        ),
        (
            &["init", "file/fleet"],
            "cannot make folder `file/fleet`: Not a directory (os error 20)",
        ),
        (&["rendr"], "unrecognized subcommand 'rendr'"),
    ] {
        let run = run_in(
            folder.path(),
            &[arguments, &["--format", "json"][..]].concat(),
        );
        assert_eq!(run.code, Some(2), "{arguments:?}");
        let answer: serde_json::Value = serde_json::from_str(&run.stdout).expect(&run.stdout);
        let [finding] = &answer["findings"].as_array().unwrap()[..] else {
            panic!("{arguments:?}: {answer}");
        };
        assert!(
            finding["message"].as_str().unwrap().starts_with(message),
            "{arguments:?}: {finding}"
        );
        assert_eq!(finding["severity"], "error");
        let keys: Vec<_> = finding.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "class", "severity", "file", "line", "column", "path", "message", "hint"
            ]
        );
    }
}
