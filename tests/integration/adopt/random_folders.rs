//! Random fleets in files: whose an object is, is what the folders, the kustomizations and the appliers make of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::{Strategy, any};
use proptest::test_runner::Config;
use proptest::{array, collection, prop_assert, prop_assert_eq, proptest};
use serde_json::Value;

use super::bad_input::{kustomization, source};
use crate::binary::run_in;
use crate::folders::write;

const CLUSTERS: [&str; 3] = ["dev", "production", "staging"];
const APPS: [&str; 5] = ["api", "docs", "mail", "shop", "web"];

/// Where the manifests of an app lie, and how a cluster gets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `clusters/CLUSTER/APP.yaml`.
    Own,
    /// The same, and the kustomization of that folder does not list it.
    Unlisted,
    /// `shared/APP`, which the kustomization of the cluster's folder lists.
    Listed,
    /// `apps/base/APP`, which `apps/CLUSTER` lists, and that a Kustomization of Flux applies.
    Overlay,
    /// `tenants/APP`, which a Kustomization of Flux applies as it lies.
    Plain,
}

#[derive(Debug, Clone)]
struct Layout {
    clusters: usize,
    is_bootstrapped: bool,
    /// Of each cluster's folder, whether it has a kustomization in any case.
    lists: [bool; 3],
    /// The place of each app, the clusters that have it, and whether they differ in it.
    apps: Vec<(Place, [bool; 3], bool)>,
}

fn layout() -> impl Strategy<Value = Layout> {
    let place = (0..5_usize).prop_map(|number| {
        [
            Place::Own,
            Place::Unlisted,
            Place::Listed,
            Place::Overlay,
            Place::Plain,
        ][number]
    });
    let app = (place, array::uniform3(any::<bool>()), any::<bool>());
    let apps = collection::vec(app, 1..=APPS.len());
    (
        1..=3_usize,
        any::<bool>(),
        array::uniform3(any::<bool>()),
        apps,
    )
        .prop_map(|(clusters, is_bootstrapped, lists, apps)| Layout {
            clusters,
            is_bootstrapped,
            lists,
            apps,
        })
}

