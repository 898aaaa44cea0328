//! Makes the plan: which objects exist for each project, environment and cluster.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::{
    Configuration, Environment, EnvironmentCluster, EnvironmentOverride, Field, Filling, Finding,
    Layers, Pattern, Project, ProjectObject, ProjectSource, Reference, Spanned,
};
use crate::flux::names;
use crate::flux::yaml::Span;

use super::check;
use super::model::{Plan, PlannedObject, Poll, Role, SourceReference, TEMPLATES};
use super::problems::Problems;
use super::relations;
use super::values::default_intervals;

/// The namespace of Flux itself, where objects lie unless the configuration says.
const NAMESPACE: &str = "flux-system";

/// Plans every object, and finds what cannot be planned: names that are none, what refers to
/// nothing, what two objects would share.
pub fn plan(configuration: &Configuration) -> (Plan<'_>, Vec<Finding>) {
    let mut builder = Builder::new(configuration);
    check::names(configuration, &mut builder.problems);
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
    };
    (plan, problems.finish())
}

struct Builder<'c> {
    configuration: &'c Configuration,
    projects: HashMap<&'c str, &'c Project>,
    default_names: Pattern,
    namespace: Arc<str>,
    templates: [Arc<str>; 3],
    objects: Vec<PlannedObject<'c>>,
    problems: Problems,
}

