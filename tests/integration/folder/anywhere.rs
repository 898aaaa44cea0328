//! The same configuration gives the same bytes on any machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::binary::{command, ended, repository};
use crate::folders::{files, write};

use super::ends;

/// What a machine may have otherwise than the next.
#[test]
fn the_bytes_are_the_same_on_any_machine() {
    let sample = tempfile::tempdir().unwrap();
    copy_fleet(sample.path(), false);
    let backwards = tempfile::tempdir().unwrap();
    copy_fleet(backwards.path(), true);
    let elsewhere = tempfile::tempdir().unwrap();

    let sets: [&[(&str, &str)]; 6] = [
        &[
            ("RAYON_NUM_THREADS", "1"),
            ("TZ", "Pacific/Kiritimati"),
            ("LANG", "tr_TR.UTF-8"),
        ],
        &[
            ("RAYON_NUM_THREADS", "2"),
            ("TZ", "America/St_Johns"),
            ("LC_ALL", "de_DE.UTF-8"),
        ],
        &[
            ("RAYON_NUM_THREADS", "8"),
            ("TZ", ":nonsense"),
            ("LC_ALL", "C"),
            ("HOME", "/nowhere"),
        ],
        &[
            ("LANG", "ja_JP.EUC-JP"),
            ("LC_NUMERIC", "fr_FR"),
            ("NO_COLOR", "1"),
            ("TERM", "dumb"),
            ("COLUMNS", "20"),
        ],
        &[
            ("CLICOLOR_FORCE", "1"),
            ("TERM", "xterm-256color"),
            ("USER", "somebody"),
            ("TMPDIR", "/nowhere"),
        ],
        &[
            ("SOURCE_DATE_EPOCH", "0"),
            ("POSIXLY_CORRECT", "1"),
            ("KUBECONFIG", "/nowhere"),
            ("RUST_LOG", "trace"),
        ],
    ];
    let expected = printed(repository(), &[], &[]);
    let mut written = None;
    for (index, variables) in sets.iter().enumerate() {
        let folder = if index % 2 == 0 { &backwards } else { &sample };
        let config = folder.path().display().to_string();
        // beside the configuration, from another folder, and by a path that goes astray
        let astray = format!("{config}/environments/../.");
        for (from, arguments) in [
            (folder.path(), vec![]),
            (elsewhere.path(), vec!["--config", &config]),
            (Path::new("/"), vec!["--config", &astray]),
        ] {
            assert!(
                printed(from, &arguments, variables) == expected,
                "{variables:?} {arguments:?}"
            );
            let out = elsewhere
                .path()
                .join(format!("out-{index}-{}", arguments.len()));
            let files = written_with_umask(
                from,
                &arguments,
                variables,
                &out,
                if index % 2 == 0 { "077" } else { "000" },
            );
            assert_eq!(files.len(), 78);
            assert!(
                *written.get_or_insert_with(|| files.clone()) == files,
                "{variables:?} {arguments:?}"
            );
            fs::remove_dir_all(out).unwrap();
        }
    }
}

fn printed(from: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = command(&[&["render"], arguments].concat());
    let output = command
        .current_dir(from)
        .envs(variables.iter().copied())
        .output();
    ends(ended(&output.expect("the program was built")), 0).stdout
}

fn written_with_umask(
    from: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
    out: &Path,
    umask: &str,
) -> Vec<(PathBuf, Vec<u8>)> {
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        &format!("umask {umask} && exec \"$@\""),
        "sh",
        env!("CARGO_BIN_EXE_flux-setup"),
        "render",
    ]);
    shell.args(arguments).arg("--output").arg(out);
    shell
        .current_dir(from)
        .env_clear()
        .envs(variables.iter().copied());
    ends(ended(&shell.output().expect("there is a shell")), 0);
    files(out).into_iter().collect()
}

/// Copies the sample fleet; backwards its files are made in the opposite order, which is the order in which some file
/// systems list them.
fn copy_fleet(to: &Path, backwards: bool) {
    let mut names = vec![PathBuf::from("flux-setup.yaml")];
    for folder in ["environments", "templates"] {
        let below = files(&repository().join(folder));
        names.extend(below.into_keys().map(|file| Path::new(folder).join(file)));
    }
    if backwards {
        names.reverse();
    }
    for name in names {
        let text = fs::read(repository().join(&name)).expect("a file of the sample fleet");
        write(to, &name.to_string_lossy(), text);
    }
}
