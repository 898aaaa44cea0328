//! The clusters, how far each has come, and what is known of it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::catalog::{Kind, LiveCluster, Progress};
use crate::reconcile::cluster_lease;
use crate::server::state::AppState;

#[derive(Debug, Serialize)]
pub(super) struct Clusters {
    clusters: Vec<Cluster>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cluster {
    name: String,
    /// The replica that annotates there, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<String>,
    /// `starting`, `failed`, `listed`, `lost`, or `elsewhere` where other replicas alone serve it.
    progress: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How many are known, by kind.
    objects: BTreeMap<&'static str, u64>,
}

/// `GET /api/v1/clusters`
pub(super) async fn list(State(state): State<AppState>) -> Json<Clusters> {
    let clusters = state.clusters.iter().map(|cluster| {
        let (progress, reason) = match cluster.progress() {
            // Who takes over has not begun yet.
            Progress::Starting | Progress::Elsewhere => ("starting", None),
            Progress::Failed { reason } => ("failed", Some(reason)),
            Progress::Listed => ("listed", None),
            Progress::Lost { reason } => ("lost", Some(reason)),
        };
        Cluster {
            name: cluster.name().to_string(),
            held_by: state.roster.holder(&cluster_lease(cluster.name())),
            progress,
            reason,
            objects: objects_by_kind(cluster),
        }
    });
    let mut clusters: Vec<Cluster> = clusters.collect();
    for (name, holder) in state.roster.clusters() {
        if clusters.iter().all(|cluster| cluster.name != name) {
            clusters.push(Cluster {
                name,
                held_by: Some(holder),
                progress: "elsewhere",
                reason: None,
                objects: Kind::ALL.map(|kind| (kind.name(), 0)).into(),
            });
        }
    }
    Json(Clusters { clusters })
}

/// Each kind is there.
pub(super) fn objects_by_kind(cluster: &LiveCluster) -> BTreeMap<&'static str, u64> {
    let mut objects: BTreeMap<_, _> = Kind::ALL.map(|kind| (kind.name(), 0)).into();
    for item in cluster.read().items() {
        *objects.entry(item.key.kind.name()).or_default() += 1;
    }
    objects
}
