//! Where objects of a kind live: in a namespace, or in the cluster as a whole.

/// Where objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Namespaced,
    Cluster,
    /// Its CRD would say, and is not known.
    Unknown,
}

/// The API groups of Kubernetes itself, and those kinds of them that lie in the cluster as a whole; `*`
/// for all but those that follow, which lie in namespaces. Any other group is of custom resources,
/// also where it ends in `.k8s.io`.
///
/// Source: `kubectl api-resources` of Kubernetes 1.35.
const BUILT_IN: [(&str, &[&str]); 21] = [
    (
        "",
        &["ComponentStatus", "Namespace", "Node", "PersistentVolume"],
    ),
    ("admissionregistration.k8s.io", &["*"]),
    ("apiextensions.k8s.io", &["*"]),
    ("apiregistration.k8s.io", &["*"]),
    ("apps", &[]),
    ("authentication.k8s.io", &["*"]),
    ("authorization.k8s.io", &["*", "LocalSubjectAccessReview"]),
    ("autoscaling", &[]),
    ("batch", &[]),
    ("certificates.k8s.io", &["*", "PodCertificateRequest"]),
    ("coordination.k8s.io", &[]),
    ("discovery.k8s.io", &[]),
    ("events.k8s.io", &[]),
    ("flowcontrol.apiserver.k8s.io", &["*"]),
    (
        "networking.k8s.io",
        &["IPAddress", "IngressClass", "ServiceCIDR"],
    ),
    ("node.k8s.io", &["*"]),
    ("policy", &[]),
    (
        "rbac.authorization.k8s.io",
        &["ClusterRole", "ClusterRoleBinding"],
    ),
    (
        "resource.k8s.io",
        &["DeviceClass", "DeviceTaintRule", "ResourceSlice"],
    ),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("storage.k8s.io", &["*", "CSIStorageCapacity"]),
];

/// Where objects of a kind of Kubernetes itself live; `None` for a kind of any other group.
pub(super) fn built_in(group: &str, kind: &str) -> Option<Scope> {
    let (_, cluster_wide) = BUILT_IN.iter().find(|(known, _)| *known == group)?;
    let is_namespaced = match cluster_wide {
        ["*", namespaced @ ..] => namespaced.contains(&kind),
        cluster_wide => !cluster_wide.contains(&kind),
    };
    Some(if is_namespaced {
        Scope::Namespaced
    } else {
        Scope::Cluster
    })
}
