//! `--against` tells what leaves a cluster, also one that the configuration does not name (any more).

use super::fleets::{against, differences, fleet, manifests, project};

#[test]
fn what_moves_from_a_cluster_that_is_named_no_more_is_removed_there_and_added_elsewhere() {
    let web = project("web", "");
    let api = project("api", "");
    let at = fleet(
        &[("production", "us")],
        &(web + &api),
        &[
            ("clusters/eu/web.yaml", &manifests("web")),
            ("clusters/us/api.yaml", &manifests("api")),
        ],
    );
    let run = against(&at, "old", &[]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(
        differences(&run),
        [
            "removed: Kustomization flux-system/web on eu",
            "removed: GitRepository flux-system/web on eu",
            "added: Kustomization flux-system/web on us",
            "added: GitRepository flux-system/web on us",
        ]
    );
    assert_eq!(
        run.stderr,
        "compared with `old`: 2 added, 2 removed, 1 danger, 2 the same; 2 objects are of clusters for which nothing is rendered: eu; 2 objects would get our labels, which change nothing that Flux does\n"
    );
}

#[test]
fn a_cluster_in_place_of_another_gets_its_objects_and_the_other_loses_them() {
    let all = manifests("web");
    let at = fleet(
        &[("dev", "new-dev"), ("prod", "prod-a")],
        &project("web", ""),
        &[
            ("clusters/dev/apps/web.yaml", &all),
            ("clusters/prod-a/apps/web.yaml", &all),
        ],
    );
    let run = against(&at, "old", &["--allow", "added"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(
        differences(&run),
        [
            "removed: Kustomization flux-system/web on dev",
            "removed: GitRepository flux-system/web on dev",
            "added: Kustomization flux-system/web on new-dev",
            "added: GitRepository flux-system/web on new-dev",
        ]
    );
    let json = against(&at, "old", &["--format", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(json["ofStrangeClusters"], serde_json::json!({"dev": 2}));
    let markdown = against(&at, "old", &["--format", "markdown"]).stdout;
    assert!(
        markdown.contains("2 objects are of clusters for which nothing is rendered: dev"),
        "{markdown}"
    );
}

#[test]
fn a_folder_that_is_called_as_a_cluster_is_its_own_whatever_lies_around_it() {
    let all = manifests("web");
    let at = fleet(
        &[("prod", "eu, us")],
        &project("web", ""),
        &[
            ("clusters/prod/eu/web.yaml", &all),
            ("clusters/prod/us/web.yaml", &all),
            ("clusters/test/web.yaml", &manifests("other")),
        ],
    );
    let run = against(&at, "old", &[]);
    assert_eq!(
        differences(&run),
        [
            "removed: Kustomization flux-system/other on test",
            "removed: GitRepository flux-system/other on test",
        ]
    );
}

#[test]
fn a_rename_in_files_that_name_no_cluster_is_known_again_where_there_is_but_one() {
    let at = fleet(
        &[("production", "eu")],
        &project("web", ""),
        &[("all.yaml", &manifests("w1").replace("acme/w1", "acme/web"))],
    );
    let run = against(&at, "old", &[]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(
        differences(&run),
        [
            "renamed: Kustomization flux-system/w1 on eu to Kustomization flux-system/web on eu",
            "renamed: GitRepository flux-system/w1 on eu to GitRepository flux-system/web on eu",
        ]
    );
    assert!(
        run.stdout.contains("    3. once `web` is ready"),
        "{}",
        run.stdout
    );
    assert!(!run.stderr.contains("is taken for"), "{}", run.stderr);
}

#[test]
fn that_objects_name_none_of_several_clusters_is_told() {
    let all = manifests("web");
    let at = fleet(
        &[("production", "eu, us")],
        &project("web", ""),
        &[("all.yaml", &all)],
    );
    let run = against(&at, "old", &[]);
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert_eq!(
        run.stderr,
        "compared with `old`: 4 the same; 2 objects name no cluster and are taken for those of any; 4 objects would get our labels, which change nothing that Flux does\n"
    );
}

#[test]
fn tenants_that_move_are_known_by_what_is_applied_of_them() {
    let tenant = |name: &str| {
        let all = manifests("repo").replace("acme/repo", "acme/mono");
        let all = all.replace("namespace: flux-system", &format!("namespace: team-{name}"));
        all.replace("./deploy", &format!("./tenants/{name}"))
    };
    let moved = |name: &str, to: &str| {
        let keys = format!(
            ", names: repo, namespace: {to}, objects: [{{name: repo, path: ./tenants/{name}}}]"
        );
        project("mono", &keys).replace("name: mono", &format!("name: {name}"))
    };
    let at = fleet(
        &[("production", "eu")],
        &(moved("alpha", "z2-beta") + &moved("beta", "z1-alpha")),
        &[
            ("alpha.yaml", &tenant("alpha")),
            ("beta.yaml", &tenant("beta")),
        ],
    );
    let run = against(&at, "old", &[]);
    assert_eq!(
        differences(&run),
        [
            "renamed: Kustomization team-alpha/repo on eu to Kustomization z2-beta/repo on eu",
            "renamed: Kustomization team-beta/repo on eu to Kustomization z1-alpha/repo on eu",
            "renamed: GitRepository team-alpha/repo on eu to GitRepository z2-beta/repo on eu",
            "renamed: GitRepository team-beta/repo on eu to GitRepository z1-alpha/repo on eu",
        ]
    );
    assert!(!run.stdout.contains("spec.path"), "{}", run.stdout);
}
