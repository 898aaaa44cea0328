//! A folder of manifests over its life: what is checked, pruned, renamed and left alone.

#[cfg(unix)]
mod anywhere;

use std::fs;

use serde_json::Value;
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
fn nothing_but_our_own_files_is_ever_pruned() {
    let folder = fleet();
    ends(render(&folder, &[]), 0);
    let ours = fs::read(folder.path().join("out/eu/prod/web.yaml")).unwrap();
    let others = [
        ("out/eu/prod/copy.yaml", &ours[..]), // a copy lies at another path than its marker says
        ("out/eu/web.yaml", &ours),
        ("out/eu/prod/deep/web.yaml", &ours),
        ("out/web.yaml", &ours),
        ("out/eu/prod/notes.md", b"# flux-setup: prod/eu/web\n"),
        ("out/eu/prod/other.yaml", b"# flux-setup: prod/eu\n"),
        ("out/eu/prod/empty.yaml", b""),
        ("out/eu/prod/binary", b"\xff\xfe\0"),
        ("out/.git/prod/web.yaml", b"# flux-setup: prod/.git/web\n"),
        ("out/eu/prod/.flux-setup-mine.tmp", b"mine"),
    ];
    for (file, text) in others {
        write(folder.path(), file, text);
    }
    without(&folder, &["web"]);
    ends(render(&folder, &["--check"]), 1);
    let run = ends(render(&folder, &["--prune"]), 1);
    let removed = ", 3 removed, 4 misplaced, 3 objects whose workloads ";
    assert!(run.stderr.contains(removed), "{}", run.stderr);
    // Flux applies copies of our files too, and so they are named
    let listed = "only you remove it:\n  eu/prod/copy.yaml\n";
    assert!(run.stdout.contains(listed), "{}", run.stdout);
    for (file, text) in others {
        assert_eq!(fs::read(folder.path().join(file)).unwrap(), text, "{file}");
    }
    for file in [
        "out/dev/dev/web.yaml",
        "out/eu/prod/web.yaml",
        "out/us/prod/web.yaml",
    ] {
        assert!(!exists(&folder, file), "{file}");
    }
    ends(render(&folder, &["--check"]), 1);
}

