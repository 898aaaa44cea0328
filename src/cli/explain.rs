//! `flux-setup render --explain`: each value of a project's objects, and where it comes from.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::Style;
use anyhow::bail;
use serde::Serialize;
use serde_json::Value;

use crate::config::{Configuration, Filling, Sources};
use crate::flux::mask;
use crate::flux::yaml::Span;
use crate::plan::{Names, PlannedObject, Selection};
use crate::render::{Explained, Origin, Templates, explain};

use super::args::{Format, GlobalArguments};
use super::fleet::Fleet;
use super::given::NOTHING_SELECTED;
use super::outcome::Outcome;
use super::output;
use super::printable::printable;
use super::report::JsonFinding;
use super::table::{self, Column};

/// Letters of a value in the table; JSON has it whole.
const LONGEST_VALUE: usize = 64;

const BOLD: Style = Style::new().bold();

pub(super) fn run(
    global: &GlobalArguments,
    fleet: &Fleet<'_>,
    templates: &Templates,
    what: &str,
    clusters: &[String],
) -> anyhow::Result<Outcome> {
    let configuration = fleet.configuration;
    let (project, environment) = match what.split_once('/') {
        Some((project, environment)) => (project, Some(environment)),
        None => (what, None),
    };
    if environment.is_some_and(|environment| environment.contains('/')) {
        bail!(
            "`{what}` names more than a project and an environment; write it as `web/production`"
        );
    }
    let environments: Vec<String> = environment.map(str::to_owned).into_iter().collect();
    let selection = Selection::new(
        &Names::of(configuration),
        &environments,
        &[project.to_owned()],
        clusters,
    )?;
    let mut objects: Vec<_> = fleet.plan.objects.iter().collect();
    objects.retain(|object| selection.has(object));
    if objects.is_empty() {
        bail!(nothing(configuration, project, environment));
    }
    // each project and environment with its source first
    objects.sort_by_key(|object| (&object.environment, &object.cluster, &object.project));
    let explained: Vec<_> = objects
        .into_iter()
        .map(|object| Ok((object, explain(object, templates)?)))
        .collect::<anyhow::Result<_>>()?;
    fleet.print_warnings(global)?;
    match global.format {
        Format::Json => {
            let each = explained.iter();
            let each = each.map(|(object, values)| told(configuration, object, values));
            output::json(&Answer {
                findings: fleet.json_findings(),
                objects: each.collect(),
            })?;
        }
        Format::Text => {
            let width = output::stdout_width();
            output::text(|out| {
                for (index, (object, values)) in explained.iter().enumerate() {
                    if index > 0 {
                        writeln!(out)?;
                    }
                    print(out, width, &told(configuration, object, values))?;
                }
                Ok(())
            })?;
        }
    }
    Ok(Outcome::Done)
}

