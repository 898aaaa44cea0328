//! Reads `flux-setup.yaml`, included files and environments.

use std::sync::Arc;

use crate::flux::schema::FluxVersion;
use crate::flux::yaml::{Node, Span};

use super::Pattern;
use super::decode::{Decoder, Fields, Wanted};
use super::hidden::FLEET_KEYS;
use super::model::{
    BudgetSettings, Cluster, Environment, EnvironmentKind, GithubHost, Project, Spanned,
};
use super::pattern::Gap;
use super::read_project::keys_with;
use super::serving::ServerSettings;
use super::settings::{Field, Said, Setting, Settings};

/// What `flux-setup.yaml` and the included files say.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    pub(super) output: Option<Pattern>,
    pub(super) defaults: Settings,
    /// Patterns of files to read, below the folder.
    pub(super) include: Vec<Spanned<String>>,
    pub(super) projects: Vec<Project>,
    /// With the paths of their `crds`.
    pub(super) clusters: Vec<(Cluster, Vec<Spanned<String>>)>,
    pub(super) flux_version: Option<FluxVersion>,
    pub(super) crds: Vec<Spanned<String>>,
    pub(super) github: Vec<GithubHost>,
    pub(super) budget: BudgetSettings,
    pub(super) server: ServerSettings,
}

impl Decoder {
    pub(super) fn fleet(&mut self, node: &Node) -> Fleet {
        let mut fleet = Fleet::default();
        self.hide_parts(node);
        let Some(fields) = self.fields(node, &FLEET_KEYS) else {
            return fleet;
        };
        fleet.output = fields.get("output").and_then(|node| self.output(node));
        if let Some(node) = fields.get("defaults") {
            fleet.defaults = self.general_settings(node, &[]);
        }
        if let Some(node) = fields.get("names") {
            let said = self.pattern(node).map_or(Said::Faulty, Said::Pattern);
            if fleet.defaults.get(Field::Names).is_none() {
                fleet.defaults.0.push(Setting {
                    field: Field::Names,
                    span: node.span,
                    value: said,
                });
            } else {
                self.error(
                    node.span,
                    "`names` and `defaults.names` say the same thing twice",
                    "keep one of them",
                );
            }
        }
        fleet.include = self.paths(&fields, "include");
        fleet.flux_version = self.flux_version(&fields);
        fleet.crds = self.paths(&fields, "crds");
        self.lists(&fields, &mut fleet);
        if let Some(node) = fields.get("github") {
            fleet.github = self.github(node);
        }
        if let Some(node) = fields.get("budget") {
            let identities = fields.get("github").map(identity_names);
            fleet.budget = self.budget(node, &identities.unwrap_or_default());
        }
        if let Some(node) = fields.get("server") {
            fleet.server = self.server(node);
        }
        fleet
    }

    /// A file that `include` names holds projects and clusters.
    pub(super) fn included(&mut self, node: &Node, fleet: &mut Fleet) {
        self.hide_parts(node);
        let Some(entries) = self.map(node) else {
            return;
        };
        for entry in entries {
            if FLEET_KEYS.contains(&&*entry.key) && !matches!(&*entry.key, "projects" | "clusters")
            {
                self.error(
                    entry.key_span,
                    format!("`{}` stands in an included file", entry.key),
                    "say it in `flux-setup.yaml`; an included file holds `projects` and `clusters`",
                );
            } else if !matches!(&*entry.key, "projects" | "clusters") {
                self.unknown_key(entry, &["projects", "clusters"]);
            }
        }
        let fields = Fields {
            entries,
            span: node.span,
        };
        self.lists(&fields, fleet);
    }

    fn lists(&mut self, fields: &Fields<'_>, fleet: &mut Fleet) {
        if let Some(node) = fields.get("projects") {
            let projects = self.projects(node);
            fleet.projects.extend(projects);
        }
        if let Some(node) = fields.get("clusters") {
            let clusters = self.clusters(node);
            fleet.clusters.extend(clusters);
        }
    }

