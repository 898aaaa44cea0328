//! What objects of Flux refer to: by which keys, and of what kind.

use crate::flux::ObjectKey;
use crate::flux::yaml::{Node, Span};

/// The kinds that are referred to, with their groups.
const GROUPS: [(&str, &str); 12] = [
    ("GitRepository", "source.toolkit.fluxcd.io"),
    ("OCIRepository", "source.toolkit.fluxcd.io"),
    ("HelmRepository", "source.toolkit.fluxcd.io"),
    ("HelmChart", "source.toolkit.fluxcd.io"),
    ("Bucket", "source.toolkit.fluxcd.io"),
    ("ExternalArtifact", "source.toolkit.fluxcd.io"),
    ("Kustomization", "kustomize.toolkit.fluxcd.io"),
    ("HelmRelease", "helm.toolkit.fluxcd.io"),
    ("ImageRepository", "image.toolkit.fluxcd.io"),
    ("Provider", "notification.toolkit.fluxcd.io"),
    ("Secret", ""),
    ("ConfigMap", ""),
];

/// Of which kind the object is that stands there: the one that is named, or else always the same.
const NAMED: &str = "";

/// By kind: the keys below `spec`, `*` for each item of a list, and the kind that stands there.
const RULES: [(&str, &[&str], &str); 45] = [
    ("Kustomization", &["sourceRef"], NAMED),
    ("Kustomization", &["dependsOn", "*"], "Kustomization"),
    ("Kustomization", &["decryption", "secretRef"], "Secret"),
    ("Kustomization", &["kubeConfig", "secretRef"], "Secret"),
    (
        "Kustomization",
        &["kubeConfig", "configMapRef"],
        "ConfigMap",
    ),
    (
        "Kustomization",
        &["postBuild", "substituteFrom", "*"],
        NAMED,
    ),
    ("HelmRelease", &["chart", "spec", "sourceRef"], NAMED),
    (
        "HelmRelease",
        &["chart", "spec", "verify", "secretRef"],
        "Secret",
    ),
    ("HelmRelease", &["chartRef"], NAMED),
    ("HelmRelease", &["dependsOn", "*"], "HelmRelease"),
    ("HelmRelease", &["kubeConfig", "secretRef"], "Secret"),
    ("HelmRelease", &["kubeConfig", "configMapRef"], "ConfigMap"),
    ("HelmRelease", &["valuesFrom", "*"], NAMED),
    ("HelmChart", &["sourceRef"], NAMED),
    ("HelmChart", &["verify", "secretRef"], "Secret"),
    (
        "GitRepository",
        &["include", "*", "repository"],
        "GitRepository",
    ),
    ("GitRepository", &["secretRef"], "Secret"),
    ("GitRepository", &["proxySecretRef"], "Secret"),
    ("GitRepository", &["verify", "secretRef"], "Secret"),
    ("OCIRepository", &["secretRef"], "Secret"),
    ("OCIRepository", &["certSecretRef"], "Secret"),
    ("OCIRepository", &["proxySecretRef"], "Secret"),
    ("OCIRepository", &["verify", "secretRef"], "Secret"),
    ("HelmRepository", &["secretRef"], "Secret"),
    ("HelmRepository", &["certSecretRef"], "Secret"),
    ("Bucket", &["secretRef"], "Secret"),
    ("Bucket", &["certSecretRef"], "Secret"),
    ("Bucket", &["proxySecretRef"], "Secret"),
    ("Bucket", &["sts", "secretRef"], "Secret"),
    ("Bucket", &["sts", "certSecretRef"], "Secret"),
    ("ImageRepository", &["secretRef"], "Secret"),
    ("ImageRepository", &["certSecretRef"], "Secret"),
    ("ImageRepository", &["proxySecretRef"], "Secret"),
    ("ImagePolicy", &["imageRepositoryRef"], "ImageRepository"),
    ("ImageUpdateAutomation", &["sourceRef"], NAMED),
    (
        "ImageUpdateAutomation",
        &["git", "push", "secretRef"],
        "Secret",
    ),
    (
        "ImageUpdateAutomation",
        &["git", "commit", "signingKey", "secretRef"],
        "Secret",
    ),
    ("Alert", &["providerRef"], "Provider"),
    ("Alert", &["eventSources", "*"], NAMED),
    ("Provider", &["secretRef"], "Secret"),
    ("Provider", &["certSecretRef"], "Secret"),
    ("Provider", &["proxySecretRef"], "Secret"),
    ("Receiver", &["secretRef"], "Secret"),
    ("Receiver", &["resources", "*"], NAMED),
    ("ArtifactGenerator", &["sources", "*"], NAMED),
];

/// Another object that one names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// Without a namespace where neither it nor the object that names it has one.
    pub(super) to: ObjectKey,
    /// The keys below `spec`, as `sourceRef`.
    pub(super) key: String,
    /// Where its name stands.
    pub(super) span: Span,
    /// Whether an expression says when it is ready enough.
    has_expression: bool,
}

