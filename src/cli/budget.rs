//! `flux-setup budget`: what a fleet costs at GitHub, and whether it may.

use std::io::{self, Write};

use anyhow::bail;
use serde::Serialize;

use crate::budget::{Report, Verdict, counted};

use super::args::{BudgetArguments, Format, GlobalArguments};
use super::budget_price::{Judged, priced};
use super::budget_report::print_report;
use super::fleet::{Fleet, Loaded};
use super::log::Log;
use super::outcome::Outcome;
use super::output;
use super::report::JsonFinding;
use super::{budget_compare, budget_live, budget_patch};

pub(super) fn run(
    global: &GlobalArguments,
    arguments: &BudgetArguments,
) -> anyhow::Result<Outcome> {
    if arguments.live {
        return budget_live::run(global, arguments);
    }
    if arguments.server.address.is_some() {
        bail!("without --live no server is asked; leave out --server, or add --live");
    }
    let mut log = Log::new(global.verbose);
    let loaded = Loaded::read(global, &mut log);
    let mut fleet = loaded.plan(&mut log);
    if fleet.is_faulty() {
        fleet.print_findings(global)?;
        return Ok(Outcome::BadInput);
    }
    if arguments.patch {
        return budget_patch::run(global, &fleet);
    }
    if arguments.is_compared() {
        return budget_compare::run(global, arguments, &mut fleet, &mut log);
    }
    let (report, verdict) = priced(&fleet, arguments.fail_above, arguments.profile);
    log.step("priced", || counted(report.sources, "source"));
    fleet.print_warnings(global)?;
    match global.format {
        Format::Json => {
            output::data(|out| write_json(&fleet, &report, &verdict, out))?;
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

/// Writes it for machines.
pub(super) fn write_json(
    fleet: &Fleet<'_>,
    report: &Report,
    verdict: &Verdict,
    out: &mut impl Write,
) -> io::Result<()> {
    let priced = Priced {
        findings: fleet.json_findings(),
        report,
        verdict: Judged::of(verdict),
    };
    output::write_json(&priced, out)
}

fn print(report: &Report, verdict: &Verdict) -> anyhow::Result<()> {
    let width = output::stdout_width();
    output::text(|stdout| print_report(report, verdict, stdout, width))
}

/// A report with what the gate says of it, as machines read it.
#[derive(Serialize)]
struct Priced<'a> {
    /// Warnings alone: with an error nothing is priced.
    findings: Vec<JsonFinding<'a>>,
    #[serde(flatten)]
    report: &'a Report,
    verdict: Judged<'a>,
}
