//! The account of `serve` and its rights, which are those of the requests that it sends.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::catalog::Kind;

use super::Names;
use super::document::Document;

pub(super) fn service_account(names: &Names) -> Document {
    Document::new(json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": names.metadata(&names.name),
        "automountServiceAccountToken": false,
    }))
}

/// A role in all namespaces, and who has it.
pub(super) fn rights(names: &Names) -> [Document; 2] {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let version = format!("{GROUP}/v1");
    let name = names.in_cluster();
    let metadata = json!({"name": name, "labels": names.labels()});
    let role = json!({
        "apiVersion": version,
        "kind": "ClusterRole",
        "metadata": metadata,
        "rules": rules(),
    });
    let binding = json!({
        "apiVersion": version,
        "kind": "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": names.name, "namespace": names.namespace}],
    });
    [Document::new(role), Document::new(binding)]
}

/// Every kind is listed and watched; sources alone are annotated.
fn rules() -> Vec<Value> {
    let mut rules: BTreeMap<(&str, bool), Vec<&str>> = BTreeMap::new();
    for kind in Kind::ALL {
        let resources = rules.entry((kind.group(), kind.is_source())).or_default();
        resources.push(kind.plural());
    }
    let rule = |((group, is_source), mut resources): ((&str, bool), Vec<&str>)| {
        resources.sort_unstable();
        let verbs: &[&str] = match is_source {
            true => &["list", "patch", "watch"],
            false => &["list", "watch"],
        };
        json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
    };
    rules.into_iter().map(rule).collect()
}
