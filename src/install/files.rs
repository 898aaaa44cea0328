//! What `serve` reads in its pod: the files of the configuration, and the secrets that they refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde_json::{Value, json};

use crate::config::{Configuration, Credential, SecretRef, StoreAddress};

use super::document::Document;
use super::{InstallFault, Names};

/// What a ConfigMap holds, by a limit of the API server, less what its metadata takes.
const CONFIG_LIMIT_BYTES: usize = 1_000_000;
/// The port of PostgreSQL where none is named.
pub(super) const POSTGRES: u16 = 5432;
/// Below the volume: everything beside it is a link, which patterns of `include` pass over.
const FOLDER: &str = "fleet";

/// The files of a configuration, and what it refers to, by the keys of a ConfigMap and of a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// By key: the path below the configuration folder, and the text.
    texts: BTreeMap<String, (String, String)>,
    /// Environment variables, each its own key.
    variables: BTreeSet<String>,
    /// By key: the path below the configuration folder.
    secrets: BTreeMap<String, String>,
    /// Ports of GitHub that are not the usual ones.
    pub(super) ports: BTreeSet<u16>,
    /// Of PostgreSQL, where the configuration says itself where that is.
    pub(super) store_port: Option<u16>,
    /// Whether clusters are reached by kubeconfigs, whose ports nobody read.
    pub(super) has_kubeconfigs: bool,
}

impl Files {
    /// `texts` are the files that were read, by their paths below the folder; of `clusters` those that
    /// are served, all where it is empty.
    ///
    /// # Errors
    /// What cannot be brought into a pod.
    pub fn of(
        configuration: &Configuration,
        texts: impl IntoIterator<Item = (String, String)>,
        clusters: &[String],
    ) -> Result<Self, InstallFault> {
        let mut files = Self::default();
        for (path, text) in texts {
            let path = below(Path::new(&path))?;
            let key = key(&path)?;
            let before = files.texts.insert(key.clone(), (path.clone(), text));
            if let Some((other, _)) = before.filter(|(other, _)| *other != path) {
                return Err(InstallFault::SameKey(other, path, key));
            }
        }
        let bytes = files.texts.values().map(|(_, text)| text.len()).sum();
        if bytes > CONFIG_LIMIT_BYTES {
            return Err(InstallFault::TooLarge(bytes, CONFIG_LIMIT_BYTES));
        }
        for reference in references(configuration) {
            files.refer(reference)?;
        }
        files.reach(configuration, clusters)?;
        Ok(files)
    }

    fn refer(&mut self, reference: &SecretRef) -> Result<(), InstallFault> {
        match reference {
            SecretRef::Env(name) => {
                let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                let is_sound = |c: char| c.is_ascii_alphanumeric() || c == '_';
                if !starts || !name.chars().all(is_sound) {
                    return Err(InstallFault::EnvName(name.clone()));
                }
                if let Some(path) = self.secrets.get(name) {
                    let shown = (format!("file:{path}"), format!("env:{name}"));
                    return Err(InstallFault::SameKey(shown.0, shown.1, name.clone()));
                }
                self.variables.insert(name.clone());
                Ok(())
            }
            SecretRef::File(path) => self.mount(path),
        }
    }

    fn mount(&mut self, path: &Path) -> Result<(), InstallFault> {
        let path = below(path)?;
        let key = key(&path)?;
        if self.variables.contains(&key) {
            let shown = (format!("env:{key}"), format!("file:{path}"));
            return Err(InstallFault::SameKey(shown.0, shown.1, key));
        }
        let before = self.secrets.insert(key.clone(), path.clone());
        match before.filter(|other| *other != path) {
            Some(other) => Err(InstallFault::SameKey(other, path, key)),
            None => Ok(()),
        }
    }

    fn reach(
        &mut self,
        configuration: &Configuration,
        clusters: &[String],
    ) -> Result<(), InstallFault> {
        let is_served = |name: &str| clusters.is_empty() || clusters.iter().any(|it| it == name);
        for cluster in &configuration.clusters {
            if !is_served(&cluster.name.value) {
                continue;
            }
            match (&cluster.kubeconfig, &cluster.context) {
                (Some(path), _) => {
                    self.mount(&path.value)?;
                    self.has_kubeconfigs = true;
                }
                (None, Some(_)) => {
                    return Err(InstallFault::NoKubeconfig(cluster.name.value.to_string()));
                }
                (None, None) => {}
            }
        }
        let urls = configuration.github.iter();
        let urls = urls.filter_map(|host| Some(host.api_url.as_ref()?.value.as_str()));
        self.ports.extend(urls.filter_map(port));
        if let StoreAddress::Plain(address) = &configuration.server.store
            && address.starts_with("postgres")
        {
            self.store_port = Some(port(address).unwrap_or(POSTGRES));
        }
        Ok(())
    }