/// Why no object is there though each name is one.
fn nothing(configuration: &Configuration, project: &str, environment: Option<&str>) -> String {
    let projects = configuration.projects.iter();
    let left_out = projects
        .filter(|one| *one.name.value == *project)
        .flat_map(|one| &one.environments)
        .find(|one| environment == Some(&*one.name.value) && !one.included);
    match left_out {
        Some(here) => format!(
            "project `{project}` is left out of environment `{}` at {}",
            here.name.value,
            Place::of(&configuration.sources, here.name.span)
        ),
        None => NOTHING_SELECTED.to_owned(),
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    /// Warnings alone: with an error nothing is explained.
    findings: Vec<JsonFinding<'a>>,
    objects: Vec<Told<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    environment: &'a str,
    environment_kind: &'static str,
    /// `None` where the environment names no cluster.
    cluster: Option<&'a str>,
    project: &'a str,
    object: &'a str,
    /// `None` where its template alone knows.
    kind: Option<&'a str>,
    namespace: &'a str,
    name: &'a str,
    template: &'a str,
    /// Below a folder that is rendered to.
    path: String,
    values: Vec<ToldValue<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToldValue<'a> {
    path: &'a str,
    value: Cow<'a, Value>,
    from: From,
    /// The key of the configuration that would say it, where nothing does.
    key: Option<&'static str>,
    place: Option<Place<'a>>,
    instead_of: Vec<Place<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum From {
    Configuration,
    Template,
    /// The kind of the environment.
    Policy,
    Default,
    /// What every object has.
    Fixed,
}

#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    /// What stands there.
    text: String,
}

impl<'a> Place<'a> {
    fn of(sources: &'a Sources, span: Span) -> Self {
        let position = sources.position(span);
        let written = sources.shown(span.source);
        let written = written.get(span.start as usize..span.end as usize);
        let words: Vec<_> = written.unwrap_or_default().split_whitespace().collect();
        Self {
            file: sources.name(span.source),
            line: position.line,
            column: position.column,
            text: words.join(" "),
        }
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", printable(self.file), self.line, self.column)
    }
}

fn told<'a>(
    configuration: &'a Configuration,
    object: &'a PlannedObject<'_>,
    values: &'a [Explained],
) -> Told<'a> {
    let cluster = object.cluster.as_deref();
    let sources = &configuration.sources;
    let values = values.iter().map(|explained| {
        let (from, key, span) = match explained.origin {
            Origin::Configured(span) => (From::Configuration, None, Some(span)),
            Origin::Template(span) => (From::Template, None, Some(span)),
            Origin::Policy(field) => (From::Policy, Some(field.key()), None),
            Origin::Default(field) => (From::Default, Some(field.key()), None),
            Origin::Fixed => (From::Fixed, None, None),
        };
        let others = explained.instead_of.iter();
        ToldValue {
            path: &explained.path,
            value: masked(&explained.path, &explained.value),
            from,
            key,
            place: span.map(|span| Place::of(sources, span)),
            instead_of: others.map(|span| Place::of(sources, *span)).collect(),
        }
    });
    Told {
        environment: &object.environment,
        environment_kind: object.environment_kind.name(),
        cluster,
        project: &object.project,
        object: object.object(),
        kind: object.kind,
        namespace: &object.namespace,
        name: &object.name,
        template: &object.template,
        path: configuration.output.fill(Filling {
            project: &object.project,
            object: &object.project,
            environment: &object.environment,
            cluster: cluster.unwrap_or_default(),
        }),
        values: values.collect(),
    }
}

fn print(out: &mut dyn Write, width: Option<usize>, told: &Told<'_>) -> io::Result<()> {
    let kind = told.kind.unwrap_or("object");
    writeln!(
        out,
        "{BOLD}{kind} {}/{}{BOLD:#} by template `{}`, in {}",
        told.namespace,
        told.name,
        told.template,
        printable(&told.path)
    )?;
    let mut rows = table::table(&[
        Column::whole("value"),
        Column::text("is"),
        Column::whole("from"),
        Column::text("instead of"),
    ]);
    // the heading has said what each object is
    let values = told.values.iter().filter(|value| value.from != From::Fixed);
    for value in values {
        let instead_of = value.instead_of.iter();
        let instead_of = instead_of.map(|place| format!("{} at {place}", short(&place.text)));
        rows.add_row([
            printable(value.path).into_owned(),
            shown(&value.value),
            from(told, value),
            instead_of.collect::<Vec<_>>().join(", "),
        ]);
    }
    table::print(out, width, &rows, &["instead of"])
}

/// Without what looks like a credential, by itself or by the key that it stands at.
fn masked<'a>(path: &str, value: &'a Value) -> Cow<'a, Value> {
    let Value::String(text) = value else {
        return Cow::Borrowed(value);
    };
    let key = path.trim_end_matches(['"', ']']);
    let key = key.rsplit(['.', '/', '"']).next().unwrap_or_default();
    let whole = format!("{key}: {text}");
    match mask(&whole) {
        Cow::Borrowed(_) => Cow::Borrowed(value),
        Cow::Owned(shown) => {
            let shown = shown.strip_prefix(&format!("{key}: ")).unwrap_or("***");
            Cow::Owned(shown.into())
        }
    }
}

fn from(told: &Told<'_>, value: &ToldValue<'_>) -> String {
    let key = value.key.unwrap_or_default();
    match (&value.place, value.from) {
        (Some(place), _) => place.to_string(),
        (None, From::Policy) => format!("policy of environment {}, `{key}`", told.environment),
        (None, _) => format!("default of flux-setup, `{key}`"),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "taken away".to_owned(),
        Value::String(text) if !text.is_empty() => short(text),
        other => short(&other.to_string()),
    }
}

/// In one line, and not too long a one.
fn short(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or("nothing");
    let is_cut = lines.next().is_some() || first.chars().count() > LONGEST_VALUE;
    let mut short: String = first.chars().take(LONGEST_VALUE).collect();
    if is_cut {
        short.push('…');
    }
    printable(&short).into_owned()
}
