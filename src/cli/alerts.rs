//! `flux-setup alerts`: rules for Prometheus.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::budget::live::{AlertSettings, alert_rules, write_rules};

use super::args::AlertsArguments;
use super::outcome::Outcome;
use super::output;

pub(super) fn run(arguments: &AlertsArguments) -> anyhow::Result<Outcome> {
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
    let mut text = String::new();
    writeln!(text, "# By flux-setup {}", env!("CARGO_PKG_VERSION"))?;
    write_rules(&alert_rules(&settings), &mut text)?;
    output::data(|out| out.write_all(text.as_bytes()))?;
    Ok(Outcome::Done)
}
