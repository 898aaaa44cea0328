//! What keeps the account to one annotation: RBAC lets it patch whole objects, or none.

use serde_json::{Value, json};

use crate::catalog::{Kind, REQUESTED_AT};

use super::Names;
use super::document::Document;

/// A token of ours is a time; whatever is longer is none.
const TOKEN_LIMIT: usize = 64;

/// A policy for the requests of this account alone, and what makes it hold.
pub(super) fn policy(names: &Names) -> [Document; 2] {
    const VERSION: &str = "admissionregistration.k8s.io/v1";
    let name = names.in_cluster();
    let metadata = json!({"name": name, "labels": names.labels()});
    let mut groups = Kind::ALL.map(Kind::group).to_vec();
    groups.sort_unstable();
    groups.dedup();
    let user = names.user();
    let policy = json!({
        "apiVersion": VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata,
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": groups,
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE", "DELETE"],
                "resources": ["*/*"],
            }]},
            "matchConditions": [{
                "name": "is-flux-setup",
                // The name is made of DNS labels, so that no quote can end the text.
                "expression": format!("request.userInfo.username == '{user}'"),
            }],
            "variables": [
                {"name": "was", "expression": "oldObject.metadata.?annotations.orValue({})"},
                {"name": "is", "expression": "object.metadata.?annotations.orValue({})"},
            ],
            "validations": validations(),
        },
    });
    let binding = json!({
        "apiVersion": VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata,
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    [
        Document::new(policy).with("Needs Kubernetes 1.30 or later."),
        Document::new(binding),
    ]
}

/// Who owns which labels and which of the spec, as the API server notes it in the version in which it is asked: by it
/// Flux knows what it has applied, and takes away what is no longer asked for. Entries of a version that is not served
/// any more the API server itself drops.
fn owners(of: &str) -> String {
    let spec = r#"m.?fieldsV1[?"f:spec"]"#;
    let labels = r#"m.?fieldsV1[?"f:metadata"][?"f:labels"]"#;
    format!(
        "{of}.metadata.?managedFields.orValue([])\
         .filter(m, m.?apiVersion.orValue('') == object.apiVersion && ({spec}.hasValue() || {labels}.hasValue()))\
         .map(m, [m.?manager, m.?operation, {spec}, {labels}])"
    )
}

fn validations() -> [Value; 6] {
    // Nothing is there to be compared where an object is made or deleted.
    let where_updated =
        |expression: &str| format!("request.operation != 'UPDATE' || ({expression})");
    let same = |field: &str| format!("object.metadata.?{field} == oldObject.metadata.?{field}");
    let metadata = ["labels", "finalizers", "ownerReferences"]
        .map(same)
        .join(" && ");
    let annotations = format!(
        "variables.is.all(key, key == '{REQUESTED_AT}' || \
         (key in variables.was && variables.is[key] == variables.was[key])) && \
         variables.was.all(key, key in variables.is)"
    );
    let token = format!(
        "!('{REQUESTED_AT}' in variables.is) || size(variables.is['{REQUESTED_AT}']) <= {TOKEN_LIMIT} || \
         ('{REQUESTED_AT}' in variables.was && variables.is['{REQUESTED_AT}'] == variables.was['{REQUESTED_AT}'])"
    );
    let owners = format!("{} == {}", owners("object"), owners("oldObject"));
    let rule = |expression: String, not: &str| {
        let message = format!("flux-setup may change the annotation {REQUESTED_AT} alone, {not}");
        json!({"expression": expression, "message": message, "reason": "Forbidden"})
    };
    [
        rule(
            "request.operation == 'UPDATE' && request.?subResource.orValue('') == ''".to_owned(),
            "and neither make, delete nor report on an object",
        ),
        rule(where_updated("object.?spec == oldObject.?spec"), "not spec"),
        rule(where_updated(&metadata), "not labels, finalizers or owners"),
        rule(where_updated(&annotations), "not another one"),
        rule(where_updated(&token), "by a short token"),
        rule(where_updated(&owners), "not who owns its fields"),
    ]
}
