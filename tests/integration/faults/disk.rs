//! A disk that takes no more, or nothing at all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::binary::{Run, ended};
use crate::folders::{files, write};

use super::{
    PROGRAM, assert_whole, ends, environment, fleet, is_unfinished, old_and_new, render, shell,
};

#[test]
fn a_file_that_cannot_be_written_whole_is_named_and_the_old_one_stays() {
    let folder = fleet(3);
    ends(render(folder.path()), 0);
    let before = files(&folder.path().join("out"));
    // more than the limit of 8 blocks of 512 bytes
    let long = "x".repeat(8192);
    let fleet = fs::read_to_string(folder.path().join("flux-setup.yaml")).unwrap();
    let fleet = fleet.replace(
        "acme/p0001}",
        &format!("acme/p0001, annotations: {{acme.example/long: {long}}}}}"),
    );
    write(folder.path(), "flux-setup.yaml", fleet);
    let run = shell(
        folder.path(),
        "trap '' XFSZ; ulimit -f 8; exec \"$0\" render --output out",
    );
    let run = ends(run, 2);
    assert!(
        run.stderr.starts_with(
            "error: cannot write dev/p0001.yaml; it is as it was\n  because: File too large"
        ),
        "{}",
        run.stderr
    );
    assert!(
        files(&folder.path().join("out")) == before,
        "a file is not as it was"
    );
}

/// Every file may be long enough for the old content alone: of 200 that are written the first that is
/// longer fails, as on a disk that is full then. Needs no right that anybody lacks.
#[test]
fn where_a_file_takes_no_more_all_stay_whole_and_nothing_is_left_behind() {
    let folder = fleet(200);
    let [old, new] = old_and_new(folder.path());
    write(folder.path(), "environments/dev.yaml", environment("./new"));
    let long = "x".repeat(8192);
    let fleet = fs::read_to_string(folder.path().join("flux-setup.yaml")).unwrap();
    for (number, code) in [("0000", 2), ("0100", 2), ("0199", 2)] {
        let annotated = format!("acme/p{number}, annotations: {{acme.example/long: {long}}}}}");
        let one_is_long = fleet.replace(&format!("acme/p{number}}}"), &annotated);
        write(folder.path(), "flux-setup.yaml", one_is_long);
        let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" render --output out";
        let run = ends(shell(folder.path(), script), code);
        let says = format!("error: cannot write dev/p{number}.yaml; it is as it was\n");
        assert!(run.stderr.starts_with(&says), "{}", run.stderr);
        let found = files(&folder.path().join("out"));
        assert_whole(&found, &old, &new);
        assert!(!found.keys().any(|path| is_unfinished(path)), "{number}");
    }
    // as much as it may write, and then it is ended by the system in the very moment
    let script = "ulimit -f 8; \"$0\" render --output out; test $? -gt 128";
    ends(shell(folder.path(), script), 0);
    assert_whole(&files(&folder.path().join("out")), &old, &new);
    write(folder.path(), "flux-setup.yaml", fleet);
    ends(render(folder.path()), 0);
    assert!(files(&folder.path().join("out")) == new);
}

/// Runs a script as the owner of mounts of its own, that nobody else sees; `None` where the system allows nobody that.
#[expect(
    clippy::print_stderr,
    reason = "who reads the output of the tests learns what was not tested"
)]
fn with_own_mounts(folder: &Path, script: &str) -> Option<Run> {
    let own = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--map-root-user"])
            .args(arguments)
            .current_dir(folder);
        command.output()
    };
    let may = own(&["mount", "-t", "tmpfs", "none", "."]);
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "tested without a disk that is full: this system lets nobody have mounts of their own (unshare --mount --map-root-user)"
        );
        return None;
    }
    let output = own(&["sh", "-c", script, PROGRAM]);
    Some(ended(&output.expect("there is `unshare`")))
}

/// The same with a real disk, where somebody may have one.
#[test]
fn on_a_full_disk_the_old_files_stay_whole_and_nothing_is_left_behind() {
    let folder = fleet(200);
    let [old, new] = old_and_new(folder.path());
    write(folder.path(), "environments/dev.yaml", environment("./new"));
    // 200 files of a page each and one page to spare, so that few can be written at once, and then none
    let script = "mkdir full kept && mount -t tmpfs -o size=816k none full && cp -r out/dev full/ && \
                  head -c 4096 /dev/zero > full/more; cat /dev/zero > full/rest 2>/dev/null; \
                  \"$0\" render --output full; code=$?; rm full/more full/rest; cp -r full/. kept/; exit $code";
    let Some(run) = with_own_mounts(folder.path(), script) else {
        return;
    };
    let run = ends(run, 2);
    assert!(
        run.stderr.contains("because: No space left on device"),
        "{}",
        run.stderr
    );
    let first = run.stderr.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("error: cannot write dev/p"),
        "{}",
        run.stderr
    );
    let kept = files(&folder.path().join("kept"));
    assert_whole(&kept, &old, &new);
    assert!(!kept.keys().any(|path| is_unfinished(path)));
}

