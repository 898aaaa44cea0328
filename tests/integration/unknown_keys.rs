//! A configuration that has an unknown key at each place where keys are known, and what is said of it.

use serde_json::Value;

use crate::binary::run_in;
use crate::folders::folder;

const FLEET: &str = "\
zzzzzzzz: 1
defaults: {zzzzzzzz: 1, ref: {zzzzzzzz: 1}, intervals: {zzzzzzzz: 1}, timeouts: {zzzzzzzz: 1}, webhook: {zzzzzzzz: 1}}
projects:
  - name: a
    zzzzzzzz: 1
    source: {zzzzzzzz: 1}
    environments: {dev: {zzzzzzzz: 1, clusters: {a: {zzzzzzzz: 1}}}}
    objects:
      - zzzzzzzz: 1
        dependsOn: [{zzzzzzzz: 1}]
        environments: {dev: {zzzzzzzz: 1}}
clusters: [{zzzzzzzz: 1}]
github:
  - zzzzzzzz: 1
    identities: [{zzzzzzzz: 1}, {name: a, app: {zzzzzzzz: 1}}]
    webhooks: [{zzzzzzzz: 1}]
    audit: {zzzzzzzz: 1}
    heads: {zzzzzzzz: 1}
budget: {zzzzzzzz: 1, also: [{zzzzzzzz: 1}]}
server: {zzzzzzzz: 1, hooks: {zzzzzzzz: 1}, health: {zzzzzzzz: 1}, api: {zzzzzzzz: 1, tokens: [{zzzzzzzz: 1}]}}
include: part.yaml
";

/// What is found in it and in what belongs to it. Each finding names the keys that are known at its place.
pub(crate) fn findings() -> Vec<Value> {
    let folder = folder(&[
        ("flux-setup.yaml", FLEET),
        ("part.yaml", "zzzzzzzz: 1\n"),
        (
            "environments/dev.yaml",
            "zzzzzzzz: 1\nclusters: {a: {zzzzzzzz: 1}}\n",
        ),
    ]);
    let run = run_in(folder.path(), &["validate", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let findings = report["findings"].as_array();
    findings.expect("it lists findings").clone()
}
