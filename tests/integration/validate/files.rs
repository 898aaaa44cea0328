//! Manifests that lie in several files, and in folders.

use std::fs;

use super::{SOUND, judged};
use crate::binary::run_in;

#[test]
fn an_object_that_is_there_twice_in_one_file_is_an_error() {
    let again = SOUND.replace("interval: 5m", "interval: 10m");
    let (code, said) = judged(&format!("{SOUND}---\n{again}"));
    assert_eq!(code, Some(2));
    assert!(
        said.contains(
            "error[flux]: Kustomization `flux-system/web` is there twice\n  --> -:11:18\n"
        ),
        "{said}"
    );
    assert!(
        said.contains(
            "help: the other stands at -:3:18; the last one applied wins, so keep one of them\n"
        ),
        "{said}"
    );
    let elsewhere = SOUND.replace("namespace: flux-system", "namespace: other");
    assert_eq!(judged(&format!("{SOUND}---\n{elsewhere}")).0, Some(0));
}

#[test]
fn an_object_that_is_there_in_two_files_is_a_warning_within_a_folder_and_nothing_across_folders() {
    let judged = |other: &str, marker: &str| {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join(other);
        fs::create_dir_all(folder.path().join("eu")).unwrap();
        fs::create_dir_all(other.parent().unwrap()).unwrap();
        let first = format!("# flux-setup: production/eu/web\n{SOUND}");
        fs::write(folder.path().join("eu/web.yaml"), first).unwrap();
        fs::write(other, format!("{marker}{SOUND}")).unwrap();
        let run = run_in(folder.path(), &["validate", "--manifests", "."]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stderr
    };
    for near in ["eu/patch.yaml", "eu/apps/web.yaml", "all.yaml"] {
        let said = judged(near, "");
        assert!(
            said.contains("warning[flux]: Kustomization `flux-system/web` is there twice\n"),
            "{near}: {said}"
        );
    }
    assert_eq!(judged("us/web.yaml", ""), "");
    assert_eq!(
        judged("eu/us.yaml", "# flux-setup: production/us/web\n"),
        ""
    );
    assert_ne!(
        judged("eu/us.yaml", "# flux-setup: production/eu/shop\n"),
        ""
    );
}

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

/// `validate` knows whose file it is by the first line that `render` writes.
#[test]
fn what_render_wrote_for_two_clusters_may_lie_in_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
    fs::create_dir_all(folder.path().join("environments")).unwrap();
    let environment = "ref: {branch: main}\npath: ./deploy\nprune: true\nclusters: [eu, us]\n";
    write("environments/prod.yaml", environment);
    let fleet = "output: \"{cluster}-{environment}-{project}.yaml\"\nclusters: [{name: eu}, {name: us}]\n\
                 projects: [{name: web, repository: https://github.com/acme/web}]\n";
    write("flux-setup.yaml", fleet);
    let run = run_in(folder.path(), &["render", "--output", "out"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let run = run_in(folder.path(), &["validate", "--manifests", "out"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let text = fs::read_to_string(folder.path().join("out/us-prod-web.yaml")).unwrap();
    write("out/copy.yaml", &text);
    let run = run_in(folder.path(), &["validate", "--manifests", "out"]);
    assert!(run.stderr.contains(" is there twice\n"), "{}", run.stderr);
}
