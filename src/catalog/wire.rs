//! Objects of Flux as the API server sends them: only the fields that we read.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

type Text<'a> = Option<Cow<'a, str>>;

#[derive(Debug, Deserialize)]
pub(super) struct Object<'a> {
    #[serde(borrow)]
    pub(super) metadata: Metadata<'a>,
    #[serde(borrow, default)]
    pub(super) spec: Option<Spec<'a>>,
    #[serde(borrow, default)]
    pub(super) status: Option<ObjectStatus<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata<'a> {
    #[serde(borrow, default)]
    pub(super) namespace: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) uid: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) resource_version: Cow<'a, str>,
    #[serde(default)]
    pub(super) generation: i64,
    #[serde(borrow, default)]
    pub(super) labels: Option<HashMap<Cow<'a, str>, Cow<'a, str>>>,
    #[serde(borrow, default)]
    pub(super) annotations: Option<HashMap<Cow<'a, str>, Cow<'a, str>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec<'a> {
    #[serde(borrow)]
    pub(super) url: Text<'a>,
    /// Of a Bucket.
    #[serde(borrow)]
    pub(super) endpoint: Text<'a>,
    #[serde(borrow)]
    pub(super) bucket_name: Text<'a>,
    #[serde(borrow, rename = "ref")]
    pub(super) reference: Option<Ref<'a>>,
    #[serde(borrow)]
    pub(super) interval: Text<'a>,
    pub(super) suspend: Option<bool>,
    #[serde(borrow)]
    pub(super) source_ref: Option<Source<'a>>,
    /// Of a HelmRelease.
    #[serde(borrow)]
    pub(super) chart_ref: Option<Source<'a>>,
    #[serde(borrow)]
    pub(super) depends_on: Option<Vec<Dependency<'a>>>,
}

/// Another object of the same kind.
#[derive(Debug, Deserialize)]
pub(super) struct Dependency<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) namespace: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Ref<'a> {
    #[serde(borrow, default)]
    pub(super) branch: Text<'a>,
    #[serde(borrow, default)]
    pub(super) tag: Text<'a>,
    #[serde(borrow, default)]
    pub(super) semver: Text<'a>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) commit: Text<'a>,
    #[serde(borrow, default)]
    pub(super) digest: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Source<'a> {
    #[serde(borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) namespace: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ObjectStatus<'a> {
    #[serde(borrow)]
    pub(super) last_handled_reconcile_at: Text<'a>,
    #[serde(borrow)]
    pub(super) artifact: Option<Artifact<'a>>,
    #[serde(borrow)]
    pub(super) last_applied_revision: Text<'a>,
    #[serde(borrow)]
    pub(super) last_attempted_revision: Text<'a>,
    /// Of a HelmRelease whose chart is an OCI artifact.
    #[serde(borrow)]
    pub(super) last_attempted_revision_digest: Text<'a>,
    /// Of a HelmChart.
    #[serde(borrow)]
    pub(super) observed_source_artifact_revision: Text<'a>,
    pub(super) observed_generation: Option<i64>,
    #[serde(borrow)]
    pub(super) conditions: Option<Vec<Condition<'a>>>,
    /// Of a HelmRelease, as `namespace/name`.
    #[serde(borrow)]
    pub(super) helm_chart: Text<'a>,
    /// Of a HelmRelease, the newest first.
    #[serde(borrow)]
    pub(super) history: Option<Vec<Release<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Artifact<'a> {
    #[serde(borrow, default)]
    pub(super) revision: Text<'a>,
    #[serde(borrow, default)]
    pub(super) last_update_time: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) status: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) reason: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) message: Cow<'a, str>,
    #[serde(default)]
    pub(super) observed_generation: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Release<'a> {
    #[serde(borrow, default)]
    pub(super) chart_version: Text<'a>,
    #[serde(borrow, default)]
    pub(super) oci_digest: Text<'a>,
    #[serde(borrow, default)]
    pub(super) status: Text<'a>,
    #[serde(borrow, default)]
    pub(super) last_deployed: Text<'a>,
}
