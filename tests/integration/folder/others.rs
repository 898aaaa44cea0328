//! What others put into the folder: of any size and kind, and with the modes that they gave our files.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::binary::{Run, ended};
use crate::folders::write;

use super::{FLEET, ends, fleet, render};

/// Far more than any machine has of memory.
const HUGE: u64 = 1 << 40;

/// Runs in a shell that gives the program little memory and little time.
fn bounded(folder: &Path, script: &str) -> Run {
    let mut shell = Command::new("sh");
    let script = format!("ulimit -v 4000000; {script}");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_flux-setup")]);
    ended(
        &shell
            .current_dir(folder)
            .output()
            .expect("there is a shell"),
    )
}

const RENDER: &str = "timeout 60 \"$0\" render --output out";

#[test]
fn files_of_others_are_read_no_further_than_their_first_line() {
    let folder = fleet();
    ends(render(&folder, &[]), 0);
    let huge = |file: &str, start: &str| {
        write(folder.path(), file, start);
        let file = File::options().write(true).open(folder.path().join(file));
        file.and_then(|file| file.set_len(HUGE))
            .expect("a file with a hole");
    };
    huge("out/eu/prod/dump.yaml", "");
    huge(
        "out/eu/prod/long.yaml",
        &format!("# flux-setup: prod/eu/{}", "x".repeat(300)),
    );
    huge("out/eu/prod/kustomization.yaml", "resources: []\n");
    huge("out/kustomization.yaml", "resources: []\n");
    for more in ["", "--check", "--prune", "--prune --project 'a*'"] {
        let run = bounded(folder.path(), &format!("{RENDER} {more}"));
        ends(run, 0);
    }
    let place = "out/eu/prod/web.yaml";
    for (start, says) in [
        (
            "",
            "eu/prod/web.yaml was not written by flux-setup for `prod/eu/web`; ",
        ),
        (
            "# flux-setup: prod/eu/web\n",
            "eu/prod/web.yaml is larger than 64 MiB; no file of ours is, so move it away\n",
        ),
    ] {
        huge(place, start);
        let run = ends(bounded(folder.path(), RENDER), 2);
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
}

#[test]
fn pipes_in_the_folder_are_waited_for_by_nobody() {
    let folder = fleet();
    ends(render(&folder, &[]), 0);
    let pipes = "out/eu/prod/other.yaml out/eu/prod/kustomization.yaml out/eu/kustomization.yml";
    let run = bounded(
        folder.path(),
        &format!("mkfifo {pipes} && {RENDER} --prune"),
    );
    let run = ends(run, 0);
    assert_eq!(run.stderr, "out: 9 unchanged\n");
    let place = "out/eu/prod/web.yaml";
    let run = bounded(
        folder.path(),
        &format!("rm {place} && mkfifo {place} && {RENDER}"),
    );
    let run = ends(run, 2);
    assert_eq!(
        run.stderr,
        "error: eu/prod/web.yaml is no file; move it away or change `output`\n"
    );
}

#[test]
fn a_file_that_is_replaced_keeps_its_mode_and_a_new_one_gets_that_of_the_umask() {
    let folder = fleet();
    ends(render(&folder, &[]), 0);
    let mode = |file: &str| {
        let found = fs::metadata(folder.path().join(file)).expect("it is there");
        found.permissions().mode() & 0o7777
    };
    let modes = [
        ("out/dev/dev/api.yaml", 0o640),
        ("out/dev/dev/docs.yaml", 0o444),
        ("out/dev/dev/web.yaml", 0o775),
    ];
    for (file, mode) in modes {
        let path = folder.path().join(file);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    }
    let more = FLEET.replace("acme/", "other/")
        + "  - {name: new, repository: https://github.com/acme/new}\n";
    write(folder.path(), "flux-setup.yaml", more);
    ends(bounded(folder.path(), &format!("umask 027; {RENDER}")), 0);
    for (file, kept) in modes {
        assert_eq!(mode(file), kept, "{file}");
        let text = fs::read_to_string(folder.path().join(file)).expect("it is ours");
        assert!(text.contains("github.com/other/"), "{file} was not written");
    }
    assert_eq!(mode("out/dev/dev/new.yaml"), 0o640);
}

#[test]
fn names_that_are_no_text_are_reported_to_machines_too() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = fleet();
    ends(render(&folder, &[]), 0);
    let ours = folder.path().join("out/eu/prod/web.yaml");
    let copy = ours.with_file_name(OsStr::from_bytes(b"c\xffpy.yaml"));
    fs::copy(&ours, &copy).expect("a file system that takes any name");
    let run = ends(render(&folder, &["--format", "json"]), 1);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect(&run.stdout);
    assert_eq!(report["misplaced"][0]["path"], "eu/prod/c\u{fffd}py.yaml");
}
