//! What the door counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::budget::live::metric;
use crate::delivery::Event;

use super::github_metrics::GithubMetrics;

/// The counters of the door; a copy counts into the same ones.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(super) deliveries: Family<DeliveryLabels, Counter>,
    pub(super) signatures: Family<SecretLabels, Counter>,
    pub(super) unread_secrets: Family<SecretLabels, Gauge>,
    pub(super) refusals: Family<RefusalLabels, Counter>,
    pub(super) answer_seconds: Histogram,
    pub(super) body_bytes: Gauge,
    pub(super) connections: Family<DoorLabels, Gauge>,
    pub(super) stored: Family<StateLabels, Gauge>,
    pub(super) open_work: Family<ClusterLabels, Gauge>,
    pub(super) oldest_work: Family<ClusterLabels, Gauge>,
    pub(super) store_bytes: Gauge,
    pub(super) cluster_listed: Family<ClusterLabels, Gauge>,
    pub(super) cluster_objects: Family<KindLabels, Gauge>,
    pub(super) configuration_refused: Gauge,
    pub(super) configuration_needs_restart: Gauge,
    pub(super) configuration_since: Gauge,
    pub(super) github: GithubMetrics,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DeliveryLabels {
    pub(super) webhook: String,
    pub(super) event: &'static str,
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SecretLabels {
    pub(super) webhook: String,
    /// The reference, never the value.
    pub(super) secret: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RefusalLabels {
    pub(super) status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DoorLabels {
    pub(super) door: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabels {
    pub(super) state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ClusterLabels {
    pub(super) cluster: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub(super) cluster: String,
    pub(super) kind: &'static str,
}

/// The upper bounds in seconds of the histogram of answers; GitHub waits 10 s.
const ANSWER_SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0,
];

impl Metrics {
    /// Makes the counters known to a registry, under names that begin with `flux_setup_`.
    pub fn register(registry: &mut Registry) -> Self {
        let ours = registry.sub_registry_with_prefix("flux_setup");
        let metrics = Self {
            github: GithubMetrics::register(ours),
            deliveries: Family::default(),
            signatures: Family::default(),
            unread_secrets: Family::default(),
            refusals: Family::default(),
            answer_seconds: Histogram::new(ANSWER_SECONDS),
            body_bytes: Gauge::default(),
            connections: Family::default(),
            stored: Family::default(),
            open_work: Family::default(),
            oldest_work: Family::default(),
            store_bytes: Gauge::default(),
            cluster_listed: Family::default(),
            cluster_objects: Family::default(),
            configuration_refused: Gauge::default(),
            configuration_needs_restart: Gauge::default(),
            configuration_since: Gauge::default(),
        };
        ours.register(
            "deliveries",
            "Rightly signed deliveries, by what became of them at the door",
            metrics.deliveries.clone(),
        );
        ours.register(
            "webhook_signatures",
            "Right signatures by the secret that made them; one that stays still may be taken away",
            metrics.signatures.clone(),
        );
        ours.register(
            "webhook_secret_unreadable",
            "1 where a secret's file cannot be read again and its last value is used",
            metrics.unread_secrets.clone(),
        );
        ours.register(
            "hook_refusals",
            "Requests to the door of the webhooks that were refused, by status",
            metrics.refusals.clone(),
        );
        ours.register(
            "hook_answer_seconds",
            "From the headers of a request to its answer, at the door of the webhooks",
            metrics.answer_seconds.clone(),
        );
        ours.register(
            "hook_body_bytes",
            "Memory that bodies take which are being read or judged",
            metrics.body_bytes.clone(),
        );
        ours.register(
            "connections",
            "Open connections by door",
            metrics.connections.clone(),
        );
        ours.register(
            "store_deliveries",
            "Deliveries in the store by state",
            metrics.stored.clone(),
        );
        ours.register(
            "store_open_work",
            "Pieces of work in the store that are not over, by cluster",
            metrics.open_work.clone(),
        );
        ours.register(
            metric::OLDEST_WORK,
            "For how many seconds the oldest of the work that is not over could have been done, by cluster",
            metrics.oldest_work.clone(),
        );
        ours.register(
            "store_size_bytes",
            "What the store takes of the disk",
            metrics.store_bytes.clone(),
        );
        ours.register(
            "cluster_listed",
            "1 where every kind of source of a cluster was listed once",
            metrics.cluster_listed.clone(),
        );
        ours.register(
            "cluster_objects",
            "Objects that are known of a cluster by kind",
            metrics.cluster_objects.clone(),
        );
        ours.register(
            "configuration_refused",
            "1 where the configuration was changed and cannot be used, so that the last sound one holds",
            metrics.configuration_refused.clone(),
        );
        ours.register(
            "configuration_needs_restart",
            "1 where something was changed that only a restart takes over",
            metrics.configuration_needs_restart.clone(),
        );
        ours.register(
            "configuration_since_timestamp_seconds",
            "Since when the configuration that holds does",
            metrics.configuration_since.clone(),
        );
        metrics
    }
}

/// One of a few words: the header that names an event is not signed, so it may hold anything.
pub(super) fn event_label(event: &Event) -> &'static str {
    match event {
        Event::Ping => "ping",
        Event::Push(_) => "push",
        Event::Create { .. } => "create",
        Event::Delete { .. } => "delete",
        Event::Package(_) => "package",
        Event::Release(_) => "release",
        Event::Repository(_) => "repository",
        Event::WorkflowRun(_) => "workflow_run",
        Event::Gap { .. } => "gap",
        Event::Restored { .. } => "restored",
        Event::Head(_) => "head",
        Event::Other { .. } => "other",
    }
}
