//! What pull requests of strangers can make us do: no secret is resolved, nothing is asked or run, and nothing outside
//! the folders is read or written.
#![cfg(unix)]

mod links;
mod trace;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use crate::binary::{Run, command, ended, repository, run_in};
use crate::folders::{files, write};
use trace::{Call, traced};

/// Stands in every secret; it must come out nowhere.
const SECRET: &str = "xx-the-secret-of-somebody-xx";
/// Stands in the file next to the folders that nobody was told to read.
const PRIVATE: &str = "xx-a-file-of-somebody-xx";

/// Every way in which a secret can be named, in variables and in files.
const FLEET: &str = "\
projects:
  - {name: web, repository: https://github.com/acme/web, secretRef: token, substitutions: {TOKEN: \"${GITHUB_TOKEN}\", HOME: $HOME}}
clusters:
  - {name: eu, kubeconfig: ./kubeconfig, context: eu}
github:
  - host: github.com
    identities:
      - {name: bot, token: {env: GITHUB_TOKEN}}
      - {name: other, token: {file: token}}
      - {name: app, app: {id: 1, installation: 2, privateKey: {file: app.pem}}}
    budgetIdentity: bot
    webhooks:
      - {name: acme, organization: acme, secrets: [{env: WEBHOOK_SECRET}, {file: old-secret}]}
  - host: ghe.acme.example
    apiUrl: https://ghe.acme.example/api/v3
    ca: {file: ca.pem}
    identities:
      - {name: ghe, token: {env: GHE_TOKEN}}
server:
  api: {listen: 127.0.0.1:9293, tokens: [{name: ci, token: {env: FLUX_SETUP_TOKEN}, scope: read}]}
  store: \"postgres://localhost/flux\"
";

const VARIABLES: [&str; 5] = [
    "GITHUB_TOKEN",
    "WEBHOOK_SECRET",
    "GHE_TOKEN",
    "FLUX_SETUP_TOKEN",
    "KUBECONFIG",
];
const SECRET_FILES: [&str; 5] = ["token", "app.pem", "old-secret", "ca.pem", "kubeconfig"];

/// All that runs on pull requests, in each form of its output.
const COMMANDS: [&[&str]; 9] = [
    &["render"],
    &["render", "--output", "../out"],
    &[
        "render", "--output", "../out", "--check", "--format", "json",
    ],
    &["render", "--verbose", "--output", "../out", "--prune"],
    &["validate"],
    &["validate", "--format", "json", "--verbose"],
    &["budget"],
    &["budget", "--format", "json"],
    &["validate", "--manifests", "../out"],
];

/// `fleet` is the configuration; beside it lies what is nobody's business.
fn checkout() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let top = folder.path();
    write(top, "fleet/flux-setup.yaml", FLEET);
    write(
        top,
        "fleet/environments/dev.yaml",
        "ref: {branch: main}\npath: ./deploy\nprune: true\ncluster: eu\n",
    );
    for file in SECRET_FILES {
        write(top, &format!("fleet/{file}"), SECRET);
    }
    write(
        top,
        "private/flux-setup.yaml",
        format!("# {PRIVATE}\nprojects: []\n"),
    );
    write(
        top,
        "private/web.yaml",
        format!(
            "# {PRIVATE}\nprojects: [{{name: {PRIVATE}, repository: https://git.example/a}}]\n"
        ),
    );
    write(
        top,
        "private/kustomization.yaml.tera",
        format!("kind: {PRIVATE}\n"),
    );
    folder
}

#[test]
fn no_secret_is_resolved_and_its_presence_changes_nothing() {
    let run_all = |value: Option<&str>| {
        let folder = checkout();
        let mut said = Vec::new();
        for arguments in COMMANDS {
            let mut command = command(arguments);
            command.current_dir(folder.path().join("fleet"));
            if let Some(value) = value {
                command.envs(VARIABLES.map(|name| (name, value)));
            } else {
                for file in SECRET_FILES {
                    fs::remove_file(folder.path().join("fleet").join(file)).ok();
                }
            }
            let run = ended(&command.output().expect("the program was built"));
            assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
            assert!(
                !run.stdout.contains(SECRET) && !run.stderr.contains(SECRET),
                "{arguments:?}"
            );
            said.push((run.stdout, without_times(&run.stderr)));
        }
        let written = files(&folder.path().join("out"));
        assert_eq!(written.len(), 1);
        (said, written)
    };
    let with_secrets = run_all(Some(SECRET));
    assert!(
        !String::from_utf8_lossy(&with_secrets.1.values().next().unwrap()[..]).contains(SECRET)
    );
    assert_eq!(run_all(Some("")), with_secrets);
    assert_eq!(run_all(None), with_secrets);
}

