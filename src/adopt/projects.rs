//! Puts objects that exist together to projects: a source with what is applied from it, once for every
//! environment and cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::config::Filling;
use crate::flux::names;

use super::found::{BOOTSTRAP, Found, Kind};
use super::names::{Taken, take_apart, unused};
use super::sites::{Environment, Site, places};

#[derive(Debug)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) sites: BTreeSet<Site>,
    /// Its source in each site, as a number of what was found.
    pub(super) sources: BTreeMap<Site, usize>,
    pub(super) objects: Vec<Object>,
    /// One Kustomization that has the project's name, and nothing to say of it alone.
    pub(super) is_simple: bool,
}

#[derive(Debug)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) at: BTreeMap<Site, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Origin {
    Own {
        is_oci: bool,
        url: String,
    },
    External {
        kind: String,
        namespace: String,
        name: String,
    },
}

#[derive(Debug)]
pub(super) struct Fleet<'f> {
    pub(super) found: &'f [Found],
    pub(super) environments: Vec<Environment>,
    pub(super) clusters: Vec<Arc<str>>,
    pub(super) projects: Vec<Project>,
    /// Of each that was found, its name taken apart.
    pub(super) taken: Vec<Taken>,
    pub(super) sites: Vec<Site>,
}

/// Puts together what was found; the numbers of sources from which nothing is applied come back.
pub(super) fn put_together(found: &[Found]) -> (Fleet<'_>, Vec<usize>) {
    let source_of = sources(found);
    let (environments, clusters, sites, classes) = places(found, &source_of);
    let mut fleet = Fleet {
        taken: (0..found.len())
            .map(|index| {
                let one = &found[index];
                let environment: &Environment = &environments[sites[index].environment];
                let cluster = one.cluster.as_deref();
                take_apart(
                    &one.name,
                    classes[index].as_deref(),
                    &environment.name,
                    cluster,
                )
            })
            .collect(),
        found,
        environments,
        clusters,
        projects: Vec::new(),
        sites,
    };
    let idle = fleet.own(&source_of);
    fleet.external(&source_of);
    for project in &mut fleet.projects {
        project
            .objects
            .sort_by(|one, other| one.name.cmp(&other.name));
    }
    fleet.simplify();
    fleet.name_projects();
    (fleet, idle)
}

/// The number of the source of each Kustomization, where it was found.
fn sources(found: &[Found]) -> Vec<Option<usize>> {
    let key = |cluster: &Option<Arc<str>>, kind: &str, namespace: &str, name: &str| {
        (
            cluster.clone(),
            kind.to_owned(),
            namespace.to_owned(),
            name.to_owned(),
        )
    };
    let known: HashMap<_, usize> = found
        .iter()
        .enumerate()
        .filter(|(_, one)| one.kind != Kind::Kustomization)
        .map(|(index, one)| {
            (
                key(&one.cluster, one.kind.name(), &one.namespace, &one.name),
                index,
            )
        })
        .collect();
    let of = |one: &Found| {
        let (kind, namespace, name) = one.source.as_ref()?;
        known
            .get(&key(&one.cluster, kind, namespace, name))
            .copied()
    };
    found.iter().map(of).collect()
}

