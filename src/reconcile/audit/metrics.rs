//! What is counted of webhooks and of what they did not deliver.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::report::WebhookReport;

/// Of all webhooks that GitHub is asked about.
#[derive(Debug, Clone)]
pub struct WebhookMetrics {
    healthy: Family<WebhookLabels, Gauge>,
    findings: Family<WebhookLabels, Gauge>,
    last_delivery: Family<WebhookLabels, Gauge>,
    last_audit: Family<WebhookLabels, Gauge>,
    catching_up: Family<WebhookLabels, Gauge>,
    missed: Family<WebhookLabels, Counter>,
    back_filled: Family<WebhookLabels, Counter>,
    redelivered: Family<WebhookLabels, Counter>,
    unreadable: Family<WebhookLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabels {
    webhook: String,
}

impl WebhookMetrics {
    /// Another replica asks from now on: what was known last is told no longer.
    pub fn forget(&self) {
        let gauges = [
            &self.healthy,
            &self.findings,
            &self.last_delivery,
            &self.last_audit,
            &self.catching_up,
        ];
        for gauge in gauges {
            gauge.clear();
        }
    }

    /// Makes them known to whoever reads the registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            healthy: Family::default(),
            findings: Family::default(),
            last_delivery: Family::default(),
            last_audit: Family::default(),
            catching_up: Family::default(),
            missed: Family::default(),
            back_filled: Family::default(),
            redelivered: Family::default(),
            unreadable: Family::default(),
        };
        let registry = registry.sub_registry_with_prefix("flux_setup_webhook");
        let gauges = [
            (
                "healthy",
                "Whether nothing is wrong with this webhook by which pushes may go unheard",
                &metrics.healthy,
            ),
            (
                "findings",
                "What is wrong, odd or quiet with this webhook at GitHub",
                &metrics.findings,
            ),
            (
                "catching_up",
                "Whether older deliveries are still being looked through",
                &metrics.catching_up,
            ),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        let times = [
            (
                "last_delivery_timestamp",
                "When GitHub delivered last",
                &metrics.last_delivery,
            ),
            (
                "last_audit_timestamp",
                "When GitHub's list of deliveries was read last",
                &metrics.last_audit,
            ),
        ];
        for (name, help, gauge) in times {
            registry.register_with_unit(name, help, Unit::Seconds, gauge.clone());
        }
        let counters = [
            ("missed", "Deliveries that never came in", &metrics.missed),
            (
                "back_filled",
                "Deliveries that were fetched from GitHub's list and taken in",
                &metrics.back_filled,
            ),
            (
                "redelivered",
                "Deliveries that GitHub was asked to deliver again",
                &metrics.redelivered,
            ),
            (
                "unreadable",
                "Deliveries that nobody can read",
                &metrics.unreadable,
            ),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        metrics
    }

    /// Shows what a report says.
    pub(super) fn show(&self, report: &WebhookReport) {
        let labels = WebhookLabels {
            webhook: report.name.0.clone(),
        };
        let set = |family: &Family<WebhookLabels, Gauge>, value: i64| {
            family.get_or_create(&labels).set(value);
        };
        if let Some(healthy) = report.healthy {
            set(&self.healthy, i64::from(healthy));
        }
        let findings = i64::try_from(report.findings.len()).unwrap_or(i64::MAX);
        set(&self.findings, findings);
        set(&self.catching_up, i64::from(report.catching_up));
        if let Some(last) = report.last_delivery {
            set(&self.last_delivery, last.as_second());
        }
        if let Some(last) = report.last_audit {
            set(&self.last_audit, last.as_second());
        }
        let counters = [
            (&self.missed, report.missed),
            (&self.back_filled, report.back_filled),
            (&self.redelivered, report.redelivered),
            (&self.unreadable, report.unreadable),
        ];
        for (family, total) in counters {
            let counter = family.get_or_create(&labels);
            let counted = counter.get();
            counter.inc_by(total.saturating_sub(counted));
        }
    }
}
