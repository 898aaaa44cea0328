//! What kustomize refuses to read: fields of another form than they have, and what it is called.

use crate::config::{Class, Finding};
use crate::flux::yaml::{Entry, Node, Value};

/// What stands under a field.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Text,
    Map,
    Texts,
    Maps,
}

/// Source: `Kustomization` in `api/types` of kustomize.
const FORMS: [(Form, &[&str]); 4] = [
    (
        Form::Text,
        &[
            "apiVersion",
            "kind",
            "namePrefix",
            "nameSuffix",
            "namespace",
        ],
    ),
    (
        Form::Map,
        &[
            "commonAnnotations",
            "commonLabels",
            "generatorOptions",
            "helmGlobals",
            "metadata",
            "openapi",
            "sortOptions",
        ],
    ),
    (
        Form::Texts,
        &[
            "bases",
            "buildMetadata",
            "components",
            "configurations",
            "crds",
            "generators",
            "patchesStrategicMerge",
            "resources",
            "transformers",
            "validators",
        ],
    ),
    (
        Form::Maps,
        &[
            "configMapGenerator",
            "helmChartInflationGenerator",
            "helmCharts",
            "images",
            "labels",
            "patches",
            "patchesJson6902",
            "replacements",
            "replicas",
            "secretGenerator",
            "vars",
        ],
    ),
];

/// What such a file may call itself, by its kind. Source: `EnforceFields` in `api/types` of kustomize.
const VERSIONS: [(&str, &str); 2] = [
    ("Kustomization", "kustomize.config.k8s.io/v1beta1"),
    ("Component", "kustomize.config.k8s.io/v1alpha1"),
];

/// Why kustomize cannot read one.
pub(super) fn unreadable(kustomization: &Node) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in kustomization.as_mapping().unwrap_or_default() {
        let form = FORMS.iter().find(|(_, keys)| keys.contains(&&*entry.key));
        if let Some((form, _)) = form {
            of_form(entry, *form, &mut findings);
        }
    }
    if findings.is_empty() {
        findings.extend(called(kustomization));
        for key in ["commonAnnotations", "commonLabels"] {
            if let Some(map) = kustomization.get(key) {
                texts(map, key, &mut findings);
            }
        }
        for (index, image) in items(kustomization, "images").iter().enumerate() {
            texts(image, &format!("images[{index}]"), &mut findings);
        }
        for key in ["configMapGenerator", "secretGenerator"] {
            for generator in items(kustomization, key) {
                literals(generator, key, &mut findings);
            }
        }
        for patch in items(kustomization, "patches") {
            let says = |key: &str| patch.get(key).is_some_and(|it| it.as_str() != Some(""));
            if says("patch") == says("path") {
                let message = match says("patch") {
                    true => "a patch says both `patch` and `path`",
                    false => "a patch says neither `patch` nor `path`",
                };
                findings
                    .push(error(patch, "patches", message.to_owned()).hint("write one of the two"));
            }
        }
    }
    findings
}

fn of_form(entry: &Entry, form: Form, findings: &mut Vec<Finding>) {
    let Entry { key, node, .. } = entry;
    if node.is_null() {
        return;
    }
    let (is_right, wanted) = match form {
        Form::Text => (node.as_str().is_some(), "a text"),
        Form::Map => (node.as_mapping().is_some(), "a map"),
        Form::Texts => (node.as_sequence().is_some(), "a list of texts"),
        Form::Maps => (node.as_sequence().is_some(), "a list of maps"),
    };
    if !is_right {
        let message = format!("`{key}` is {wanted}, and this is {}", node.kind());
        let hint = match form {
            Form::Texts => format!("write each on a line of its own, as `- …` below `{key}:`"),
            _ => format!("write it as {wanted}"),
        };
        findings.push(error(node, key, message).hint(hint));
        return;
    }
    for (index, item) in node.as_sequence().unwrap_or_default().iter().enumerate() {
        let is_right = match form {
            Form::Texts => item.as_str().is_some(),
            _ => matches!(item.value, Value::Mapping(_)),
        };
        if !is_right {
            let message = format!("`{key}` is {wanted}, and here is {}", item.kind());
            let path = format!("{key}[{index}]");
            findings.push(error(item, &path, message).hint(format!("write {wanted}")));
        }
    }
}

