//! What goes wrong while files are written: every file stays whole, the old one or the new one, and the error names it.
#![cfg(target_os = "linux")]

mod disk;
mod stdout;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::binary::{Run, ended, run_in};
use crate::folders::{files, write};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flux-setup");

/// Enough that the writing of them can be met at any point.
const PROJECTS: usize = 3000;
const KILLS: u32 = 10;
/// A busy machine ends some runs before they are killed, or kills them before they write.
const MOST_RUNS: u32 = 60;
/// How long a run may take to write its first file; it is about a second.
const FIRST_FILE_LIMIT: Duration = Duration::from_secs(120);

/// Where the path of an environment says which of two contents its files have.
fn environment(path: &str) -> String {
    format!("ref: {{branch: main}}\npath: {path}\nprune: true\n")
}

/// A fleet of that many projects; in memory where that can be, for each file is synced to its disk.
fn fleet(projects: usize) -> TempDir {
    let mut builder = tempfile::Builder::new();
    let memory = Path::new("/dev/shm");
    let folder = builder.prefix("flux-setup-test-");
    let folder = if memory.is_dir() {
        folder.tempdir_in(memory)
    } else {
        folder.tempdir()
    };
    let folder = folder.expect("a temporary folder");
    let mut text = "projects:\n".to_owned();
    for number in 0..projects {
        let name = format!("p{number:04}");
        writeln!(
            text,
            "  - {{name: {name}, repository: https://github.com/acme/{name}}}"
        )
        .expect("a string takes all");
    }
    write(folder.path(), "flux-setup.yaml", text);
    write(folder.path(), "environments/dev.yaml", environment("./old"));
    folder
}

fn render(folder: &Path) -> Run {
    run_in(folder, &["render", "--output", "out"])
}

#[track_caller]
fn ends(run: Run, code: i32) -> Run {
    assert_eq!(run.code, Some(code), "{}{}", run.stdout, run.stderr);
    run
}

/// All files of the folder with the old content and with the new one; it is left with the old one.
fn old_and_new(folder: &Path) -> [BTreeMap<PathBuf, Vec<u8>>; 2] {
    let out = folder.join("out");
    let new = {
        write(folder, "environments/dev.yaml", environment("./new"));
        ends(render(folder), 0);
        files(&out)
    };
    write(folder, "environments/dev.yaml", environment("./old"));
    ends(render(folder), 0);
    [files(&out), new]
}

fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(".flux-setup-") && name.ends_with(".tmp")
}

/// How many files have the new content; every other has the old one.
#[track_caller]
fn assert_whole(
    found: &BTreeMap<PathBuf, Vec<u8>>,
    old: &BTreeMap<PathBuf, Vec<u8>>,
    new: &BTreeMap<PathBuf, Vec<u8>>,
) -> usize {
    let mut of_new = 0;
    let ours = found.iter().filter(|(path, _)| !is_unfinished(path));
    assert_eq!(ours.clone().count(), old.len(), "a file is gone");
    for (path, bytes) in ours {
        if new.get(path) == Some(bytes) {
            of_new += 1;
        } else {
            assert!(
                old.get(path) == Some(bytes),
                "{} is neither the old nor the new one:\n{}",
                path.display(),
                String::from_utf8_lossy(bytes)
            );
        }
    }
    of_new
}

