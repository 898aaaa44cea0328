//! What is counted of the way from a delivery to an annotation.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::budget::live::metric;

/// Of all clusters.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(super) matched: Family<EventLabels, Counter>,
    pub(super) ended: Family<EndLabels, Counter>,
    pub(super) retries: Family<ClusterLabels, Counter>,
    pub(super) open: Family<ClusterLabels, Gauge>,
    pub(super) patch_seconds: Family<ClusterLabels, Histogram>,
    pub(super) annotated_seconds: Family<ClusterLabels, Histogram>,
    pub(super) stage_seconds: Family<StageLabels, Histogram>,
    pub(super) proofs: Family<EndLabels, Counter>,
    pub(super) followed: Family<ClusterLabels, Gauge>,
    pub(super) unapplied_seconds: Family<UnappliedLabels, Gauge<f64, AtomicU64>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EventLabels {
    /// The state of the delivery after it was matched.
    pub(super) state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EndLabels {
    pub(super) cluster: Arc<str>,
    /// The state in which the work ended.
    pub(super) state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ClusterLabels {
    pub(super) cluster: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StageLabels {
    pub(super) stage: &'static str,
    /// Empty where the object names none.
    pub(super) environment: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct UnappliedLabels {
    pub(super) cluster: Arc<str>,
    pub(super) environment: Arc<str>,
}

impl Metrics {
    /// Makes them known to whoever reads the registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            matched: Family::default(),
            ended: Family::default(),
            retries: Family::default(),
            open: Family::default(),
            patch_seconds: Family::new_with_constructor(|| {
                Histogram::new([
                    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
                ])
            }),
            annotated_seconds: Family::new_with_constructor(|| {
                Histogram::new([
                    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3_600.0,
                ])
            }),
            stage_seconds: Family::new_with_constructor(|| {
                Histogram::new([
                    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
                    1_800.0, 3_600.0, 21_600.0,
                ])
            }),
            proofs: Family::default(),
            followed: Family::default(),
            unapplied_seconds: Family::default(),
        };
        let registry = registry.sub_registry_with_prefix("flux_setup");
        registry.register(
            "deliveries_matched",
            "Deliveries held against the clusters, by the state that followed",
            metrics.matched.clone(),
        );
        registry.register(
            "work_ended",
            "Objects that deliveries were to wake, by cluster and what became of it",
            metrics.ended.clone(),
        );
        registry.register(
            "annotation_retries",
            "Annotations that a cluster did not take and that are tried again",
            metrics.retries.clone(),
        );
        registry.register(
            "work_open",
            "Objects that are still to be woken",
            metrics.open.clone(),
        );
        registry.register_with_unit(
            "annotation_request",
            "How long the API server takes for an annotation",
            Unit::Seconds,
            metrics.patch_seconds.clone(),
        );
        registry.register_with_unit(
            "delivery_to_annotation",
            "From the acceptance of a delivery to the annotation of an object",
            Unit::Seconds,
            metrics.annotated_seconds.clone(),
        );
        registry.register_with_unit(
            "push_stage",
            "From the acceptance of a delivery until an object was annotated, its controller has acknowledged it, \
             fetched the commit, all that uses it has applied it, and is healthy; by environment",
            Unit::Seconds,
            metrics.stage_seconds.clone(),
        );
        registry.register(
            "proofs_ended",
            "Annotated objects that were followed, by cluster and what became of them",
            metrics.proofs.clone(),
        );
        registry.register(
            "pushes_followed",
            "Annotated objects that are followed",
            metrics.followed.clone(),
        );
        registry.register(
            metric::PUSHED_UNAPPLIED,
            "For how long an object at most has lacked what was pushed: since the acceptance of the oldest push that it \
             was annotated for after the last one that is proven, by cluster and environment",
            metrics.unapplied_seconds.clone(),
        );
        metrics
    }
}
