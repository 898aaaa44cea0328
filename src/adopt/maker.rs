//! What makes an object by itself, and would make it again.

use crate::flux::yaml::Node;

/// Groups of labels by which controllers say that they made an object, and from what.
const MAKERS: [(&str, &str); 3] = [
    ("resourceset.fluxcd.controlplane.io", "ResourceSet"),
    ("fluxcd.controlplane.io", "FluxInstance"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
];

/// The annotation by which Helm says of which release an object is.
const RELEASE: &str = "meta.helm.sh/release-name";

/// The maker, as `ResourceSet apps/tenants`; `None` where nothing says of one.
pub(super) fn made_by(document: &Node) -> Option<String> {
    let metadata = document.get("metadata")?;
    let text = |map: &str, key: &str| metadata.get(map)?.get(key)?.as_str();
    for (group, kind) in MAKERS {
        if let Some(name) = text("labels", &format!("{group}/name")) {
            let namespace = text("labels", &format!("{group}/namespace"));
            let slash = namespace.map_or_else(String::new, |it| format!("{it}/"));
            return Some(format!("{kind} {slash}{name}"));
        }
    }
    if let Some(name) = text("annotations", RELEASE) {
        return Some(format!("the Helm release {name}"));
    }
    let owners = metadata.get("ownerReferences").and_then(Node::as_sequence);
    let owner = owners
        .unwrap_or_default()
        .iter()
        .find(|owner| owner.get("controller").and_then(Node::as_bool) == Some(true))?;
    let of_owner = |key| owner.get(key).and_then(Node::as_str).unwrap_or("?");
    Some(format!("{} {}", of_owner("kind"), of_owner("name")))
}

#[cfg(test)]
mod tests {
    use super::made_by;
    use crate::flux::yaml::read;

    #[test]
    fn labels_a_release_or_an_owner_name_what_makes_an_object() {
        let of = |metadata: &str| made_by(&read(&format!("metadata: {{{metadata}}}\n"), 0).0[0]);
        let made = |metadata, maker: &str| assert_eq!(of(metadata).as_deref(), Some(maker));
        let owner =
            "ownerReferences: [{kind: A, name: a}, {kind: Tenant, name: b, controller: true}]";
        made(owner, "Tenant b");
        made(
            "labels: {resourceset.fluxcd.controlplane.io/name: tenants, resourceset.fluxcd.controlplane.io/namespace: apps}",
            "ResourceSet apps/tenants",
        );
        made(
            "labels: {helm.toolkit.fluxcd.io/name: chart}",
            "HelmRelease chart",
        );
        made(
            "annotations: {meta.helm.sh/release-name: web}",
            "the Helm release web",
        );
        let applied = "labels: {kustomize.toolkit.fluxcd.io/name: apps}, ownerReferences: [{kind: A, name: a}]";
        assert_eq!(of(applied), None);
    }
}
