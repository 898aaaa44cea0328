//! The fleet's file, environments, projects and their objects.

use serde_json::{Map, Value, json};

use crate::flux::schema::FluxVersion;

use super::super::model::EnvironmentKind;
use super::super::read_source::SOURCE_KINDS;
use super::settings::{layer, required};
use super::values::{
    Key, dns_label, flag, list, map, map_of, or_null, pattern, reference, text, texts, with,
};

/// `flux-setup.yaml`.
pub(super) fn fleet() -> Value {
    let gap = |name: &str| json!({"pattern": format!(r"\{{{name}\}}")});
    let output = json!({
        "type": "string",
        "pattern": r"^([^{}\\]|\{(project|environment|cluster)\})+\.yaml$",
        "allOf": [gap("project"), gap("environment")],
    });
    let mut keys: Vec<Key> = vec![
        (
            "output",
            output,
            "Where a project's objects are written below the folder; left out, {environment}/{project}.yaml.",
        ),
        (
            "names",
            pattern(),
            "How objects are called, of {project}, {object}, {environment} and {cluster}; left out, {object}-{environment}.",
        ),
        (
            "include",
            texts(),
            "Files with projects and clusters, also as patterns: teams/*/fleet.yaml.",
        ),
        (
            "defaults",
            or_null(reference("defaults")),
            "Settings of every project in every environment.",
        ),
        (
            "fluxVersion",
            flux_version(),
            "The Flux of the clusters that say nothing of it.",
        ),
        (
            "crds",
            texts(),
            "Files or folders of CustomResourceDefinitions of one's own.",
        ),
        (
            "github",
            list(reference("githubHost")),
            "Who asks GitHub, and its webhooks: one entry a host.",
        ),
        (
            "budget",
            reference("budget"),
            "What may be spent of GitHub's limits.",
        ),
        ("server", reference("server"), "What `serve` is told."),
    ];
    keys.extend(lists());
    let names_twice = json!({
        "required": ["names", "defaults"],
        "properties": {"defaults": {"type": "object", "required": ["names"]}},
    });
    with(map(keys), json!({"not": names_twice}))
}

/// What included files hold too.
pub(super) fn lists() -> Vec<Key> {
    vec![
        (
            "projects",
            list(reference("project")),
            "Repositories, and what of them is applied.",
        ),
        (
            "clusters",
            list(reference("cluster")),
            "Clusters that environments name.",
        ),
    ]
}

/// A file of `environments/`.
pub(super) fn environment() -> Value {
    let kinds = EnvironmentKind::ALL.map(EnvironmentKind::name);
    let mut own: Vec<Key> = vec![
        (
            "name",
            dns_label(),
            "As the file is called; may be left out.",
        ),
        (
            "kind",
            json!({"enum": kinds}),
            "Decides how often it is polled; left out, from the name where it is one of these, dev, stage or prod.",
        ),
    ];
    own.extend(clusters());
    layer(own, true)
}

pub(super) fn definitions() -> Map<String, Value> {
    let definitions = [
        ("defaults", layer(Vec::new(), true)),
        ("environmentCluster", layer(Vec::new(), true)),
        ("cluster", cluster()),
        ("project", project()),
        ("source", source()),
        ("object", object()),
        ("projectOverride", overrides(true)),
        ("objectOverride", overrides(false)),
    ];
    definitions
        .map(|(name, shape)| (name.to_owned(), shape))
        .into_iter()
        .collect()
}

fn clusters() -> Vec<Key> {
    let many = json!({"anyOf": [
        with(list(dns_label()), json!({"minItems": 1})),
        with(map_of(or_null(reference("environmentCluster"))), json!({"minProperties": 1})),
    ]});
    vec![
        ("cluster", dns_label(), "The one cluster that it is in."),
        (
            "clusters",
            many,
            "The clusters that it is in: a list, or a map from name to settings.",
        ),
    ]
}

