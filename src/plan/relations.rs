//! What objects say of each other, and what no two may share.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::config::{Configuration, Filling, Finding};
use crate::flux::yaml::Span;

use super::depends_on;
use super::model::{Identity, LocationKey, PlannedObject, Role};
use super::problems::{Problems, in_clusters};

/// Resolves what objects wait for, and checks every relation between objects.
pub(super) fn connect(
    configuration: &Configuration,
    objects: &mut [PlannedObject<'_>],
    problems: &mut Problems,
) {
    let resolved = depends_on::resolve(configuration, objects, problems);
    for (object, (dependencies, sound)) in objects.iter_mut().zip(resolved) {
        object.depends_on = dependencies;
        object.complete &= sound;
    }
    depends_on::find_rings(objects, problems);
    find_shared_identities(objects, problems);
    find_shared_files(configuration, objects, problems);
    check_namespaces(configuration, objects, problems);
}

fn find_shared_identities(objects: &[PlannedObject<'_>], problems: &mut Problems) {
    let mut seen: HashMap<Identity<'_>, &PlannedObject<'_>> = HashMap::new();
    // Of what only a template knows the kind, the texts are compared where they are made.
    for object in objects.iter().filter(|object| object.kind.is_some()) {
        let Some(other) = seen.insert(object.identity(), object) else {
            continue;
        };
        let (cluster, kind, namespace, name) = object.identity();
        let cluster = cluster.map_or_else(
            || "the one cluster that has no name".to_owned(),
            |cluster| format!("cluster `{cluster}`"),
        );
        problems.add(
            Finding::error(
                object.span,
                "",
                format!(
                    "{kind} `{namespace}/{name}` would be there twice in {cluster}: for `{}` in `{}` and for `{}` in `{}`",
                    other.label(), other.environment, object.label(), object.environment
                ),
            )
            .hint("change `names`, so that it holds what tells the two apart, or name the clusters"),
        );
    }
}

/// The file of each project, environment and cluster is its own.
fn find_shared_files(
    configuration: &Configuration,
    objects: &[PlannedObject<'_>],
    problems: &mut Problems,
) {
    let mut locations: Vec<(LocationKey<'_>, Span)> = Vec::new();
    let mut known: HashSet<LocationKey<'_>> = HashSet::new();
    for object in objects {
        let location = object.location();
        if known.insert(location) {
            locations.push((location, object.span));
        }
    }
    let mut files: HashMap<String, LocationKey<'_>> = HashMap::new();
    for (location, span) in locations {
        let (environment, cluster, project) = location;
        let file = configuration.output.fill(Filling {
            project,
            object: project,
            environment,
            cluster: cluster.unwrap_or_default(),
        });
        let last = file.rsplit('/').next().unwrap_or_default();
        // some file systems do not tell the case of letters apart
        if last.eq_ignore_ascii_case("kustomization.yaml") {
            problems.add(
                Finding::error(
                    span,
                    "",
                    format!("project `{project}` would lie in a file `kustomization.yaml`, which kustomize reads as its own configuration"),
                )
                .hint("give it another name, or put more into `output`, as `{environment}/{project}-flux.yaml`"),
            );
        }
        // With several clusters and no `{cluster}` there is a finding at the environment already.
        let same_location = |other: &LocationKey<'_>| other.0 == environment && other.2 == project;
        let shown = |environment: &str, cluster: Option<&str>| {
            let clusters: Vec<Arc<str>> = cluster.into_iter().map(Arc::from).collect();
            format!("`{environment}`{}", in_clusters(&clusters))
        };
        if let Some(other) = files.get(&file)
            && !same_location(other)
        {
            problems.add(
                Finding::error(
                    span,
                    "",
                    format!(
                        "`{file}` would hold both project `{}` of {} and project `{project}` of {}",
                        other.2,
                        shown(other.0, other.1),
                        shown(environment, cluster)
                    ),
                )
                .hint("separate the parts of `output` by `/`"),
            );
        }
        files.insert(file, location);
    }
}

/// Where Flux refuses references to other namespaces, none may be there.
fn check_namespaces(
    configuration: &Configuration,
    objects: &[PlannedObject<'_>],
    problems: &mut Problems,
) {
    let locked: HashSet<&str> = configuration
        .clusters
        .iter()
        .filter(|cluster| !cluster.cross_namespace)
        .map(|cluster| &*cluster.name.value)
        .collect();
    if locked.is_empty() {
        return;
    }
    for object in objects {
        let Some(cluster) = object.cluster.as_deref() else {
            continue;
        };
        // of a template of the user's its text says what it refers to
        let is_seen = object.role == Role::Source || object.users_template;
        if !locked.contains(cluster) || is_seen {
            continue;
        }
        let sources = object
            .source
            .iter()
            .map(|source| (&source.name, &source.namespace, source.span));
        let dependencies = object
            .depends_on
            .iter()
            .map(|one| (&one.name, &one.namespace, one.span));
        for (name, namespace, span) in sources.chain(dependencies) {
            if *namespace != object.namespace {
                problems.add(
                    Finding::error(
                        span,
                        "",
                        format!(
                            "`{}` refers to `{namespace}/{name}`, and cluster `{cluster}` allows no reference to another namespace",
                            object.name
                        ),
                    )
                    .class(crate::config::Class::Flux)
                    .hint("move one of the two, or take `crossNamespace: false` from the cluster"),
                );
            }
        }
    }
}
