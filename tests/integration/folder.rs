//! A folder of manifests over its life: what is checked, pruned, renamed and left alone.

#[cfg(unix)]
mod anywhere;
mod left_over;
#[cfg(unix)]
mod others;
mod selected;

use std::fs;

use tempfile::TempDir;

use crate::binary::{Run, repository, run_in};
use crate::folders::{files, write};

const ENVIRONMENT: &str = "ref: {branch: main}\npath: ./deploy\nprune: true\n";

/// Two environments; `prod` has two clusters, and so the cluster is part of every path.
const FLEET: &str = "\
output: \"{cluster}/{environment}/{project}.yaml\"
clusters: [{name: dev}, {name: eu}, {name: us}]
projects:
  - {name: api, repository: https://github.com/acme/api}
  - {name: docs, repository: https://github.com/acme/docs}
  - {name: web, repository: https://github.com/acme/web}
";

fn fleet() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let environment = |clusters| format!("{ENVIRONMENT}clusters: [{clusters}]\n");
    write(folder.path(), "environments/dev.yaml", environment("dev"));
    write(
        folder.path(),
        "environments/prod.yaml",
        environment("eu, us"),
    );
    write(folder.path(), "flux-setup.yaml", FLEET);
    folder
}

/// Takes projects away from the fleet.
fn without(folder: &TempDir, projects: &[&str]) {
    let is_kept = |line: &&str| {
        !projects
            .iter()
            .any(|name| line.contains(&format!("name: {name},")))
    };
    let kept: Vec<_> = FLEET.lines().filter(is_kept).collect();
    write(folder.path(), "flux-setup.yaml", kept.join("\n"));
}

fn render(folder: &TempDir, more: &[&str]) -> Run {
    run_in(
        folder.path(),
        &[&["render", "--output", "out"], more].concat(),
    )
}

#[track_caller]
fn ends(run: Run, code: i32) -> Run {
    assert_eq!(run.code, Some(code), "{}{}", run.stdout, run.stderr);
    run
}

fn exists(folder: &TempDir, file: &str) -> bool {
    folder.path().join(file).exists()
}

#[test]
fn the_sample_fleet_is_up_to_date_once_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").display().to_string();
    ends(run_in(repository(), &["render", "--output", &out]), 0);
    let written = files(folder.path());
    assert_eq!(written.len(), 78);
    let check = ends(
        run_in(repository(), &["render", "--output", &out, "--check"]),
        0,
    );
    assert_eq!(check.stdout, "");
    ends(run_in(repository(), &["render", "--output", &out]), 0);
    assert_eq!(files(folder.path()), written);
}

#[cfg(unix)]
#[test]
fn a_file_that_is_up_to_date_is_not_touched() {
    use std::os::unix::fs::MetadataExt;
    let folder = fleet();
    ends(render(&folder, &[]), 0);
    let inode = |file| fs::metadata(folder.path().join(file)).unwrap().ino();
    let files = ["out/dev/dev/api.yaml", "out/dev/dev/web.yaml"];
    let [api, web] = files.map(inode);
    write(folder.path(), files[1], "# flux-setup: dev/dev/web\n");
    let run = ends(render(&folder, &[]), 0);
    assert_eq!(run.stderr, "out: 1 file written, 8 unchanged\n");
    assert_eq!(inode(files[0]), api);
    assert_ne!(inode(files[1]), web, "it was written in place");
}

#[test]
fn a_file_of_somebody_else_where_ours_belongs_is_named_and_stays() {
    let folder = fleet();
    let theirs = "# by hand\nkind: ConfigMap\n";
    write(folder.path(), "out/eu/prod/web.yaml", theirs);
    // somebody copied a file of ours: its first line speaks of another place
    let copied = "# flux-setup: prod/us/web\nkind: ConfigMap\n";
    write(folder.path(), "out/us/prod/api.yaml", copied);
    let before = files(&folder.path().join("out"));
    for arguments in [&[][..], &["--check"], &["--prune"]] {
        let run = ends(render(&folder, arguments), 2);
        assert!(run.stderr.contains("eu/prod/web.yaml"), "{}", run.stderr);
        assert_eq!(
            files(&folder.path().join("out")),
            before,
            "something was written"
        );
    }
}

#[test]
fn a_kustomization_above_our_files_that_does_not_lead_to_them_is_a_warning() {
    let folder = fleet();
    ends(render(&folder, &["--cluster", "eu"]), 0);
    let all = "resources: [api.yaml, docs.yaml, web.yaml]\n";
    let missed = "eu/prod/api.yaml, eu/prod/docs.yaml, eu/prod/web.yaml";
    let leaves_out = format!("does not lead to {missed}, so kustomize leaves out what is there");
    let fails = format!(
        "lists eu/prod, which has no `kustomization.yaml`: kustomize fails, and {missed} is not applied"
    );
    for (top, own, warning) in [
        ("resources: []", false, Some(&leaves_out)),
        (
            "resources: [us, https://example.com/eu]",
            true,
            Some(&leaves_out),
        ),
        ("resources: [./eu/prod/]", false, Some(&fails)),
        ("resources: [eu/../eu/prod]", true, None),
        ("components: [eu/prod]", true, None),
        (
            "resources: [eu/prod/api.yaml, eu/prod/docs.yaml, ./eu/prod/web.yaml]",
            false,
            None,
        ),
    ] {
        write(folder.path(), "out/kustomization.yaml", top);
        if own {
            write(folder.path(), "out/eu/prod/kustomization.yaml", all);
        } else {
            let _ = fs::remove_file(folder.path().join("out/eu/prod/kustomization.yaml"));
        }
        for arguments in [&["--check", "--cluster", "eu"][..], &["--cluster", "eu"]] {
            let run = ends(render(&folder, arguments), 0);
            let said = warning.map(|what| format!("warning: out/kustomization.yaml {what}\n"));
            assert_eq!(
                run.stderr,
                format!("{}out: 3 unchanged\n", said.unwrap_or_default()),
                "{top}"
            );
        }
    }
}

#[test]
fn every_name_of_a_kustomization_that_leaves_a_file_out_is_a_warning_and_one_that_lists_all_is_none()
 {
    let folder = fleet();
    ends(render(&folder, &[]), 0);
    for (name, listed, warns) in [
        ("kustomization.yaml", "[./api.yaml, docs.yaml]", true),
        ("kustomization.yml", "[api.yaml, docs.yaml]", true),
        ("Kustomization", "[]", true),
        (
            "kustomization.yaml",
            "[api.yaml, docs.yaml, ./web.yaml]",
            false,
        ),
    ] {
        let file = format!("out/eu/prod/{name}");
        write(folder.path(), &file, format!("resources: {listed}\n"));
        let before = files(folder.path());
        for arguments in [&[][..], &["--check"], &["--prune"]] {
            let run = ends(render(&folder, arguments), 0);
            let warning = format!("warning: {file} does not list ");
            assert_eq!(run.stderr.starts_with(&warning), warns, "{}", run.stderr);
        }
        assert_eq!(files(folder.path()), before, "it is not ours");
        fs::remove_file(folder.path().join(file)).unwrap();
    }
}

/// The next run would find environments that are none.
#[test]
fn no_manifest_is_written_among_the_environments() {
    let folder = fleet();
    let output = |output: &str| {
        let fleet = FLEET.replace("{cluster}/{environment}/{project}.yaml", output);
        write(folder.path(), "flux-setup.yaml", fleet);
    };
    let before = files(&folder.path().join("environments"));
    let flat = "{cluster}-{environment}-{project}.yaml";
    for (pattern, out) in [
        (flat, "environments"),
        (flat, "../environments/"),
        (&format!("environments/{flat}"), "."),
        (&format!("environments/{flat}"), "environments/.."),
    ] {
        output(pattern);
        write(folder.path(), "beside/x", "");
        let out = out.replace("../environments/", "beside/../environments/");
        for more in [&[][..], &["--check"]] {
            let run = run_in(
                folder.path(),
                &[&["render", "--output", &out], more].concat(),
            );
            let run = ends(run, 2);
            assert!(
                run.stderr
                    .contains("manifests in `environments` would be read as environments; "),
                "{pattern} {out}: {}",
                run.stderr
            );
        }
        assert_eq!(files(&folder.path().join("environments")), before);
    }
    output("{environment}/{cluster}-{project}.yaml");
    ends(
        run_in(folder.path(), &["render", "--output", "environments"]),
        0,
    );
    ends(run_in(folder.path(), &["validate"]), 0);
}
