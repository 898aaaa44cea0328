//! Plain manifests, judged without any configuration.

use std::fs;

use crate::binary::{command, ended, repository, run_in};

pub(super) const SOUND: &str = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web, namespace: flux-system}
spec:
  interval: 5m
  prune: true
  sourceRef: {kind: GitRepository, name: web}
";

/// What that one follows.
pub(super) const SOURCE: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: web, namespace: flux-system}
spec:
  interval: 5m
  url: https://github.com/acme/web
  ref: {branch: main}
";

/// What is said of these manifests on stdin.
fn judged(manifests: &str) -> (Option<i32>, String) {
    let mut program = command(&["validate", "--manifests", "-"]);
    let output = program
        .write_stdin(manifests)
        .output()
        .expect("the program was built");
    let run = ended(&output);
    (run.code, run.stdout + &run.stderr)
}

#[test]
fn a_flag_that_readers_take_differently_is_told_how_to_write_it() {
    let (code, said) = judged(&SOUND.replace("prune: true", "prune: yes"));
    assert_eq!(code, Some(2));
    assert!(
        said.contains("error[flux]: readers of YAML differ over a bare `yes`"),
        "{said}"
    );
    assert!(
        said.contains("= help: write `true`, or quote it if it is text"),
        "{said}"
    );
}

#[test]
fn plain_manifests_need_no_configuration() {
    assert_eq!(
        judged(SOUND),
        (Some(0), "sound: 1 document judged\n".to_owned())
    );
    let (code, said) = judged(&SOUND.replace("prune: true", "prun: true"));
    assert_eq!(code, Some(2));
    assert!(
        said.contains("error[api]: unknown field `prun`\n --> -:6:3\n"),
        "{said}"
    );
    assert!(said.contains("error[api]: `prune` is required\n"), "{said}");
}

#[test]
fn what_only_flux_chokes_on_is_an_error_of_its_own_class() {
    let (code, said) = judged(&SOUND.replace("interval: 5m", "interval: 0s"));
    assert_eq!(code, Some(2));
    assert!(said.starts_with("error[flux]: "), "{said}");
}

#[test]
fn what_has_no_schema_is_told_apart_from_what_is_sound() {
    let other = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n";
    let (code, said) = judged(&format!(
        "{SOUND}---\n{other}---\n{}",
        other.replace("{name: a}", "{name: b}")
    ));
    assert_eq!(code, Some(0));
    assert!(
        said.contains("warning[api]: 2 documents not checked: no CRD for Thing example.com/v1\n"),
        "{said}"
    );
    assert!(
        said.contains("help: name its CustomResourceDefinition: `--crds FILE`\n"),
        "{said}"
    );
    assert!(
        said.starts_with("sound: 1 document judged, 2 not checked\n"),
        "{said}"
    );
}

#[test]
fn of_kubernetes_own_kinds_only_metadata_is_judged_and_the_summary_says_so() {
    let own = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let (code, said) = judged(&format!("{SOUND}---\n{own}"));
    assert_eq!(code, Some(0));
    assert_eq!(
        said,
        "sound: 1 document judged, 1 of Kubernetes' own kinds by metadata alone\n"
    );
}

#[test]
fn for_machines_the_documents_are_counted_beside_the_findings() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.yaml"), SOURCE).unwrap();
    let arguments = ["validate", "--manifests", ".", "--format", "json"];
    let run = run_in(folder.path(), &arguments);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let expected = serde_json::json!({
        "findings": [],
        "documents": {"judged": 1, "partly": 0, "metadataOnly": 0, "unchecked": 0, "kustomize": 0, "built": 0, "asked": 0},
        "flux": [{"cluster": null, "version": "2.9", "by": "default"}],
        "otherFiles": [],
    });
    assert_eq!(report, expected);
}

/// A backup that its CRD refuses.
const BACKUP: &str =
    "apiVersion: data.acme.example/v1\nkind: Backup\nmetadata: {name: a}\nspec: {keep: 0}\n";

#[test]
fn crds_that_are_named_count_as_files_and_as_folders() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("backup.yaml"), BACKUP).unwrap();
    let crds = repository().join("tests/fleets/everything/crds");
    for path in [crds.join("backups.yaml"), crds.clone()] {
        let path = path.to_str().unwrap();
        let arguments = ["validate", "--manifests", "backup.yaml", "--crds", path];
        let run = run_in(folder.path(), &arguments);
        assert_eq!(run.code, Some(2));
        assert!(
            run.stderr.contains("error[api]: `databases` is required\n"),
            "{}",
            run.stderr
        );
        assert!(
            run.stderr.ends_with("\n1 document judged\n"),
            "{}",
            run.stderr
        );
    }
    let one = crds.join("backups.yaml");
    let other = crds.join("helmreleases.yaml");
    let run = run_in(
        folder.path(),
        &[
            "validate",
            "--manifests",
            "backup.yaml",
            "--crds",
            other.to_str().unwrap(),
            "--crds",
            one.to_str().unwrap(),
        ],
    );
    assert!(run.stderr.contains("`databases` is required"));
}

