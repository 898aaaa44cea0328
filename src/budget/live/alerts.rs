//! Rules that wake somebody, as Prometheus reads them.

use std::fmt::{self, Write};
use std::time::Duration;

use super::metric::{
    GITHUB_EMPTY, GITHUB_FOREIGN_RATE, GITHUB_GATE_CLOSED, GITHUB_LIMIT, GITHUB_TROUBLE,
    OLDEST_WORK, PUSHED_UNAPPLIED, WEBHOOK_HEALTHY,
};
use crate::budget::words::percent;
use crate::flux::duration;
use crate::flux::yaml::write_scalar;

/// Names of metrics of ours begin with it.
const PREFIX: &str = "flux_setup";

/// Objects that are still to be woken, by cluster; counted where they are.
const WORK_OPEN: &str = "work_open";

/// 1 where a changed configuration is refused; told by the doors.
const CONFIGURATION_REFUSED: &str = "configuration_refused";

/// 1 where a replica holds a lease; counted by who takes and gives back.
const LEASE_HELD: &str = "lease_held";

/// From where on somebody is woken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertSettings {
    /// Use by others an hour, as a share of the limit.
    pub foreign_share: f64,
    /// Objects of one cluster that are still to be woken.
    pub backlog: u32,
    /// From the acceptance of a delivery to the annotation of its objects.
    pub annotated_within: Duration,
    /// From the acceptance of a push until all that follows it has applied it, or a later one.
    pub applied_within: Duration,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            foreign_share: 0.5,
            backlog: 100,
            annotated_within: Duration::from_secs(60),
            applied_within: Duration::from_secs(900),
        }
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRule {
    pub name: &'static str,
    /// In PromQL: somebody is woken for each series that it has.
    pub expression: String,
    /// How long it has to be so.
    pub lasting: Duration,
    pub severity: Severity,
    /// One line, in which Prometheus fills the labels in.
    pub summary: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Warning,
    /// Pushes do not arrive.
    Critical,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Every rule that we know.
pub fn alert_rules(settings: &AlertSettings) -> Vec<AlertRule> {
    let AlertSettings {
        foreign_share,
        backlog,
        annotated_within,
        applied_within,
    } = settings;
    const BUCKET: &str = "{{ $labels.resource }} of {{ $labels.identity }} at {{ $labels.host }}";
    vec![
        AlertRule {
            name: "FluxSetupGithubBudgetEmptySoon",
            expression: format!("{PREFIX}_{GITHUB_EMPTY} - time() > 0"),
            lasting: Duration::from_secs(300),
            severity: Severity::Warning,
            summary: format!("{BUCKET} will be used up before its reset"),
        },
        AlertRule {
            name: "FluxSetupGithubUsedByOthers",
            expression: format!(
                "{PREFIX}_{GITHUB_FOREIGN_RATE} > {foreign_share} * {PREFIX}_{GITHUB_LIMIT}"
            ),
            lasting: Duration::from_secs(600),
            severity: Severity::Warning,
            summary: format!(
                "others use more than {} of the limit an hour: {BUCKET}",
                percent(*foreign_share)
            ),
        },
        AlertRule {
            name: "FluxSetupGithubGateClosed",
            expression: format!("{PREFIX}_{GITHUB_GATE_CLOSED} > 0"),
            lasting: Duration::from_secs(300),
            severity: Severity::Warning,
            summary: format!("nothing is asked ({{{{ $labels.why }}}}): {BUCKET}"),
        },
        AlertRule {
            name: "FluxSetupGithubTrouble",
            expression: format!("{PREFIX}_{GITHUB_TROUBLE} > 0"),
            lasting: Duration::from_secs(300),
            severity: Severity::Warning,
            summary:
                "{{ $labels.host }} cannot be asked as {{ $labels.identity }} ({{ $labels.why }}): \
                      `flux-setup budget --live` names the step that mends it"
                    .to_owned(),
        },
        AlertRule {
            name: "FluxSetupWebhookSilent",
            expression: format!("{PREFIX}_{WEBHOOK_HEALTHY} == 0"),
            lasting: Duration::from_secs(300),
            severity: Severity::Critical,
            summary: "pushes may go unheard by webhook {{ $labels.webhook }}: \
                      `flux-setup webhook check` names the step that mends it"
                .to_owned(),
        },
        AlertRule {
            name: "FluxSetupBacklog",
            expression: format!("{PREFIX}_{WORK_OPEN} > {backlog}"),
            lasting: Duration::from_secs(600),
            severity: Severity::Warning,
            summary: "{{ $value }} objects of cluster {{ $labels.cluster }} are still to be woken"
                .to_owned(),
        },
        AlertRule {
            name: "FluxSetupPushNotAnnotated",
            expression: format!(
                "{PREFIX}_{OLDEST_WORK} > {}",
                annotated_within.as_secs_f64()
            ),
            lasting: Duration::ZERO,
            severity: Severity::Critical,
            summary: format!(
                "a push was accepted more than {} ago and is not annotated in cluster \
                 {{{{ $labels.cluster }}}}",
                duration::write(*annotated_within)
            ),
        },
        AlertRule {
            name: "FluxSetupPushNotApplied",
            expression: format!(
                "{PREFIX}_{PUSHED_UNAPPLIED} > {}",
                applied_within.as_secs_f64()
            ),
            lasting: Duration::ZERO,
            severity: Severity::Warning,
            summary: format!(
                "a push was accepted more than {} ago, and neither it nor a later one is applied in environment \
                 {{{{ $labels.environment }}}} of cluster {{{{ $labels.cluster }}}}: \
                 `flux-setup status --server` names it, `flux-setup delivery show` says why",
                duration::write(*applied_within)
            ),
        },
        AlertRule {
            name: "FluxSetupLeaseHeldByNobody",
            // Processes for one cluster each may share a database: of what is done once, one of them holds the lease.
            expression: format!("max by (namespace, lease) ({PREFIX}_{LEASE_HELD}) == 0"),
            lasting: Duration::from_secs(60),
            severity: Severity::Critical,
            summary: "no replica holds {{ $labels.lease }}, so nobody does what belongs to it: \
                      /health/ready and the logs of the replicas say why"
                .to_owned(),
        },
        AlertRule {
            name: "FluxSetupConfigurationRefused",
            expression: format!("{PREFIX}_{CONFIGURATION_REFUSED} > 0"),
            lasting: Duration::from_secs(300),
            severity: Severity::Warning,
            summary: "the changed configuration is refused, and the last sound one holds: \
                      /health/ready and the log say what is wrong with it"
                .to_owned(),
        },
    ]
}

/// Writes rules as a file that Prometheus reads (`rule_files`), or as the `spec` of a PrometheusRule.
///
/// # Errors
/// Only those of `out`.
pub fn write_rules(rules: &[AlertRule], out: &mut impl Write) -> fmt::Result {
    out.write_str("groups:\n  - name: flux-setup\n    rules:")?;
    if rules.is_empty() {
        return out.write_str(" []\n");
    }
    out.write_char('\n')?;
    for rule in rules {
        field(out, "      - alert", rule.name)?;
        field(out, "        expr", &rule.expression)?;
        if !rule.lasting.is_zero() {
            field(out, "        for", &duration::write(rule.lasting))?;
        }
        out.write_str("        labels:\n")?;
        field(out, "          severity", rule.severity.as_str())?;
        out.write_str("        annotations:\n")?;
        field(out, "          summary", &rule.summary)?;
    }
    Ok(())
}

fn field(out: &mut impl Write, key: &str, value: &str) -> fmt::Result {
    write!(out, "{key}: ")?;
    write_scalar(value, out)?;
    out.write_char('\n')
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::budget::live::metric;

    fn rules() -> Vec<AlertRule> {
        alert_rules(&AlertSettings::default())
    }

    fn text(rules: &[AlertRule]) -> String {
        let mut text = String::new();
        write_rules(rules, &mut text).unwrap();
        text
    }

    #[test]
    fn the_rules_read_as_they_are_meant() {
        insta::assert_snapshot!(text(&rules()), @r#"
        groups:
          - name: flux-setup
            rules:
              - alert: FluxSetupGithubBudgetEmptySoon
                expr: "flux_setup_github_empty_timestamp_seconds - time() > 0"
                for: 5m
                labels:
                  severity: warning
                annotations:
                  summary: "{{ $labels.resource }} of {{ $labels.identity }} at {{ $labels.host }} will be used up before its reset"
              - alert: FluxSetupGithubUsedByOthers
                expr: "flux_setup_github_foreign_rate_per_hour > 0.5 * flux_setup_github_limit"
                for: 10m
                labels:
                  severity: warning
                annotations:
                  summary: "others use more than 50 % of the limit an hour: {{ $labels.resource }} of {{ $labels.identity }} at {{ $labels.host }}"
              - alert: FluxSetupGithubGateClosed
                expr: "flux_setup_github_gate_closed > 0"
                for: 5m
                labels:
                  severity: warning
                annotations:
                  summary: "nothing is asked ({{ $labels.why }}): {{ $labels.resource }} of {{ $labels.identity }} at {{ $labels.host }}"
              - alert: FluxSetupGithubTrouble
                expr: "flux_setup_github_trouble > 0"
                for: 5m
                labels:
                  severity: warning
                annotations:
                  summary: "{{ $labels.host }} cannot be asked as {{ $labels.identity }} ({{ $labels.why }}): `flux-setup budget --live` names the step that mends it"
              - alert: FluxSetupWebhookSilent
                expr: flux_setup_webhook_healthy == 0
                for: 5m
                labels:
                  severity: critical
                annotations:
                  summary: "pushes may go unheard by webhook {{ $labels.webhook }}: `flux-setup webhook check` names the step that mends it"
              - alert: FluxSetupBacklog
                expr: "flux_setup_work_open > 100"
                for: 10m
                labels:
                  severity: warning
                annotations:
                  summary: "{{ $value }} objects of cluster {{ $labels.cluster }} are still to be woken"
              - alert: FluxSetupPushNotAnnotated
                expr: "flux_setup_work_oldest_seconds > 60"
                labels:
                  severity: critical
                annotations:
                  summary: "a push was accepted more than 1m ago and is not annotated in cluster {{ $labels.cluster }}"
              - alert: FluxSetupPushNotApplied
                expr: "flux_setup_pushed_unapplied_seconds > 900"
                labels:
                  severity: warning
                annotations:
                  summary: "a push was accepted more than 15m ago, and neither it nor a later one is applied in environment {{ $labels.environment }} of cluster {{ $labels.cluster }}: `flux-setup status --server` names it, `flux-setup delivery show` says why"
              - alert: FluxSetupLeaseHeldByNobody
                expr: "max by (namespace, lease) (flux_setup_lease_held) == 0"
                for: 1m
                labels:
                  severity: critical
                annotations:
                  summary: "no replica holds {{ $labels.lease }}, so nobody does what belongs to it: /health/ready and the logs of the replicas say why"
              - alert: FluxSetupConfigurationRefused
                expr: "flux_setup_configuration_refused > 0"
                for: 5m
                labels:
                  severity: warning
                annotations:
                  summary: "the changed configuration is refused, and the last sound one holds: /health/ready and the log say what is wrong with it"
        "#);
    }

    #[test]
    fn the_file_is_yaml_that_says_the_same() {
        #[derive(serde::Deserialize)]
        struct File {
            groups: Vec<RuleGroup>,
        }
        #[derive(serde::Deserialize)]
        struct RuleGroup {
            rules: Vec<Rule>,
        }
        #[derive(serde::Deserialize)]
        struct Rule {
            alert: String,
            expr: String,
            annotations: Annotations,
        }
        #[derive(serde::Deserialize)]
        struct Annotations {
            summary: String,
        }
        let rules = rules();
        let file: File = serde_saphyr::from_str(&text(&rules)).unwrap();
        let [group] = &file.groups[..] else {
            panic!("one group")
        };
        for (read, rule) in group.rules.iter().zip(&rules) {
            assert_eq!(read.alert, rule.name);
            assert_eq!(read.expr, rule.expression);
            assert_eq!(read.annotations.summary, rule.summary);
        }
        assert_eq!(group.rules.len(), rules.len());
        let none: File = serde_saphyr::from_str(&text(&[])).unwrap();
        assert!(none.groups[0].rules.is_empty());
    }

    /// The words of an expression that can be names.
    fn names(expression: &str) -> impl Iterator<Item = &str> {
        expression
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter(|word| word.starts_with(PREFIX))
    }

    #[test]
    fn every_rule_asks_for_metrics_that_there_are() {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let counted = [
            "server/metrics.rs",
            "reconcile/metrics.rs",
            "reconcile/duty.rs",
        ]
        .map(|file| fs::read_to_string(src.join(file)).unwrap())
        .concat();
        for rule in rules() {
            assert!(names(&rule.expression).count() > 0);
            for name in names(&rule.expression) {
                let name = &name[PREFIX.len() + 1..];
                let known = metric::ALL.contains(&name) || counted.contains(&format!("\"{name}\""));
                assert!(known, "{name}");
            }
        }
    }

    #[test]
    fn thresholds_are_those_of_the_settings() {
        let rules = alert_rules(&AlertSettings {
            foreign_share: 0.25,
            backlog: 7,
            annotated_within: Duration::from_secs(90),
            applied_within: Duration::from_secs(120),
        });
        let expressions: Vec<_> = rules.iter().map(|rule| rule.expression.as_str()).collect();
        insta::assert_snapshot!(expressions.join("\n"), @r"
        flux_setup_github_empty_timestamp_seconds - time() > 0
        flux_setup_github_foreign_rate_per_hour > 0.25 * flux_setup_github_limit
        flux_setup_github_gate_closed > 0
        flux_setup_github_trouble > 0
        flux_setup_webhook_healthy == 0
        flux_setup_work_open > 7
        flux_setup_work_oldest_seconds > 90
        flux_setup_pushed_unapplied_seconds > 120
        max by (namespace, lease) (flux_setup_lease_held) == 0
        flux_setup_configuration_refused > 0
        ");
    }
}
