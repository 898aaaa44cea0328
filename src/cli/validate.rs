//! `flux-setup validate`: every fault of a configuration, its templates and its manifests.

use crate::budget::counted;

use super::args::{Format, GlobalArguments};
use super::fleet::Loaded;
use super::log::Log;
use super::outcome::Outcome;
use super::output;

pub(super) fn run(global: &GlobalArguments) -> anyhow::Result<Outcome> {
    let mut log = Log::new(global.verbose);
    let loaded = Loaded::read(global, &mut log);
    let mut fleet = loaded.plan(&mut log);
    fleet.prove(&mut log);
    fleet.print_findings(global)?;
    if fleet.is_faulty() {
        return Ok(Outcome::BadInput);
    }
    if global.format == Format::Text {
        let documents = counted(fleet.plan.objects.len(), "document");
        let projects = counted(fleet.configuration.projects.len(), "project");
        let environments = counted(fleet.configuration.environments.len(), "environment");
        output::text(|stdout| writeln!(stdout, "sound: {projects}, {environments}, {documents}"))?;
    }
    Ok(Outcome::Done)
}
