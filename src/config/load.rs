//! Reads a configuration folder whole: every file, every fault.

use std::collections::HashSet;
use std::path::Path as FilePath;
use std::sync::Arc;

use crate::flux::yaml::{self, Node, Span};

use super::decode::Decoder;
use super::folder::{Folder, Listing, Unreadable};
use super::model::{Configuration, Environment, GithubHost, Spanned, Unread};
use super::read_fleet::Fleet;
use super::{Finding, Pattern, Sources, hidden, twice};

const FLEET_FILE: &str = "flux-setup.yaml";
const ENVIRONMENTS: &str = "environments";
pub(super) const TEMPLATES: &str = "templates";

/// Reads the configuration in a folder.
///
/// What is faulty is left out of the configuration and told in the findings, all of them in one
/// run: a fault of syntax ends only its own file.
pub fn load(folder: &FilePath) -> (Configuration, Vec<Finding>) {
    let mut loader = Loader {
        folder: None,
        shown: folder.to_owned(),
        sources: Sources::default(),
        decoder: Decoder::default(),
        unread: Unread::default(),
    };
    let configuration = loader.run(folder);
    let mut findings = loader.decoder.findings;
    findings.sort_by_key(|finding| finding.span);
    (configuration, findings)
}

/// What lies in a folder.
pub(super) enum Listed {
    Files(Vec<String>),
    Missing,
    /// There is a finding.
    Unreadable,
}

pub(super) struct Loader {
    pub(super) folder: Option<Folder>,
    /// The folder as the user named it, put before the names of files.
    shown: std::path::PathBuf,
    sources: Sources,
    pub(super) decoder: Decoder,
    pub(super) unread: Unread,
}

impl Loader {
    fn run(&mut self, path: &FilePath) -> Configuration {
        match Folder::open(path) {
            Ok(folder) => self.folder = Some(folder),
            Err(error) => {
                let source = self.sources.add(path.display().to_string(), "");
                self.fault(
                    whole(source),
                    format!("cannot open the configuration folder: {error}"),
                    "name it with `--config DIR`",
                );
            }
        }
        let mut fleet = Fleet::default();
        if self.folder.is_some() {
            match self.document(FLEET_FILE, None) {
                Some(node) => fleet = self.decoder.fleet(&node),
                None => self.unread.fleet = true,
            }
            self.include(&mut fleet);
        }
        let environments = self.environments(renders_nothing(&fleet));
        let templates = self.templates();
        let crds = std::mem::take(&mut fleet.crds);
        let crds = self.crds(&crds);
        let clusters = std::mem::take(&mut fleet.clusters);
        let clusters = clusters
            .into_iter()
            .map(|(mut cluster, crds)| {
                cluster.crds = self.crds(&crds);
                cluster
            })
            .collect();
        for secret in std::mem::take(&mut self.decoder.secrets) {
            self.sources
                .hide(secret.source, (secret.start as usize, secret.end as usize));
        }
        let environments = self.unique("environment", environments, |one| &one.name).0;
        let clusters = self.unique("cluster", clusters, |one| &one.name).0;
        let (projects, mut unnamed): (Vec<_>, Vec<_>) = fleet
            .projects
            .into_iter()
            .partition(|project| !project.name.value.is_empty());
        let (projects, same_name) = self.unique("project", projects, |one| &one.name);
        unnamed.extend(same_name);
        Configuration {
            output: fleet.output.unwrap_or_else(default_output),
            defaults: fleet.defaults,
            environments,
            projects,
            unnamed,
            clusters,
            flux_version: fleet.flux_version,
            crds,
            templates,
            unread: std::mem::take(&mut self.unread),
            github: fleet.github,
            budget: fleet.budget,
            server: fleet.server,
            sources: std::mem::take(&mut self.sources),
        }
    }

    /// By name, the first of each; and the others, which are told.
    fn unique<T>(
        &mut self,
        what: &str,
        mut items: Vec<T>,
        name: impl Fn(&T) -> &Spanned<Arc<str>>,
    ) -> (Vec<T>, Vec<T>) {
        let (others, found) = twice::keep_first(what, &mut items, name, &self.sources);
        self.decoder.findings.extend(found);
        (items, others)
    }

