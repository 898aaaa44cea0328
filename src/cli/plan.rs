//! `flux-setup plan`: every object that should exist.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::Reference;
use crate::flux::duration;
use crate::plan::{Names, PlannedObject, Poll, Selection};

use super::args::{Format, GlobalArguments, PlanArguments};
use super::fleet::{Fleet, Loaded};
use super::given::NOTHING_SELECTED;
use super::log::Log;
use super::outcome::Outcome;
use super::output;
use super::report::JsonFinding;
use super::table::{self, Column};

pub(super) fn run(global: &GlobalArguments, arguments: &PlanArguments) -> anyhow::Result<Outcome> {
    let mut log = Log::new(global.verbose);
    let loaded = Loaded::read(global, &mut log);
    let mut fleet = loaded.plan(&mut log);
    if fleet.is_faulty() {
        fleet.print_findings(global)?;
        return Ok(Outcome::BadInput);
    }
    let wanted = &arguments.selection;
    let names = Names::of(fleet.configuration);
    let selection = Selection::new(
        &names,
        &wanted.environment,
        &wanted.project,
        &wanted.cluster,
    )?;
    let was_empty = fleet.plan.objects.is_empty();
    fleet.plan.objects.retain(|object| selection.has(object));
    anyhow::ensure!(
        was_empty || !fleet.plan.objects.is_empty(),
        NOTHING_SELECTED
    );
    fleet.print_warnings(global)?;
    match global.format {
        Format::Json => output::data(|out| write_json(&fleet, out))?,
        Format::Text => {
            let width = output::stdout_width();
            output::text(|stdout| print(&fleet, stdout, width))?;
        }
    }
    Ok(Outcome::Done)
}

/// Writes what is planned of a sound fleet, for machines.
pub(super) fn write_json(fleet: &Fleet<'_>, out: &mut impl Write) -> io::Result<()> {
    let planned = Planned {
        findings: fleet.json_findings(),
        objects: fleet.plan.objects.iter().map(Row::of).collect(),
    };
    output::write_json(&planned, out)
}

#[derive(Serialize)]
struct Planned<'a> {
    /// Warnings alone: with an error nothing is planned.
    findings: Vec<JsonFinding<'a>>,
    objects: Vec<Row<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    environment: &'a str,
    /// `None` where the environment names no cluster.
    cluster: Option<&'a str>,
    project: &'a str,
    /// Its name in the configuration; of a source its project's.
    object: &'a str,
    /// `None` where its template alone knows.
    kind: Option<&'a str>,
    template: &'a str,
    namespace: &'a str,
    name: &'a str,
    source: Option<Source<'a>>,
    poll: Option<Polled<'a>>,
    depends_on: Vec<Place<'a>>,
}

#[derive(Serialize)]
struct Source<'a> {
    kind: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
}

#[derive(Serialize)]
struct Place<'a> {
    namespace: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Polled<'a> {
    url: &'a str,
    #[serde(rename = "ref")]
    reference: Map<String, Value>,
    /// A Go duration.
    interval: String,
}

impl<'a> Row<'a> {
    fn of(object: &'a PlannedObject<'_>) -> Self {
        Self {
            environment: &object.environment,
            cluster: object.cluster.as_deref(),
            project: &object.project,
            object: object.object(),
            kind: object.kind,
            template: &object.template,
            namespace: &object.namespace,
            name: &object.name,
            source: object.source.as_ref().map(|source| Source {
                kind: &source.kind,
                place: Place {
                    namespace: &source.namespace,
                    name: &source.name,
                },
            }),
            poll: object.poll.as_ref().map(Polled::of),
            depends_on: object
                .depends_on
                .iter()
                .map(|dependency| Place {
                    namespace: &dependency.namespace,
                    name: &dependency.name,
                })
                .collect(),
        }
    }
}

impl<'a> Polled<'a> {
    fn of(poll: &'a Poll) -> Self {
        let words = words(&poll.reference).into_iter();
        Self {
            url: &poll.url,
            reference: words
                .map(|(key, value)| (key.to_owned(), value.into()))
                .collect(),
            interval: duration::write(poll.interval),
        }
    }
}

/// As the configuration writes it.
fn words(reference: &Reference) -> Vec<(&'static str, &str)> {
    match reference {
        Reference::Branch(branch) => vec![("branch", branch)],
        Reference::Tag(tag) => vec![("tag", tag)],
        Reference::Semver { range, filter } => {
            let filter = filter.as_deref().map(|filter| ("semverFilter", filter));
            [("semver", &**range)].into_iter().chain(filter).collect()
        }
        Reference::Name(name) => vec![("name", name)],
        Reference::Commit { commit, branch } => {
            let branch = branch.as_deref().map(|branch| ("branch", branch));
            branch.into_iter().chain([("commit", &**commit)]).collect()
        }
        Reference::Digest(digest) => vec![("digest", digest)],
    }
}

fn print(fleet: &Fleet<'_>, out: &mut dyn Write, width: Option<usize>) -> io::Result<()> {
    let mut rows = table::table(&[
        Column::text("environment"),
        Column::text("cluster"),
        Column::text("project"),
        Column::whole("object"),
        Column::text("from"),
    ]);
    for object in &fleet.plan.objects {
        let kind = object.kind.unwrap_or(&object.template);
        rows.add_row([
            object.environment.to_string(),
            object.cluster.as_deref().unwrap_or("-").to_owned(),
            object.project.to_string(),
            format!("{kind}/{}/{}", object.namespace, object.name),
            from(object),
        ]);
    }
    table::print(out, width, &rows, &["project"])
}

/// Of a source what it polls and how often, else the source.
fn from(object: &PlannedObject<'_>) -> String {
    if let Some(poll) = &object.poll {
        let words = words(&poll.reference).into_iter();
        let words: Vec<_> = words.map(|(key, value)| format!("{key} {value}")).collect();
        let interval = duration::write(poll.interval);
        return format!("{} {}, every {interval}", poll.url, words.join(" "));
    }
    object.source.as_ref().map_or_else(String::new, |source| {
        format!("{}/{}/{}", source.kind, source.namespace, source.name)
    })
}