    /// Settings of a layer that is not a project's, with the keys that only this layer has.
    fn general_settings(&mut self, node: &Node, own: &[&'static str]) -> Settings {
        if node.is_null() {
            return Settings::default();
        }
        let Some(entries) = node.as_mapping() else {
            self.wrong_type(node, Wanted::Map);
            return Settings::default();
        };
        let known = keys_with(own);
        for entry in entries {
            if entry.key == "dependsOn" {
                self.error(
                    entry.key_span,
                    "`dependsOn` cannot be said of all projects: one would wait for itself",
                    "say it of a project or an object",
                );
            } else if !known.contains(&&*entry.key) {
                self.unknown_key(entry, &known);
            }
        }
        let kept: Vec<_> = entries
            .iter()
            .filter(|entry| entry.key != "dependsOn")
            .cloned()
            .collect();
        self.settings(&kept)
    }

    /// An environment's file; `stem` is the file's name without its ending.
    pub(super) fn environment(&mut self, node: &Node, stem: &str) -> Option<Environment> {
        let settings = self.general_settings(node, &["name", "kind", "cluster", "clusters"]);
        let fields = Fields {
            entries: node.as_mapping()?,
            span: node.span,
        };
        let clusters = self.environment_clusters(&fields).unwrap_or_default();
        let kind = fields
            .get("kind")
            .map(|node| (node, self.environment_kind(node)));
        let name = self.environment_name(&fields, node.span, stem)?;
        let kind = match kind {
            Some((_, Some(kind))) => kind,
            // Faulty: there is a finding already, and no warning should follow from it.
            Some((_, None)) => EnvironmentKind::Development,
            None => kind_from_name(&name.value),
        };
        if kind == EnvironmentKind::None
            && (settings.get(Field::SourceInterval).is_none()
                || settings.get(Field::KustomizationInterval).is_none())
        {
            self.findings.push(
                super::Finding::warning(
                    name.span,
                    "",
                    format!(
                        "environment `{}` is of no known kind: sources are polled every 30s, Kustomizations every 1m",
                        name.value
                    ),
                )
                .hint("say `kind: development`, `staging` or `production`, or both `intervals`"),
            );
        }
        Some(Environment {
            name,
            kind,
            settings,
            clusters,
        })
    }

    fn environment_name(
        &mut self,
        fields: &Fields<'_>,
        file: Span,
        stem: &str,
    ) -> Option<Spanned<Arc<str>>> {
        let Some(node) = fields.get("name") else {
            let span = Span {
                end: file.start,
                ..file
            };
            return match crate::flux::names::dns_label(stem) {
                Ok(()) => Some(Spanned {
                    span,
                    value: stem.into(),
                }),
                Err(reason) => {
                    self.error(
                        span,
                        format!("the file's name `{stem}` is no name of an environment: {reason}"),
                        "rename the file",
                    );
                    None
                }
            };
        };
        let name = self.dns_label(node)?;
        if *name != *stem {
            self.error(
                node.span,
                format!("environment `{name}` stands in a file that is called `{stem}`"),
                format!("rename the file to `{name}.yaml`, or leave `name` out"),
            );
        }
        Some(Spanned {
            span: node.span,
            value: name,
        })
    }

    fn environment_kind(&mut self, node: &Node) -> Option<EnvironmentKind> {
        let text = self.filled_text(node)?;
        let kinds = EnvironmentKind::ALL;
        let kind = kinds.into_iter().find(|kind| kind.name() == text);
        if kind.is_none() {
            let names = kinds.map(EnvironmentKind::name);
            let hint = crate::flux::nearest(text, names).map_or_else(
                || format!("known: {}", names.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.error(
                node.span,
                format!("`{text}` is no kind of environment"),
                hint,
            );
        }
        kind
    }

    fn output(&mut self, node: &Node) -> Option<Pattern> {
        let pattern = self.pattern(node)?;
        for (gap, name) in [(Gap::Project, "project"), (Gap::Environment, "environment")] {
            if !pattern.has(gap) {
                self.error(
                    node.span,
                    format!("`output` needs `{{{name}}}`: without it several would share a file"),
                    "the default is `{environment}/{project}.yaml`",
                );
                return None;
            }
        }
        let text = pattern.to_string();
        let leaves = text.split('/').any(|part| matches!(part, "" | "." | ".."));
        if pattern.has(Gap::Object) || leaves || !text.ends_with(".yaml") || text.contains('\\') {
            self.error(
                node.span,
                format!("`{text}` is no path of a file below a folder"),
                "write it as `clusters/{cluster}/{environment}/{project}.yaml`, without `{object}`",
            );
            return None;
        }
        Some(pattern)
    }

    /// A list of paths below the folder; one path alone will do.
    pub(super) fn paths(&mut self, fields: &Fields<'_>, key: &'static str) -> Vec<Spanned<String>> {
        let Some(node) = fields.get(key) else {
            return Vec::new();
        };
        let one = [node.clone()];
        let items = if node.as_scalar().is_some() {
            &one[..]
        } else {
            self.list(node).unwrap_or_default()
        };
        let mut paths = Vec::new();
        for item in items {
            if let Some(text) = self.filled_text(item) {
                paths.push(Spanned {
                    span: item.span,
                    value: text.to_owned(),
                });
            }
        }
        paths
    }
}

/// Of all identities of all hosts, also where something else is wrong with them.
fn identity_names(github: &Node) -> Vec<&str> {
    let hosts = github.as_sequence().unwrap_or_default().iter();
    let identities = hosts.filter_map(|host| host.get("identities")?.as_sequence());
    identities
        .flatten()
        .filter_map(|identity| identity.get("name")?.as_str())
        .collect()
}

fn kind_from_name(name: &str) -> EnvironmentKind {
    match name {
        "development" | "dev" => EnvironmentKind::Development,
        "staging" | "stage" => EnvironmentKind::Staging,
        "production" | "prod" => EnvironmentKind::Production,
        _ => EnvironmentKind::None,
    }
}
