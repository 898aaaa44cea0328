//! The files of the configuration.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::found::Known;
use super::layers::{Layer, Layers, kind_of, kind_of_class};
use super::projects::{Fleet, Object, Origin, Project};
use super::sites::Site;
use super::write;

/// Path below the folder, and text.
pub(super) type File = (String, String);

/// Where there are several clusters: the Flux of each applies a folder of its own.
const OUTPUT_WITH_CLUSTERS: &str = "{cluster}/{environment}/{project}.yaml";

pub(super) fn files(fleet: &Fleet<'_>, layers: &Layers, known: Known<'_>) -> Vec<File> {
    let mut files = vec![(
        "flux-setup.yaml".to_owned(),
        fleet_file(fleet, layers, known),
    )];
    for (number, environment) in fleet.environments.iter().enumerate() {
        let mut keys = Map::new();
        if kind_of(&environment.name).is_none()
            && let Some(kind) = kind_of_class(&environment.name)
        {
            keys.insert("kind".to_owned(), Value::from(kind));
        }
        let sites = environment.clusters.iter().map(|cluster| Site {
            environment: number,
            cluster: Some(*cluster),
        });
        let settings = sites.map(|site| (site, layers.keys(Layer::Cluster(site))));
        put_clusters(fleet, settings.collect(), &mut keys);
        keys.extend(layers.keys(Layer::Environment(number)));
        let mut text = String::new();
        write::entries(&keys, 0, &mut text);
        files.push((format!("environments/{}.yaml", environment.name), text));
    }
    files
}

fn fleet_file(fleet: &Fleet<'_>, layers: &Layers, known: Known<'_>) -> String {
    let mut keys = Map::new();
    let flux = |cluster: Option<&Arc<str>>| known.fluxes.get(&cluster.cloned());
    if let Some(version) = flux(None).filter(|_| fleet.clusters.is_empty()) {
        keys.insert("fluxVersion".to_owned(), Value::from(version.to_string()));
    }
    let mut defaults = layers.keys(Layer::Defaults);
    if let Some(names) = defaults.shift_remove("names") {
        keys.insert("names".to_owned(), names);
    }
    if fleet.clusters.len() > 1 {
        keys.insert("output".to_owned(), Value::from(OUTPUT_WITH_CLUSTERS));
    }
    if !defaults.is_empty() {
        keys.insert("defaults".to_owned(), Value::Object(defaults));
    }
    let mut text = String::new();
    write::entries(&keys, 0, &mut text);
    if !fleet.clusters.is_empty() {
        text.push_str("clusters:   # how each is reached: kubeconfig, context\n");
        let clusters = fleet.clusters.iter().map(|name| {
            let mut cluster = json!({"name": **name});
            if let Some(context) = known.context {
                cluster["context"] = Value::from(context);
            }
            if let Some(version) = flux(Some(name)) {
                cluster["fluxVersion"] = Value::from(version.to_string());
            }
            cluster
        });
        write::items(&clusters.collect::<Vec<_>>(), 2, &mut text);
    }
    text.push_str("projects:\n");
    let projects = fleet.projects.iter().enumerate();
    let projects = projects.map(|(number, one)| Value::Object(project(fleet, layers, number, one)));
    write::items(&projects.collect::<Vec<_>>(), 2, &mut text);
    text
}

