//! What can be said by itself: a key of the configuration, or one key of a map there.

use std::collections::BTreeMap;

use serde_json::Value;

/// A key that is decided by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Unit {
    pub(super) key: &'static str,
    /// The key within a map, as of `labels`; of `intervals` and `timeouts` whose they are.
    pub(super) inner: Option<String>,
}

/// What an object wants of each unit; `null`: that nothing is said. What is left out is `null` too.
pub(super) type Wanted = BTreeMap<Unit, Value>;

/// Keys of which a source takes what is said, and no object does.
const OF_SOURCES: [&str; 6] = [
    "ref",
    "secretRef",
    "provider",
    "watchPaths",
    "gitRepository",
    "ociRepository",
];

/// Keys of which both take what is said.
const OF_BOTH: [&str; 5] = ["annotations", "labels", "names", "namespace", "suspend"];

impl Unit {
    pub(super) fn key(key: &'static str) -> Self {
        Self { key, inner: None }
    }

    pub(super) fn of(key: &'static str, inner: &str) -> Self {
        Self {
            key,
            inner: Some(inner.to_owned()),
        }
    }

    pub(super) fn is_of_both(&self) -> bool {
        OF_BOTH.contains(&self.key)
    }

    /// Whether a source of this kind takes it.
    pub(super) fn is_of_source(&self, is_oci: bool) -> bool {
        match self.key {
            "intervals" | "timeouts" => self.inner.as_deref() == Some("source"),
            "gitRepository" => !is_oci,
            "ociRepository" => is_oci,
            key => OF_SOURCES.contains(&key) || self.is_of_both(),
        }
    }

    pub(super) fn is_of_object(&self) -> bool {
        match self.key {
            "intervals" | "timeouts" => self.inner.as_deref() == Some("kustomization"),
            key => !OF_SOURCES.contains(&key),
        }
    }

    /// Whether it says how an environment is run: that stands with the environment.
    pub(super) fn is_policy(&self) -> bool {
        matches!(self.key, "intervals")
    }

    /// Whether it can be said of an environment or a cluster, and not of a project only.
    pub(super) fn is_general(&self) -> bool {
        self.key != "dependsOn"
    }
}