    pub(super) fn fault(
        &mut self,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.decoder.error(span, message, hint);
    }

    /// The text of a file below the folder, kept so that findings can show it. That it is not there
    /// or cannot be read is told where it is `named`, else at the file.
    pub(super) fn text(&mut self, path: &str, named: Option<Span>) -> Option<u32> {
        let shown = self.shown.join(path).display().to_string();
        let shown = shown.strip_prefix("./").unwrap_or(&shown).to_owned();
        let read = self.folder.as_ref()?.read(path);
        match read {
            Ok(text) => Some(self.sources.add(shown, text)),
            Err(Unreadable::Missing) => {
                let at = named.unwrap_or_else(|| whole(self.sources.add(shown, "")));
                let hint = if path == FLEET_FILE {
                    "`flux-setup init` writes one to start from"
                } else {
                    "create it, or take its name away"
                };
                self.fault(at, format!("`{path}` is missing"), hint);
                None
            }
            Err(Unreadable::Because(reason)) => {
                let at = named.unwrap_or_else(|| whole(self.sources.add(shown, "")));
                let message = format!("`{path}` {reason}");
                self.fault(
                    at,
                    message,
                    "put a file that can be read in its place, or take its name away",
                );
                None
            }
            Err(Unreadable::NotText { text, at }) => {
                let source = self.sources.add(shown, text);
                let start = u32::try_from(at).unwrap_or(u32::MAX);
                let span = Span {
                    source,
                    start,
                    end: start.saturating_add(1),
                };
                self.fault(
                    span,
                    format!("`{path}` is not UTF-8 text"),
                    "save it as UTF-8",
                );
                None
            }
        }
    }

    /// The one document of a file; `None` also where it has faults of syntax.
    fn document(&mut self, path: &str, named: Option<Span>) -> Option<Node> {
        let source = self.text(path, named)?;
        let (documents, faults) = yaml::read(self.sources.text(source), source);
        let has_faults = !faults.is_empty();
        if has_faults {
            for range in hidden::ranges_of_faulty(self.sources.text(source)) {
                self.sources.hide(source, range);
            }
        }
        let findings = faults.into_iter().map(Finding::from);
        self.decoder.findings.extend(findings);
        let mut documents = documents.into_iter();
        let first = documents.next();
        if let Some(second) = documents.next() {
            self.fault(
                second.span,
                "a second document in the same file",
                "one file holds one document: split it, or remove the `---`",
            );
        }
        match first {
            Some(node) if !node.is_null() => Some(node),
            _ if has_faults => None,
            _ => {
                let hint = if path == FLEET_FILE {
                    "`flux-setup init` writes one to start from"
                } else {
                    "write what it is for, or remove the file"
                };
                self.fault(whole(source), format!("`{path}` is empty"), hint);
                None
            }
        }
    }

    fn include(&mut self, fleet: &mut Fleet) {
        let mut seen = HashSet::from([FLEET_FILE.to_owned()]);
        for pattern in std::mem::take(&mut fleet.include) {
            let Some(mut files) = self.matching(&pattern) else {
                self.unread.fleet = true;
                continue;
            };
            // what a pattern finds and another key reads is no file with projects
            files.retain(|file| *file == pattern.value || !is_read_elsewhere(file, &fleet.crds));
            if files.is_empty() {
                self.fault(
                    pattern.span,
                    format!("`{}` matches no file", pattern.value),
                    "name files below the configuration folder, as `projects/*.yaml`",
                );
            }
            for file in files {
                if file == FLEET_FILE && pattern.value.trim_start_matches("./") == FLEET_FILE {
                    self.fault(
                        pattern.span,
                        format!("`{FLEET_FILE}` includes itself"),
                        "take its name away",
                    );
                }
                if !seen.insert(file.clone()) {
                    continue;
                }
                let named = (file == pattern.value).then_some(pattern.span);
                match self.document(&file, named) {
                    Some(node) => self.decoder.included(&node, fleet),
                    None => self.unread.fleet = true,
                }
            }
        }
    }

