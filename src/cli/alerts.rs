//! `flux-setup alerts`: rules for Prometheus.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::budget::live::{AlertRule, AlertSettings, alert_rules, write_rules};
use crate::flux::duration;

use super::args::{AlertsArguments, Format, GlobalArguments};
use super::outcome::Outcome;
use super::output;

pub(super) fn run(
    global: &GlobalArguments,
    arguments: &AlertsArguments,
) -> anyhow::Result<Outcome> {
    let mut settings = AlertSettings::default();
    if let Some(share) = arguments.foreign_share {
        settings.foreign_share = share;
    }
    if let Some(objects) = arguments.backlog {
        settings.backlog = objects;
    }
    if let Some(within) = arguments.annotated_within {
        settings.annotated_within = within;
    }
    if let Some(within) = arguments.applied_within {
        settings.applied_within = within;
    }
    let rules = alert_rules(&settings);
    if global.format == Format::Json {
        let rules: Vec<Value> = rules.iter().map(in_json).collect();
        output::json(&json!({"groups": [{"name": "flux-setup", "rules": rules}]}))?;
        return Ok(Outcome::Done);
    }
    let mut text = String::new();
    writeln!(text, "# By flux-setup {}", env!("CARGO_PKG_VERSION"))?;
    write_rules(&rules, &mut text)?;
    output::data(|out| out.write_all(text.as_bytes()))?;
    Ok(Outcome::Done)
}

/// Prometheus reads it too.
fn in_json(rule: &AlertRule) -> Value {
    json!({
        "alert": rule.name,
        "expr": rule.expression,
        "for": duration::write(rule.lasting),
        "labels": {"severity": rule.severity.as_str()},
        "annotations": {"summary": rule.summary},
    })
}
