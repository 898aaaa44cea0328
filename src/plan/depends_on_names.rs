//! Names under `dependsOn` that nothing has, wherever they stand: also in what no environment holds.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::{
    Configuration, Dependency, DependsOn, EnvironmentOverride, Field, Finding, Project, Said,
    Settings, Spanned,
};
use crate::flux::nearest;
use crate::flux::yaml::Span;

use super::problems::{Problems, unknown};

pub(super) fn check(configuration: &Configuration, problems: &mut Problems) {
    let projects: HashMap<&str, &Project> = configuration
        .projects
        .iter()
        .map(|project| (&*project.name.value, project))
        .collect();
    let mut names = Names {
        unread: configuration.unread.fleet,
        names: configuration
            .projects
            .iter()
            .map(|project| &*project.name.value)
            .collect(),
        projects,
        unknown: HashMap::new(),
        problems,
    };
    for project in configuration.projects.iter().chain(&configuration.unnamed) {
        names.settings(project, &project.settings);
        names.overrides(project, &project.environments);
        let objects = project.objects.iter().flatten();
        for object in objects.chain(&project.unnamed) {
            names.settings(project, &object.settings);
            names.overrides(project, &object.environments);
        }
    }
}

/// Whether the project lists an object of that name.
pub(super) fn has_object(project: &Project, object: &str) -> bool {
    let mut objects = project.objects.iter().flatten();
    objects.any(|one| &*one.name.value == object)
}

/// Whether it is the one object of a project that lists none, which has the project's name.
pub(super) fn is_its_own(project: &Project, object: &str) -> bool {
    project.objects.is_none() && *object == *project.name.value
}

struct Names<'c, 'p> {
    projects: HashMap<&'c str, &'c Project>,
    /// A file with projects could not be read: what is not here may stand there.
    unread: bool,
    /// Of all projects, in order.
    names: Vec<&'c str>,
    /// The project that is spelt most like a name that none has.
    unknown: HashMap<Arc<str>, Option<&'c str>>,
    problems: &'p mut Problems,
}

impl<'c> Names<'c, '_> {
    fn overrides(&mut self, project: &'c Project, overrides: &'c [EnvironmentOverride]) {
        for one in overrides {
            self.settings(project, &one.settings);
            for cluster in one.clusters.iter().flatten() {
                self.settings(project, &cluster.settings);
            }
        }
    }

    fn settings(&mut self, own: &'c Project, settings: &'c Settings) {
        let said = settings.get(Field::DependsOn).map(|setting| &setting.value);
        let Some(Said::Dependencies(dependencies)) = said else {
            return;
        };
        for dependency in dependencies {
            self.dependency(own, dependency);
        }
    }

    fn dependency(&mut self, own: &'c Project, dependency: &Dependency) {
        let span = dependency.span;
        match &dependency.on {
            DependsOn::External { .. } => {}
            DependsOn::Name(name) => {
                if !has_object(own, name) && !self.projects.contains_key(&**name) {
                    self.unknown(own, name, span);
                }
            }
            DependsOn::ProjectObject { project, object } => {
                match self.projects.get(&**project).copied() {
                    None => self.unknown(own, project, span),
                    Some(project) => self.object_of(project, object, span),
                }
            }
        }
    }

    fn object_of(&mut self, project: &Project, object: &str, span: Span) {
        if has_object(project, object) || is_its_own(project, object) {
            return;
        }
        let known = object_names(project);
        let name = &project.name.value;
        let hint = nearest(object, known.iter().copied()).map_or_else(
            || format!("it has: {}", known.join(", ")),
            |near| format!("did you mean `{name}/{near}`?"),
        );
        let message = format!("project `{name}` has no object `{object}`");
        self.problems
            .add(Finding::error(span, "", message).hint(hint));
    }

    fn unknown(&mut self, own: &'c Project, name: &Arc<str>, span: Span) {
        if self.unread {
            return;
        }
        let near = match self.unknown.get(name) {
            Some(near) => *near,
            None => {
                let near = nearest(name, self.names.iter().copied());
                self.unknown.insert(name.clone(), near);
                near
            }
        };
        let mut known = object_names(own);
        known.extend(near);
        known.sort_unstable();
        let name = Spanned {
            span,
            value: name.clone(),
        };
        let finding = unknown(
            "project or object",
            &name,
            &known,
            "write `{external: NAME}` for an object that somebody else manages",
        );
        self.problems.add(finding);
    }
}

fn object_names(project: &Project) -> Vec<&str> {
    match &project.objects {
        Some(objects) => objects.iter().map(|object| &*object.name.value).collect(),
        None if project.name.value.is_empty() => Vec::new(),
        None => vec![&*project.name.value],
    }
}