impl Fleet<'_> {
    /// What stands in the gaps of what an object of a project wants, or its source.
    pub(super) fn filling(&self, project: usize, object: Option<usize>, site: Site) -> Filling<'_> {
        let project = &self.projects[project];
        Filling {
            project: &project.name,
            object: object.map_or(&project.name, |object| &project.objects[object].name),
            environment: &self.environments[site.environment].name,
            cluster: site
                .cluster
                .map(|cluster| &*self.clusters[cluster])
                .unwrap_or_default(),
        }
    }

    /// Projects with a source of their own; the sources from which nothing is applied come back.
    fn own(&mut self, source_of: &[Option<usize>]) -> Vec<usize> {
        let mut users: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, source) in source_of.iter().enumerate() {
            if let Some(source) = source {
                users.entry(*source).or_default().push(index);
            }
        }
        let mut groups: BTreeMap<(Kind, &str, String, String), Vec<usize>> = BTreeMap::new();
        let all = self.found.iter().enumerate();
        for (index, one) in all.filter(|(_, one)| one.kind != Kind::Kustomization) {
            let key = (
                one.kind,
                &*one.url,
                self.taken[index].base.clone(),
                String::new(),
            );
            groups.entry(key).or_default().push(index);
        }
        let mut idle = Vec::new();
        for ((kind, url, ..), members) in groups {
            for members in self.without_collisions(members) {
                let mut project = Project {
                    name: String::new(),
                    origin: Origin::Own {
                        is_oci: kind == Kind::Oci,
                        url: url.to_owned(),
                    },
                    sites: members.iter().map(|index| self.sites[*index]).collect(),
                    sources: members
                        .iter()
                        .map(|index| (self.sites[*index], *index))
                        .collect(),
                    objects: Vec::new(),
                    is_simple: false,
                };
                let used = members.iter().filter_map(|source| users.get(source));
                let mut used: Vec<usize> = used.flatten().copied().collect();
                if used.is_empty() {
                    idle.extend(members);
                    continue;
                }
                used.sort_unstable();
                self.objects(&mut project, &used);
                self.projects.push(project);
            }
        }
        idle
    }

    /// Parts of a group of sources of which no two are in one site.
    fn without_collisions(&mut self, members: Vec<usize>) -> Vec<Vec<usize>> {
        let collides = |members: &[usize]| {
            let mut sites = HashSet::new();
            !members.iter().all(|index| sites.insert(self.sites[*index]))
        };
        if !collides(&members) {
            return vec![members];
        }
        let mut parts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for index in members {
            parts
                .entry(&self.found[index].namespace)
                .or_default()
                .push(index);
        }
        let mut apart = Vec::new();
        for part in parts.into_values() {
            if !collides(&part) {
                apart.push(part);
                continue;
            }
            let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
            for index in part {
                by_name
                    .entry(&self.found[index].name)
                    .or_default()
                    .push(index);
            }
            apart.extend(by_name.into_values());
        }
        apart
    }

    /// Gives each Kustomization its name in the project.
    fn objects(&mut self, project: &mut Project, members: &[usize]) {
        let mut named: BTreeMap<String, BTreeMap<Site, usize>> = BTreeMap::new();
        for index in members {
            let site = self.sites[*index];
            let one = &self.found[*index];
            let mut is_free = |name: &str| {
                let at = named.entry(name.to_owned()).or_default();
                let is_free = names::dns_label(name).is_ok() && !at.contains_key(&site);
                if is_free {
                    at.insert(site, *index);
                }
                is_free
            };
            if is_free(&self.taken[*index].base) {
                continue;
            }
            self.taken[*index] = Taken {
                base: one.name.clone(),
                pattern: "{object}".to_owned(),
            };
            let mut wanted = vec![one.name.clone(), format!("{}-{}", one.namespace, one.name)];
            wanted.extend((2..=members.len() + 1).map(|number| format!("kustomization-{number}")));
            let _ = wanted.iter().any(|name| is_free(name));
        }
        named.retain(|_, at| !at.is_empty());
        for (name, at) in named {
            project.sites.extend(at.keys());
            project.objects.push(Object { name, at });
        }
    }

    /// Projects whose source somebody else manages.
    fn external(&mut self, source_of: &[Option<usize>]) {
        let mut groups: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
        for (index, one) in self.found.iter().enumerate() {
            if let (Some(key), None) = (&one.source, source_of[index]) {
                groups.entry(key.clone()).or_default().push(index);
            }
        }
        for ((kind, namespace, name), members) in groups {
            let mut project = Project {
                name: String::new(),
                origin: Origin::External {
                    kind,
                    namespace,
                    name,
                },
                sites: BTreeSet::new(),
                sources: BTreeMap::new(),
                objects: Vec::new(),
                is_simple: false,
            };
            self.objects(&mut project, &members);
            self.projects.push(project);
        }
    }

    /// Finds the projects that need no list of objects.
    fn simplify(&mut self) {
        let is_simple = |project: &Project| {
            let [object] = &project.objects[..] else {
                return false;
            };
            object.at.keys().eq(&project.sites)
                && project.sources.iter().all(|(site, source)| {
                    object.at.get(site).is_some_and(|object| {
                        let (one, other) = (&self.found[*source], &self.found[*object]);
                        let shared = |found: &Found| {
                            let wanted = found.wanted.iter();
                            let wanted = wanted.filter(|(unit, _)| unit.is_of_both());
                            wanted
                                .map(|(unit, value)| (unit.clone(), value.clone()))
                                .collect::<Vec<_>>()
                        };
                        shared(one) == shared(other) && self.taken[*source] == self.taken[*object]
                    })
                })
        };
        let simple: Vec<bool> = self.projects.iter().map(is_simple).collect();
        for (project, simple) in self.projects.iter_mut().zip(simple) {
            project.is_simple = simple;
        }
    }

    /// Gives each project a name of its own: that of its source, or of its only object.
    fn name_projects(&mut self) {
        // no file may be called `kustomization.yaml`
        let mut used = HashSet::from(["kustomization".to_owned()]);
        let mut order: Vec<usize> = (0..self.projects.len()).collect();
        order.sort_by_key(|index| {
            let project = &self.projects[*index];
            let is_external = matches!(project.origin, Origin::External { .. });
            (is_external, std::cmp::Reverse(project.sites.len()), *index)
        });
        let bases: Vec<String> = self.projects.iter().map(|one| self.base(one)).collect();
        let namespaces: Vec<Option<&str>> = self
            .projects
            .iter()
            .map(|one| self.only_namespace(one))
            .collect();
        let mut of_base: HashMap<&str, usize> = HashMap::new();
        let mut of_namespace: HashMap<Option<&str>, usize> = HashMap::new();
        for (base, namespace) in bases.iter().zip(&namespaces) {
            *of_base.entry(base).or_default() += 1;
            *of_namespace.entry(*namespace).or_default() += 1;
        }
        let mut names = vec![String::new(); self.projects.len()];
        for index in order {
            let project = &self.projects[index];
            let base = &bases[index];
            let mut wanted = vec![base.clone()];
            if let Some(namespace) = namespaces[index] {
                // tenants that call their sources alike go by the namespaces that tell them apart
                if of_base[&**base] > 1
                    && of_namespace[&namespaces[index]] == 1
                    && namespace != BOOTSTRAP
                {
                    wanted.insert(0, namespace.to_owned());
                }
                wanted.push(format!("{namespace}-{base}"));
            }
            let environments: BTreeSet<usize> =
                project.sites.iter().map(|it| it.environment).collect();
            if let (Some(environment), 1) = (environments.first(), environments.len()) {
                wanted.push(format!("{base}-{}", self.environments[*environment].name));
            }
            names[index] = unused(&mut used, wanted);
        }
        for (project, name) in self.projects.iter_mut().zip(names) {
            if project.is_simple {
                project.objects[0].name.clone_from(&name);
            }
            project.name = name;
        }
        self.projects
            .sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// What a project is called by its source, or by its only object.
    fn base(&self, project: &Project) -> String {
        match (&project.origin, project.sources.values().next()) {
            (Origin::External { .. }, _) if project.is_simple => project.objects[0].name.clone(),
            (Origin::External { name, .. }, _) => name.clone(),
            (_, Some(source)) => self.taken[*source].base.clone(),
            (_, None) => String::new(),
        }
    }

    /// The namespace of all that is in a project, where that is one.
    fn only_namespace(&self, project: &Project) -> Option<&str> {
        let objects = project.objects.iter().flat_map(|it| it.at.values());
        let members = project.sources.values().chain(objects);
        let namespaces: BTreeSet<&str> = members.map(|it| &*self.found[*it].namespace).collect();
        namespaces
            .first()
            .copied()
            .filter(|_| namespaces.len() == 1)
    }
}