#[test]
fn every_kind_of_flux_is_judged_without_any_crds() {
    let folder = tempfile::tempdir().unwrap();
    let object = |group: &str, kind: &str, spec: &str| {
        format!(
            "apiVersion: {group}\nkind: {kind}\nmetadata: {{name: {}, namespace: apps}}\nspec: {{{spec}, nonsense: 1}}\n---\n",
            kind.to_lowercase()
        )
    };
    let text: String = [
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease", "interval: 1h"),
        (
            "image.toolkit.fluxcd.io/v1",
            "ImageRepository",
            "interval: 1h",
        ),
        ("image.toolkit.fluxcd.io/v1", "ImagePolicy", "suspend: true"),
        (
            "image.toolkit.fluxcd.io/v1",
            "ImageUpdateAutomation",
            "interval: 1h",
        ),
        (
            "notification.toolkit.fluxcd.io/v1",
            "Receiver",
            "interval: 1h",
        ),
        (
            "notification.toolkit.fluxcd.io/v1beta3",
            "Alert",
            "suspend: true",
        ),
        (
            "notification.toolkit.fluxcd.io/v1beta3",
            "Provider",
            "suspend: true",
        ),
        (
            "source.extensions.fluxcd.io/v1beta1",
            "ArtifactGenerator",
            "sources: []",
        ),
        (
            "source.toolkit.fluxcd.io/v1",
            "HelmRepository",
            "interval: 1h",
        ),
        ("source.toolkit.fluxcd.io/v1", "HelmChart", "interval: 1h"),
    ]
    .map(|(group, kind, spec)| object(group, kind, spec))
    .concat();
    fs::write(folder.path().join("all.yaml"), text).unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "all.yaml"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.ends_with("\n10 documents judged\n"),
        "{}",
        run.stderr
    );
    let unknown = run.stderr.matches("unknown field `nonsense`").count();
    assert_eq!(unknown, 10, "{}", run.stderr);
}

#[test]
fn what_sops_encrypted_is_judged_as_far_as_it_can_be_read() {
    let sops = "sops: {mac: \"ENC[AES256_GCM,data:x]\", version: 3.8.1}\n";
    let url = "url: https://github.com/acme/web";
    let hidden = SOURCE.replace(url, "url: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]");
    assert_eq!(
        judged(&format!("{hidden}{sops}")),
        (Some(0), "sound: 1 document judged\n".to_owned())
    );
    let (code, said) = judged(&format!("{hidden}{sops}").replace("5m", "5x"));
    assert_eq!(code, Some(2));
    assert!(
        said.contains("error[api]: `5x` does not match") && said.contains("\n1 error\n"),
        "{said}"
    );
    // what others call so is a field like any other
    let (_, said) = judged(&format!("{hidden}sops: {{}}\n"));
    assert!(said.contains("unknown field `sops`"), "{said}");
    assert!(said.contains("`ENC[AES256_GCM,"), "{said}");
}

#[test]
fn merge_keys_are_read_as_kustomize_reads_them() {
    let common = "x-common: &common {interval: 5s, prune: true}\n";
    let anchored = SOUND.replace("  interval: 5m\n  prune: true\n", "  <<: *common\n");
    let (code, said) = judged(&format!("{common}{anchored}"));
    assert_eq!(code, Some(2));
    for says in [
        "error[api]: unknown field `x-common`\n --> -:1:1\n",
        "error[flux]: `5s` is under the 60s that a Kustomization needs\n --> -:1:30\n",
        "\n2 errors\n",
    ] {
        assert!(said.contains(says), "{said}");
    }
    let differs = SOUND.replace("  prune: true\n", "  <<: {interval: 9m, prune: true}\n");
    let (code, said) = judged(&differs);
    assert_eq!(code, Some(2));
    assert!(
        said.starts_with(
            "error: readers of YAML differ over `interval`, which `<<` below it merges too\n --> -:5:3\n"
        ) && said.contains("help: write `<<` first: then all of them take what is written here\n"),
        "{said}"
    );
}

