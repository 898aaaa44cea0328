//! `--online`: what is followed is looked for in its repository.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::binary::{Run, command, ended};
use crate::folders::files;

use super::manifests::{SOUND, SOURCE};

fn git(folder: &Path, arguments: &[&str]) {
    let author = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
    let status = Command::new("git")
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args(author)
        .args(arguments)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("there is git");
    assert!(status.success(), "git {arguments:?}");
}

/// A folder with the repository `acme/web`, to which GitHub's URLs lead, and manifests that follow it.
fn fleet() -> TempDir {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let top = folder.path();
    let web = top.join("git/acme/web");
    fs::create_dir_all(web.join("deploy/production")).expect("it can be made");
    fs::write(web.join("deploy/production/web.yaml"), "a: b\n").expect("it can be written");
    git(&web, &["init", "--quiet", "--initial-branch=main", "."]);
    git(&web, &["config", "uploadpack.allowFilter", "true"]);
    git(&web, &["add", "."]);
    git(&web, &["commit", "--quiet", "--message=first"]);
    git(&web, &["tag", "v1.4.0"]);
    let config = format!(
        "[url \"file://{}/git/\"]\n\tinsteadOf = https://github.com/\n",
        top.display()
    );
    fs::write(top.join("gitconfig"), config).expect("it can be written");
    fs::create_dir(top.join("apps")).expect("it can be made");
    let kustomization = format!("{SOUND}  path: ./deploy/production\n");
    fs::write(top.join("apps/web.yaml"), kustomization).expect("it can be written");
    fs::write(top.join("apps/source.yaml"), SOURCE).expect("it can be written");
    folder
}

fn edit(folder: &TempDir, file: &str, from: &str, to: &str) {
    let file = folder.path().join("apps").join(file);
    let text = fs::read_to_string(&file).expect("it is there");
    assert!(text.contains(from), "{text}");
    fs::write(&file, text.replace(from, to)).expect("it can be written");
}

fn validate(folder: &TempDir) -> Run {
    ended(&program(folder).output().expect("the program was built"))
}

fn program(folder: &TempDir) -> assert_cmd::Command {
    let mut program = command(&["validate", "--manifests", "apps", "--online"]);
    program
        .current_dir(folder.path())
        .env("PATH", env::var_os("PATH").expect("there is a PATH"))
        .env("GIT_CONFIG_GLOBAL", folder.path().join("gitconfig"));
    program
}

#[test]
fn a_branch_and_a_folder_that_are_there_are_sound() {
    let folder = fleet();
    let run = validate(&folder);
    assert_eq!(
        (run.code, &*run.stdout, &*run.stderr),
        (
            Some(0),
            "sound: 2 documents judged, 1 repository asked\n",
            ""
        )
    );
    for reference in ["{tag: v1.4.0}", "{semver: 1.x}", "{name: refs/heads/main}"] {
        let folder = fleet();
        edit(&folder, "source.yaml", "{branch: main}", reference);
        let run = validate(&folder);
        assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{reference}");
    }
}

#[test]
fn what_the_repository_has_not_is_an_error_where_it_is_named() {
    for (reference, says) in [
        (
            "{branch: mian}",
            "error[flux]: the repository has no branch `mian`\n --> apps/source.yaml:7:17\n",
        ),
        ("{tag: v1.5.0}", "the repository has no tag `v1.5.0`\n"),
        ("{semver: '>=2'}", "help: its highest version is `v1.4.0`\n"),
        ("{}", "the repository has no branch `master`\n"),
    ] {
        let folder = fleet();
        edit(&folder, "source.yaml", "{branch: main}", reference);
        let run = validate(&folder);
        assert_eq!(run.code, Some(2), "{reference}: {}", run.stdout);
        assert!(run.stderr.contains(says), "{reference}: {}", run.stderr);
    }
    for (path, says) in [
        (
            "./deploy/prod",
            "error[flux]: `deploy/prod` is not there in `refs/heads/main`\n --> apps/web.yaml:8:9\n",
        ),
        (
            "deploy/production/web.yaml",
            "`deploy/production/web.yaml` is a file in `refs/heads/main`\n",
        ),
    ] {
        let folder = fleet();
        edit(&folder, "web.yaml", "./deploy/production", path);
        let run = validate(&folder);
        assert_eq!(run.code, Some(2), "{path}: {}", run.stdout);
        assert!(run.stderr.contains(says), "{path}: {}", run.stderr);
    }
}

#[test]
fn a_repository_that_does_not_answer_is_a_warning() {
    let folder = fleet();
    edit(&folder, "source.yaml", "acme/web", "acme/gone");
    let run = validate(&folder);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stderr
            .starts_with("warning[flux]: cannot ask the repository: "),
        "{}",
        run.stderr
    );
    assert_eq!(run.stdout, "sound: 2 documents judged\n");
}

#[test]
fn without_git_nothing_is_asked() {
    let folder = fleet();
    let run = program(&folder)
        .env("PATH", folder.path().join("none"))
        .output();
    let run = ended(&run.expect("the program was built"));
    assert_eq!(
        (run.code, &*run.stdout, &*run.stderr),
        (
            Some(2),
            "",
            "error: `--online` needs `git` on the PATH, and there is none\n"
        )
    );
}

#[test]
fn what_is_no_url_of_flux_makes_git_start_nothing() {
    let folder = fleet();
    let made = folder.path().join("made");
    let hostile = format!("ext::sh -c touch% {}", made.display());
    edit(
        &folder,
        "source.yaml",
        "https://github.com/acme/web",
        &format!("\"{hostile}\""),
    );
    let run = validate(&folder);
    assert_eq!(run.code, Some(2));
    assert!(!made.exists());
    assert!(!run.stderr.contains("cannot ask"), "{}", run.stderr);
}

#[test]
fn in_a_hook_of_git_nothing_is_written_to_its_repository() {
    let folder = fleet();
    let mine = folder.path().join("mine");
    fs::create_dir(&mine).expect("it can be made");
    git(&mine, &["init", "--quiet", "--initial-branch=main", "."]);
    for message in ["first", "second"] {
        let commit = ["commit", "--quiet", "--allow-empty", "--message", message];
        git(&mine, &commit);
    }
    let before = files(&mine);
    let run = program(&folder)
        .env("GIT_DIR", mine.join(".git"))
        .env("GIT_WORK_TREE", &mine)
        .env("GIT_INDEX_FILE", mine.join(".git/index"))
        .output();
    let run = ended(&run.expect("the program was built"));
    assert_eq!(
        (run.code, &*run.stdout, &*run.stderr),
        (
            Some(0),
            "sound: 2 documents judged, 1 repository asked\n",
            ""
        )
    );
    assert!(files(&mine) == before, "{:?}", files(&mine).keys());
}
