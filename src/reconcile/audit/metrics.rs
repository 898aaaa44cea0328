//! What is counted of webhooks and of what they did not deliver.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::delivery::WebhookName;

use super::report::WebhookReport;
use super::tally::Tally;

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

    /// Shows what a report says but for what is counted.
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
    }

    /// What is counted of a webhook, from where an earlier audit of it ended.
    pub(super) fn tally(&self, webhook: &WebhookName) -> Tally {
        let labels = WebhookLabels {
            webhook: webhook.0.clone(),
        };
        let counter = |family: &Family<_, Counter>| family.get_or_create(&labels).clone();
        Tally {
            missed: counter(&self.missed),
            back_filled: counter(&self.back_filled),
            redelivered: counter(&self.redelivered),
            unreadable: counter(&self.unreadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use crate::reconcile::audit::missed::Resolved;

    use super::*;

    #[test]
    fn an_audit_that_begins_anew_counts_on_and_each_webhook_by_itself() {
        let mut registry = Registry::default();
        let metrics = WebhookMetrics::register(&mut registry);
        let (acme, other) = (WebhookName("acme".into()), WebhookName("other".into()));
        for (webhook, count) in [(&acme, 3), (&other, 1), (&acme, 2)] {
            let tally = metrics.tally(webhook);
            (0..count).for_each(|_| tally.count(Resolved::BackFilled));
            // Another replica asked meanwhile.
            metrics.forget();
        }
        assert_eq!(metrics.tally(&acme).counted().missed, 5);
        let mut shown = String::new();
        encode(&mut shown, &registry).unwrap();
        for line in [
            "flux_setup_webhook_missed_total{webhook=\"acme\"} 5\n",
            "flux_setup_webhook_back_filled_total{webhook=\"acme\"} 5\n",
            "flux_setup_webhook_back_filled_total{webhook=\"other\"} 1\n",
        ] {
            assert!(shown.contains(line), "{shown}");
        }
    }
}