/// One project in one environment and cluster.
#[derive(Clone, Copy)]
struct Place<'c> {
    environment: &'c Environment,
    cluster: Option<&'c EnvironmentCluster>,
    project: &'c Project,
    here: Option<&'c EnvironmentOverride>,
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
                .expect("the default is a sound pattern"),
            namespace: NAMESPACE.into(),
            templates: TEMPLATES.map(Arc::from),
            objects: Vec::new(),
            problems: Problems::default(),
        }
    }

    fn cluster(&mut self, environment: &'c Environment, cluster: Option<&'c EnvironmentCluster>) {
        for project in &self.configuration.projects {
            if let Some(place) = place(environment, cluster, project) {
                self.project(place);
            }
        }
    }

    fn project(&mut self, place: Place<'c>) {
        let source = self.source(place);
        match &place.project.objects {
            None => {
                let layers = self.layers(place, None);
                let name = &place.project.name;
                self.object(place, name, None, layers, source);
            }
            Some(objects) => {
                for object in objects {
                    let here = object
                        .environments
                        .iter()
                        .find(|one| one.name.value == place.environment.name.value);
                    let included = here.map_or(!object.only_listed, |one| one.included)
                        && is_in_cluster(here, place.cluster);
                    if included {
                        let layers = self.layers(place, Some((object, here)));
                        let template = object.template.as_ref();
                        self.object(place, &object.name, template, layers, source.clone());
                    }
                }
            }
        }
    }

    /// The layers of a project's source, or of one of its objects.
    fn layers(
        &self,
        place: Place<'c>,
        object: Option<(&'c ProjectObject, Option<&'c EnvironmentOverride>)>,
    ) -> Layers<'c> {
        let mut layers = Layers::default()
            .with(&self.configuration.defaults)
            .with(&place.environment.settings);
        if let Some(cluster) = place.cluster {
            layers = layers.with(&cluster.settings);
        }
        layers = layers.with(&place.project.settings);
        if let Some((object, _)) = object {
            layers = layers.with(&object.settings);
        }
        layers = with_override(layers, place.here, place.cluster);
        if let Some((_, here)) = object {
            layers = with_override(layers, here, place.cluster);
        }
        layers
    }

    fn source(&mut self, place: Place<'c>) -> Option<SourceReference> {
        let layers = self.layers(place, None);
        let (kind, url) = match &place.project.source {
            ProjectSource::Git { url } => ("GitRepository", url),
            ProjectSource::Oci { url } => ("OCIRepository", url),
            ProjectSource::External {
                name,
                kind,
                namespace,
            } => {
                return Some(SourceReference {
                    kind: kind.value.clone(),
                    name: name.value.clone(),
                    namespace: namespace.as_ref().map_or_else(
                        || self.namespace(layers),
                        |namespace| namespace.value.clone(),
                    ),
                    span: name.span,
                });
            }
            ProjectSource::Shared { project } => return self.shared(place, project),
            ProjectSource::Faulty => return None,
        };
        let name = self.name(
            place,
            &place.project.name.value,
            layers,
            place.project.name.span,
        );
        let namespace = self.namespace(layers);
        let reference = self.reference(place, layers, kind);
        let interval = layers
            .duration(Field::SourceInterval)
            .map_or(default_intervals(place.environment.kind).0, |(_, said)| {
                said
            });
        let poll = Poll {
            url: url.value.clone(),
            reference: reference.clone().unwrap_or(Reference::Branch("".into())),
            interval,
            provider: layers.text(Field::Provider).map(|(_, text)| text.clone()),
            secret: layers.text(Field::SecretRef).map(|(_, text)| text.clone()),
        };
        let source = SourceReference {
            kind: kind.into(),
            name: name.clone(),
            namespace: namespace.clone(),
            span: url.span,
        };
        self.objects.push(PlannedObject {
            project: place.project.name.value.clone(),
            environment: place.environment.name.value.clone(),
            environment_kind: place.environment.kind,
            cluster: place.cluster.map(|cluster| cluster.name.value.clone()),
            role: Role::Source,
            kind: Some(kind),
            name,
            namespace,
            template: self.templates[usize::from(kind == "OCIRepository")].clone(),
            span: place.project.name.span,
            poll: Some(poll),
            source: Some(source.clone()),
            depends_on: Vec::new(),
            complete: reference.is_some() && !layers.is_faulty(&SOURCE_FIELDS),
            layers,
        });
        Some(source)
    }

    /// What the source follows; a finding where nothing says, or it cannot be.
    fn reference(&mut self, place: Place<'c>, layers: Layers<'c>, kind: &str) -> Option<Reference> {
        if layers.is_faulty(&[Field::Reference]) {
            return None;
        }
        let environment = &place.environment.name.value;
        let is_oci = kind == "OCIRepository";
        let Some((span, reference)) = layers.reference() else {
            let hint = if is_oci {
                "say `ref: {tag: …}`, `semver` or `digest`"
            } else {
                "say `ref: {branch: main}` of the project, the environment or `defaults`"
            };
            self.problems.add_in(
                environment,
                Finding::error(
                    place.project.name.span,
                    "",
                    format!(
                        "nothing says which ref of project `{}` is followed",
                        place.project.name.value
                    ),
                )
                .hint(hint),
            );
            return None;
        };
        let fits = match reference {
            Reference::Tag(_) | Reference::Semver(_) => true,
            Reference::Digest(_) => is_oci,
            _ => !is_oci,
        };
        if fits {
            return Some(reference.clone());
        }
        let finding = if is_oci {
            Finding::error(
                place.project.name.span,
                "",
                format!(
                    "project `{}` is an OCIRepository, which follows a tag, semver or digest, not a branch or commit",
                    place.project.name.value
                ),
            )
            .hint("say `ref: {tag: …}` in its `source`")
        } else {
            Finding::error(span, "", "a Git repository has no digests")
                .hint("say `ref: {commit: …}`")
        };
        self.problems.add(finding);
        None
    }

    /// The source of another project in the same environment and cluster.
    fn shared(
        &mut self,
        here: Place<'c>,
        shared: &'c Spanned<Arc<str>>,
    ) -> Option<SourceReference> {
        let other = self.projects.get(&*shared.value).copied()?;
        let kind = match other.source {
            ProjectSource::Git { .. } => "GitRepository",
            ProjectSource::Oci { .. } => "OCIRepository",
            _ => return None,
        };
        let environment = &here.environment.name.value;
        let Some(there) = place(here.environment, here.cluster, other) else {
            self.problems.add_in(
                environment,
                Finding::error(
                    shared.span,
                    "",
                    format!("project `{}` has no source to share", shared.value),
                )
                .hint("leave this project out there too, or give it a source of its own"),
            );
            return None;
        };
        let layers = self.layers(there, None);
        let source = SourceReference {
            kind: kind.into(),
            name: self.name(there, &other.name.value, layers, other.name.span),
            namespace: self.namespace(layers),
            span: shared.span,
        };
        let own = self.namespace(self.layers(here, None));
        if source.namespace != own {
            self.problems.add_in(
                environment,
                Finding::error(
                    shared.span,
                    "",
                    format!(
                        "the source of project `{}` lies in namespace `{}`, this project in `{own}`",
                        shared.value, source.namespace
                    ),
                )
                .hint("a source is shared within one namespace: give both the same, or use `external`"),
            );
        }
        Some(source)
    }

    fn object(
        &mut self,
        place: Place<'c>,
        name: &'c Spanned<Arc<str>>,
        template: Option<&Spanned<Arc<str>>>,
        layers: Layers<'c>,
        source: Option<SourceReference>,
    ) {
        let kind = match template {
            None => Some("Kustomization"),
            Some(template) => match &*template.value {
                "kustomization" => Some("Kustomization"),
                _ => None,
            },
        };
        let planned = self.name(place, &name.value, layers, name.span);
        let complete = source.is_some() && !layers.is_faulty(&OBJECT_FIELDS);
        self.objects.push(PlannedObject {
            project: place.project.name.value.clone(),
            environment: place.environment.name.value.clone(),
            environment_kind: place.environment.kind,
            cluster: place.cluster.map(|cluster| cluster.name.value.clone()),
            role: Role::Object(name.value.clone()),
            kind,
            name: planned,
            namespace: self.namespace(layers),
            template: template.map_or_else(
                || self.templates[2].clone(),
                |template| template.value.clone(),
            ),
            span: name.span,
            poll: None,
            source,
            depends_on: Vec::new(),
            complete,
            layers,
        });
    }

    fn namespace(&self, layers: Layers<'_>) -> Arc<str> {
        layers
            .text(Field::Namespace)
            .map_or_else(|| self.namespace.clone(), |(_, name)| name.clone())
    }

    /// An object's name in its cluster; a finding where it is none.
    fn name(&mut self, place: Place<'c>, object: &str, layers: Layers<'c>, span: Span) -> Arc<str> {
        let pattern = layers
            .names()
            .map_or(&self.default_names, |(_, pattern)| pattern);
        let name = pattern.fill(Filling {
            project: &place.project.name.value,
            object,
            environment: &place.environment.name.value,
            cluster: place
                .cluster
                .map(|cluster| &*cluster.name.value)
                .unwrap_or_default(),
        });
        if let Err(reason) = names::dns_label(&name) {
            self.problems.add(
                Finding::error(
                    span,
                    "",
                    format!("`{name}`, made by `names: {pattern}`, is no name: {reason}"),
                )
                .hint("shorten the name, or change `names`"),
            );
        }
        name.into()
    }
}