    /// The files that a pattern names; `None` with a finding where that cannot be said.
    fn matching(&mut self, pattern: &Spanned<String>) -> Option<Vec<String>> {
        match self.folder.as_ref()?.matching(&pattern.value) {
            Ok(files) => Some(self.readable_names(files)),
            Err(reason) => {
                let message = format!("`{}` {reason}", pattern.value);
                self.fault(
                    pattern.span,
                    message,
                    "name files below the configuration folder, as `projects/*.yaml`",
                );
                None
            }
        }
    }

    /// A configuration that `renders_nothing` needs none.
    fn environments(&mut self, renders_nothing: bool) -> Vec<Environment> {
        let names = match self.listed(ENVIRONMENTS) {
            Listed::Files(names) => names,
            Listed::Missing if renders_nothing => return Vec::new(),
            Listed::Missing => {
                let at = self.nowhere(ENVIRONMENTS);
                self.fault(
                    at,
                    "there is no folder `environments`",
                    "`flux-setup init` writes one to start from",
                );
                return Vec::new();
            }
            Listed::Unreadable => {
                self.unread.every_environment = true;
                return Vec::new();
            }
        };
        let mut environments = Vec::new();
        let mut files = 0;
        for name in names {
            let Some(stem) = yaml_stem(&name) else {
                continue;
            };
            files += 1;
            match self.document(&format!("{ENVIRONMENTS}/{name}"), None) {
                Some(node) => environments.extend(self.decoder.environment(&node, stem)),
                None => self.unread.environments.push(stem.to_owned()),
            }
        }
        if files == 0 {
            let at = self.nowhere(ENVIRONMENTS);
            self.fault(
                at,
                "the folder `environments` holds no environment",
                "write one file an environment, as `environments/production.yaml`",
            );
        }
        environments
    }

    pub(super) fn listed(&mut self, path: &str) -> Listed {
        let Some(folder) = &self.folder else {
            return Listed::Unreadable;
        };
        match folder.listing(path) {
            Ok(None) => Listed::Missing,
            Ok(Some(mut listing)) => {
                for name in &mut listing.strange {
                    *name = format!("{path}/{name}");
                }
                Listed::Files(self.readable_names(listing))
            }
            Err(reason) => {
                let at = self.nowhere(path);
                self.fault(
                    at,
                    format!("`{path}` {reason}"),
                    "put a folder that can be read in its place",
                );
                Listed::Unreadable
            }
        }
    }

    /// The names that are text; the others are told.
    fn readable_names(&mut self, listing: Listing) -> Vec<String> {
        for path in listing.strange {
            let at = self.nowhere(&path);
            self.fault(
                at,
                format!("the file's name `{path}` is not UTF-8 text"),
                "rename the file",
            );
        }
        listing.names
    }

    /// A place to speak of a path that has no text.
    pub(super) fn nowhere(&mut self, path: &str) -> Span {
        let shown = self.shown.join(path).display().to_string();
        let shown = shown.strip_prefix("./").unwrap_or(&shown).to_owned();
        whole(self.sources.add(shown, ""))
    }
}

fn whole(source: u32) -> Span {
    Span {
        source,
        start: 0,
        end: 0,
    }
}

pub(super) fn yaml_stem(name: &str) -> Option<&str> {
    name.strip_suffix(".yaml")
        .or_else(|| name.strip_suffix(".yml"))
        .filter(|stem| !stem.starts_with('.'))
}

/// Whether a file is an environment, a template or a CustomResourceDefinition by its place.
fn is_read_elsewhere(file: &str, crds: &[Spanned<String>]) -> bool {
    let crds = crds.iter().map(|path| &*path.value);
    [ENVIRONMENTS, TEMPLATES]
        .into_iter()
        .chain(crds)
        .any(|path| {
            let path = path.trim_start_matches("./").trim_end_matches('/');
            file.strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

/// Whether it is for commands that find all they need in the clusters: it says how to reach them, or whom to ask at
/// GitHub.
fn renders_nothing(fleet: &Fleet) -> bool {
    let is_served = |host: &GithubHost| !host.webhooks.is_empty() || !host.identities.is_empty();
    let is_of_use = !fleet.clusters.is_empty() || fleet.github.iter().any(is_served);
    fleet.projects.is_empty() && is_of_use
}

fn default_output() -> Pattern {
    Pattern::read("{environment}/{project}.yaml").expect("the default is a sound pattern")
}
