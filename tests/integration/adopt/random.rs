//! Random fleets, rendered, adopted and rendered again: the same.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use flux_setup::adopt::{Given, Known, adopt};
use flux_setup::config::{Severity, load};
use flux_setup::flux::schema::Crds;
use flux_setup::flux::yaml::{Node, read};
use flux_setup::plan::plan;
use flux_setup::render::{Against, Manifest, Part, Templates, compare, each_manifest};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::Config;
use proptest::{collection, option, prop_assert, proptest, sample};

/// A document and its cluster.
type Rendered = (Option<Arc<str>>, Node);

/// Every document that a configuration renders.
///
/// # Errors
/// What is wrong with it.
fn rendered(folder: &Path) -> Result<Vec<Rendered>, String> {
    let (configuration, mut findings) = load(folder);
    let (plan, found) = plan(&configuration);
    findings.extend(found);
    if let Some(fault) = findings.iter().find(|one| one.severity == Severity::Error) {
        return Err(fault.message.clone());
    }
    let (templates, _) = Templates::load(Vec::new());
    let mut documents = Vec::new();
    let mut number = 0;
    each_manifest::<flux_setup::render::RenderError>(&plan, &templates, |object, text| {
        // each text is one of its own, so that places tell documents apart
        documents.push((object.cluster.clone(), read(text, number).0.remove(0)));
        number += 1;
        Ok(())
    })
    .map_err(|error| error.to_string())?;
    Ok(documents)
}

fn manifests(documents: &[Rendered]) -> Vec<Manifest> {
    let all = documents.iter();
    all.filter_map(|(cluster, document)| Manifest::new(cluster.clone(), document))
        .collect()
}

/// Settings of any layer, in one line.
fn settings(of_source: bool) -> impl Strategy<Value = String> {
    let both = prop_oneof![
        Just("suspend: true".to_owned()),
        "labels: \\{(team|tier): [a-c]\\}",
        "annotations: \\{note: [a-c]\\}",
        Just("namespace: team".to_owned()),
        "path: \\./[a-c]",
        Just("prune: true".to_owned()),
        Just("wait: true".to_owned()),
        "retryInterval: [1-3]m",
        "timeouts: \\{kustomization: ([1-3]m|null)\\}",
        "intervals: \\{kustomization: [1-3]m\\}",
        "targetNamespace: [a-c]",
        "substitutions: \\{[AB]: [p-r]\\}",
        "kustomization: \\{(force: true|decryption: \\{provider: sops, secretRef: \\{name: [a-b]\\}\\}|namePrefix: [a-c])\\}",
        "kustomization: \\{commonMetadata: \\{labels: \\{[ab]: c\\}, annotations: \\{[ab]: c\\}\\}\\}",
    ];
    let source = prop_oneof![
        "ref: \\{(branch|tag): [a-c]\\}",
        "intervals: \\{source: [1-3]m\\}",
        "timeouts: \\{source: [1-3]m\\}",
        "secretRef: [a-c]",
        "gitRepository: \\{(recurseSubmodules: true|ignore: '[a-c]')\\}",
        "watchPaths: \\[[a-c]\\]",
    ];
    let one = if of_source {
        prop_oneof![both, source].boxed()
    } else {
        both.boxed()
    };
    collection::vec(one, 0..4).prop_map(|all| {
        let mut known: HashMap<String, String> = HashMap::new();
        for setting in all {
            let (key, _) = setting.split_once(':').expect("a setting has a key");
            known.insert(key.to_owned(), setting);
        }
        let mut all: Vec<_> = known.into_values().collect();
        all.sort();
        all.join(", ")
    })
}

const ENVIRONMENTS: [&str; 4] = ["dev", "staging", "production", "blue"];

fn overrides(of_source: bool) -> impl Strategy<Value = String> {
    let one = prop_oneof![
        Just("false".to_owned()),
        settings(of_source).prop_map(|said| format!("{{{said}}}")),
    ];
    collection::btree_map(sample::select(&ENVIRONMENTS[..]), one, 0..3).prop_map(|all| {
        let all = all
            .into_iter()
            .map(|(name, said)| format!("{name}: {said}"));
        format!("environments: {{{}}}", all.collect::<Vec<_>>().join(", "))
    })
}