#[test]
fn crds_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.yaml"), SOUND).unwrap();
    fs::write(folder.path().join("empty.yaml"), "# nothing\n").unwrap();
    for (path, says) in [
        ("nowhere", "error: cannot find `nowhere`\n"),
        (
            "empty.yaml",
            "error: `empty.yaml` holds no CustomResourceDefinition\n",
        ),
        (
            "web.yaml",
            "error[api]: holds no CustomResourceDefinition\n",
        ),
        ("-", "error: `--crds` names a file or a folder; "),
    ] {
        let arguments = ["validate", "--manifests", "web.yaml", "--crds", path];
        let run = run_in(folder.path(), &arguments);
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.starts_with(says), "{}", run.stderr);
    }
    let run = run_in(folder.path(), &["validate", "--crds", "web.yaml"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("--manifests"), "{}", run.stderr);
}

#[test]
fn an_empty_input_is_not_sound() {
    for empty in ["", "---\n", "# nothing\n"] {
        let (code, said) = judged(empty);
        assert_eq!(code, Some(2));
        assert_eq!(said, "error: stdin holds no manifest\n");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.yaml"), "").unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "web.yaml"]);
    assert_eq!(run.stderr, "error: `web.yaml` holds no manifest\n");
}

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
        fs::create_dir(folder.path().join("source")).unwrap();
        fs::write(folder.path().join("source/web.yaml"), SOURCE).unwrap();
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

#[test]
fn a_fault_far_out_in_a_long_line_is_shown_with_what_stands_around_it() {
    let long = "x".repeat(64 << 10);
    let metadata = format!("metadata: {{annotations: {{a: \"{long}\"}}, nmae: web, namespace: b}}");
    let (code, said) =
        judged(&SOUND.replace("metadata: {name: web, namespace: flux-system}", &metadata));
    assert_eq!(code, Some(2));
    assert!(said.contains("xxxx\"}, nmae: web, namespace: b}"), "{said}");
    let widest = said.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(160), "{widest:?}");
}

#[test]
fn a_crd_among_the_manifests_counts() {
    let crds = repository().join("tests/fleets/everything/crds/backups.yaml");
    let crd = fs::read_to_string(crds).unwrap();
    let (code, said) = judged(&format!("{BACKUP}---\n{crd}"));
    assert_eq!(code, Some(2));
    assert!(said.contains("`databases` is required"), "{said}");
}

#[test]
fn credentials_in_plain_manifests_are_shown_nowhere() {
    let source = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: web, namespace: flux-system}
spec: {interval: 1m, url: \"git://bob:hunter2@github.com/a/b\"}
";
    for format in ["text", "json"] {
        let mut program = command(&["validate", "--manifests", "-", "--format", format]);
        let output = program.write_stdin(source).output();
        let run = ended(&output.expect("the program was built"));
        assert_eq!(run.code, Some(2));
        let said = run.stdout + &run.stderr;
        assert!(
            said.contains("`git://***@github.com/a/b` does not match the pattern"),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
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

/// As a shell writes `<(…)`, and as those write it who do not know `-`.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_read_as_stdin_is() {
    let folder = tempfile::tempdir().unwrap();
    let run = |script: &str| {
        let mut shell = std::process::Command::new("sh");
        let program = env!("CARGO_BIN_EXE_flux-setup");
        shell
            .args(["-c", script, program])
            .current_dir(folder.path());
        let run = ended(&shell.output().expect("there is a shell"));
        (run.code, run.stdout + &run.stderr)
    };
    fs::write(folder.path().join("web.yaml"), SOUND).unwrap();
    let sound = (Some(0), "sound: 1 document judged\n".to_owned());
    let judge = "\"$0\" validate --manifests";
    for script in [
        &format!("cat web.yaml | {judge} /dev/stdin"),
        &format!("cat web.yaml | {judge} /proc/self/fd/0"),
        &format!("{judge} /dev/stdin < web.yaml"),
        &format!("mkfifo pipe; cat web.yaml > pipe & {judge} pipe"),
        &format!("cat web.yaml | {judge} web.yaml --crds /dev/stdin"),
    ] {
        let answer = run(script);
        if script.contains("--crds") {
            let (code, said) = answer;
            assert_eq!(code, Some(2));
            assert!(said.contains("holds no CustomResourceDefinition"), "{said}");
            assert!(said.contains(" --> /dev/stdin:1:1\n"), "{said}");
        } else {
            assert_eq!(answer, sound, "{script}");
        }
    }
    for (script, says) in [
        ("/dev/zero", "error: `/dev/zero` is larger than 64 MiB; "),
        ("/dev/null", "error: `/dev/null` holds no manifest\n"),
    ] {
        let (code, said) = run(&format!("{judge} {script}"));
        assert_eq!(code, Some(2));
        assert!(said.starts_with(says), "{said}");
    }
}