/// A map in which only texts stand.
fn texts(map: &Node, path: &str, findings: &mut Vec<Finding>) {
    for entry in map.as_mapping().unwrap_or_default() {
        if entry.node.as_scalar().is_some()
            && entry.node.as_str().is_none()
            && !entry.node.is_null()
        {
            let path = format!("{path}.{}", entry.key);
            let message = format!("`{path}` is a text, and this is {}", entry.node.kind());
            findings.push(error(&entry.node, &path, message).hint("quote it"));
        }
    }
}

fn called(kustomization: &Node) -> Option<Finding> {
    let text = |key: &str| {
        kustomization
            .get(key)
            .and_then(|node| Some((node, node.as_str()?)))
    };
    let kind = text("kind").filter(|(_, kind)| !kind.is_empty());
    let named = kind.map_or(VERSIONS[0].0, |(_, kind)| kind);
    let Some((_, version)) = VERSIONS.iter().find(|(kind, _)| *kind == named) else {
        let (node, kind) = kind?;
        let message = format!("kustomize knows no kind `{kind}`");
        return Some(error(node, "kind", message).hint("write `Kustomization` or `Component`"));
    };
    let (node, written) = text("apiVersion").filter(|(_, written)| written != version)?;
    if written.is_empty() {
        return None;
    }
    let message = format!("kustomize reads no {named} of `{written}`");
    Some(error(node, "apiVersion", message).hint(format!("write `{version}`")))
}

fn literals(generator: &Node, key: &str, findings: &mut Vec<Finding>) {
    for (index, literal) in items(generator, "literals").iter().enumerate() {
        let text = literal.as_str().unwrap_or_default();
        if text.split_once('=').is_none_or(|(key, _)| key.is_empty()) {
            let path = format!("{key}.literals[{index}]");
            let message = format!("`{text}` is no `key=value`");
            findings.push(error(literal, &path, message).hint("write it as `key=value`"));
        }
    }
}

fn items<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    let items = node.get(key).and_then(Node::as_sequence);
    items.unwrap_or_default()
}

fn error(node: &Node, path: &str, message: String) -> Finding {
    Finding::error(node.span, path, message).class(Class::Flux)
}

#[cfg(test)]
mod tests {
    use super::unreadable;
    use crate::flux::yaml::read;

    fn of(text: &str) -> Vec<String> {
        let found = unreadable(&read(text, 0).0[0]).into_iter();
        found.map(|one| one.message).collect()
    }

    #[test]
    fn what_kustomize_reads_has_no_fault() {
        let sound = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\nnamespace: x\npatches: [{path: a}, {patch: b}]\nconfigMapGenerator: [{literals: [a=, b=c=d]}]\nimages:\ncommonLabels: {a: b}\n";
        assert!(of(sound).is_empty(), "{:?}", of(sound));
        assert!(of("kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n").is_empty());
        assert!(of("resources: [a]\n").is_empty());
    }

    #[test]
    fn what_it_does_not_read_is_named() {
        for (text, says) in [
            (
                "resources: a.yaml",
                "`resources` is a list of texts, and this is text",
            ),
            (
                "resources: [{a: b}]",
                "`resources` is a list of texts, and here is a map",
            ),
            (
                "resources: [~]",
                "`resources` is a list of texts, and here is nothing",
            ),
            (
                "commonLabels: {a: 1}",
                "`commonLabels.a` is a text, and this is a number",
            ),
            (
                "images: [{name: a, newTag: 1}]",
                "`images[0].newTag` is a text, and this is a number",
            ),
            (
                "namespace: [x]",
                "`namespace` is a text, and this is a list",
            ),
            (
                "patches: [a.yaml]",
                "`patches` is a list of maps, and here is text",
            ),
            (
                "commonLabels: x",
                "`commonLabels` is a map, and this is text",
            ),
            (
                "kind: Kustomisation",
                "kustomize knows no kind `Kustomisation`",
            ),
            (
                "apiVersion: kustomize.config.k8s.io/v1",
                "kustomize reads no Kustomization of `kustomize.config.k8s.io/v1`",
            ),
            (
                "secretGenerator: [{literals: [bad]}]",
                "`bad` is no `key=value`",
            ),
            (
                "patches: [{path: a, patch: b}]",
                "a patch says both `patch` and `path`",
            ),
            (
                "patches: [{target: {}}]",
                "a patch says neither `patch` nor `path`",
            ),
        ] {
            assert_eq!(of(text), [says]);
        }
    }
}
