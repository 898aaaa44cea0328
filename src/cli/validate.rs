//! `flux-setup validate`: every fault of a configuration, its templates and its manifests.

use serde_json::Map;

use crate::budget::counted;
use crate::manifests::Objects;

use super::args::GlobalArguments;
use super::fleet::Loaded;
use super::judgement::Judgement;
use super::log::Log;
use super::outcome::Outcome;
use super::validate_args::ValidateArguments;

pub(super) fn run(
    global: &GlobalArguments,
    arguments: &ValidateArguments,
) -> anyhow::Result<Outcome> {
    let mut log = Log::new(global.verbose);
    let loaded = Loaded::read(global, &mut log);
    let mut fleet = loaded.plan(&mut log);
    fleet.prove(&mut log);
    let documents = counted(fleet.plan.objects.len(), "document");
    let projects = counted(fleet.configuration.projects.len(), "project");
    let environments = counted(fleet.configuration.environments.len(), "environment");
    let judgement = Judgement {
        sources: &fleet.configuration.sources,
        findings: fleet.findings,
        judged: format!("{projects}, {environments}, {documents}"),
        is_always_told: false,
        more: Map::new(),
        objects: Objects::default(),
        path: &global.config,
    };
    judgement.print(global, &arguments.baseline)
}
