//! Folders of plain manifests, with what is none among them.

use std::fs;

use crate::binary::run_in;

use super::manifests::{SOUND, SOURCE};

#[cfg(unix)]
#[test]
fn what_cannot_be_read_below_a_folder_is_named_and_hides_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("web.yaml"), SOUND.replace("prune: true", "prun: true")).unwrap();
    fs::write(path("latin.yaml"), b"kind: \xe9\n").unwrap();
    fs::write(path("tab.yaml"), "kind:\r\n\tb: 1\r\n").unwrap();
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
    let own = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [clusters/eu/web.yaml]\n";
    fs::write(folder.path().join("kustomization.yaml"), own).unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "."]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (
            Some(0),
            "sound: 1 document judged, 1 of kustomize itself passed over\n"
        ),
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

#[test]
fn what_kustomize_alone_reads_is_no_manifest_in_whatever_form() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
    let judge = |path: &str| run_in(folder.path(), &["validate", "--manifests", path]);
    write("web.yaml", SOUND);
    let group = "apiVersion: kustomize.config.k8s.io";
    for (file, text) in [
        ("kustomization.yaml", "resources: [web.yaml]\n".to_owned()),
        (
            "kustomization.yml",
            "kind: Kustomization\nresources: []\n".into(),
        ),
        (
            "kustomization.yaml",
            "kind: Component\npatches: []\n".into(),
        ),
        ("parts.yaml", format!("{group}/v1alpha1\nkind: Component\n")),
        (
            "base.yaml",
            format!("{group}/v1beta1\nkind: Kustomization\n"),
        ),
    ] {
        write(file, &text);
        let run = judge(".");
        let said = "sound: 1 document judged, 1 of kustomize itself passed over\n";
        assert_eq!((run.code, &*run.stdout), (Some(0), said), "{}", run.stderr);
        let run = judge(file);
        let said = format!(
            "error: `{file}` holds no manifest, only kustomize's own configuration; `kustomize build` makes manifests of it\n"
        );
        assert_eq!((run.code, run.stderr), (Some(2), said));
        fs::remove_file(folder.path().join(file)).unwrap();
    }
    // what only has its name, or only its shape, is judged
    for (file, text) in [
        (
            "kustomization.yaml",
            SOUND.replace("prune: true", "prun: true"),
        ),
        ("kustomization.yaml", "just a text\n".into()),
    ] {
        write(file, &text);
        let run = judge(".");
        assert_eq!(run.code, Some(2), "{file}: {}", run.stdout);
        assert!(run.stderr.contains(&format!("{file}:")), "{}", run.stderr);
        fs::remove_file(folder.path().join(file)).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_that_is_read_nowhere_else_is_a_warning() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("web.yaml"), SOUND).unwrap();
    fs::create_dir_all(path(".hidden/eu")).unwrap();
    fs::create_dir_all(path("clusters/eu")).unwrap();
    fs::write(path("source.yaml"), SOURCE).unwrap();
    fs::write(outside.path().join("bad.yaml"), "a: [").unwrap();
    symlink("clusters/eu", path("same")).unwrap();
    symlink(".", path("loop")).unwrap();
    symlink("../..", path("clusters/eu/up")).unwrap();
    symlink(outside.path(), path(".unseen")).unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "."]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));

    symlink(outside.path(), path("away")).unwrap();
    symlink("../.hidden/eu", path("clusters/deep.yaml")).unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "."]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for link in ["away", "clusters/deep.yaml"] {
        let says =
            format!("warning: `{link}` is a link to a folder, and is not read\n--> {link}:1:1\n");
        assert!(run.stderr.contains(&says), "{}", run.stderr);
    }
    assert!(run.stderr.ends_with("\n2 warnings\n"), "{}", run.stderr);
}

#[test]
fn a_helm_chart_is_named_and_its_templates_are_no_faults() {
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path().join("charts/web");
    fs::create_dir_all(chart.join("templates")).unwrap();
    fs::write(folder.path().join("source.yaml"), SOURCE).unwrap();
    fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: web\n").unwrap();
    fs::write(chart.join("values.yaml"), "replicas: 1\n").unwrap();
    fs::write(chart.join("templates/a.yaml"), "{{- if .Values.a }}\n").unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "."]);
    assert_eq!(
        (run.code, &*run.stdout),
        (Some(0), "sound: 1 document judged\n"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.starts_with(
            "warning: `charts/web` is a Helm chart, and is not checked\n--> charts/web:1:1"
        ),
        "{}",
        run.stderr
    );
    let says = "help: `helm template charts/web | flux-setup validate --manifests -` judges what it makes\n";
    assert!(run.stderr.contains(says), "{}", run.stderr);
}
