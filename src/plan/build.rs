//! Makes the plan: which objects exist for each project, environment and cluster.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::{
    Configuration, Environment, EnvironmentCluster, EnvironmentOverride, Field, Finding, Layers,
    Pattern, Project, ProjectObject, ProjectSource, Spanned,
};
use crate::flux::yaml::Span;

use super::check;
use super::depends_on_names;
use super::model::{Plan, PlannedObject, Role, SourceReference, TEMPLATES};
use super::problems::Problems;
use super::relations;
use super::written_kind::written_kind;

/// The namespace of Flux itself, where objects lie unless the configuration says.
const NAMESPACE: &str = "flux-system";

/// Plans every object, and finds what cannot be planned: names that are none, what refers to
/// nothing, what two objects would share.
pub fn plan(configuration: &Configuration) -> (Plan<'_>, Vec<Finding>) {
    let mut builder = Builder::new(configuration);
    check::names(configuration, &mut builder.problems);
    depends_on_names::check(configuration, &mut builder.problems);
    for environment in &configuration.environments {
        if environment.clusters.is_empty() {
            builder.cluster(environment, None);
        }
        let mut clusters: Vec<_> = environment.clusters.iter().collect();
        clusters.sort_by(|one, other| one.name.value.cmp(&other.name.value));
        for cluster in clusters {
            builder.cluster(environment, Some(cluster));
        }
    }
    relations::connect(configuration, &mut builder.objects, &mut builder.problems);
    let Builder {
        mut objects,
        problems,
        ..
    } = builder;
    objects.sort_by_key(|object| object.role != Role::Source);
    let plan = Plan {
        objects,
        output: configuration.output.clone(),
        whole: is_whole(configuration),
    };
    (plan, problems.finish(configuration))
}

/// Whether every project and source could be read.
fn is_whole(configuration: &Configuration) -> bool {
    let unread = &configuration.unread;
    let mut projects = configuration.projects.iter();
    !unread.fleet
        && !unread.every_environment
        && unread.environments.is_empty()
        && configuration.unnamed.is_empty()
        && !projects.any(|project| {
            matches!(project.source, ProjectSource::Faulty) || !project.unnamed.is_empty()
        })
}

pub(super) struct Builder<'c> {
    pub(super) configuration: &'c Configuration,
    pub(super) projects: HashMap<&'c str, &'c Project>,
    pub(super) default_names: Arc<Pattern>,
    pub(super) namespace: Arc<str>,
    pub(super) templates: [Arc<str>; 3],
    /// The user's own, and the kinds that they write.
    users: HashMap<&'c str, Option<&'static str>>,
    pub(super) objects: Vec<PlannedObject<'c>>,
    pub(super) problems: Problems,
}

/// One project in one environment and cluster.
#[derive(Clone, Copy)]
pub(super) struct Location<'c> {
    pub(super) environment: &'c Environment,
    pub(super) cluster: Option<&'c EnvironmentCluster>,
    pub(super) project: &'c Project,
    pub(super) here: Option<&'c EnvironmentOverride>,
}

impl<'c> Builder<'c> {
    fn new(configuration: &'c Configuration) -> Self {
        Self {
            configuration,
            projects: configuration
                .projects
                .iter()
                .map(|project| (&*project.name.value, project))
                .collect(),
            default_names: Pattern::read("{object}-{environment}")
                .expect("the default is a sound pattern")
                .into(),
            namespace: NAMESPACE.into(),
            templates: TEMPLATES.map(Arc::from),
            users: configuration
                .templates
                .iter()
                .map(|template| {
                    let text = configuration.sources.text(template.source);
                    (&*template.name, written_kind(text))
                })
                .collect(),
            objects: Vec::new(),
            problems: Problems::default(),
        }
    }

    fn cluster(&mut self, environment: &'c Environment, cluster: Option<&'c EnvironmentCluster>) {
        for project in &self.configuration.projects {
            if let Some(location) = location(environment, cluster, project) {
                self.project(location);
            }
        }
    }

    fn project(&mut self, location: Location<'c>) {
        let source = self.source(location);
        match &location.project.objects {
            None => {
                let layers = self.layers(location, None);
                let name = &location.project.name;
                self.object(location, name, None, layers, source);
            }
            Some(objects) => {
                for object in objects {
                    let here = object
                        .environments
                        .iter()
                        .find(|one| one.name.value == location.environment.name.value);
                    let included = here.map_or(!object.only_listed, |one| one.included)
                        && is_in_cluster(here, location.cluster);
                    if included {
                        let layers = self.layers(location, Some((object, here)));
                        let template = object.template.as_ref();
                        self.object(location, &object.name, template, layers, source.clone());
                    }
                }
            }
        }
    }

