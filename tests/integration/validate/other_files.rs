//! Files of other programs among manifests: they are named, and are no faults.

use serde_json::Value;
use tempfile::TempDir;

use super::manifests::{SOUND, SOURCE};
use crate::binary::{Run, run_in};
use crate::folders::{folder, write};

const MKDOCS: &str =
    "site_name: acme\nmarkdown_extensions:\n- emoji: !!python/name:material.to_svg\n";

/// With what lies beside manifests in many a repository.
const OTHERS: [(&str, &str); 9] = [
    ("mkdocs.yml", MKDOCS),
    ("docker-compose.yml", "services: {web: {image: nginx}}\n"),
    ("package.json", "{\"name\": \"acme\", \"private\": true}\n"),
    (
        "tsconfig.json",
        "{\n  // for the page\n  \"files\": [],\n}\n",
    ),
    (
        "ansible/site.yml",
        "- hosts: all\n  tasks:\n  - k8s: {definition: {kind: A}}\n",
    ),
    ("ansible/broken.yml", "- name: {{ x }}: [\n"),
    ("web/values.yaml", "replicas: 2\n---\nimage: {tag: v1}\n"),
    ("notes.yaml", "just a text\n"),
    (
        ".github/workflows/ci.yaml",
        "on: push\njobs: {a: {runs-on: x}}\n",
    ),
];

fn with(files: &[(&str, &str)]) -> TempDir {
    let folder = folder(files);
    for (file, text) in OTHERS {
        write(folder.path(), file, text);
    }
    folder
}

fn validate(folder: &TempDir, more: &[&str]) -> Run {
    let arguments = [&["validate", "--manifests", "."][..], more].concat();
    run_in(folder.path(), &arguments)
}

#[test]
fn files_of_other_programs_are_counted_in_one_line_and_are_no_faults() {
    let folder = with(&[("web.yaml", SOUND), ("source.yaml", SOURCE)]);
    let latin = b"site: caf\xe9\n";
    write(folder.path(), "zoo.yaml", latin);
    let told = "9 files are no Kubernetes objects: `ansible/broken.yml`, `ansible/site.yml`, `docker-compose.yml` and 6 more";
    let run = validate(&folder, &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        run.stdout,
        "sound: 2 documents judged, 9 other files passed over\n"
    );
    let expected = format!(
        "warning: {told}\n--> ansible/broken.yml:1:1\n = help: `--exclude GLOB` leaves them out\n\n1 warning\n"
    );
    let lines = run.stderr.lines().filter(|line| line.trim() != "|");
    let said: String = lines.map(|line| format!("{line}\n")).collect();
    assert_eq!(said, expected);
    for format in ["github", "sarif", "markdown"] {
        let run = validate(&folder, &["--format", format]);
        assert_eq!(run.code, Some(0), "{format}: {}", run.stderr);
        assert_eq!(run.stdout.matches(told).count(), 1, "{}", run.stdout);
    }
    let run = validate(&folder, &["--format", "json"]);
    let answer: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let findings = answer["findings"].as_array().map(Vec::len);
    assert_eq!((findings, run.code), (Some(1), Some(0)), "{}", run.stdout);
    assert_eq!(
        answer["otherFiles"],
        serde_json::json!([
            "ansible/broken.yml",
            "ansible/site.yml",
            "docker-compose.yml",
            "mkdocs.yml",
            "notes.yaml",
            "package.json",
            "tsconfig.json",
            "web/values.yaml",
            "zoo.yaml",
        ])
    );
    let left_out = validate(
        &folder,
        &[
            "--exclude",
            "{ansible,web}",
            "--exclude",
            "{m,d,p,t,n,z}*.{yml,json}",
        ],
    );
    assert!(
        left_out
            .stderr
            .starts_with("warning: 2 files are no Kubernetes objects: `notes.yaml`, `zoo.yaml`\n"),
        "{}",
        left_out.stderr
    );
}

#[test]
fn a_folder_of_nothing_else_holds_no_manifest() {
    let folder = folder(&[("mkdocs.yml", MKDOCS), ("empty.yaml", "")]);
    let run = validate(&folder, &[]);
    assert_eq!(
        (run.code, &*run.stderr),
        (
            Some(2),
            "error: `.` holds no manifest; 1 file is no Kubernetes object: `mkdocs.yml`\n"
        )
    );
}

#[test]
fn what_was_named_by_itself_has_to_be_an_object() {
    let folder = with(&[]);
    for file in ["mkdocs.yml", "docker-compose.yml", "ansible/site.yml"] {
        let run = run_in(folder.path(), &["validate", "--manifests", file]);
        assert_eq!(run.code, Some(2), "{}", run.stdout);
        assert!(run.stderr.contains("error"), "{}", run.stderr);
    }
}