/// Starts a run and returns as soon as it writes.
fn writing(folder: &Path) -> Child {
    let mut run = Command::new(PROGRAM)
        .args(["render", "--output", "out"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program was built");
    wait_until_it_writes(&mut run, &folder.join("out/dev"));
    run
}

/// Ends a run `after` that time from when it began to write.
fn interrupted(folder: &Path, signal: Signal, after: Duration) -> ExitStatus {
    let mut run = writing(folder);
    sleep(after);
    kill_process(Pid::from_child(&run), signal).expect("it is our child");
    run.wait().expect("it is our child")
}

/// A file takes another's place by a rename, and that is a change of the folder.
fn wait_until_it_writes(run: &mut Child, folder: &Path) {
    let changed = || fs::metadata(folder).and_then(|found| found.modified()).ok();
    let before = changed();
    let deadline = Instant::now() + FIRST_FILE_LIMIT;
    while changed() == before && run.try_wait().expect("it is our child").is_none() {
        assert!(
            Instant::now() < deadline,
            "nothing is written after {FIRST_FILE_LIMIT:?}"
        );
        sleep(Duration::from_micros(200));
    }
}

#[test]
fn a_run_that_is_killed_leaves_every_file_whole_and_the_next_one_tidies_up() {
    let folder = fleet(PROJECTS);
    let out = folder.path().join("out");
    let [old, new] = old_and_new(folder.path());
    assert_eq!((old.len(), new.len()), (PROJECTS, PROJECTS));
    write(folder.path(), "environments/dev.yaml", environment("./new"));
    let mut whole_run = writing(folder.path());
    let began = Instant::now();
    assert!(whole_run.wait().expect("it is our child").success());
    let takes = began.elapsed();

    let (mut killed, mut half_way, mut unfinished) = (0, 0, 0);
    let mut wants_new = false;
    for round in 0..MOST_RUNS {
        if killed >= KILLS && half_way >= KILLS / 2 {
            break;
        }
        let path = if wants_new { "./new" } else { "./old" };
        write(folder.path(), "environments/dev.yaml", environment(path));
        // from at once up to two thirds of what the writing takes
        let after = takes * (round % KILLS) * 2 / (KILLS * 3);
        let status = interrupted(folder.path(), Signal::KILL, after);
        killed += u32::from(status.signal() == Some(Signal::KILL.as_raw()));
        let found = files(&out);
        let of_new = assert_whole(&found, &old, &new);
        half_way += u32::from(of_new > 0 && of_new < PROJECTS);
        unfinished += found.keys().filter(|path| is_unfinished(path)).count();
        wants_new = of_new < PROJECTS / 2;
    }
    assert!(
        killed >= KILLS && half_way >= KILLS / 2,
        "{killed} of {MOST_RUNS} were killed, {half_way} half-way; {unfinished} unfinished files"
    );

    write(folder.path(), "environments/dev.yaml", environment("./new"));
    // of a run that was killed in the very moment, if none was
    write(&out, "dev/.flux-setup-1-1.tmp", "# flux-setup: dev/-/p00");
    ends(render(folder.path()), 0);
    assert!(
        files(&out) == new,
        "the next good run does not make the folder whole"
    );
}

/// Whether whoever started us, as a shell in the background, has our children ignore a signal.
fn is_ignored(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let ignored = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal.as_raw() - 1) & 1 == 1)
}

#[test]
fn a_run_that_is_interrupted_leaves_every_file_whole() {
    let folder = fleet(PROJECTS / 5);
    let [old, new] = old_and_new(folder.path());
    let paths = ["./new", "./old"].into_iter().cycle();
    let signal = if is_ignored(Signal::INT) {
        Signal::TERM
    } else {
        Signal::INT
    };
    // A run on a busy machine may be over before the signal is sent.
    let is_interrupted = paths.take(MOST_RUNS as usize).any(|path| {
        write(folder.path(), "environments/dev.yaml", environment(path));
        let status = interrupted(folder.path(), signal, Duration::from_millis(1));
        assert_whole(&files(&folder.path().join("out")), &old, &new);
        status.signal() == Some(signal.as_raw())
    });
    assert!(is_interrupted);
    write(folder.path(), "environments/dev.yaml", environment("./new"));
    ends(render(folder.path()), 0);
    assert!(files(&folder.path().join("out")) == new);
}

/// A shell that runs this as its own: `$0` is our program.
fn shell(folder: &Path, script: &str) -> Run {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, PROGRAM]).current_dir(folder);
    ended(&shell.output().expect("there is a shell"))
}
