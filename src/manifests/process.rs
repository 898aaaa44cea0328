//! Runs another program within limits: of time, and of what it says.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What a program says of its failure is kept so far.
const STDERR_BYTES: u64 = 64 << 10;

/// How often it is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) time: Duration,
    pub(super) bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("it cannot be started")]
    Start { source: io::Error },
    #[error("it cannot be waited for")]
    Wait { source: io::Error },
    #[error("it took longer than {} s", limit.as_secs())]
    Time { limit: Duration },
    #[error("it says more than {} MiB", limit >> 20)]
    Size { limit: u64 },
    /// What it wrote to stderr, trimmed.
    #[error("{says}")]
    Failed { says: String },
}

/// By what git names one repository to what it starts: all that `git rev-parse --local-env-vars` lists.
const OF_A_REPOSITORY: [&str; 17] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// A program that may be git or start it. In a hook git names the repository of the hook in the
/// environment; none of that is handed on, so that nothing is written there.
pub(super) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    for variable in OF_A_REPOSITORY {
        command.env_remove(variable);
    }
    command
}

/// What the program writes to stdout. It reads nothing, and is ended with all that it started.
pub(super) fn output(command: &mut Command, limits: Limits) -> Result<Vec<u8>, ProcessError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command
        .spawn()
        .map_err(|source| ProcessError::Start { source })?;
    let stdout = drain(child.stdout.take(), limits.bytes + 1);
    let stderr = drain(child.stderr.take(), STDERR_BYTES);
    let ended = wait(&mut child, limits.time);
    // What it started must not hold the pipes open.
    end_all(&mut child);
    let (stdout, stderr) = (joined(stdout), joined(stderr));
    let Some(status) = ended? else {
        return Err(ProcessError::Time { limit: limits.time });
    };
    if stdout.len() as u64 > limits.bytes {
        return Err(ProcessError::Size {
            limit: limits.bytes,
        });
    }
    if !status.success() {
        let says = String::from_utf8_lossy(&stderr).trim().to_owned();
        return Err(ProcessError::Failed {
            says: if says.is_empty() {
                status.to_string()
            } else {
                says
            },
        });
    }
    Ok(stdout)
}

/// Reads until the end or the limit; what comes behind it ends the program.
fn drain(pipe: Option<impl Read + Send + 'static>, bytes: u64) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut read = Vec::new();
        if let Some(pipe) = pipe {
            // A pipe that breaks ends what it says.
            let _ = pipe.take(bytes).read_to_end(&mut read);
        }
        read
    })
}

fn joined(reading: JoinHandle<Vec<u8>>) -> Vec<u8> {
    reading.join().unwrap_or_default()
}

fn wait(
    child: &mut Child,
    limit: Duration,
) -> Result<Option<std::process::ExitStatus>, ProcessError> {
    let until = Instant::now() + limit;
    loop {
        let ended = child.try_wait();
        match ended.map_err(|source| ProcessError::Wait { source })? {
            Some(status) => return Ok(Some(status)),
            None if Instant::now() >= until => return Ok(None),
            None => thread::sleep(LOOK_EVERY),
        }
    }
}

#[cfg(target_os = "linux")]
fn end_all(child: &mut Child) {
    let group = i32::try_from(child.id()).ok();
    if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
        // Nothing of it may be left.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(not(target_os = "linux"))]
fn end_all(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn run(script: &str, time: Duration, bytes: u64) -> Result<Vec<u8>, String> {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        output(&mut shell, Limits { time, bytes }).map_err(|error| error.to_string())
    }

    #[test]
    fn all_by_which_git_names_a_repository_is_known() {
        let mut git = program("git");
        git.args(["rev-parse", "--local-env-vars"]);
        let limits = Limits {
            time: LONG,
            bytes: 1 << 16,
        };
        let listed = String::from_utf8(output(&mut git, limits).unwrap()).unwrap();
        assert!(listed.contains("GIT_DIR"), "{listed}");
        for name in listed.lines() {
            assert!(OF_A_REPOSITORY.contains(&name), "{name}");
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_it_says_is_kept_up_to_the_limit() {
        assert_eq!(run("printf 12345", LONG, 5), Ok(b"12345".to_vec()));
        assert_eq!(
            run("printf 123456", LONG, 5),
            Err("it says more than 0 MiB".to_owned())
        );
        let endless = run("yes", LONG, 1 << 20);
        assert_eq!(endless, Err("it says more than 1 MiB".to_owned()));
    }

    #[test]
    fn a_failure_says_why() {
        assert_eq!(run("echo no >&2; exit 3", LONG, 9), Err("no".to_owned()));
        assert_eq!(run("exit 3", LONG, 9), Err("exit status: 3".to_owned()));
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let started = Instant::now();
        let short = Duration::from_millis(100);
        assert_eq!(
            run("sleep 50 & sleep 50", short, 9),
            Err("it took longer than 0 s".to_owned())
        );
        // what it started would hold the pipe open
        assert_eq!(run("sleep 50 & echo", LONG, 9), Ok(b"\n".to_vec()));
        assert!(started.elapsed() < Duration::from_secs(40));
    }
}
