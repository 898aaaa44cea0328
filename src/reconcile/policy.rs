//! Which environments pushes wake, and when.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::Item;
use crate::config::{
    Configuration, Environment, EnvironmentCluster, Field, Layers, Project, Said, Webhook,
};

/// What the configuration says under `webhook`, by the labels of objects and their cluster.
///
/// Whatever carries no label of ours, or one that the configuration does not know, is woken.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    environments: HashMap<Arc<str>, OfEnvironment>,
}

#[derive(Debug, Clone, Default)]
struct OfEnvironment {
    here: Places,
    /// Those for which something else holds.
    projects: HashMap<Arc<str>, Places>,
}

/// What holds in general, and in single clusters.
#[derive(Debug, Clone, Default)]
struct Places {
    everywhere: Option<Webhook>,
    clusters: HashMap<Arc<str>, Webhook>,
}

impl Policies {
    /// Those of a configuration, resolved as everything else in it: the most specific layer wins.
    pub fn of_configuration(configuration: &Configuration) -> Self {
        let mut policies = Self::default();
        for environment in &configuration.environments {
            let of_project = |project: &Project| {
                let says = |layers: Layers<'_>| layers.find(Field::Webhook).is_some();
                let own = Layers::default().with(&project.settings);
                says(with_override(own, project, environment, None))
                    || environment.clusters.iter().any(|cluster| {
                        says(with_override(own, project, environment, Some(cluster)))
                    })
            };
            let projects: Vec<&Project> = configuration
                .projects
                .iter()
                .filter(|project| of_project(project))
                .collect();
            for cluster in every_cluster(environment) {
                let layers = Layers::default()
                    .with(&configuration.defaults)
                    .with(&environment.settings);
                let layers = cluster.map_or(layers, |cluster| layers.with(&cluster.settings));
                let name = cluster.map(|cluster| &*cluster.name.value);
                let environment_name = &environment.name.value;
                policies.set(environment_name, None, name, webhook(layers));
                for project in &projects {
                    let layers = layers.with(&project.settings);
                    let layers = with_override(layers, project, environment, cluster);
                    let project = Some(&*project.name.value);
                    policies.set(environment_name, project, name, webhook(layers));
                }
            }
        }
        policies
    }

    /// For an environment, or one project in it; in one of its clusters, or in all.
    pub fn set(
        &mut self,
        environment: &str,
        project: Option<&str>,
        cluster: Option<&str>,
        webhook: Webhook,
    ) {
        let of_environment = self.environments.entry(environment.into()).or_default();
        let places = match project {
            None => &mut of_environment.here,
            Some(project) => of_environment.projects.entry(project.into()).or_default(),
        };
        match cluster {
            None => places.everywhere = Some(webhook),
            Some(cluster) => {
                places.clusters.insert(cluster.into(), webhook);
            }
        }
    }

    pub fn of(&self, item: &Item) -> Webhook {
        let environment = item.environment.as_deref();
        let Some(environment) = environment.and_then(|name| self.environments.get(name)) else {
            return Webhook::On;
        };
        let project = item.project.as_deref();
        project
            .and_then(|project| environment.projects.get(project)?.of(&item.cluster))
            .or_else(|| environment.here.of(&item.cluster))
            .unwrap_or(Webhook::On)
    }
}

impl Places {
    fn of(&self, cluster: &str) -> Option<Webhook> {
        self.clusters.get(cluster).copied().or(self.everywhere)
    }
}

/// `None` stands for the one that has no name.
fn every_cluster(environment: &Environment) -> Vec<Option<&EnvironmentCluster>> {
    if environment.clusters.is_empty() {
        return vec![None];
    }
    environment.clusters.iter().map(Some).collect()
}

fn with_override<'c>(
    layers: Layers<'c>,
    project: &'c Project,
    environment: &Environment,
    cluster: Option<&EnvironmentCluster>,
) -> Layers<'c> {
    let here = project
        .environments
        .iter()
        .find(|one| one.name.value == environment.name.value);
    here.map_or(layers, |here| here.on(layers, cluster))
}

fn webhook(layers: Layers<'_>) -> Webhook {
    match layers.find(Field::Webhook).map(|setting| &setting.value) {
        Some(Said::Webhook(webhook)) => *webhook,
        _ => Webhook::On,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use serde_json::json;

    use crate::catalog::{HostNames, Kind, Projector};
    use crate::config;

    use super::*;

    fn item(cluster: &str, environment: &str, project: &str) -> Item {
        let labels =
            json!({"flux-setup.dev/environment": environment, "flux-setup.dev/project": project});
        let object = json!({"metadata": {"name": "web", "namespace": "apps", "labels": labels}});
        let mut projector = Projector::new(cluster.into(), Arc::new(HostNames::of([])));
        projector
            .project(Kind::GitRepository, object.to_string().as_bytes())
            .unwrap()
    }

    #[test]
    fn the_most_specific_word_of_a_configuration_holds() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir(folder.path().join("environments")).unwrap();
        write(
            "environments/production.yaml",
            "ref: {branch: main}\nwebhook: {after: 10m}\nclusters: {eu: {}, us: {webhook: false}}\n",
        );
        write(
            "environments/staging.yaml",
            "ref: {branch: main}\ncluster: eu\n",
        );
        write(
            "flux-setup.yaml",
            "clusters: [{name: eu}, {name: us}]\nprojects:\n  \
             - {name: web, repository: https://github.com/acme/web}\n  \
             - name: docs\n    repository: https://github.com/acme/docs\n    webhook: true\n    \
             environments: {staging: {webhook: false}}\n",
        );
        let (configuration, findings) = config::load(folder.path());
        assert!(findings.is_empty(), "{findings:?}");
        let policies = Policies::of_configuration(&configuration);
        let of = |cluster, environment, project| policies.of(&item(cluster, environment, project));
        let later = Webhook::After(Duration::from_secs(600));
        assert_eq!(of("eu", "production", "web"), later);
        assert_eq!(of("us", "production", "web"), Webhook::Off);
        assert_eq!(of("us", "production", "docs"), Webhook::On);
        assert_eq!(of("eu", "staging", "web"), Webhook::On);
        assert_eq!(of("eu", "staging", "docs"), Webhook::Off);
        assert_eq!(of("eu", "elsewhere", "web"), Webhook::On);
    }
}
