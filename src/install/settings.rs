//! What somebody wants of an installation.

use serde_json::{Value, json};

/// Where everything is and how it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    pub namespace: String,
    /// Of the objects, and of the Secret with what the configuration refers to.
    pub name: String,
    /// Whether the Namespace is among the manifests.
    pub with_namespace: bool,
}

/// Where the store is, and by how many processes it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    Sqlite,
    Postgres {
        replicas: u32,
        /// The configuration does not say where it is: the Secret does.
        from_secret: bool,
        /// `None`: that of the address, where it can be read.
        port: Option<u16>,
    },
}

/// How GitHub gets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    pub host: String,
    /// `None`: the cluster's default.
    pub class: Option<String>,
    pub tls_secret: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallSettings {
    pub names: Names,
    pub image: String,
    pub store: StoreKind,
    pub ingress: Option<Path>,
    /// Empty: all of the configuration.
    pub clusters: Vec<String>,
    /// Whether somebody is believed what it writes into `X-Forwarded-For`.
    pub trusts_proxies: bool,
    /// Whether a cluster is reached as the pod's own account.
    pub uses_account: bool,
}

impl Names {
    /// Objects without a namespace are told from those of another installation.
    pub(super) fn in_cluster(&self) -> String {
        format!("{}.{}", self.name, self.namespace)
    }

    pub(super) fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// The metadata of an object of that name in the namespace.
    pub(super) fn metadata(&self, name: &str) -> Value {
        json!({"name": name, "namespace": self.namespace, "labels": self.labels()})
    }

    /// By which pods are selected.
    pub(super) fn labels(&self) -> Value {
        json!({
            "app.kubernetes.io/instance": self.name,
            "app.kubernetes.io/name": "flux-setup",
        })
    }
}