/// Cluster, kind and name.
type Object = (String, &'static str, String);

/// Writes the files, and says what each cluster applies.
fn lay_out(layout: &Layout, root: &Path) -> BTreeSet<Object> {
    let mut applied = BTreeSet::new();
    let flux = |name: &str, path: &str| {
        let text = kustomization(name, "").replace(&format!("./{name}"), path);
        text.replace(
            &format!("kind: GitRepository, name: {name}"),
            "kind: GitRepository, name: flux-system",
        )
    };
    for (number, cluster) in CLUSTERS.iter().take(layout.clusters).enumerate() {
        let mut listed: Vec<String> = Vec::new();
        let mut needs_list = layout.lists[number];
        let mut overlay: Vec<String> = Vec::new();
        let mut put = |kind: &'static str, name: &str| {
            let cluster = if layout.clusters == 1 { "-" } else { cluster };
            applied.insert((cluster.to_owned(), kind, name.to_owned()));
        };
        let home = format!("clusters/{cluster}");
        let has_any = |place: Place| layout.apps.iter().any(|(of, _, _)| *of == place);
        needs_list |= has_any(Place::Unlisted) || has_any(Place::Listed);
        // so that the folder is there, and a cluster whatever else it has
        write(
            root,
            &format!("{home}/base.yaml"),
            source("base") + &kustomization("base", ""),
        );
        listed.push("base.yaml".to_owned());
        put("GitRepository", "base");
        put("Kustomization", "base");
        for ((place, here, differs), app) in layout.apps.iter().zip(APPS) {
            // what nobody takes in is of nobody
            if !here[number] && number > 0 {
                continue;
            }
            let mut text = source(app) + &kustomization(app, "");
            match place {
                Place::Own | Place::Unlisted => {
                    if *differs {
                        text = text.replace("5m", &format!("{}m", number + 6));
                    }
                    write(root, &format!("{home}/{app}.yaml"), text);
                    if *place == Place::Unlisted {
                        continue;
                    }
                    listed.push(format!("{app}.yaml"));
                }
                Place::Listed => {
                    write(root, &format!("shared/{app}/{app}.yaml"), text);
                    let lists = format!("resources: [{app}.yaml]\n");
                    write(root, &format!("shared/{app}/kustomization.yaml"), lists);
                    listed.push(format!("../../shared/{app}"));
                }
                Place::Overlay => {
                    write(root, &format!("apps/base/{app}/{app}.yaml"), text);
                    let lists = format!("resources: [{app}.yaml]\n");
                    write(root, &format!("apps/base/{app}/kustomization.yaml"), lists);
                    overlay.push(format!("../base/{app}"));
                }
                Place::Plain => {
                    write(root, &format!("tenants/{app}/deep/{app}.yaml"), text);
                    let name = format!("tenant-{app}");
                    let applies = flux(&name, &format!("./tenants/{app}"));
                    write(root, &format!("{home}/{name}.yaml"), applies);
                    listed.push(format!("{name}.yaml"));
                    put("Kustomization", &name);
                }
            }
            put("GitRepository", app);
            put("Kustomization", app);
        }
        if !overlay.is_empty() {
            let lists = format!("resources: [{}]\n", overlay.join(", "));
            write(root, &format!("apps/{cluster}/kustomization.yaml"), lists);
            let applies = flux("apps", &format!("./apps/{cluster}"));
            write(root, &format!("{home}/apps.yaml"), applies);
            listed.push("apps.yaml".to_owned());
            put("Kustomization", "apps");
        }
        if layout.is_bootstrapped {
            let sync = source("flux-system") + &flux("flux-system", &format!("./{home}"));
            write(root, &format!("{home}/flux-system/gotk-sync.yaml"), sync);
            let lists = "resources: [gotk-sync.yaml]\n";
            write(
                root,
                &format!("{home}/flux-system/kustomization.yaml"),
                lists,
            );
            listed.push("flux-system".to_owned());
        }
        if needs_list {
            let mut lists = "resources:\n".to_owned();
            for one in &listed {
                let _ = writeln!(lists, "- {one}");
            }
            write(root, &format!("{home}/kustomization.yaml"), lists);
        }
    }
    applied
}

/// What a configuration renders.
fn rendered(folder: &Path) -> BTreeSet<Object> {
    let run = run_in(folder, &["render", "--config", "fleet", "--format", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let answer: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let manifests = answer["manifests"].as_array().expect("a list").iter();
    let objects = manifests.map(|one| {
        let text = |node: &Value| node.as_str().unwrap_or("-").to_owned();
        let kind = match one["manifest"]["kind"].as_str() {
            Some("Kustomization") => "Kustomization",
            _ => "GitRepository",
        };
        (
            text(&one["cluster"]),
            kind,
            text(&one["manifest"]["metadata"]["name"]),
        )
    });
    objects.collect()
}

proptest! {
    #![proptest_config(Config { cases: 24, ..Config::default() })]

    #[test]
    fn each_cluster_gets_what_its_folder_lists_and_applies_and_nothing_else(layout in layout()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let applied = lay_out(&layout, &path.join("old"));
        let made = run_in(path, &["init", "fleet", "--from", "old"]);
        prop_assert!(made.code == Some(0), "{}{}", made.stdout, made.stderr);
        prop_assert_eq!(rendered(path), applied, "{}", made.stdout);
        let check = ["render", "--config", "fleet", "--check", "--against", "old"];
        let checked = run_in(path, &check);
        prop_assert!(checked.code == Some(0) && checked.stdout.is_empty(), "{}{}", checked.stdout, checked.stderr);
        // what is left alone is what nothing applies, and what `flux bootstrap` wrote
        let left = made.stdout.lines().filter(|line| line.starts_with("  old/"));
        let mut left = left.filter(|line| !line.contains("`flux bootstrap` wrote it"));
        prop_assert!(
            left.all(|line| line.ends_with("/kustomization.yaml` does not list it, so nothing applies it")),
            "{}", made.stdout
        );
    }
}
