//! `flux-setup budget`: what a fleet costs at GitHub, and whether it may.

use crate::budget::{CostTable, Report, Verdict, judge, price};

use super::args::{BudgetArguments, Format, GlobalArguments};
use super::budget_report::print_report;
use super::fleet::Loaded;
use super::log::Log;
use super::outcome::Outcome;
use super::output;

pub(super) fn run(
    global: &GlobalArguments,
    arguments: &BudgetArguments,
) -> anyhow::Result<Outcome> {
    let mut log = Log::new(global.verbose);
    let loaded = Loaded::read(global, &mut log);
    let mut fleet = loaded.plan(&mut log);
    let settings = &fleet.configuration.budget;
    let costs = match CostTable::new(settings) {
        Ok(costs) => costs,
        Err(findings) => {
            fleet.findings.extend(findings);
            CostTable::default()
        }
    };
    if fleet.is_faulty() {
        fleet.print_findings(global)?;
        return Ok(Outcome::BadInput);
    }
    let report = price(&fleet.plan, &fleet.configuration.github, settings, &costs);
    let said = settings.fail_above.as_ref().map(|share| share.value);
    let verdict = judge(&report, arguments.fail_above.or(said), arguments.profile);
    fleet.print_warnings()?;
    match global.format {
        Format::Json => {
            output::json(&report)?;
            output::note(&verdict.to_string())?;
        }
        Format::Text => print(&report, &verdict)?,
    }
    Ok(if verdict.passed {
        Outcome::Done
    } else {
        Outcome::No
    })
}

fn print(report: &Report, verdict: &Verdict) -> anyhow::Result<()> {
    let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    output::text(|stdout| {
        print_report(report, stdout, width)?;
        writeln!(stdout, "\n{verdict}")
    })
}
