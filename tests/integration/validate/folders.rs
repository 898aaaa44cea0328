//! Folders of plain manifests, with what is none among them.

use std::fs;

use crate::binary::run_in;

use super::manifests::SOUND;

#[cfg(unix)]
#[test]
fn what_cannot_be_read_below_a_folder_is_named_and_hides_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("web.yaml"), SOUND.replace("prune: true", "prun: true")).unwrap();
    fs::write(path("latin.yaml"), b"name: \xe9\n").unwrap();
    fs::write(path("tab.yaml"), "a:\r\n\tb: 1\r\n").unwrap();
    let huge = fs::File::create(path("huge.yaml")).unwrap();
    huge.set_len(65 << 20).unwrap();
    std::os::unix::fs::symlink("loop.yaml", path("loop.yaml")).unwrap();
    std::os::unix::fs::symlink(".", path("folder.yaml")).unwrap();
    std::os::unix::fs::symlink("gone", path("dangling.yaml")).unwrap();
    let mut deep = std::path::PathBuf::from("deep");
    deep.extend(std::iter::repeat_n("a", 64));
    fs::create_dir_all(folder.path().join(&deep)).unwrap();
    fs::write(folder.path().join(&deep).join("web.yaml"), "a: [").unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "."]);
    assert_eq!(run.code, Some(2));
    for says in [
        "error: `latin.yaml` is not UTF-8 text\n",
        "error: `huge.yaml` is larger than 64 MiB\n",
        "error: `loop.yaml` is a link that leads in a circle\n",
        "error: `dangling.yaml` is missing, or a link to what is missing\n",
        &format!(
            "error: `{}` lies deeper than 64 folders, and is not read\n",
            deep.display()
        ),
        "error: a tab stands in the indentation, where YAML takes only spaces\n --> tab.yaml:2:1\n",
        "error[api]: unknown field `prun`\n --> web.yaml:6:3\n",
    ] {
        assert!(run.stderr.contains(says), "{says}: {}", run.stderr);
    }
    assert!(!run.stderr.contains("folder.yaml"), "{}", run.stderr);
}

#[test]
fn folders_are_read_whole_and_kustomizes_own_files_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("clusters/eu");
    fs::create_dir_all(&below).unwrap();
    fs::write(below.join("web.yaml"), SOUND).unwrap();
    fs::write(below.join("notes.txt"), "nothing").unwrap();
    fs::write(below.join(".hidden.yaml"), "nothing").unwrap();
    let own =
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [web.yaml]\n";
    fs::write(folder.path().join("kustomization.yaml"), own).unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "."]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "sound: 1 document judged\n"),
        "{}",
        run.stderr
    );
    fs::write(below.join("api.yml"), SOUND.replace("5m", "5x")).unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "clusters"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains(" --> clusters/eu/api.yml:5:13\n"),
        "{}",
        run.stderr
    );
    let run = run_in(
        folder.path(),
        &["validate", "--manifests", "clusters/eu/web.yaml"],
    );
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_the_folder_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.yaml");
    fs::write(&secret, "password: hunter2\n").unwrap();
    std::os::unix::fs::symlink(&secret, folder.path().join("web.yaml")).unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "."]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("leads out of the"), "{}", run.stderr);
    assert!(!run.stderr.contains("hunter2"));
}

#[test]
fn a_path_that_is_not_there_and_a_folder_without_manifests_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "nowhere"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.starts_with("error: cannot find `nowhere`\n"),
        "{}",
        run.stderr
    );
    let run = run_in(folder.path(), &["validate", "--manifests", "."]);
    assert_eq!(run.code, Some(2));
    assert_eq!(
        run.stderr,
        "error: `.` holds no .yaml, .yml or .json file\n"
    );
}
