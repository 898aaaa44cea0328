//! What of a configuration cannot be brought into a pod.

/// Why there are no manifests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstallFault {
    #[error(
        "{0} lies outside the configuration folder, where no Secret is put; name it by a path below the folder, such as `secrets/token`"
    )]
    Outside(String),
    #[error("`{0}` is no name of an environment variable that a Secret can have as a key")]
    EnvName(String),
    #[error(
        "`{0}` and `{1}` would be one key, `{2}`, of a Secret or a ConfigMap; rename one of them"
    )]
    SameKey(String, String, String),
    #[error(
        "`{0}` can be no key of a Secret or a ConfigMap; use letters, digits, `-`, `_` and `.`"
    )]
    Key(String),
    #[error(
        "the configuration has {0} bytes and a ConfigMap holds {1}; `serve` needs no projects: keep a configuration for it alone"
    )]
    TooLarge(usize, usize),
    #[error(
        "cluster `{0}` is a context of a kubeconfig of this machine; name its file as `kubeconfig`, or leave both out for the cluster that the pod runs in"
    )]
    NoKubeconfig(String),
    #[error("SQLite is one process's alone; several replicas need `--store postgres`")]
    Replicas,
    #[error("SQLite is a file, which has no port; `--store-port` needs `--store postgres`")]
    StorePort,
}