/// Runs our program as somebody who is bound by the modes of files: root without the right to pass them
/// over, anybody else as they are.
fn bound_by_modes(folder: &Path, arguments: &str) -> Run {
    let root = Command::new("id").arg("-u").output();
    let is_root = root.expect("there is `id`").stdout == b"0\n";
    let bound = if is_root {
        "setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all"
    } else {
        "env"
    };
    // where that binds nobody, nothing would be tested
    let probe = format!(
        "! {bound} touch out/dev/probe 2>/dev/null && ! {bound} cat out/closed 2>/dev/null"
    );
    ends(shell(folder, &probe), 0);
    shell(folder, &format!("exec {bound} \"$0\" {arguments}"))
}

#[test]
fn a_folder_that_can_only_be_read_is_compared_and_never_written() {
    let folder = fleet(3);
    ends(render(folder.path()), 0);
    let before = files(&folder.path().join("out"));
    write(folder.path(), "out/closed", "nobody reads this");
    let mode = |file: &str, mode| {
        let path = folder.path().join(file);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("out/closed", 0o000);
    mode("out/dev", 0o555);
    mode("out", 0o555);
    let run = |more: &str| bound_by_modes(folder.path(), &format!("render --output out {more}"));
    // up to date it needs no writing
    for more in ["", "--check"] {
        ends(run(more), 0);
    }
    write(folder.path(), "environments/dev.yaml", environment("./new"));
    let run_check = ends(run("--check"), 1);
    assert!(
        run_check.stderr.contains("3 files would be written"),
        "{}",
        run_check.stderr
    );
    let run_write = ends(run(""), 2);
    assert!(
        run_write.stderr.starts_with(
            "error: cannot write dev/p0000.yaml; it is as it was\n  because: Permission denied"
        ),
        "{}",
        run_write.stderr
    );
    write(
        folder.path(),
        "flux-setup.yaml",
        "projects: [{name: p0000, repository: https://github.com/acme/p0000}]\n",
    );
    write(folder.path(), "environments/dev.yaml", environment("./old"));
    let run_prune = ends(run("--prune"), 2);
    assert!(
        run_prune
            .stderr
            .contains("error: cannot remove dev/p0001.yaml\n  because: Permission denied"),
        "{}",
        run_prune.stderr
    );
    // a folder that cannot be made, one that cannot be listed, and a file that cannot be read
    let run_new = ends(bound_by_modes(folder.path(), "render --output out/new"), 2);
    assert!(
        run_new
            .stderr
            .starts_with("error: cannot make the folder out/new\n  because: Permission"),
        "{}",
        run_new.stderr
    );
    mode("out/dev/p0000.yaml", 0o000);
    let run_closed = ends(run("--check"), 2);
    assert!(
        run_closed
            .stderr
            .starts_with("error: cannot read dev/p0000.yaml\n  because: Permission"),
        "{}",
        run_closed.stderr
    );
    mode("out/dev/p0000.yaml", 0o644);
    mode("out/dev", 0o000);
    ends(run("--check"), 2);
    mode("out/dev", 0o755);
    mode("out", 0o755);
    fs::remove_file(folder.path().join("out/closed")).unwrap();
    assert!(files(&folder.path().join("out")) == before);
}

#[test]
fn a_folder_in_place_of_a_file_and_a_file_in_place_of_a_folder_are_named() {
    let folder = fleet(2);
    write(folder.path(), "out/dev/p0001.yaml/inside", "theirs");
    let run = ends(render(folder.path()), 2);
    assert!(run.stderr.contains("dev/p0001.yaml"), "{}", run.stderr);
    fs::remove_dir_all(folder.path().join("out")).unwrap();
    write(folder.path(), "out/dev", "theirs");
    let run = ends(render(folder.path()), 2);
    assert!(run.stderr.contains("dev"), "{}", run.stderr);
    fs::remove_dir_all(folder.path().join("out")).unwrap();
    write(folder.path(), "out", "theirs");
    let run = ends(render(folder.path()), 2);
    assert!(run.stderr.starts_with("error: cannot "), "{}", run.stderr);
    assert_eq!(
        fs::read_to_string(folder.path().join("out")).unwrap(),
        "theirs"
    );
}
