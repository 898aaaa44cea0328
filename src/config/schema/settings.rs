//! Settings, which can be said at any layer.

use serde_json::{Map, Value, json};

use super::super::read_map::{KUSTOMIZATION_TAKEN, OUR_LABELS, SOURCE_TAKEN};
use super::super::read_reference;
use super::super::read_settings::{KEYS, SOURCE_KEYS};
use super::values::{
    Key, dns_label, duration, flag, label_value_with_gaps, label_with_gaps, list, map, map_of,
    object_name_with_gaps, or_null, path, pattern, reference, text,
};

const LABEL_KEY: &str = "^([^/]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";

/// Each setting under its own name.
pub(super) fn definitions() -> Map<String, Value> {
    let texts = |names: Value, value: Value| {
        let mut texts = map_of(or_null(value));
        texts["propertyNames"] = names;
        texts
    };
    let settings: Vec<Key> = vec![
        (
            "ref",
            git_reference(),
            "What a source follows: one of branch, tag, semver, name, commit or digest; or branch with commit, or semver with semverFilter.",
        ),
        (
            "intervals",
            by_kind(),
            "How often a source is polled and a Kustomization is applied; left out, by the environment's kind: development 1m, staging 3m, production 5m.",
        ),
        (
            "timeout",
            duration(),
            "Of a fetch and of an apply; left out, 2m.",
        ),
        (
            "timeouts",
            by_kind(),
            "Of a fetch and of an apply, each; left out, 2m.",
        ),
        (
            "retryInterval",
            duration(),
            "Of a Kustomization after a failure; left out, its interval.",
        ),
        (
            "namespace",
            label_with_gaps(),
            "Where the objects lie, as team-{project}; left out, flux-system.",
        ),
        (
            "path",
            path(),
            "Below the root of the repository, as ./apps/{project}.",
        ),
        (
            "prune",
            flag(),
            "Whether Flux deletes what is not in the repository any more; left out, false.",
        ),
        (
            "wait",
            flag(),
            "Ready only when everything that is applied is ready.",
        ),
        (
            "targetNamespace",
            label_with_gaps(),
            "Of what a Kustomization applies, as team-{project}.",
        ),
        (
            "serviceAccountName",
            object_name_with_gaps(),
            "The ServiceAccount as which a Kustomization applies, as team-{project}.",
        ),
        (
            "suspend",
            flag(),
            "Flux does nothing; false is never written.",
        ),
        (
            "labels",
            texts(
                json!({"pattern": LABEL_KEY, "not": {"enum": OUR_LABELS}}),
                label_value_with_gaps(),
            ),
            "On source and objects, as team: {project}.",
        ),
        (
            "annotations",
            texts(json!({"pattern": LABEL_KEY}), json!({"type": "string"})),
            "On source and objects.",
        ),
        (
            "substitutions",
            texts(
                json!({"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
                json!({"type": "string"}),
            ),
            "${NAME} in the manifests of a project; numbers need quotes.",
        ),
        (
            "vars",
            json!({"type": "object"}),
            "Anything, for templates.",
        ),
        (
            "names",
            pattern(),
            "How objects are called, of {project}, {object}, {environment} and {cluster}; left out, {object}-{environment}.",
        ),
        (
            "kustomization",
            kustomization(),
            "Any other field of a Kustomization's spec, by its own name.",
        ),
        (
            "secretRef",
            object_name_with_gaps(),
            "The Secret with which Flux logs in.",
        ),
        (
            "provider",
            text(),
            "How Flux logs in without a Secret of its own, as github or aws.",
        ),
        (
            "webhook",
            json!({"anyOf": [flag(), required(map(vec![("after", duration(), "How long a push waits, as 10m.")]), &["after"])]}),
            "Whether pushes wake it: true, false or {after: 10m}.",
        ),
        (
            "watchPaths",
            list(text()),
            "Changed paths that concern the project.",
        ),
        (
            "gitRepository",
            without(SOURCE_TAKEN),
            "Any other field of a GitRepository's spec, by its own name.",
        ),
        (
            "ociRepository",
            without(SOURCE_TAKEN),
            "Any other field of an OCIRepository's spec, by its own name.",
        ),
        (
            "dependsOn",
            depends_on(),
            "What it waits for: an object of the same project, else a project; project/object; or {external: NAME}.",
        ),
    ];
    let settings = settings.into_iter().map(|(name, shape, what)| {
        let mut setting = json!({"description": what});
        if let (Some(setting), Value::Object(mut shape)) = (setting.as_object_mut(), or_null(shape))
        {
            setting.append(&mut shape);
        }
        (name.to_owned(), setting)
    });
    settings.collect()
}

/// What a layer takes: its own keys, all that objects take, and where it speaks of sources what those
/// take.
pub(super) fn layer(own: Vec<Key>, speaks_of_sources: bool) -> Value {
    let mut keys = own;
    let sources = if speaks_of_sources {
        &SOURCE_KEYS[..]
    } else {
        &[]
    };
    let settings = KEYS.iter().chain(sources);
    keys.extend(settings.map(|key| (*key, reference(key), "")));
    let mut layer = map(keys);
    layer["allOf"] = json!([
        not_both("timeout", "timeouts"),
        not_both("cluster", "clusters")
    ]);
    layer
}

fn not_both(one: &str, other: &str) -> Value {
    json!({"not": {"required": [one, other]}})
}

pub(super) fn required(mut map: Value, keys: &[&str]) -> Value {
    map["required"] = keys.into();
    map
}

fn by_kind() -> Value {
    map(vec![
        (
            "source",
            or_null(duration()),
            "Of a GitRepository or OCIRepository.",
        ),
        ("kustomization", or_null(duration()), "Of a Kustomization."),
    ])
}

/// What a source follows by a key of its `ref`.
fn followed(key: &str) -> &'static str {
    match key {
        "branch" => "Its newest commit.",
        "tag" => "This tag of Git or of an artifact.",
        "semver" => "The newest tag in a range, as >=1.4 or 1.x.",
        "semverFilter" => "Only tags that this regular expression matches; of an OCIRepository.",
        "name" => "A whole name of Git, as refs/heads/main.",
        "commit" => "This commit, by its SHA.",
        _ => "This artifact, by its digest, as sha256:….",
    }
}

fn git_reference() -> Value {
    let mut reference = map(read_reference::KEYS
        .map(|key| (key, text(), followed(key)))
        .to_vec());
    let alone = ["branch", "tag", "semver", "name", "commit", "digest"];
    let mut allowed: Vec<_> = alone
        .iter()
        .map(|key| json!({"required": [key], "maxProperties": 1}))
        .collect();
    for pair in [["branch", "commit"], ["semver", "semverFilter"]] {
        allowed.push(json!({"required": pair, "maxProperties": 2}));
    }
    reference["anyOf"] = allowed.into();
    reference
}

/// Fields of a CRD but those that have a key of ours.
fn without(taken: &[(&str, &str)]) -> Value {
    let fields: Vec<_> = taken.iter().map(|(field, _)| *field).collect();
    json!({"type": "object", "propertyNames": {"not": {"enum": fields}}})
}

fn kustomization() -> Value {
    let mut fields = without(KUSTOMIZATION_TAKEN);
    fields["properties"] =
        json!({"postBuild": {"not": {"type": "object", "required": ["substitute"]}}});
    fields
}

fn depends_on() -> Value {
    let external = map(vec![
        (
            "external",
            dns_label(),
            "An object that somebody else manages.",
        ),
        (
            "namespace",
            dns_label(),
            "Where that one is; left out, where the object is.",
        ),
    ]);
    list(json!({"anyOf": [text(), required(external, &["external"])]}))
}
