//! What the API answers of a fleet: the bytes that the commands print.

use crate::plan::{Names, Selection};
use crate::server::{FleetAnswer, FleetPart, FleetQuestion};

use super::args::Format;
use super::fleet::{Fleet, Loaded};
use super::given::NOTHING_SELECTED;
use super::log::Log;
use super::{budget, budget_price, plan, render, report};

pub(super) fn answer(loaded: &Loaded, question: &FleetQuestion) -> anyhow::Result<FleetAnswer> {
    let mut log = Log::new(false);
    let mut fleet = loaded.plan(&mut log);
    let mut bytes = Vec::new();
    match question {
        FleetQuestion::Manifests { of, in_json } => {
            let templates = fleet.prove(&mut log);
            if fleet.is_faulty() {
                return faulty(&fleet);
            }
            if let Err(reason) = select(&mut fleet, of) {
                return Ok(FleetAnswer::Refused(reason));
            }
            let format = match in_json {
                true => Format::Json,
                false => Format::Text,
            };
            render::write(&fleet, &templates, format, &mut bytes)?;
        }
        FleetQuestion::Plan { of } => {
            if fleet.is_faulty() {
                return faulty(&fleet);
            }
            if let Err(reason) = select(&mut fleet, of) {
                return Ok(FleetAnswer::Refused(reason));
            }
            plan::write_json(&fleet, &mut bytes)?;
        }
        FleetQuestion::Budget => {
            if fleet.is_faulty() {
                return faulty(&fleet);
            }
            let (report, verdict) = budget_price::priced(&fleet, None, None);
            budget::write_json(&fleet, &report, &verdict, &mut bytes)?;
        }
    }
    Ok(FleetAnswer::Printed(bytes))
}

fn faulty(fleet: &Fleet<'_>) -> anyhow::Result<FleetAnswer> {
    let mut bytes = Vec::new();
    report::write_json(&fleet.configuration.sources, &fleet.findings, &mut bytes)?;
    Ok(FleetAnswer::Faulty(bytes))
}

/// Keeps what is wanted.
///
/// # Errors
/// Why that is nothing, as the commands say it.
fn select(fleet: &mut Fleet<'_>, of: &FleetPart) -> Result<(), String> {
    let FleetPart {
        environment,
        project,
        cluster,
    } = of;
    let names = Names::of(fleet.configuration);
    let [environments, projects, clusters] =
        [environment, project, cluster].map(|name| name.iter().cloned().collect::<Vec<_>>());
    let selection = Selection::new(&names, &environments, &projects, &clusters)
        .map_err(|fault| fault.to_string())?;
    let was_empty = fleet.plan.objects.is_empty();
    fleet.plan.objects.retain(|object| selection.has(object));
    match was_empty || !fleet.plan.objects.is_empty() {
        true => Ok(()),
        false => Err(NOTHING_SELECTED.to_owned()),
    }
}