fn project(
    fleet: &Fleet<'_>,
    layers: &Layers,
    number: usize,
    project: &Project,
) -> Map<String, Value> {
    let mut keys = Map::new();
    keys.insert("name".to_owned(), Value::from(project.name.clone()));
    let (key, source) = match &project.origin {
        Origin::Own { is_oci: false, url } => ("repository", Value::from(url.clone())),
        Origin::Own { is_oci: true, url } => {
            ("source", json!({"kind": "OCIRepository", "url": url}))
        }
        Origin::External {
            kind,
            namespace,
            name,
        } => {
            let mut source = json!({"external": name, "kind": kind});
            let all = fleet.found.iter().all(|one| one.namespace == "flux-system");
            if !all || namespace != "flux-system" {
                source["namespace"] = Value::from(namespace.clone());
            }
            ("source", source)
        }
    };
    keys.insert(key.to_owned(), source);
    keys.extend(layers.keys(Layer::Project(number)));
    if !project.is_simple {
        let objects = project.objects.iter().enumerate();
        let objects =
            objects.map(|(index, one)| object(fleet, layers, (number, project), index, one));
        keys.insert("objects".to_owned(), objects.collect());
    }
    let mut environments = Map::new();
    for (index, environment) in fleet.environments.iter().enumerate() {
        let here = in_environment(&project.sites, index);
        if here.is_empty() {
            environments.insert(environment.name.clone(), Value::from(false));
            continue;
        }
        let mut said = layers.keys(Layer::ProjectIn(number, index));
        let settings = here
            .iter()
            .map(|site| (*site, layers.keys(Layer::ProjectInCluster(number, *site))));
        let settings: Vec<_> = settings.collect();
        if here.len() < environment.clusters.len()
            || settings.iter().any(|(_, keys)| !keys.is_empty())
        {
            put_clusters(fleet, settings, &mut said);
        }
        if !said.is_empty() {
            environments.insert(environment.name.clone(), Value::Object(said));
        }
    }
    if !environments.is_empty() {
        keys.insert("environments".to_owned(), Value::Object(environments));
    }
    keys
}

fn object(
    fleet: &Fleet<'_>,
    layers: &Layers,
    (number, project): (usize, &Project),
    index: usize,
    object: &Object,
) -> Value {
    let mut keys = Map::new();
    keys.insert("name".to_owned(), Value::from(object.name.clone()));
    keys.extend(layers.keys(Layer::Object(number, index)));
    let sites: BTreeSet<Site> = object.at.keys().copied().collect();
    let mut environments = Map::new();
    let mut left_out = Vec::new();
    let mut there = Vec::new();
    for (at, environment) in fleet.environments.iter().enumerate() {
        let of_project = in_environment(&project.sites, at);
        if of_project.is_empty() {
            continue;
        }
        let here = in_environment(&sites, at);
        if here.is_empty() {
            left_out.push(environment.name.clone());
            continue;
        }
        there.push(Value::from(environment.name.clone()));
        let mut said = layers.keys(Layer::ObjectIn(number, index, at));
        let settings = here.iter().map(|site| {
            (
                *site,
                layers.keys(Layer::ObjectInCluster(number, index, *site)),
            )
        });
        let settings: Vec<_> = settings.collect();
        if here.len() < of_project.len() || settings.iter().any(|(_, keys)| !keys.is_empty()) {
            put_clusters(fleet, settings, &mut said);
        }
        if !said.is_empty() {
            environments.insert(environment.name.clone(), Value::Object(said));
        }
    }
    if environments.is_empty() && !left_out.is_empty() {
        keys.insert("environments".to_owned(), Value::from(there));
    } else {
        for name in left_out {
            environments.insert(name, Value::from(false));
        }
        if !environments.is_empty() {
            keys.insert("environments".to_owned(), Value::Object(environments));
        }
    }
    Value::Object(keys)
}

fn in_environment(sites: &BTreeSet<Site>, environment: usize) -> Vec<Site> {
    let here = sites.iter().filter(|site| site.environment == environment);
    here.copied().collect()
}

/// Says which clusters, and what is different in each.
fn put_clusters(
    fleet: &Fleet<'_>,
    settings: Vec<(Site, Map<String, Value>)>,
    keys: &mut Map<String, Value>,
) {
    let name = |site: &Site| {
        site.cluster
            .map(|cluster| fleet.clusters[cluster].to_string())
    };
    let names: Vec<String> = settings.iter().filter_map(|(site, _)| name(site)).collect();
    let has_settings = settings.iter().any(|(_, said)| !said.is_empty());
    let (key, value) = match &names[..] {
        [] => return,
        [one] if !has_settings => ("cluster", Value::from(one.clone())),
        names if !has_settings => ("clusters", json!(names)),
        _ => {
            let said = settings.into_iter().filter_map(|(site, said)| {
                let said = if said.is_empty() {
                    Value::Null
                } else {
                    Value::Object(said)
                };
                Some((name(&site)?, said))
            });
            ("clusters", Value::Object(said.collect()))
        }
    };
    keys.insert(key.to_owned(), value);
}