fn cluster() -> Value {
    let keys = vec![
        (
            "name",
            dns_label(),
            "What environments call it, and `{cluster}` in names.",
        ),
        (
            "kubeconfig",
            text(),
            "A file; left out, as kubectl finds it, or in-cluster.",
        ),
        ("context", text(), "Of the kubeconfig."),
        (
            "fluxVersion",
            flux_version(),
            "The Flux that it has; left out, the fleet's.",
        ),
        (
            "crds",
            texts(),
            "CustomResourceDefinitions as this cluster has them.",
        ),
        (
            "crossNamespace",
            flag(),
            "false: Flux there refuses references to other namespaces.",
        ),
    ];
    required(map(keys), &["name"])
}

/// A version whose CRDs the program holds.
fn flux_version() -> Value {
    let known: Vec<_> = FluxVersion::all()
        .map(|version| version.to_string().replace('.', r"\."))
        .collect();
    let pattern = format!(r"^v?({})(\.[0-9]+)?([-+].*)?$", known.join("|"));
    json!({"type": "string", "pattern": pattern})
}

fn project() -> Value {
    let own = vec![
        (
            "name",
            dns_label(),
            "What others call it, and `{project}` in names.",
        ),
        (
            "repository",
            text(),
            "The URL of a Git repository; short for source: {kind: GitRepository, url: …}.",
        ),
        (
            "source",
            reference("source"),
            "Where the manifests come from.",
        ),
        ("dependsOn", reference("dependsOn"), ""),
        (
            "objects",
            with(list(reference("object")), json!({"minItems": 1})),
            "Left out, one Kustomization that has the project's name.",
        ),
        (
            "environments",
            map_of(one_environment("projectOverride")),
            "What differs in an environment; false leaves it out.",
        ),
    ];
    let twice = ["ref", "secretRef", "provider"].map(|key| {
        json!({"not": {
            "required": [key, "source"],
            "properties": {"source": {"type": "object", "required": [key]}},
        }})
    });
    let mut project = required(layer(own, true), &["name"]);
    if let Some(all) = project["allOf"].as_array_mut() {
        all.extend(twice);
        all.push(json!({"oneOf": [{"required": ["repository"]}, {"required": ["source"]}]}));
    }
    project
}

fn source() -> Value {
    let kinds = |kinds: &[&str]| json!({"enum": kinds});
    let own = vec![
        (
            "kind",
            kinds(&SOURCE_KINDS[..2]),
            "Left out, GitRepository.",
        ),
        (
            "url",
            text(),
            "https, http, ssh, git@host:owner/repository; of an OCIRepository oci.",
        ),
        ("ref", reference("ref"), ""),
        ("secretRef", reference("secretRef"), ""),
        ("provider", reference("provider"), ""),
    ];
    let shared = vec![("project", dns_label(), "Shares the source of that project.")];
    let external = vec![
        (
            "external",
            dns_label(),
            "The name of a source that somebody else manages.",
        ),
        (
            "kind",
            kinds(&SOURCE_KINDS),
            "What the source is, as GitRepository.",
        ),
        (
            "namespace",
            dns_label(),
            "Where that source is; left out, where the objects are.",
        ),
    ];
    json!({"anyOf": [
        required(map(own), &["url"]),
        required(map(shared), &["project"]),
        required(map(external), &["external", "kind"]),
    ]})
}

fn object() -> Value {
    let environments = json!({"anyOf": [
        list(dns_label()),
        map_of(one_environment("objectOverride")),
    ]});
    let own = vec![
        (
            "name",
            dns_label(),
            "What others of the project call it, and `{object}` in names.",
        ),
        (
            "template",
            text(),
            "Of templates/; left out, a Kustomization by our own.",
        ),
        ("dependsOn", reference("dependsOn"), ""),
        (
            "environments",
            environments,
            "What differs in an environment, or a list of those that it is in.",
        ),
    ];
    required(layer(own, false), &["name"])
}

fn overrides(speaks_of_sources: bool) -> Value {
    let mut own = clusters();
    own.push(("dependsOn", reference("dependsOn"), ""));
    layer(own, speaks_of_sources)
}

/// What is said of one environment.
fn one_environment(definition: &str) -> Value {
    json!({"anyOf": [flag(), {"type": "null"}, reference(definition)]})
}
