//! Advice as changes of the configuration's own texts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::config::{Configuration, Edit, Field, Said, Spanned, replace_entry, set_value};
use crate::flux::duration;
use crate::flux::yaml::{self, Node, Span};
use crate::plan::{Plan, PlannedObject, Role};

use super::report::{Advice, Remedy};

/// What the configuration would be with all that is advised.
#[derive(Debug, Default)]
pub struct Patch {
    /// The texts that change, by their numbers in the configuration's sources.
    pub texts: Vec<PatchedText>,
    /// Polls an hour that are not asked any more.
    pub saves_polls_per_hour: f64,
    /// What could not be written down, and where it would be said.
    pub left: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct PatchedText {
    pub source: u32,
    pub text: String,
}

/// One source of the plan: its project, environment and cluster.
type Place<'a> = (&'a str, &'a str, Option<&'a str>);

/// Writes advice into the configuration from which the plan was made.
///
/// An interval changes where it was said if all that take it from there are advised the same, else at
/// the project's environment.
pub fn patch(plan: &Plan<'_>, configuration: &Configuration, advice: &[Advice]) -> Patch {
    let mut wanted: HashMap<Place<'_>, Duration> = HashMap::new();
    let mut shared: BTreeMap<&str, &str> = BTreeMap::new();
    for remedy in advice.iter().flat_map(|advice| &advice.remedies) {
        match remedy {
            Remedy::Share { project, keeper } => {
                shared.insert(project, keeper);
            }
            Remedy::Interval {
                project,
                environment,
                cluster,
                interval,
            } => {
                wanted.insert((project, environment, cluster.as_deref()), *interval);
            }
        }
    }
    wanted.retain(|(project, ..), _| !shared.contains_key(project));
    let mut writer = Writer {
        configuration,
        texts: BTreeMap::new(),
        patch: Patch::default(),
    };
    let sources = plan
        .objects
        .iter()
        .filter(|object| object.role == Role::Source && !shared.contains_key(&*object.project));
    let sources: Vec<_> = sources.collect();
    writer.intervals(&sources, &wanted);
    for (project, keeper) in shared {
        if writer.share(project, keeper) {
            let gone = plan.objects.iter().filter(|one| *one.project == *project);
            writer.patch.saves_polls_per_hour += gone.map(polls_per_hour).sum::<f64>();
        }
    }
    writer.finish()
}

/// None of one that is suspended.
fn polls_per_hour(object: &PlannedObject<'_>) -> f64 {
    let is_suspended = matches!(object.layers.flag(Field::Suspend), Some((_, true)));
    match &object.poll {
        Some(poll) if !is_suspended => 3600.0 / poll.interval.as_secs_f64(),
        _ => 0.0,
    }
}

fn place<'a>(object: &'a PlannedObject<'_>) -> Place<'a> {
    (
        &object.project,
        &object.environment,
        object.cluster.as_deref(),
    )
}

/// Where the interval of a source was said; that of the environment's kind in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Origin<'a> {
    Said(Span),
    Kind(&'a str),
}

fn origin<'a>(object: &'a PlannedObject<'_>) -> Origin<'a> {
    match object.layers.find(Field::SourceInterval) {
        Some(setting) if matches!(setting.value, Said::Duration(_)) => Origin::Said(setting.span),
        _ => Origin::Kind(&object.environment),
    }
}

struct Writer<'c> {
    configuration: &'c Configuration,
    /// As changed so far.
    texts: BTreeMap<u32, String>,
    patch: Patch,
}