impl Reference {
    /// Whether it is waited for until it is ready.
    pub(super) fn is_dependency(&self) -> bool {
        self.key.starts_with("dependsOn[") && !self.has_expression
    }

    /// Whether it is what people keep out of repositories.
    pub(super) fn is_of_values(&self) -> bool {
        matches!(&*self.to.kind, "Secret" | "ConfigMap")
    }
}

/// What the object of a document is; `None` where it is none.
pub(super) fn key_of(document: &Node) -> Option<ObjectKey> {
    let api_version = text(document, "apiVersion")?;
    let metadata = document.get("metadata")?;
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    Some(ObjectKey {
        group: group.into(),
        kind: text(document, "kind")?.into(),
        namespace: text(metadata, "namespace").map(Into::into),
        name: text(metadata, "name")?.into(),
    })
}

/// What an object of Flux refers to; empty for all other kinds, and for names that Flux fills in.
pub(super) fn references(document: &Node, own: &ObjectKey) -> Vec<Reference> {
    let is_of_flux =
        own.group.ends_with(".toolkit.fluxcd.io") || &*own.group == "source.extensions.fluxcd.io";
    let (true, Some(spec)) = (is_of_flux, document.get("spec")) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (kind, keys, of) in &RULES {
        if **kind == *own.kind {
            descend(spec, keys, String::new(), &mut |node, key| {
                found.extend(reference(node, key, of, own));
            });
        }
    }
    found
}

fn descend(node: &Node, keys: &[&str], path: String, found: &mut impl FnMut(&Node, String)) {
    match keys {
        [] => found(node, path),
        ["*", rest @ ..] => {
            let items = node.as_sequence().unwrap_or_default();
            for (index, item) in items.iter().enumerate() {
                descend(item, rest, format!("{path}[{index}]"), found);
            }
        }
        [key, rest @ ..] => {
            if let Some(node) = node.get(key) {
                let dot = if path.is_empty() { "" } else { "." };
                descend(node, rest, format!("{path}{dot}{key}"), found);
            }
        }
    }
}

fn reference(node: &Node, key: String, of: &str, own: &ObjectKey) -> Option<Reference> {
    let is_optional = node.get("optional").and_then(Node::as_bool) == Some(true);
    let name = node.get("name")?;
    let kind = if of == NAMED { text(node, "kind")? } else { of };
    let (_, group) = GROUPS.iter().find(|(known, _)| *known == kind)?;
    let written = name.as_str()?;
    let namespace = text(node, "namespace");
    let is_open = written.contains('$') || namespace.is_some_and(|name| name.contains('$'));
    if is_optional || is_open || written.is_empty() || written == "*" {
        return None;
    }
    let namespace = namespace.map(Into::into);
    // whatever applies it says which namespace that is
    let own_namespace = own.namespace.clone().filter(|name| !name.contains('$'));
    Some(Reference {
        to: ObjectKey {
            group: (*group).into(),
            kind: kind.into(),
            namespace: namespace.or(own_namespace),
            name: written.into(),
        },
        key,
        span: name.span,
        has_expression: text(node, "readyExpr").is_some_and(|text| !text.is_empty()),
    })
}

pub(super) fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::as_str)
}

#[cfg(test)]
mod tests {
    use super::{key_of, references};
    use crate::flux::yaml::read;

    fn of(text: &str) -> Vec<String> {
        let document = &read(text, 0).0[0];
        let found = references(document, &key_of(document).unwrap());
        let found = found.iter();
        found
            .map(|one| format!("{}: {}", one.key, one.to))
            .collect()
    }

    #[test]
    fn an_object_of_flux_refers_to_what_its_keys_name_in_its_own_namespace_or_the_named_one() {
        let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a, namespace: own}\nspec:\n  chart: {spec: {sourceRef: {kind: HelmRepository, name: charts, namespace: other}}}\n  chartRef: {kind: OCIRepository, name: chart}\n  dependsOn: [{name: b}]\n  valuesFrom: [{kind: Secret, name: c}, {kind: ConfigMap, name: d, optional: true}, {kind: ConfigMap, name: \"${x}\"}]\n";
        assert_eq!(
            of(release),
            [
                "chart.spec.sourceRef: HelmRepository other/charts",
                "chartRef: OCIRepository own/chart",
                "dependsOn[0]: HelmRelease own/b",
                "valuesFrom[0]: Secret own/c",
            ]
        );
        assert!(of(&release.replace("helm.toolkit.fluxcd.io/v2", "v1")).is_empty());
    }

    #[test]
    fn what_stands_for_all_objects_of_a_kind_refers_to_none() {
        let alert = "apiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Alert\nmetadata: {name: a}\nspec: {providerRef: {name: chat}, eventSources: [{kind: Kustomization, name: '*'}, {kind: Thing, name: x}]}\n";
        assert_eq!(of(alert), ["providerRef: Provider chat"]);
    }
}
