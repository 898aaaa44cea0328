//! What goes from a folder, what stays, and what is said of it.

use std::fs;

use crate::folders::{files, write};

use super::{ENVIRONMENT, FLEET, ends, exists, fleet, render, without};

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