#[test]
fn a_selection_by_project_and_cluster_bounds_what_is_written_checked_and_pruned() {
    let folder = fleet();
    ends(render(&folder, &[]), 0);
    without(&folder, &["docs", "web"]);
    let kept = [
        "out/dev/dev/web.yaml",
        "out/us/prod/web.yaml",
        "out/eu/prod/docs.yaml",
    ];

    // outside the selection all differs, and nothing is said of it
    write(
        folder.path(),
        "out/dev/dev/api.yaml",
        "# flux-setup: dev/dev/api\n",
    );
    ends(
        render(&folder, &["--check", "--cluster", "eu", "--project", "api"]),
        0,
    );

    let run = ends(
        render(&folder, &["--check", "--cluster", "eu", "--format", "json"]),
        1,
    );
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let stale: Vec<_> = report["stale"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(stale, ["eu/prod/docs.yaml", "eu/prod/web.yaml"]);
    assert_eq!(report["written"], serde_json::json!([]));

    // `web` is asked for by nothing any more, so no name selects it
    let run = ends(
        render(&folder, &["--prune", "--cluster", "eu", "--project", "web"]),
        2,
    );
    assert!(
        run.stderr.starts_with("error: unknown project `web`; "),
        "{}",
        run.stderr
    );

    ends(
        render(
            &folder,
            &["--prune", "--cluster", "us", "--environment", "dev"],
        ),
        2,
    );
    assert!(kept.iter().all(|file| exists(&folder, file)));
    write(
        folder.path(),
        "flux-setup.yaml",
        FLEET.replace("  - {name: web,", "  - {name: shop,"),
    );
    ends(render(&folder, &["--prune", "--cluster", "eu"]), 0);
    assert!(!exists(&folder, "out/eu/prod/web.yaml"));
    assert!(exists(&folder, "out/eu/prod/shop.yaml"));
    assert!(kept.iter().all(|file| exists(&folder, file)));
}

#[test]
fn unknown_names_are_answered_with_the_nearest_and_nothing_is_written() {
    let folder = fleet();
    for (arguments, message) in [
        (
            ["--project", "wbe"],
            "error: unknown project `wbe`; did you mean `web`?\n",
        ),
        (
            ["--cluster", "ue"],
            "error: unknown cluster `ue`; did you mean `eu`?\n",
        ),
        (
            ["--environment", "prodd"],
            "error: unknown environment `prodd`; did you mean `prod`?\n",
        ),
        (
            ["--environment", "x*"],
            "error: `x*` matches no environment; known: dev, prod\n",
        ),
        (["--project", "[a"], "error: `[a` is no pattern\n"),
    ] {
        for more in [&[][..], &["--check"], &["--prune"]] {
            let run = ends(render(&folder, &[&arguments[..], more].concat()), 2);
            assert!(run.stderr.starts_with(message), "{}", run.stderr);
        }
    }
    assert!(!exists(&folder, "out"));
}

/// The steps that a rename of `web` is said to need.
fn steps_of_a_rename(settings: &str) -> String {
    let folder = fleet();
    let web = |name: &str| {
        format!(
            "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    objects: [{{name: {name}}}]\n{settings}"
        )
    };
    write(
        folder.path(),
        "flux-setup.yaml",
        FLEET
            .replace("projects:\n", &web("web"))
            .replace("  - {name: web,", "  - {name: web2,"),
    );
    ends(render(&folder, &[]), 0);
    write(
        folder.path(),
        "flux-setup.yaml",
        FLEET
            .replace("projects:\n", &web("site"))
            .replace("  - {name: web,", "  - {name: web2,"),
    );
    let run = ends(render(&folder, &["--check", "--cluster", "dev"]), 1);
    let (_, steps) = run
        .stdout
        .split_once("renamed in dev/dev/web: ")
        .expect("it is a rename");
    // a run without `--prune` says the same and leaves the file whole, one with it writes
    let file = folder.path().join("out/dev/dev/web.yaml");
    let before = fs::read_to_string(&file).expect("it was written");
    let kept = ends(render(&folder, &["--cluster", "dev"]), 1);
    assert_eq!(kept.stdout, format!("renamed in dev/dev/web: {steps}"));
    assert_eq!(fs::read_to_string(&file).expect("it was written"), before);
    ends(render(&folder, &["--cluster", "dev", "--prune"]), 0);
    assert_ne!(fs::read_to_string(&file).expect("it was written"), before);
    ends(render(&folder, &["--cluster", "dev", "--check"]), 0);
    steps.to_owned()
}

#[test]
fn a_rename_comes_with_steps_by_what_flux_would_delete() {
    let steps = steps_of_a_rename("");
    assert!(steps.starts_with("Kustomization flux-system/web-dev and all that it applied to site-dev\n  1. keep the name `web-dev`, set `prune: false` for it"), "{steps}");
    let nothing = "Kustomization flux-system/web-dev to site-dev\n  1. nothing to prepare: with `web-dev` no workload is deleted";
    for settings in [
        "    prune: false\n",
        "    suspend: true\n",
        "    kustomization: {deletionPolicy: Orphan}\n",
    ] {
        let steps = steps_of_a_rename(settings);
        assert!(steps.starts_with(nothing), "{settings}{steps}");
    }
    let steps =
        steps_of_a_rename("    prune: false\n    kustomization: {deletionPolicy: Delete}\n");
    assert!(steps.contains(" and all that it applied to site-dev\n  1. keep the name `web-dev`, set `deletionPolicy: Orphan` for it"), "{steps}");
}

#[test]
fn an_object_that_goes_from_a_file_that_stays_waits_for_prune() {
    let folder = fleet();
    let objects = |objects: &str| {
        let web = format!("acme/web, objects: [{objects}]}}");
        write(
            folder.path(),
            "flux-setup.yaml",
            FLEET.replace("acme/web}", &web),
        );
    };
    objects("{name: x}, {name: z}");
    ends(render(&folder, &[]), 0);
    objects("{name: x}");
    let file = folder.path().join("out/dev/dev/web.yaml");
    let before = fs::read_to_string(&file).unwrap();
    let gone = "Kustomization flux-system/z-dev and all that it applied\n";
    for arguments in [&["--check"][..], &[]] {
        let run = ends(render(&folder, arguments), 1);
        assert!(run.stdout.contains(gone), "{}", run.stdout);
        assert!(
            run.stdout
                .contains("`--prune` writes it:\n  dev/dev/web.yaml\n")
        );
        assert!(
            run.stderr
                .contains("3 files kept until `--prune`, 6 unchanged")
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), before);
    }
    ends(render(&folder, &["--prune"]), 0);
    assert!(!fs::read_to_string(&file).unwrap().contains("z-dev"));
    ends(render(&folder, &["--check"]), 0);
}

