//! Reads projects, their sources and their objects.

use std::sync::Arc;

use crate::flux::repository::{RepositoryUrl, Scheme};
use crate::flux::yaml::{Node, Value};

use super::decode::{Decoder, Fields};
use super::model::{
    EnvironmentCluster, EnvironmentOverride, Project, ProjectObject, ProjectSource, Spanned,
};
use super::read_settings::{KEYS, SOURCE_KEYS};
use super::settings::Settings;

/// Kinds of objects that hold manifests for Flux.
const SOURCE_KINDS: [&str; 4] = [
    "GitRepository",
    "OCIRepository",
    "Bucket",
    "ExternalArtifact",
];

fn keys_with(own: &[&'static str], sources: bool) -> Vec<&'static str> {
    let mut keys = own.to_vec();
    keys.extend(KEYS);
    if sources {
        keys.extend(SOURCE_KEYS);
    }
    keys
}

impl Decoder {
    pub(super) fn projects(&mut self, node: &Node) -> Vec<Project> {
        self.list(node)
            .iter()
            .filter_map(|item| self.project(item))
            .collect()
    }

    fn project(&mut self, node: &Node) -> Option<Project> {
        let known = keys_with(
            &[
                "name",
                "repository",
                "source",
                "objects",
                "environments",
                "dependsOn",
            ],
            true,
        );
        let fields = self.fields(node, &known)?;
        let mut settings = self.settings(fields.entries);
        let source = self.project_source(&fields, &mut settings);
        let environments = fields
            .get("environments")
            .map_or_else(Vec::new, |node| self.overrides(node, true));
        let objects = fields.get("objects").map(|node| self.objects(node));
        let name = self.name(&fields)?;
        Some(Project {
            name,
            source,
            settings,
            environments,
            objects,
        })
    }

    /// The name that an environment, project, object or cluster must have.
    pub(super) fn name(&mut self, fields: &Fields<'_>) -> Option<Spanned<Arc<str>>> {
        let node = fields.required("name", self)?;
        let name = self.dns_label(node)?;
        Some(Spanned {
            span: node.span,
            value: name,
        })
    }

    fn project_source(&mut self, fields: &Fields<'_>, settings: &mut Settings) -> ProjectSource {
        let source = match (fields.entry("repository"), fields.entry("source")) {
            (Some(repository), None) => self
                .git_url(&repository.node)
                .map(|url| ProjectSource::Git { url }),
            (None, Some(source)) => self.source(&source.node, settings),
            (Some(repository), Some(_)) => {
                self.error_with_hint(
                    repository.key_span,
                    "`repository` and `source` say the same thing twice",
                    "keep one of them",
                );
                None
            }
            (None, None) => {
                self.error_with_hint(
                    fields.span,
                    "the project says nothing of where it comes from",
                    "add `repository: https://…`, or a `source`",
                );
                None
            }
        };
        source.unwrap_or(ProjectSource::Faulty)
    }

    fn source(&mut self, node: &Node, settings: &mut Settings) -> Option<ProjectSource> {
        let fields = self.fields(
            node,
            &[
                "kind",
                "url",
                "ref",
                "secretRef",
                "provider",
                "project",
                "external",
                "namespace",
            ],
        )?;
        if let Some(shared) = fields.get("project") {
            self.only(&fields, &["project"]);
            let project = self.dns_label(shared)?;
            return Some(ProjectSource::Shared {
                project: Spanned {
                    span: shared.span,
                    value: project,
                },
            });
        }
        if let Some(external) = fields.get("external") {
            return self.external(external, &fields);
        }
        self.only(&fields, &["kind", "url", "ref", "secretRef", "provider"]);
        let inner: Vec<_> = fields
            .entries
            .iter()
            .filter(|entry| matches!(&*entry.key, "ref" | "secretRef" | "provider"))
            .cloned()
            .collect();
        let said = self.settings(&inner);
        for setting in said.0 {
            if settings.get(setting.field).is_some() {
                self.error_with_hint(
                    setting.span,
                    "the project and its `source` say the same thing twice",
                    "keep one of them",
                );
            } else {
                settings.0.push(setting);
            }
        }
        let kind = match fields.get("kind") {
            Some(kind) => self.source_kind(kind, &SOURCE_KINDS[..2])?,
            None => "GitRepository",
        };
        let url = fields.required("url", self)?;
        if kind == "GitRepository" {
            let url = self.git_url(url)?;
            Some(ProjectSource::Git { url })
        } else {
            let url = self.oci_url(url)?;
            Some(ProjectSource::Oci { url })
        }
    }

    fn external(&mut self, external: &Node, fields: &Fields<'_>) -> Option<ProjectSource> {
        self.only(fields, &["external", "kind", "namespace"]);
        let name = self.dns_label(external)?;
        let kind_node = fields.required("kind", self)?;
        let kind = self.source_kind(kind_node, &SOURCE_KINDS)?;
        let namespace = match fields.get("namespace") {
            Some(node) => Some(Spanned {
                span: node.span,
                value: self.dns_label(node)?,
            }),
            None => None,
        };
        Some(ProjectSource::External {
            name: Spanned {
                span: external.span,
                value: name,
            },
            kind: Spanned {
                span: kind_node.span,
                value: kind.into(),
            },
            namespace,
        })
    }

    fn source_kind(&mut self, node: &Node, kinds: &[&'static str]) -> Option<&'static str> {
        let text = self.filled_text(node)?;
        let found = kinds.iter().find(|kind| **kind == text);
        if found.is_none() {
            let hint = super::nearest(text, kinds.iter().copied()).map_or_else(
                || format!("known here: {}", kinds.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.error_with_hint(
                node.span,
                format!("`{text}` is no kind of source that can stand here"),
                hint,
            );
        }
        found.copied()
    }

    /// Refuses the keys that do not go with those that decide what a map is.
    fn only(&mut self, fields: &Fields<'_>, keys: &[&str]) {
        for entry in fields.entries {
            if !keys.contains(&&*entry.key) && fields.entry(&entry.key).is_some() {
                self.error(
                    entry.key_span,
                    format!("`{}` does not go with `{}`", entry.key, keys[0]),
                );
            }
        }
    }

    fn git_url(&mut self, node: &Node) -> Option<Spanned<Arc<str>>> {
        let text = self.filled_text(node)?;
        match RepositoryUrl::read(text) {
            Ok(url) if url.scheme() == Scheme::Oci => {
                self.error_with_hint(
                    node.span,
                    "an `oci://` address is no Git repository",
                    "write `source: {kind: OCIRepository, url: …}`",
                );
                None
            }
            Ok(url) => Some(Spanned {
                span: node.span,
                value: url.flux_url().into(),
            }),
            Err(fault) => {
                self.fault(node, &fault);
                None
            }
        }
    }

    fn oci_url(&mut self, node: &Node) -> Option<Spanned<Arc<str>>> {
        let text = self.filled_text(node)?;
        match RepositoryUrl::read(text) {
            Ok(url) if url.scheme() == Scheme::Oci => Some(Spanned {
                span: node.span,
                value: url.flux_url().into(),
            }),
            Ok(_) => {
                self.error_with_hint(
                    node.span,
                    "the address of an OCIRepository starts with `oci://`",
                    "write `oci://registry/owner/artifact`",
                );
                None
            }
            Err(fault) => {
                self.fault(node, &fault);
                None
            }
        }
    }

    fn objects(&mut self, node: &Node) -> Vec<ProjectObject> {
        let items = self.list(node);
        if items.is_empty() && matches!(node.value, Value::Sequence(_)) {
            self.error_with_hint(
                node.span,
                "an empty list of objects",
                "leave `objects` out for one Kustomization that has the project's name",
            );
        }
        items.iter().filter_map(|item| self.object(item)).collect()
    }

    fn object(&mut self, node: &Node) -> Option<ProjectObject> {
        let known = keys_with(&["name", "template", "environments", "dependsOn"], false);
        self.refuse_source_keys(node);
        let entries: Vec<_> = self
            .map(node)?
            .iter()
            .filter(|entry| !SOURCE_KEYS.contains(&&*entry.key))
            .cloned()
            .collect();
        let node = &Node {
            span: node.span,
            value: Value::Mapping(entries),
        };
        let fields = self.fields(node, &known)?;
        let settings = self.settings(fields.entries);
        let template = fields.text("template", self);
        let (environments, only_listed) = match fields.get("environments") {
            Some(list) if matches!(list.value, Value::Sequence(_)) => (self.listed(list), true),
            Some(map) => (self.overrides(map, false), false),
            None => (Vec::new(), false),
        };
        let name = self.name(&fields)?;
        Some(ProjectObject {
            name,
            template,
            settings,
            environments,
            only_listed,
        })
    }

    fn refuse_source_keys(&mut self, node: &Node) {
        for entry in node.as_mapping().unwrap_or_default() {
            if SOURCE_KEYS.contains(&&*entry.key) {
                self.error_with_hint(
                    entry.key_span,
                    format!("`{}` speaks of a source, not of an object", entry.key),
                    "say it of the project",
                );
            }
        }
    }

    /// `environments: [staging, production]` of an object.
    fn listed(&mut self, node: &Node) -> Vec<EnvironmentOverride> {
        self.list(node)
            .iter()
            .filter_map(|item| {
                let name = self.dns_label(item)?;
                Some(EnvironmentOverride {
                    name: Spanned {
                        span: item.span,
                        value: name,
                    },
                    included: true,
                    settings: Settings::default(),
                    clusters: None,
                })
            })
            .collect()
    }

    /// `environments: {staging: false, production: {path: …}}`.
    fn overrides(&mut self, node: &Node, sources: bool) -> Vec<EnvironmentOverride> {
        let Some(entries) = self.map(node) else {
            return Vec::new();
        };
        let mut overrides = Vec::new();
        for entry in entries {
            let mut this = EnvironmentOverride {
                name: Spanned {
                    span: entry.key_span,
                    value: (&*entry.key).into(),
                },
                included: true,
                settings: Settings::default(),
                clusters: None,
            };
            match &entry.node.value {
                Value::Mapping(_) => {
                    if !sources {
                        self.refuse_source_keys(&entry.node);
                    }
                    let mut known = keys_with(&["dependsOn", "cluster", "clusters"], true);
                    known.retain(|key| sources || !SOURCE_KEYS.contains(key));
                    let known_or_refused = keys_with(&["dependsOn", "cluster", "clusters"], true);
                    let Some(fields) = self.fields(&entry.node, &known_or_refused) else {
                        continue;
                    };
                    let kept: Vec<_> = fields
                        .entries
                        .iter()
                        .filter(|entry| known.contains(&&*entry.key))
                        .cloned()
                        .collect();
                    this.settings = self.settings(&kept);
                    this.clusters = self.environment_clusters(&fields);
                }
                Value::Scalar(_) if entry.node.is_null() => {}
                _ => match self.flag(&entry.node) {
                    Some(included) => this.included = included,
                    None => continue,
                },
            }
            overrides.push(this);
        }
        overrides
    }

    /// `cluster: x`, `clusters: [x, y]` or `clusters: {x: {…}}`; `None` where neither is said.
    pub(super) fn environment_clusters(
        &mut self,
        fields: &Fields<'_>,
    ) -> Option<Vec<EnvironmentCluster>> {
        if let (Some(one), Some(_)) = (fields.entry("cluster"), fields.entry("clusters")) {
            self.error_with_hint(
                one.key_span,
                "`cluster` and `clusters` say the same thing twice",
                "keep one of them",
            );
        }
        let named = |name: Arc<str>, span, settings| EnvironmentCluster {
            name: Spanned { span, value: name },
            settings,
        };
        if let Some(node) = fields.get("clusters") {
            let mut clusters = Vec::new();
            match &node.value {
                Value::Mapping(entries) => {
                    for entry in entries {
                        let mut settings = Settings::default();
                        if !entry.node.is_null() {
                            let known = keys_with(&[], true);
                            if let Some(fields) = self.fields(&entry.node, &known) {
                                settings = self.settings(fields.entries);
                            }
                        }
                        clusters.push(named((&*entry.key).into(), entry.key_span, settings));
                    }
                }
                _ => {
                    for item in self.list(node) {
                        if let Some(name) = self.dns_label(item) {
                            clusters.push(named(name, item.span, Settings::default()));
                        }
                    }
                }
            }
            if clusters.is_empty() {
                self.error(node.span, "an empty list of clusters");
            }
            return Some(clusters);
        }
        let node = fields.get("cluster")?;
        let name = self.dns_label(node)?;
        Some(vec![named(name, node.span, Settings::default())])
    }
}
