//! What a Kustomization of Flux makes of an object that it applies.

use crate::flux::yaml::{Node, read};

use super::references::text;

/// What becomes of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Unchanged,
    /// It is put into this namespace, and names none by itself.
    Namespace(String),
    /// These keys of the Kustomization may change what it says.
    Changed(Vec<&'static str>),
}

/// An annotation or a label by which an object is left as it is written.
const SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// Says what an applier makes of a document that is written among what it applies.
pub fn effect(applier: &Node, document: &Node) -> Effect {
    let Some(spec) = applier.get("spec") else {
        return Effect::Unchanged;
    };
    let is_said = |key: &str| spec.get(key).is_some_and(|node| !is_empty(node));
    let mut keys = Vec::new();
    let patches = spec.get("patches").and_then(Node::as_sequence);
    let mut patches = patches.unwrap_or_default().iter();
    if patches.any(|patch| may_match(patch, document)) {
        keys.push("patches");
    }
    if is_said("postBuild") && substitutes(document) && holds_variable(document) {
        keys.push("postBuild");
    }
    let namespace = text(spec, "targetNamespace").filter(|name| !name.is_empty());
    let own = document
        .get("metadata")
        .and_then(|it| text(it, "namespace"));
    if let (Some(namespace), Some(own)) = (namespace, own)
        && namespace != own
    {
        keys.push("targetNamespace");
    }
    let others = [
        "commonMetadata",
        "components",
        "kubeConfig",
        "namePrefix",
        "nameSuffix",
    ];
    keys.extend(others.into_iter().filter(|key| is_said(key)));
    match (&keys[..], namespace, own) {
        ([], Some(namespace), None) => Effect::Namespace(namespace.to_owned()),
        ([], ..) => Effect::Unchanged,
        _ => Effect::Changed(keys),
    }
}

/// Whether a Kustomization of Flux applies nothing for now.
pub fn is_suspended(applier: &Node) -> bool {
    let suspend = applier.get("spec").and_then(|it| it.get("suspend"));
    suspend.and_then(Node::as_bool) == Some(true)
}

/// Whether a text of the document holds what Flux may put another in place of.
pub fn holds_variable(document: &Node) -> bool {
    if let Some(entries) = document.as_mapping() {
        let mut entries = entries.iter();
        return entries.any(|one| one.key.contains("${") || holds_variable(&one.node));
    }
    if let Some(items) = document.as_sequence() {
        return items.iter().any(holds_variable);
    }
    document
        .as_scalar()
        .is_some_and(|scalar| scalar.text.contains("${"))
}

pub(super) fn is_empty(node: &Node) -> bool {
    node.is_null()
        || node.as_str() == Some("")
        || node.as_mapping().is_some_and(<[_]>::is_empty)
        || node.as_sequence().is_some_and(<[_]>::is_empty)
}

pub(super) fn substitutes(document: &Node) -> bool {
    let metadata = document.get("metadata");
    let mut said = ["annotations", "labels"].into_iter().filter_map(|key| {
        let map = metadata.and_then(|metadata| metadata.get(key))?;
        text(map, SUBSTITUTE)
    });
    !said.any(|value| value == "disabled")
}

/// Whether a patch may be one of this object: what its target, or the patch by itself, says plainly of kind
/// and name is another.
fn may_match(patch: &Node, document: &Node) -> bool {
    let name = document.get("metadata").and_then(|it| text(it, "name"));
    let own = [("kind", text(document, "kind")), ("name", name)];
    let is_other = |said: &dyn Fn(&str) -> Option<String>| {
        let mut own = own.iter();
        own.any(|(key, own)| {
            let said = said(key).filter(|said| is_plain(said));
            said.is_some_and(|said| own.is_some_and(|own| own != said))
        })
    };
    if let Some(target) = patch.get("target").filter(|target| !is_empty(target)) {
        return !is_other(&|key| text(target, key).map(str::to_owned));
    }
    let (objects, _) = read(text(patch, "patch").unwrap_or_default(), 0);
    objects.is_empty()
        || objects.iter().any(|object| {
            !is_other(&|key| {
                let map = match key {
                    "name" => object.get("metadata")?,
                    _ => object,
                };
                text(map, key).map(str::to_owned)
            })
        })
}

/// Whether it is the text itself, and no pattern.
fn is_plain(text: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !text.is_empty() && text.chars().all(is_of_name)
}

#[cfg(test)]
mod tests {
    use super::{Effect, effect};
    use crate::flux::yaml::read;

    /// What a Kustomization with this spec makes of a GitRepository with this spec.
    fn of(applier: &str, namespace: &str, spec: &str) -> Effect {
        let applier = format!("kind: Kustomization\nspec: {{{applier}}}\n");
        let document = format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: web{namespace}}}\nspec: {{{spec}}}\n"
        );
        effect(&read(&applier, 0).0[0], &read(&document, 0).0[0])
    }

    #[test]
    fn what_an_applier_says_of_other_objects_changes_nothing_of_this_one() {
        let unchanged = |applier: &str| {
            assert_eq!(
                of(applier, ", namespace: a", "url: x"),
                Effect::Unchanged,
                "{applier}"
            );
        };
        unchanged("path: ./a, prune: true, decryption: {provider: sops}, images: [{name: a}]");
        unchanged("postBuild: {substitute: {A: b}}");
        unchanged("targetNamespace: a, components: [], commonMetadata: {}");
        unchanged("patches: [{patch: x, target: {kind: HelmRelease}}]");
        unchanged("patches: [{patch: x, target: {kind: GitRepository, name: other}}]");
        unchanged("patches: [{patch: '{kind: Deployment, metadata: {name: web}}'}]");
    }

    #[test]
    fn what_may_change_it_is_named() {
        let changed = |applier: &str, keys: &[&'static str]| {
            let effect = of(applier, ", namespace: a", "url: '${URL}'");
            assert_eq!(effect, Effect::Changed(keys.to_vec()), "{applier}");
        };
        changed(
            "postBuild: {substituteFrom: [{name: a}]}, targetNamespace: b",
            &["postBuild", "targetNamespace"],
        );
        changed("patches: [{patch: x, target: {kind: Git.*}}]", &["patches"]);
        changed(
            "patches: [{patch: x, target: {labelSelector: a=b}}]",
            &["patches"],
        );
        changed(
            "patches: [{patch: '{kind: GitRepository, metadata: {name: web}}'}]",
            &["patches"],
        );
        changed(
            "patches: [{patch: '[{op: remove, path: /a}]'}]",
            &["patches"],
        );
        changed(
            "namePrefix: a-, nameSuffix: -b, components: [./c], commonMetadata: {labels: {a: b}}, kubeConfig: {secretRef: {name: a}}",
            &[
                "commonMetadata",
                "components",
                "kubeConfig",
                "namePrefix",
                "nameSuffix",
            ],
        );
        let off = of(
            "postBuild: {substitute: {A: b}}",
            ", annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}",
            "url: '${A}'",
        );
        assert_eq!(off, Effect::Unchanged);
    }

    #[test]
    fn a_namespace_is_known_where_the_object_names_none() {
        let effect = of("targetNamespace: b", "", "url: x");
        assert_eq!(effect, Effect::Namespace("b".to_owned()));
    }
}