/// `--verbose` says how long each step took.
fn without_times(text: &str) -> String {
    text.replace(
        |letter: char| letter.is_ascii_digit() || ".µmns".contains(letter),
        "",
    )
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_is_asked_run_read_or_written_but_the_folders() {
    let folder = checkout();
    let top = fs::canonicalize(folder.path()).unwrap();
    let fleet = top.join("fleet");
    for arguments in COMMANDS {
        let Some((run, calls)) = traced(&fleet, arguments) else {
            eprintln!(
                "not tested: this needs strace, and a system that lets it look (Debian: strace)"
            );
            return;
        };
        assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
        let started = calls.iter().filter(|call| call.name == "execve").count();
        assert_eq!(started, 1, "{arguments:?} runs another program");
        assert!(calls.len() > 20, "strace saw nothing of {arguments:?}");
        for call in &calls {
            assert_harmless(call, &top, arguments);
        }
        let is_read = |file: &str| {
            calls.iter().any(|call| {
                call.opened
                    .as_ref()
                    .is_some_and(|path| path.ends_with(file))
            })
        };
        assert_eq!(
            is_read("fleet/flux-setup.yaml"),
            !arguments.contains(&"--manifests"),
            "{arguments:?}"
        );
        for file in SECRET_FILES {
            assert!(!is_read(file), "{arguments:?} reads {file}");
        }
    }
}

#[cfg(target_os = "linux")]
fn assert_harmless(call: &Call, top: &Path, arguments: &[&str]) {
    let said = format!("{arguments:?}: {}", call.text);
    match &*call.name {
        // threads are no programs
        "clone" | "clone3" => assert!(call.text.contains("CLONE_THREAD"), "{said}"),
        "fork" | "vfork" => panic!("{said}"),
        "socket" | "socketpair" | "connect" | "bind" | "listen" | "accept" | "accept4"
        | "sendto" | "sendmsg" | "sendmmsg" | "recvfrom" | "recvmsg" | "recvmmsg" => {
            panic!("{said}")
        }
        _ => {}
    }
    let out = top.join("out");
    for path in &call.changed {
        assert!(
            path.starts_with(&out),
            "it changes {}: {said}",
            path.display()
        );
    }
    let Some(path) = &call.opened else {
        return;
    };
    // libraries, and how many cores there are
    let system = [
        "/etc/ld.so.cache",
        "/lib",
        "/usr/lib",
        "/proc",
        "/sys",
        "/dev/null",
        "/dev/tty",
    ];
    let is_system = system.iter().any(|prefix| path.starts_with(prefix));
    let is_ours = path.starts_with(top.join("fleet")) || path.starts_with(&out);
    assert!(is_system || is_ours, "it opens {}: {said}", path.display());
    if ["O_WRONLY", "O_RDWR", "O_CREAT"]
        .iter()
        .any(|mode| call.text.contains(mode))
    {
        assert!(
            path.starts_with(&out),
            "it writes {}: {said}",
            path.display()
        );
    }
}

/// For systems without strace: a weaker look, at the moment when all is done but the printing.
#[cfg(target_os = "linux")]
#[test]
fn while_it_prints_it_holds_no_connection_and_has_no_child() {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let mut run = Command::new(env!("CARGO_BIN_EXE_flux-setup"))
        .arg("render")
        .current_dir(repository())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program was built");
    let mut stdout = run.stdout.take().expect("it is a pipe");
    // more than a pipe holds is still to come
    stdout
        .read_exact(&mut [0; 1])
        .expect("something is printed");
    let process = Path::new("/proc").join(run.id().to_string());
    let open: Vec<_> = fs::read_dir(process.join("fd"))
        .expect("it is still there")
        .map(|entry| fs::read_link(entry.expect("it is still there").path()))
        .map(|target| target.expect("an open file").display().to_string())
        .collect();
    assert!(open.len() >= 3, "{open:?}");
    assert!(
        !open.iter().any(|target| target.starts_with("socket:")),
        "{open:?}"
    );
    for task in fs::read_dir(process.join("task")).expect("it is still there") {
        // not every kernel tells the children
        let children = fs::read_to_string(task.expect("a thread").path().join("children"));
        assert_eq!(children.unwrap_or_default(), "");
    }
    run.kill().expect("it is our child");
    run.wait().expect("it is our child");
}

/// Runs a command that must refuse, tell nothing of the private files and change nothing outside.
#[track_caller]
fn refused(folder: &TempDir, arguments: &[&str], message: &str) {
    let before = files(folder.path());
    let run: Run = run_in(&folder.path().join("fleet"), arguments);
    assert_eq!(run.code, Some(2), "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains(message),
        "`{message}` is not in\n{}",
        run.stderr
    );
    for output in [&run.stdout, &run.stderr] {
        assert!(!output.contains(PRIVATE), "{output}");
    }
    assert!(files(folder.path()) == before, "something was written");
}

#[test]
fn a_template_reads_and_runs_nothing() {
    for (text, message) in [
        (
            "{% include \"../../private/kustomization.yaml.tera\" %}",
            "templates/kustomization.yaml.tera:1:",
        ),
        (
            "{% include \"/etc/passwd\" %}",
            "templates/kustomization.yaml.tera:1:",
        ),
        ("a: {{ get_env(name=\"GITHUB_TOKEN\") }}", "`get_env`"),
        ("a: {{ load_data(path=\"/etc/passwd\") }}", "`load_data`"),
        ("a: {{ now() }}", "`now`"),
        ("a: {{ get_random(start=0, end=9) }}", "`get_random`"),
    ] {
        let folder = checkout();
        write(
            folder.path(),
            "fleet/templates/kustomization.yaml.tera",
            text,
        );
        for arguments in [&["validate"][..], &["render"]] {
            refused(&folder, arguments, message);
        }
    }
}

/// A fleet that a stranger sent may hold anything but slow work without an end.
#[test]
fn what_is_no_file_is_not_waited_for() {
    let folder = checkout();
    let pipe = folder.path().join("fleet/environments/pipe.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("there is mkfifo").success());
    let run = run_in(&folder.path().join("fleet"), &["validate"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("`environments/pipe.yaml` is no file"),
        "{}",
        run.stderr
    );
    fs::remove_file(&pipe).unwrap();
    symlink("/dev/zero", &pipe).unwrap();
    let run = run_in(&folder.path().join("fleet"), &["validate"]);
    assert!(
        run.stderr
            .contains("`environments/pipe.yaml` leads out of the"),
        "{}",
        run.stderr
    );
    assert_eq!(
        run_in(repository(), &["validate", "--manifests", "/dev/null"]).code,
        Some(2)
    );
}