impl Writer<'_> {
    fn intervals(&mut self, sources: &[&PlannedObject<'_>], wanted: &HashMap<Place<'_>, Duration>) {
        let mut users: BTreeMap<Origin<'_>, Vec<&PlannedObject<'_>>> = BTreeMap::new();
        for source in sources {
            users.entry(origin(source)).or_default().push(source);
        }
        let mut in_place = Vec::new();
        let mut apart = Vec::new();
        for (origin, users) in users {
            let mut advised = users.iter().map(|user| wanted.get(&place(user)));
            let first = advised.next().flatten();
            match first {
                Some(interval) if advised.all(|other| other == first) => {
                    in_place.push((origin, *interval, users));
                }
                _ => apart.extend(users),
            }
        }
        // the last first, so that the places of the others stay; then what has none
        in_place.sort_by_key(|(origin, ..)| match origin {
            Origin::Said(span) => (false, Reverse(*span)),
            Origin::Kind(_) => (true, Reverse(Span::default())),
        });
        for (origin, interval, users) in in_place {
            let is_written = match origin {
                Origin::Said(span) => self.value(span, interval),
                Origin::Kind(environment) => self.environment(environment, interval),
            };
            if is_written {
                self.saved(&users, interval);
            } else {
                apart.extend(users);
            }
        }
        self.apart(&apart, sources, wanted);
    }

    /// Says intervals of single projects and environments.
    fn apart(
        &mut self,
        users: &[&PlannedObject<'_>],
        sources: &[&PlannedObject<'_>],
        wanted: &HashMap<Place<'_>, Duration>,
    ) {
        let mut done = HashSet::new();
        for user in users {
            let (project, environment, _) = place(user);
            let Some(interval) = wanted.get(&place(user)) else {
                continue;
            };
            if !done.insert((project, environment)) {
                continue;
            }
            let there = sources.iter().copied();
            let there =
                there.filter(|one| *one.project == *project && *one.environment == *environment);
            let there: Vec<_> = there.collect();
            let is_same = there
                .iter()
                .all(|one| wanted.get(&place(one)) == Some(interval));
            let keys = ["environments", environment, "intervals", "source"];
            let value = duration::write(*interval);
            let is_written =
                is_same && self.project(project, |text, node| set_value(text, node, &keys, &value));
            if is_written {
                self.saved(&there, *interval);
            } else {
                self.patch.left.push(format!(
                    "project `{project}`: environments.{environment}.intervals.source: {value}"
                ));
            }
        }
    }

    fn saved(&mut self, users: &[&PlannedObject<'_>], interval: Duration) {
        for user in users {
            let before = polls_per_hour(user);
            if before > 0.0 {
                self.patch.saves_polls_per_hour += before - 3600.0 / interval.as_secs_f64();
            }
        }
    }

    /// Writes a duration over another, at its place in the text as it was read.
    fn value(&mut self, span: Span, interval: Duration) -> bool {
        let range = span.start as usize..span.end as usize;
        let text = self.text(span.source);
        let is_duration = text
            .get(range.clone())
            .is_some_and(|text| duration::read(text.trim_matches(['"', '\''])).is_ok());
        if is_duration {
            let edit = Edit {
                range,
                text: duration::write(interval),
            };
            edit.apply(text);
        }
        is_duration
    }

    fn environment(&mut self, name: &str, interval: Duration) -> bool {
        let mut environments = self.configuration.environments.iter();
        let Some(environment) = environments.find(|one| *one.name.value == *name) else {
            return false;
        };
        let source = environment.name.span.source;
        let value = duration::write(interval);
        self.edit(source, |text, node| {
            set_value(text, node, &["intervals", "source"], &value)
        })
    }

    /// Has a project use the source of another.
    fn share(&mut self, project: &str, keeper: &str) -> bool {
        let is_written = self.project(project, |_, node| {
            let entry = node.entry("repository").or_else(|| node.entry("source"))?;
            Some(replace_entry(
                entry,
                &format!("source: {{project: {keeper}}}"),
            ))
        });
        if !is_written {
            let what = format!("project `{project}`: source: {{project: {keeper}}}");
            self.patch.left.push(what);
        }
        is_written
    }

    fn project(&mut self, name: &str, change: impl FnOnce(&str, &Node) -> Option<Edit>) -> bool {
        let mut projects = self.configuration.projects.iter();
        let named = projects.find(|project| *project.name.value == *name);
        let Some(Spanned { span, .. }) = named.map(|project| &project.name) else {
            return false;
        };
        self.edit(span.source, |text, node| {
            let mut projects = node.get("projects")?.as_sequence()?.iter();
            let is_it = |node: &&Node| node.get("name").and_then(Node::as_str) == Some(name);
            change(text, projects.find(is_it)?)
        })
    }

    /// Changes a text as it is by now; only where it still can be read.
    fn edit(&mut self, source: u32, change: impl FnOnce(&str, &Node) -> Option<Edit>) -> bool {
        let text = self.text(source);
        let (documents, _) = yaml::read(text, source);
        let Some(edit) = documents.first().and_then(|node| change(text, node)) else {
            return false;
        };
        let mut changed = text.clone();
        edit.apply(&mut changed);
        let is_sound = yaml::read(&changed, source).1.is_empty();
        if is_sound {
            *text = changed;
        }
        is_sound
    }

    fn text(&mut self, source: u32) -> &mut String {
        let written = || self.configuration.sources.text(source).to_owned();
        self.texts.entry(source).or_insert_with(written)
    }

    fn finish(self) -> Patch {
        let Self {
            configuration,
            texts,
            mut patch,
        } = self;
        let texts = texts.into_iter();
        let changed = texts.filter(|(source, text)| configuration.sources.text(*source) != text);
        patch.texts = changed
            .map(|(source, text)| PatchedText { source, text })
            .collect();
        patch
    }
}