#[test]
fn what_is_meant_for_an_object_stays_a_fault() {
    for (file, text, says) in [
        (
            "typo.yaml",
            "apiVersion: v1\nknid: ConfigMap\nmetadata: {name: a}\n",
            "error[api]: `kind` is required\n",
        ),
        (
            "typo.yaml",
            "kind: ConfigMap\nmetadata: {name: a}\n",
            "error[api]: `apiVersion` is required\n",
        ),
        (
            "beside.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\nreplicas: 2\n",
            "error[api]: no Kubernetes object: neither `apiVersion` nor `kind` is given\n",
        ),
        (
            "broken.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [\n",
            "error: ",
        ),
        (
            "template.yaml",
            "{{- if .Values.on }}\nkind: ConfigMap\n{{- end }}\n",
            "error: ",
        ),
    ] {
        let folder = with(&[("source.yaml", SOURCE), (file, text)]);
        let run = validate(&folder, &[]);
        assert_eq!(run.code, Some(2), "{file}: {}", run.stdout);
        assert!(
            run.stderr.contains(says) && run.stderr.contains(&format!(" {file}:")),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("8 files are no Kubernetes objects"));
    }
}

#[test]
fn what_kustomize_lists_as_a_resource_has_to_be_an_object() {
    let lists = "resources: [source.yaml, values.yaml, ../broken.yaml]\nconfigMapGenerator: [{name: a, files: [settings.yaml]}]\n";
    let folder = folder(&[
        ("apps/kustomization.yaml", lists),
        ("apps/source.yaml", SOURCE),
        ("apps/values.yaml", "replicas: 2\n"),
        ("apps/settings.yaml", "a: {{ b }}: [\n"),
        ("apps/other.yaml", "replicas: 2\n"),
        ("broken.yaml", "a: [\n"),
    ]);
    let run = validate(&folder, &[]);
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    for says in [
        "error[api]: no Kubernetes object: neither `apiVersion` nor `kind` is given\n --> apps/values.yaml:1:1\n",
        "--> broken.yaml:",
        "warning: 1 file is no Kubernetes object: `apps/other.yaml`\n",
        "\n2 errors, 1 warning\n",
    ] {
        assert!(run.stderr.contains(says), "{says}: {}", run.stderr);
    }
}

#[test]
fn a_kustomization_that_applies_such_a_file_by_its_folder_is_told() {
    let applies = format!("{SOUND}  path: ./apps\n");
    // the source says that this is its repository
    let own = SOURCE.replace("name: web,", "name: flux-system,");
    let files = [
        ("clusters/eu/web.yaml", &*applies),
        ("clusters/eu/source.yaml", SOURCE),
        ("clusters/eu/own.yaml", &own),
        ("apps/values.yaml", "replicas: 2\n"),
        ("apps/sub/broken.yml", "a: [\n"),
        ("apps/package.json", "{}"),
    ];
    let folder = folder(&files);
    let says = "warning[flux]: Kustomization `flux-system/web` applies a folder with what is no Kubernetes object, and so Flux takes nothing of it: `apps/sub/broken.yml`, `apps/values.yaml`\n --> clusters/eu/web.yaml:8:9\n";
    let run = validate(&folder, &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains(says), "{}", run.stderr);
    let is_told = || {
        validate(&folder, &[])
            .stderr
            .contains("so Flux takes nothing of it")
    };
    let lists = "resources: [../clusters/eu/source.yaml]\n";
    write(folder.path(), "apps/kustomization.yaml", lists);
    assert!(!is_told());
    std::fs::remove_file(folder.path().join("apps/kustomization.yaml")).expect("it is there");
    assert!(is_told());
    write(folder.path(), ".sourceignore", "values.yaml\n");
    assert!(!is_told());
}

#[test]
fn of_a_chart_that_was_asked_for_what_helm_alone_reads_is_not_judged() {
    let folder = folder(&[
        (
            "web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        ("web/values.yaml", "replicas: 2\n"),
        (
            "web/templates/a.yaml",
            "{{- if .Values.a }}\nkind: A\n{{- end }}\n",
        ),
        ("web/crds/source.yaml", SOURCE),
    ]);
    let run = run_in(folder.path(), &["validate", "--manifests", "web"]);
    assert_eq!(
        (run.code, &*run.stdout),
        (
            Some(0),
            "sound: 1 document judged, 1 other file passed over\n"
        ),
        "{}",
        run.stderr
    );
    for says in [
        "warning: `web` is a Helm chart, and its templates are not checked\n",
        "= help: `helm template web | flux-setup validate --manifests -` judges what it makes\n",
        "warning: 1 file is no Kubernetes object: `web/values.yaml`\n",
    ] {
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
}