const SOURCE_FIELDS: [Field; 9] = [
    Field::SourceInterval,
    Field::SourceTimeout,
    Field::Namespace,
    Field::SecretRef,
    Field::Provider,
    Field::Suspend,
    Field::Names,
    Field::GitRepository,
    Field::OciRepository,
];

const OBJECT_FIELDS: [Field; 12] = [
    Field::KustomizationInterval,
    Field::KustomizationTimeout,
    Field::RetryInterval,
    Field::Namespace,
    Field::Path,
    Field::Prune,
    Field::Wait,
    Field::Suspend,
    Field::TargetNamespace,
    Field::Names,
    Field::Kustomization,
    Field::DependsOn,
];

/// The project in this environment and cluster, unless it is left out there.
fn place<'c>(
    environment: &'c Environment,
    cluster: Option<&'c EnvironmentCluster>,
    project: &'c Project,
) -> Option<Place<'c>> {
    let here = project
        .environments
        .iter()
        .find(|one| one.name.value == environment.name.value);
    let included = here.is_none_or(|one| one.included) && is_in_cluster(here, cluster);
    included.then_some(Place {
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

fn with_override<'c>(
    layers: Layers<'c>,
    here: Option<&'c EnvironmentOverride>,
    cluster: Option<&EnvironmentCluster>,
) -> Layers<'c> {
    let Some(here) = here else { return layers };
    let layers = layers.with(&here.settings);
    let in_cluster = here
        .clusters
        .iter()
        .flatten()
        .find(|one| cluster.is_some_and(|cluster| cluster.name.value == one.name.value));
    match in_cluster {
        Some(cluster) => layers.with(&cluster.settings),
        None => layers,
    }
}
