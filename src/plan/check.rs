//! Whatever the configuration names must be there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::config::{
    Configuration, EnvironmentCluster, EnvironmentOverride, Finding, Gap, Project, ProjectObject,
    ProjectSource, Spanned,
};

use super::model::TEMPLATES;
use super::problems::{Problems, no_cluster, unknown};

/// Checks every name that one part of the configuration uses of another.
pub(super) fn names(configuration: &Configuration, problems: &mut Problems) {
    let projects = configuration
        .projects
        .iter()
        .map(|project| (&*project.name.value, project))
        .collect();
    Checker {
        configuration,
        projects,
        problems,
    }
    .run();
}

struct Checker<'c, 'p> {
    configuration: &'c Configuration,
    projects: HashMap<&'c str, &'c Project>,
    problems: &'p mut Problems,
}

impl<'c> Checker<'c, '_> {
    /// Whatever is named must be there, in every part of the configuration.
    fn run(&mut self) {
        let configuration = self.configuration;
        for environment in &configuration.environments {
            self.clusters(
                &environment.clusters,
                &configuration_clusters(configuration),
            );
            if environment.clusters.is_empty() && configuration.output.has(Gap::Cluster) {
                let finding = no_cluster(environment, "output", &configuration.output);
                self.problems.add(finding);
            }
            if environment.clusters.len() > 1 && !configuration.output.has(Gap::Cluster) {
                self.problems.add(
                    Finding::error(
                        environment.name.span,
                        "",
                        format!(
                            "environment `{}` has several clusters, which would share the files of `output: {}`",
                            environment.name.value, configuration.output
                        ),
                    )
                    .hint("put `{cluster}` into `output`, as `clusters/{cluster}/{environment}/{project}.yaml`"),
                );
            }
        }
        for project in configuration.projects.iter().chain(&configuration.unnamed) {
            self.overrides(&project.environments);
            let objects = project.objects.iter().flatten();
            for object in objects.chain(&project.unnamed) {
                self.overrides(&object.environments);
                self.template(object);
            }
            self.objects(project);
            if let ProjectSource::Shared { project: shared } = &project.source {
                self.shared(project, shared);
            }
        }
    }

    fn clusters(&mut self, clusters: &[EnvironmentCluster], known: &[&str]) {
        let mut seen: Vec<&str> = Vec::new();
        for cluster in clusters {
            let name = &cluster.name;
            if seen.contains(&&*name.value) {
                self.problems.add(
                    Finding::error(
                        name.span,
                        "",
                        format!("cluster `{}` is listed twice", name.value),
                    )
                    .hint("keep one of the two"),
                );
            }
            seen.push(&name.value);
            if !known.contains(&&*name.value) && !self.configuration.unread.fleet {
                self.problems.add(unknown(
                    "cluster",
                    name,
                    known,
                    "list it under `clusters` in `flux-setup.yaml`",
                ));
            }
        }
    }

    fn overrides(&mut self, overrides: &'c [EnvironmentOverride]) {
        let names: Vec<&str> = self
            .configuration
            .environments
            .iter()
            .map(|environment| &*environment.name.value)
            .collect();
        for one in overrides {
            let Some(environment) = self
                .configuration
                .environments
                .iter()
                .find(|environment| environment.name.value == one.name.value)
            else {
                let unread = &self.configuration.unread.environments;
                if !self.configuration.unread.every_environment
                    && !unread.iter().any(|name| **name == *one.name.value)
                {
                    self.problems.add(unknown(
                        "environment",
                        &one.name,
                        &names,
                        "write its file, as `environments/production.yaml`",
                    ));
                }
                continue;
            };
            if let Some(clusters) = &one.clusters {
                let known: Vec<&str> = environment
                    .clusters
                    .iter()
                    .map(|cluster| &*cluster.name.value)
                    .collect();
                self.clusters(clusters, &known);
            }
        }
    }

    fn template(&mut self, object: &ProjectObject) {
        let Some(template) = &object.template else {
            return;
        };
        let known: Vec<&str> = self
            .configuration
            .templates
            .iter()
            .map(|template| &*template.name)
            .chain(
                self.configuration
                    .unread
                    .templates
                    .iter()
                    .map(|name| &**name),
            )
            .chain(TEMPLATES)
            .collect();
        if !known.contains(&&*template.value) && !self.configuration.unread.every_template {
            let hint = format!("write it as `templates/{}.yaml.tera`", template.value);
            self.problems
                .add(unknown("template", template, &known, &hint));
        }
    }

    fn objects(&mut self, project: &'c Project) {
        let Some(objects) = &project.objects else {
            return;
        };
        let name = &project.name.value;
        let who = if name.is_empty() {
            "the project".to_owned()
        } else {
            format!("project `{name}`")
        };
        let mut seen: HashSet<&str> = HashSet::new();
        for object in objects {
            if !seen.insert(&object.name.value) {
                let message = format!("{who} has two objects `{}`", object.name.value);
                self.problems.add(
                    Finding::error(object.name.span, "", message).hint("give each its own name"),
                );
            }
        }
    }

    fn shared(&mut self, project: &Project, shared: &Spanned<Arc<str>>) {
        match self.projects.get(&*shared.value) {
            None if self.configuration.unread.fleet => {}
            None => {
                let names: Vec<&str> = self
                    .configuration
                    .projects
                    .iter()
                    .map(|project| &*project.name.value)
                    .collect();
                let finding = unknown("project", shared, &names, "list it under `projects`");
                self.problems.add(finding);
            }
            Some(other) => {
                if matches!(
                    other.source,
                    ProjectSource::Shared { .. } | ProjectSource::External { .. }
                ) {
                    self.problems.add(
                        Finding::error(
                            shared.span,
                            "",
                            format!(
                                "project `{}` has no source of its own to share",
                                shared.value
                            ),
                        )
                        .hint(if other.name.value == project.name.value {
                            "name another project"
                        } else {
                            "name the project that has the source"
                        }),
                    );
                }
            }
        }
    }
}

fn configuration_clusters(configuration: &Configuration) -> Vec<&str> {
    configuration
        .clusters
        .iter()
        .map(|cluster| &*cluster.name.value)
        .collect()
}
