//! `--against` with `--environment`, `--project` or `--cluster`: what is gone from the part is told.

use std::fs;

use super::fleets::{against, against_stdin, configure, differences, fleet, manifests, project};
use crate::binary::run_in;
use crate::folders::write;

const SITES: [(&str, &str); 2] = [("prod", "prod-a, prod-b"), ("qa", "qa-a")];

const GONE: [&str; 2] = [
    "removed: Kustomization flux-system/jobs on qa-a",
    "removed: GitRepository flux-system/jobs on qa-a",
];

/// A fleet of two environments that rendered `web` and `jobs`, as somebody wrote them, and has `web` left.
fn without_jobs() -> tempfile::TempDir {
    let all = manifests("web") + &manifests("jobs");
    fleet(
        &SITES,
        &project("web", ""),
        &[
            ("clusters/prod-a/all.yaml", &all),
            ("clusters/prod-b/all.yaml", &all),
            ("clusters/qa-a/all.yaml", &all),
        ],
    )
}

#[test]
fn of_one_environment_what_is_gone_from_its_clusters_is_told() {
    let at = without_jobs();
    let run = against(&at, "old", &["--environment", "qa"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(differences(&run), GONE);
    assert!(
        run.stderr.contains("2 removed, 1 danger, 2 the same"),
        "{}",
        run.stderr
    );
    let of_cluster = against(&at, "old", &["--cluster", "qa-a"]);
    assert_eq!(of_cluster.stdout, run.stdout);
    let renamed = project("web", "") + &project("jobs", "").replace("name: jobs", "name: work");
    configure(&at, &SITES, &renamed);
    let run = against(&at, "old", &["--environment", "qa", "--allow", "added"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(
        differences(&run),
        [
            "renamed: Kustomization flux-system/jobs on qa-a to Kustomization flux-system/work on qa-a",
            "renamed: GitRepository flux-system/jobs on qa-a to GitRepository flux-system/work on qa-a",
        ]
    );
}

#[test]
fn of_one_project_what_nothing_renders_is_told_unless_its_labels_give_it_to_another() {
    let at = without_jobs();
    let run = against(&at, "old", &["--project", "web", "--environment", "qa"]);
    assert_eq!((run.code, &differences(&run)[..]), (Some(1), &GONE[..]));
    // what another project renders is not gone
    configure(&at, &SITES, &(project("web", "") + &project("jobs", "")));
    assert_eq!(against(&at, "old", &["--project", "web"]).code, Some(0));
    fs::remove_dir_all(at.path().join("old")).expect("a folder of the test");
    let rendered = ["render", "--config", "fleet", "--output", "old"];
    assert_eq!(run_in(at.path(), &rendered).code, Some(0));
    configure(&at, &SITES, &project("web", ""));
    let run = against(&at, "old", &["--project", "web"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), ""),
        "{}",
        run.stderr
    );
    // an object of the project itself
    let objects = ", objects: [{name: web}, {name: more, path: ./more}]";
    configure(&at, &SITES, &project("web", objects));
    let output = ["render", "--config", "fleet", "--output", "old", "--prune"];
    assert_eq!(run_in(at.path(), &output).code, Some(0));
    configure(&at, &SITES, &project("web", ""));
    let run = against(&at, "old", &["--project", "web", "--environment", "qa"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(
        differences(&run),
        ["removed: Kustomization flux-system/more on qa-a"]
    );
}

#[test]
fn what_a_label_gives_to_the_environment_is_gone_from_it_wherever_it_was() {
    let at = fleet(&SITES, &project("web", ""), &[]);
    let rendered = ["render", "--config", "fleet", "--output", "old"];
    assert_eq!(run_in(at.path(), &rendered).code, Some(0));
    configure(&at, &[("prod", "prod-a, prod-b"), ("qa", "prod-a")], "");
    let qa = ", environments: {prod: {clusters: [prod-b]}}";
    configure(
        &at,
        &[("prod", "prod-a, prod-b"), ("qa", "prod-a")],
        &project("web", qa),
    );
    let run = against(&at, "old", &["--environment", "qa"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(
        differences(&run),
        [
            "removed: Kustomization flux-system/web on qa-a",
            "removed: GitRepository flux-system/web on qa-a",
        ]
    );
}

#[test]
fn what_names_no_cluster_is_that_of_the_one_that_is_asked_for() {
    let at = without_jobs();
    let live = manifests("web") + &manifests("jobs");
    let run = against_stdin(&at, &live, &["--cluster", "qa-a"]);
    assert_eq!((run.code, &differences(&run)[..]), (Some(1), &GONE[..]));
    assert_eq!(
        run.stderr,
        "compared with stdin: 2 removed, 1 danger, 2 the same; what names no cluster is taken for that of qa-a; 2 objects would get our labels, which change nothing that Flux does\n"
    );
    let of_environment = against_stdin(&at, &live, &["--environment", "qa"]);
    assert_eq!(of_environment.stdout, run.stdout);
    write(at.path(), "copy/all.yaml", &live);
    let copy = against(&at, "copy", &["--cluster", "qa-a"]);
    assert_eq!((copy.code, &differences(&copy)[..]), (Some(1), &GONE[..]));
    let renamed = project("web", "") + &project("jobs", "").replace("name: jobs", "name: work");
    configure(&at, &SITES, &renamed);
    let run = against_stdin(&at, &live, &["--cluster", "qa-a", "--allow", "added"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stdout.starts_with("renamed: "), "{}", run.stdout);
}

#[test]
fn what_names_none_of_several_clusters_and_is_rendered_elsewhere_is_not_compared() {
    let at = without_jobs();
    let only_qa = project("jobs", ", environments: {prod: false}");
    configure(&at, &SITES, &(project("web", "") + &only_qa));
    let live = manifests("web") + &manifests("jobs");
    let run = against_stdin(&at, &live, &["--cluster", "prod-*"]);
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    insta::assert_snapshot!(run.stdout + &run.stderr, @"
    not compared: Kustomization flux-system/jobs (-:17)
      nothing says its cluster, and it is rendered for none that is asked for, only for another; compare the manifests of each cluster by themselves, with `--cluster NAME`
    not compared: GitRepository flux-system/jobs (-:12)
      nothing says its cluster, and it is rendered for none that is asked for, only for another; compare the manifests of each cluster by themselves, with `--cluster NAME`
    compared with stdin: 2 not compared, 4 the same; 2 objects name no cluster and are taken for those of any; 4 objects would get our labels, which change nothing that Flux does
    ");
    // and what nothing renders is gone, whichever it was of
    configure(&at, &SITES, &project("web", ""));
    let run = against_stdin(&at, &live, &["--cluster", "prod-*"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(
        differences(&run),
        [
            "removed: Kustomization flux-system/jobs",
            "removed: GitRepository flux-system/jobs",
        ]
    );
}

#[test]
fn what_was_rendered_for_an_environment_that_is_called_otherwise_now_is_told() {
    let labels = "labels: {app.kubernetes.io/managed-by: flux-setup, flux-setup.dev/environment: quality, flux-setup.dev/project: jobs}, namespace";
    let all = manifests("web") + &manifests("jobs").replace("namespace", labels);
    let at = fleet(
        &SITES,
        &project("web", ""),
        &[
            ("clusters/prod-a/all.yaml", &manifests("web")),
            ("clusters/prod-b/all.yaml", &manifests("web")),
            ("clusters/qa-a/all.yaml", &all),
        ],
    );
    let run = against(&at, "old", &["--environment", "qa"]);
    assert_eq!((run.code, &differences(&run)[..]), (Some(1), &GONE[..]));
    let run = against(&at, "old", &["--environment", "prod"]);
    assert_eq!(run.code, Some(0), "{}", run.stdout);
}
