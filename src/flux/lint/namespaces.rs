//! References to objects of other namespaces, which a locked-down Flux refuses.

use crate::flux::fault::Fault;
use crate::flux::is_of_flux;
use crate::flux::yaml::Node;

/// Where Flux's own kinds refer to another object.
const REFERENCES: [&[&str]; 4] = [
    &["spec", "sourceRef"],
    &["spec", "chartRef"],
    &["spec", "chart", "spec", "sourceRef"],
    &["spec", "imageRepositoryRef"],
];

/// What a controller that runs with `--no-cross-namespace-refs` refuses of a document of Flux.
pub fn references_to_other_namespaces(document: &Node) -> Vec<Fault> {
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let own = document
        .get("metadata")
        .and_then(|metadata| text(metadata, "namespace"));
    let (true, Some(own)) = (is_of_flux(document), own) else {
        return Vec::new();
    };
    let references = REFERENCES.iter().filter_map(|keys| {
        let node = keys.iter().try_fold(document, |node, key| node.get(key))?;
        Some((keys.join("."), node))
    });
    let dependencies = document
        .get("spec")
        .and_then(|spec| spec.get("dependsOn"))
        .and_then(Node::as_sequence)
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, node)| (format!("spec.dependsOn[{index}]"), node));
    references
        .chain(dependencies)
        .filter_map(|(path, node)| {
            let namespace = node.get("namespace")?;
            let other = namespace.as_str().filter(|other| *other != own)?;
            let message = format!(
                "refers to namespace `{other}`, and the cluster allows no reference to another namespace than its own `{own}`"
            );
            Some(
                Fault::flux(namespace.span, format!("{path}.namespace"), message)
                    .hint("move one of the two, or take `crossNamespace: false` from the cluster"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::references_to_other_namespaces;
    use crate::flux::yaml::read;

    #[test]
    fn a_reference_to_another_namespace_is_found_and_one_to_the_own_is_not() {
        let text = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a, namespace: own}\nspec:\n  chart: {spec: {sourceRef: {name: charts, namespace: other}}}\n  dependsOn: [{name: b}, {name: c, namespace: own}, {name: d, namespace: third}]\n";
        let found = references_to_other_namespaces(&read(text, 0).0[0]);
        let paths: Vec<&str> = found.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "spec.chart.spec.sourceRef.namespace",
                "spec.dependsOn[2].namespace"
            ]
        );
        let core = text.replace("helm.toolkit.fluxcd.io/v2", "v1");
        assert!(references_to_other_namespaces(&read(&core, 0).0[0]).is_empty());
    }
}
