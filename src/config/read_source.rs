//! Reads where a project's manifests come from.

use std::sync::Arc;

use crate::flux::repository::{RepositoryUrl, Scheme};
use crate::flux::yaml::Node;

use super::decode::{Decoder, Fields};
use super::model::{ProjectSource, Spanned};
use super::settings::Settings;

/// Kinds of objects that hold manifests for Flux.
pub(super) const SOURCE_KINDS: [&str; 4] = [
    "GitRepository",
    "OCIRepository",
    "Bucket",
    "ExternalArtifact",
];

/// What can be said of a source.
const SOURCE_FIELDS: [&str; 8] = [
    "kind",
    "url",
    "ref",
    "secretRef",
    "provider",
    "project",
    "external",
    "namespace",
];

impl Decoder {
    pub(super) fn project_source(
        &mut self,
        fields: &Fields<'_>,
        settings: &mut Settings,
    ) -> ProjectSource {
        let source = match (fields.entry("repository"), fields.entry("source")) {
            (Some(repository), None) => self
                .git_url(&repository.node)
                .map(|url| ProjectSource::Git { url }),
            (None, Some(source)) => self.source(&source.node, settings),
            (Some(repository), Some(_)) => {
                self.error(
                    repository.key_span,
                    "`repository` and `source` say the same thing twice",
                    "keep one of them",
                );
                None
            }
            (None, None) => {
                self.error(
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
        let fields = self.fields(node, &SOURCE_FIELDS)?;
        if let Some(shared) = fields.get("project") {
            self.only(&fields, "`project`", &["project"]);
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
        self.only(
            &fields,
            "a source of one's own",
            &["kind", "url", "ref", "secretRef", "provider"],
        );
        let inner: Vec<_> = fields
            .entries
            .iter()
            .filter(|entry| matches!(&*entry.key, "ref" | "secretRef" | "provider"))
            .cloned()
            .collect();
        let said = self.settings(&inner);
        for setting in said.0 {
            if settings.get(setting.field).is_some() {
                self.error(
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
        self.only(fields, "`external`", &["external", "kind", "namespace"]);
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
            let hint = crate::flux::nearest(text, kinds.iter().copied()).map_or_else(
                || format!("known here: {}", kinds.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.error(
                node.span,
                format!("`{text}` is no kind of source that can stand here"),
                hint,
            );
        }
        found.copied()
    }

    /// Refuses the keys that do not go with those that decide what a map is.
    fn only(&mut self, fields: &Fields<'_>, decides: &str, keys: &[&str]) {
        for entry in fields.entries {
            if SOURCE_FIELDS.contains(&&*entry.key) && !keys.contains(&&*entry.key) {
                self.error(
                    entry.key_span,
                    format!("`{}` does not go with {decides}", entry.key),
                    "take it away, or keep it and take the other away",
                );
            }
        }
    }

    fn git_url(&mut self, node: &Node) -> Option<Spanned<Arc<str>>> {
        let text = self.filled_text(node)?;
        match RepositoryUrl::read(text) {
            Ok(url) if url.scheme() == Scheme::Oci => {
                self.error(
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
                self.error(node.span, fault.to_string(), fault.hint());
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
                self.error(
                    node.span,
                    "the address of an OCIRepository starts with `oci://`",
                    "write `oci://registry/owner/artifact`",
                );
                None
            }
            Err(fault) => {
                self.error(node.span, fault.to_string(), fault.hint());
                None
            }
        }
    }
}