    pub(super) fn config_map(&self, names: &Names) -> Document {
        let texts = self.texts.iter();
        let data: serde_json::Map<String, Value> = texts
            .map(|(key, (_, text))| (key.clone(), text.as_str().into()))
            .collect();
        Document::new(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": names.metadata(&names.name),
            "data": data,
        }))
        .with("The configuration folder; a change that is applied is taken over within a minute or two.")
    }

    /// Where the volume is mounted.
    pub(super) const MOUNT: &str = "/etc/flux-setup";

    /// The configuration folder in the pod.
    pub(super) fn folder() -> String {
        format!("{}/{FOLDER}", Self::MOUNT)
    }

    pub(super) fn volume(&self, names: &Names) -> Value {
        let item =
            |key: &String, path: &String| json!({"key": key, "path": format!("{FOLDER}/{path}")});
        let texts = self.texts.iter();
        let texts: Vec<Value> = texts.map(|(key, (path, _))| item(key, path)).collect();
        let mut sources = vec![json!({"configMap": {"name": names.name, "items": texts}})];
        if !self.secrets.is_empty() {
            let secrets = self.secrets.iter();
            let secrets: Vec<Value> = secrets.map(|(key, path)| item(key, path)).collect();
            sources.push(json!({"secret": {"name": names.name, "items": secrets}}));
        }
        // Its group alone reads it, and that is ours.
        json!({"name": "configuration", "projected": {"defaultMode": 0o440, "sources": sources}})
    }

    /// Environment variables, by reference alone.
    pub(super) fn variables<'f>(
        &'f self,
        names: &'f Names,
        more: Option<&'f str>,
    ) -> impl Iterator<Item = Value> + 'f {
        let all = self.variables.iter().map(String::as_str).chain(more);
        all.map(|name| {
            let key = json!({"name": names.name, "key": name});
            json!({"name": name, "valueFrom": {"secretKeyRef": key}})
        })
    }

    /// The keys of the Secret that a person has to make, with what refers to each.
    pub(super) fn keys(&self) -> impl Iterator<Item = String> {
        let variables = self
            .variables
            .iter()
            .map(|name| format!("{name} (env:{name})"));
        let secrets = self.secrets.iter();
        let secrets = secrets.map(|(key, path)| format!("{key} (file:{path})"));
        variables.chain(secrets)
    }
}

/// Every secret that `serve` reads.
fn references(configuration: &Configuration) -> Vec<&SecretRef> {
    let mut references = Vec::new();
    for host in &configuration.github {
        references.extend(&host.ca);
        references.extend(host.identities.iter().filter_map(|identity| {
            match identity.credential.as_ref()? {
                Credential::Token(token) => Some(token),
                Credential::App { private_key, .. } => Some(private_key),
            }
        }));
        let webhooks = host.webhooks.iter();
        references.extend(webhooks.flat_map(|webhook| &webhook.secrets));
    }
    let server = &configuration.server;
    references.extend(server.api.tokens.iter().map(|token| &token.token));
    if let StoreAddress::Referred(address) = &server.store {
        references.push(address);
    }
    references
}

/// A path below the configuration folder, as a pod has it.
fn below(path: &Path) -> Result<String, InstallFault> {
    let outside = || InstallFault::Outside(format!("`{}`", path.display()));
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(part) if parts.is_empty() && part == "~" => return Err(outside()),
            Component::Normal(part) => parts.push(part.to_str().ok_or_else(outside)?),
            _ => return Err(outside()),
        }
    }
    Ok(parts.join("/"))
}

/// Keys have no `/`.
fn key(path: &str) -> Result<String, InstallFault> {
    let key = path.replace('/', ".");
    let is_sound = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if key.is_empty() || key.len() > 253 || key.starts_with("..") || !key.chars().all(is_sound) {
        return Err(InstallFault::Key(path.to_owned()));
    }
    Ok(key)
}

/// The port of an address, where it says one.
fn port(url: &str) -> Option<u16> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let (_, port) = host.rsplit_once(':')?;
    port.parse().ok()
}
