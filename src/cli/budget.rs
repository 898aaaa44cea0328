//! `flux-setup budget`: what a fleet costs at GitHub, and whether it may.

use std::io::{self, Write};

use anyhow::bail;
use serde::Serialize;

use crate::budget::{Bucket, ProfileName, Report, Verdict, counted, judge, price};
use crate::config::Environment;

use super::args::{BudgetArguments, Format, GlobalArguments};
use super::budget_live;
use super::budget_report::print_report;
use super::fleet::{Fleet, Loaded};
use super::log::Log;
use super::outcome::Outcome;
use super::output;
use super::report::JsonFinding;

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
    let fleet = loaded.plan(&mut log);
    if fleet.is_faulty() {
        fleet.print_findings(global)?;
        return Ok(Outcome::BadInput);
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

/// The price of a sound fleet, and whether it may cost that.
pub(super) fn priced(
    fleet: &Fleet<'_>,
    fail_above: Option<f64>,
    profile: Option<ProfileName>,
) -> (Report, Verdict) {
    let settings = &fleet.configuration.budget;
    let mut report = price(
        &fleet.plan,
        &fleet.configuration.github,
        settings,
        &fleet.costs,
    );
    sort_by_kind(&mut report, &fleet.configuration.environments);
    let said = settings.fail_above.as_ref().map(|share| share.value);
    let verdict = judge(&report, fail_above.or(said), profile);
    (report, verdict)
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

/// The environments as people go through them: development, staging, production, others.
fn sort_by_kind(report: &mut Report, environments: &[Environment]) {
    let kind = |name: &str| {
        let mut environments = environments.iter();
        environments
            .find(|environment| *environment.name.value == *name)
            .map(|environment| environment.kind)
    };
    for profile in &mut report.profiles {
        profile.environments.sort_by_key(|line| kind(&line.name));
    }
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Judged<'a> {
    passed: bool,
    /// `None` where no gate is set.
    fail_above: Option<f64>,
    /// Those of the fullest bucket; `None` where none has a limit.
    share: Option<f64>,
    profile: Option<ProfileName>,
    bucket: Option<&'a Bucket>,
}

impl<'a> Judged<'a> {
    fn of(verdict: &'a Verdict) -> Self {
        let highest = verdict.highest.as_ref();
        Self {
            passed: verdict.passed,
            fail_above: verdict.fail_above,
            share: highest.map(|highest| highest.share),
            profile: highest.map(|highest| highest.profile),
            bucket: highest.map(|highest| &highest.bucket),
        }
    }
}