#[test]
fn an_environment_that_gets_a_cluster_takes_its_files_over() {
    let folder = fleet();
    let output = |text: &str| text.replace("{cluster}/", "");
    let one = |clusters: &str| {
        write(
            folder.path(),
            "environments/prod.yaml",
            format!("{ENVIRONMENT}{clusters}"),
        );
    };
    write(folder.path(), "flux-setup.yaml", output(FLEET));
    one("");
    ends(render(&folder, &[]), 0);
    for cluster in ["eu", "us"] {
        one(&format!("clusters: [{cluster}]\n"));
        ends(render(&folder, &["--check"]), 1);
        let run = ends(render(&folder, &[]), 0);
        let said = format!(" by prod/{cluster}/api\n");
        assert!(
            run.stderr
                .starts_with("out/prod/api.yaml: taken over from prod/"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains(&said), "{}", run.stderr);
        ends(render(&folder, &["--check"]), 0);
    }
}

#[test]
fn after_a_change_of_output_the_files_move_when_they_are_pruned() {
    let folder = fleet();
    ends(render(&folder, &[]), 0);
    let before = files(&folder.path().join("out"));
    let output = FLEET.replace("{cluster}/{environment}", "{environment}/{cluster}");
    write(folder.path(), "flux-setup.yaml", output);
    for arguments in [&["--check"][..], &[]] {
        let run = ends(render(&folder, arguments), 1);
        let moves = "  eu/prod/web.yaml (moves to prod/eu/web.yaml)\n";
        assert!(run.stdout.contains(moves), "{}", run.stdout);
        // `dev/dev` lies where it lay
        assert!(
            run.stderr
                .contains("out: 6 files kept until `--prune`, 3 unchanged, 6 left over\n"),
            "{}",
            run.stderr
        );
        assert_eq!(files(&folder.path().join("out")), before);
    }
    ends(render(&folder, &["--prune"]), 0);
    assert_eq!(files(&folder.path().join("out")).len(), before.len());
    assert!(!exists(&folder, "out/eu/prod/web.yaml"));
    ends(render(&folder, &["--check"]), 0);
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
fn a_selection_of_names_that_never_meet_is_refused() {
    let folder = fleet();
    let never = ["--environment", "dev", "--cluster", "us"];
    let printed = run_in(folder.path(), &[&["render"][..], &never].concat());
    let mut runs = vec![printed];
    for more in [&[][..], &["--check"], &["--prune"]] {
        runs.push(render(&folder, &[&never[..], more].concat()));
    }
    for run in runs {
        let run = ends(run, 2);
        assert!(
            run.stderr.starts_with("error: the selection is empty: "),
            "{}",
            run.stderr
        );
        assert_eq!(run.stdout, "");
    }
    assert!(!exists(&folder, "out"));

    // what lies there from before is pruned all the same
    ends(render(&folder, &[]), 0);
    let nowhere = "acme/web, environments: {prod: false}}";
    write(
        folder.path(),
        "flux-setup.yaml",
        FLEET.replace("acme/web}", nowhere),
    );
    let web = ["--environment", "prod", "--project", "web"];
    ends(render(&folder, &web), 1);
    ends(render(&folder, &[&web[..], &["--prune"]].concat()), 0);
    ends(render(&folder, &web), 2);
}

#[test]
fn what_is_suspended_is_written_so_and_what_is_not_says_nothing_of_it() {
    let folder = fleet();
    write(
        folder.path(),
        "flux-setup.yaml",
        FLEET
            .replace("acme/web}", "acme/web, suspend: true}")
            .replace("acme/api}", "acme/api, suspend: false}"),
    );
    ends(render(&folder, &[]), 0);
    let text = |file| fs::read_to_string(folder.path().join(file)).unwrap();
    assert_eq!(
        text("out/dev/dev/web.yaml")
            .matches("\n  suspend: true\n")
            .count(),
        2
    );
    assert!(!text("out/dev/dev/api.yaml").contains("suspend"));
    without(&folder, &["web"]);
    let run = ends(render(&folder, &["--check"]), 1);
    assert!(
        run.stdout
            .contains("    Kustomization flux-system/web-dev\n"),
        "{}",
        run.stdout
    );
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
