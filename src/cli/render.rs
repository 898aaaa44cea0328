//! `flux-setup render`: manifests to stdout, or to a folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use crate::budget::counted;
use crate::config::Configuration;
use crate::plan::{Names, Plan, Selection};
use crate::render::{
    Folder, FolderRequest, Place, RenderError, Templates, compare_folder, planned_folders,
    write_folder, write_manifests,
};

use super::against::Asked;
use super::args::{Format, GlobalArguments, RenderArguments};
use super::existing::Reading;
use super::fleet::{Fleet, Loaded};
use super::given::{NOTHING_SELECTED, SelectionArguments};
use super::log::Log;
use super::outcome::Outcome;
use super::{against, explain, folder_json, folder_report, manifests_json, output};

/// What is done with the files of a folder.
#[derive(Debug, Clone, Copy)]
enum Files {
    Written { prune: bool },
    Compared,
}

impl RenderArguments {
    /// The folder, and what is done there; `None`: the manifests are printed.
    fn folder(&self) -> Option<(&Path, Files)> {
        let files = match (self.check, self.prune) {
            (true, _) => Files::Compared,
            (false, prune) => Files::Written { prune },
        };
        Some((self.output.as_deref()?, files))
    }
}

pub(super) fn run(
    global: &GlobalArguments,
    arguments: &RenderArguments,
) -> anyhow::Result<Outcome> {
    let mut log = Log::new(global.verbose);
    let loaded = Loaded::read(global, &mut log);
    let mut fleet = loaded.plan(&mut log);
    let templates = fleet.prove(&mut log);
    if fleet.is_faulty() {
        against::faults(global, &fleet.configuration.sources, &fleet.findings)?;
        return Ok(Outcome::BadInput);
    }
    if let Some(what) = &arguments.explain {
        return explain::run(
            global,
            &fleet,
            &templates,
            what,
            &arguments.selection.cluster,
        );
    }
    let selection = selection(fleet.configuration, arguments)?;
    fleet.print_warnings(global)?;
    let is_empty = !arguments.selection.is_everything()
        && !fleet
            .plan
            .objects
            .iter()
            .any(|object| selection.has(object));
    if let Some(path) = &arguments.against {
        anyhow::ensure!(!is_empty, NOTHING_SELECTED);
        let asked = Asked {
            path,
            reading: Reading {
                exclude: &arguments.exclude,
                build: arguments.build,
            },
            allow: &arguments.allow,
            ignore: &arguments.ignore,
        };
        return against::run(global, &fleet, &templates, &selection, asked);
    }
    let Some((path, files)) = arguments.folder() else {
        anyhow::ensure!(!is_empty, NOTHING_SELECTED);
        return print(fleet, &templates, &selection, global.format, &mut log);
    };
    refuse_environments(&global.config, path, &fleet.plan)?;
    let request = FolderRequest {
        plan: &fleet.plan,
        templates: &templates,
        sources: &fleet.configuration.sources,
        configuration: &global.config,
        selected: &|place: &Place| {
            selection.has_place(&place.environment, place.cluster.as_deref(), &place.project)
        },
    };
    if is_empty {
        // what was planned once may still be there to be pruned
        let there = compare_folder(Folder::existing(path)?.as_ref(), &request)?;
        let has_some = !there.stale.is_empty() || !there.misplaced.is_empty();
        anyhow::ensure!(has_some, NOTHING_SELECTED);
    }
    let report = match files {
        Files::Written { prune } => write_folder(&Folder::open(path)?, &request, prune)?,
        Files::Compared => compare_folder(Folder::existing(path)?.as_ref(), &request)?,
    };
    log.step("went through the folder", || {
        counted(report.written.len() + report.unchanged, "file")
    });
    match global.format {
        Format::Json => output::json(&folder_json::as_json(&report, &fleet.json_findings()))?,
        Format::Text => folder_report::print(path, &report, global)?,
    }
    Ok(if report.is_settled() {
        Outcome::Done
    } else {
        Outcome::No
    })
}

impl SelectionArguments {
    fn is_everything(&self) -> bool {
        self.environment.is_empty() && self.project.is_empty() && self.cluster.is_empty()
    }
}

/// The next run would read what is written among the environments as one of them.
fn refuse_environments(config: &Path, output: &Path, plan: &Plan<'_>) -> anyhow::Result<()> {
    let environments = fs::canonicalize(config.join("environments"));
    let output = fs::canonicalize(output);
    let (Ok(environments), Ok(output)) = (environments, output) else {
        return Ok(());
    };
    // below the output no link is followed
    if let Ok(below) = environments.strip_prefix(output)
        && planned_folders(plan).contains(below)
    {
        anyhow::bail!(
            "manifests in `environments` would be read as environments; choose another `--output`, \
             or put a folder before the names in `output`"
        );
    }
    Ok(())
}

/// Reads the selection. What lies in the folder from before can be selected too: nothing else gives a
/// name to what is left over.
fn selection(
    configuration: &Configuration,
    arguments: &RenderArguments,
) -> anyhow::Result<Selection> {
    let SelectionArguments {
        environment,
        project,
        cluster,
    } = &arguments.selection;
    let mut names = Names::of(configuration);
    let select = |names: &Names| Selection::new(names, environment, project, cluster);
    let error = match select(&names) {
        Ok(selection) => return Ok(selection),
        Err(error) => error,
    };
    let folder = match &arguments.output {
        Some(path) => Folder::existing(path)?,
        None => None,
    };
    let Some(folder) = folder else {
        return Err(error.into());
    };
    for place in folder.places()? {
        names.add(&place.environment, place.cluster.as_deref(), &place.project);
    }
    Ok(select(&names)?)
}

fn print(
    mut fleet: Fleet<'_>,
    templates: &Templates,
    selection: &Selection,
    format: Format,
    log: &mut Log,
) -> anyhow::Result<Outcome> {
    fleet.plan.objects.retain(|object| selection.has(object));
    output::data(|stdout| write(&fleet, templates, format, stdout))?;
    log.step("rendered", || counted(fleet.plan.objects.len(), "document"));
    output::note(&summary(&fleet.plan))?;
    Ok(Outcome::Done)
}

/// Writes all manifests of a sound fleet.
pub(super) fn write(
    fleet: &Fleet<'_>,
    templates: &Templates,
    format: Format,
    out: &mut impl Write,
) -> Result<(), RenderError> {
    match format {
        Format::Json => manifests_json::write(&fleet.plan, templates, &fleet.json_findings(), out),
        Format::Text => write_manifests(&fleet.plan, templates, out),
    }
}

/// `4 documents: 2 GitRepository, 2 Kustomization`; of kinds that only a template knows its name.
fn summary(plan: &Plan<'_>) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for object in &plan.objects {
        *kinds
            .entry(object.kind.unwrap_or(&object.template))
            .or_default() += 1;
    }
    let documents = counted(plan.objects.len(), "document");
    let kinds: Vec<_> = kinds
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    match kinds.as_slice() {
        [] => documents,
        kinds => format!("{documents}: {}", kinds.join(", ")),
    }
}