    /// The layers of a project's source, or of one of its objects.
    pub(super) fn layers(
        &self,
        location: Location<'c>,
        object: Option<(&'c ProjectObject, Option<&'c EnvironmentOverride>)>,
    ) -> Layers<'c> {
        let mut layers = Layers::default()
            .with(&self.configuration.defaults)
            .with(&location.environment.settings);
        if let Some(cluster) = location.cluster {
            layers = layers.with(&cluster.settings);
        }
        layers = layers.with(&location.project.settings);
        if let Some((object, _)) = object {
            layers = layers.with(&object.settings);
        }
        if let Some(here) = location.here {
            layers = here.on(layers, location.cluster);
        }
        if let Some((_, Some(here))) = object {
            layers = here.on(layers, location.cluster);
        }
        layers
    }

    fn object(
        &mut self,
        location: Location<'c>,
        name: &'c Spanned<Arc<str>>,
        template: Option<&Spanned<Arc<str>>>,
        layers: Layers<'c>,
        source: Option<SourceReference>,
    ) {
        let template = template.map_or(&self.templates[2], |template| &template.value);
        let template = template.clone();
        let kind = match &*template {
            "kustomization" => Some("Kustomization"),
            other => self.users.get(other).copied().flatten(),
        };
        let (planned, is_name) = self.name(location, &name.value, layers, name.span);
        let is_filled = self.is_filled(location, &name.value, layers, false);
        let complete =
            is_name && is_filled && source.is_some() && !layers.is_faulty(&OBJECT_FIELDS);
        self.objects.push(PlannedObject {
            project: location.project.name.value.clone(),
            environment: location.environment.name.value.clone(),
            environment_kind: location.environment.kind,
            cluster: location.cluster.map(|cluster| cluster.name.value.clone()),
            role: Role::Object(name.value.clone()),
            kind,
            name: planned,
            namespace: self.namespace(location, &name.value, layers),
            users_template: self.is_users(&template),
            template,
            span: name.span,
            poll: None,
            source,
            depends_on: Vec::new(),
            complete,
            layers,
        });
    }

    pub(super) fn is_users(&self, template: &str) -> bool {
        self.users.contains_key(template)
    }

    /// Where an object lies, which is called `object` in the configuration.
    pub(super) fn namespace(
        &self,
        location: Location<'c>,
        object: &str,
        layers: Layers<'_>,
    ) -> Arc<str> {
        layers
            .filled(Field::Namespace, location.filling(object))
            .map_or_else(|| self.namespace.clone(), |(_, name)| name)
    }

    /// An object's name in its cluster, and whether it is one; a finding where it is none.
    pub(super) fn name(
        &mut self,
        location: Location<'c>,
        object: &str,
        layers: Layers<'c>,
        span: Span,
    ) -> (Arc<str>, bool) {
        let default = self.default_names.clone();
        let said = layers.pattern(Field::Names);
        let pattern = said.map_or(&*default, |(_, pattern)| pattern);
        self.fill(location, object, ("names", pattern), span)
    }
}

const OBJECT_FIELDS: [Field; 14] = [
    Field::KustomizationInterval,
    Field::KustomizationTimeout,
    Field::RetryInterval,
    Field::Namespace,
    Field::Path,
    Field::Prune,
    Field::Wait,
    Field::Suspend,
    Field::TargetNamespace,
    Field::ServiceAccountName,
    Field::Names,
    Field::Kustomization,
    Field::DependsOn,
    Field::Vars,
];

/// The project in this environment and cluster, unless it is left out there.
pub(super) fn location<'c>(
    environment: &'c Environment,
    cluster: Option<&'c EnvironmentCluster>,
    project: &'c Project,
) -> Option<Location<'c>> {
    let here = project
        .environments
        .iter()
        .find(|one| one.name.value == environment.name.value);
    let included = here.is_none_or(|one| one.included) && is_in_cluster(here, cluster);
    included.then_some(Location {
        environment,
        cluster,
        project,
        here,
    })
}

fn is_in_cluster(here: Option<&EnvironmentOverride>, cluster: Option<&EnvironmentCluster>) -> bool {
    match (here.and_then(|one| one.clusters.as_ref()), cluster) {
        (Some(clusters), Some(cluster)) => clusters
            .iter()
            .any(|one| one.name.value == cluster.name.value),
        _ => true,
    }
}
