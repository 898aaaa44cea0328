//! Each cluster's objects are judged by the Flux that is installed in its folder.

use std::fs;

use super::bad_input::{kustomization, source};
use crate::binary::run_in;
use crate::folders::{folder, write};
use crate::validate::versions::OLD;

#[test]
fn what_the_flux_of_one_cluster_does_not_know_is_left_alone_there_and_its_version_is_written() {
    let later = kustomization("later", ", buildMetadata: [originAnnotations]");
    let web = source("web") + &kustomization("web", "") + &source("later") + &later;
    let folder = folder(&[
        ("old/clusters/eu/web.yaml", &web),
        ("old/clusters/us/web.yaml", &web),
        ("old/clusters/next/web.yaml", &web),
    ]);
    let path = folder.path();
    let install = |cluster: &str, version: &str| {
        let file = format!("old/clusters/{cluster}/flux-system/gotk-components.yaml");
        write(path, &file, OLD.replace("v2.6.4", version));
    };
    install("eu", "v2.6.4");
    install("us", "v2.9.1");
    install("next", "v2.10.0");
    let made = run_in(path, &["init", "fleet", "--from", "old"]);
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    assert!(made.stdout.contains("11 the same"), "{}", made.stdout);
    let left = made.stdout.lines().filter(|line| line.contains("/later:"));
    assert_eq!(
        left.collect::<Vec<_>>(),
        [
            "  old/clusters/eu/web.yaml:17: Kustomization flux-system/later: the API server refuses it, or it is a patch: unknown field `buildMetadata` in Flux 2.6",
        ]
    );
    let text = fs::read_to_string(path.join("fleet/flux-setup.yaml")).expect("it was written");
    for says in [
        "- {name: eu, fluxVersion: \"2.6\"}\n",
        "- {name: next, fluxVersion: \"2.10\"}\n",
        "- {name: us}\n",
    ] {
        assert!(text.contains(says), "{text}");
    }
    let judged = run_in(path, &["validate", "--config", "fleet"]);
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
}

#[test]
fn of_a_fleet_of_one_cluster_the_version_is_the_fleets() {
    let web = source("web") + &kustomization("web", "");
    let folder = folder(&[("old/web.yaml", &web)]);
    let path = folder.path();
    write(path, "old/flux-system/gotk-components.yaml", OLD);
    let made = run_in(path, &["init", "fleet", "--from", "old"]);
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    let text = fs::read_to_string(path.join("fleet/flux-setup.yaml")).expect("it was written");
    assert!(text.contains("\nfluxVersion: \"2.6\"\n"), "{text}");
}