fn project() -> impl Strategy<Value = String> {
    let source = prop_oneof![
        3 => "repository: https://github\\.com/acme/[a-d]",
        1 => "source: \\{kind: OCIRepository, url: 'oci://ghcr\\.io/acme/[a-d]', ref: \\{tag: [a-b]\\}\\}",
        1 => "source: \\{external: [a-d], kind: Bucket\\}",
    ];
    let object = (settings(false), overrides(false));
    let object = object.prop_map(|(said, overrides)| {
        format!(
            "{said}{}{overrides}",
            if said.is_empty() { "" } else { ", " }
        )
    });
    let objects = option::of(collection::btree_map("[m-p]", object, 1..4));
    (
        source,
        settings(true),
        overrides(true),
        objects,
        any::<bool>(),
    )
        .prop_map(|(source, said, overrides, objects, waits)| {
            let mut parts = vec![source.clone()];
            // an artifact says its ref in its source
            let said = if source.starts_with("source") {
                said.replace("ref:", "vars:")
            } else {
                said
            };
            if !said.is_empty() {
                parts.push(said);
            }
            if waits {
                parts.push("dependsOn: [{external: elsewhere}]".to_owned());
            }
            if let Some(objects) = objects {
                let objects = objects
                    .into_iter()
                    .map(|(name, said)| format!("{{name: {name}, {said}}}"));
                parts.push(format!(
                    "objects: [{}]",
                    objects.collect::<Vec<_>>().join(", ")
                ));
            }
            let overrides = if source.starts_with("source") {
                overrides.replace("ref:", "vars:")
            } else {
                overrides
            };
            parts.push(overrides);
            parts.join(", ")
        })
}

/// The files of a fleet: some are faulty, and are passed over.
fn fleet() -> impl Strategy<Value = Vec<(String, String)>> {
    let names = sample::select(vec![
        "{object}-{environment}",
        "{environment}-{object}",
        "{project}-{object}-{environment}",
        "{object}-{environment}-{cluster}",
    ]);
    let environment = settings(true);
    let environments = collection::vec(environment, 4);
    let projects = collection::btree_map("[a-d]", project(), 1..5);
    (names, settings(true), environments, projects, any::<bool>()).prop_map(
        |(names, defaults, environments, projects, has_clusters)| {
            let mut fleet = format!("names: '{names}'\ndefaults: {{{defaults}}}\n");
            if has_clusters {
                fleet += "output: '{cluster}/{environment}/{project}.yaml'\nclusters: [{name: eu}, {name: us}]\n";
            }
            fleet += "projects:\n";
            for (name, said) in projects {
                fleet += &format!("- {{name: {name}, {said}}}\n");
            }
            let mut files = vec![("flux-setup.yaml".to_owned(), fleet)];
            for (name, said) in ENVIRONMENTS.iter().zip(environments) {
                let reference = if said.contains("ref: {") {
                    ""
                } else {
                    "ref: {branch: main}, "
                };
                let mut text = format!("{{kind: production, {reference}{said}}}");
                if has_clusters {
                    let clusters = if *name == "production" { "clusters: [eu, us]" } else { "cluster: eu" };
                    text = text.replacen('{', &format!("{{{clusters}, "), 1);
                }
                files.push((format!("environments/{name}.yaml"), text + "\n"));
            }
            files
        },
    )
}

proptest! {
    #![proptest_config(Config { cases: 96, max_global_rejects: 4096, ..Config::default() })]

    #[test]
    fn a_fleet_that_is_rendered_adopted_and_rendered_again_is_the_same(files in fleet()) {
        let folder = tempfile::tempdir().unwrap();
        let write = |below: &str, files: &[(String, String)]| {
            for (name, text) in files {
                let path = folder.path().join(below).join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
        };
        write("before", &files);
        let before = rendered(&folder.path().join("before"));
        proptest::prop_assume!(before.is_ok());
        let before = before.unwrap();
        let given = before.iter().map(|(cluster, document)| Given {
            document,
            file: "",
            clusters: std::slice::from_ref(cluster),
        });
        let given: Vec<_> = given.collect();
        let fluxes = std::collections::BTreeMap::new();
        let known = Known { context: None, fluxes: &fluxes };
        let adoption = adopt(&given, &HashMap::new(), known).unwrap();
        let left: Vec<_> = adoption.left_alone.iter().map(|one| one.span).collect();
        let is_idle = |one: &flux_setup::adopt::LeftAlone| one.reason.starts_with("no Kustomization");
        prop_assert!(adoption.left_alone.iter().all(is_idle), "{:?}", adoption.left_alone);
        if adoption.files.is_empty() {
            return Ok(());
        }
        write("after", &adoption.files);
        let after = rendered(&folder.path().join("after"));
        let shown = || format!("{files:#?}\n{:#?}", adoption.files);
        prop_assert!(after.is_ok(), "{:?}\n{}", after.err(), shown());
        let kept: Vec<_> = before.iter().filter(|(_, one)| !left.contains(&one.span)).cloned().collect();
        let comparison = compare(&Against {
            old: &manifests(&kept),
            new: &manifests(&after.unwrap()),
            crds: &|_| Crds::embedded(),
            part: Part::WHOLE,
            is_left_alone: &|_| false,
            is_unknown: &|_| false,
        });
        prop_assert!(comparison.differences.is_empty(), "{:#?}\n{}", comparison.differences, shown());
        prop_assert!(comparison.same == kept.len());
    }
}
