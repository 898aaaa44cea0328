//! Plans the source of a project: its own, another project's, or one that is there already.

use std::sync::Arc;

use crate::config::{Field, Finding, Layers, ProjectSource, Reference, Spanned};

use super::build::{Builder, Location, location};
use super::model::{PlannedObject, Poll, Role, SourceReference};
use super::values::default_intervals;

const SOURCE_FIELDS: [Field; 9] = [
    Field::SourceInterval,
    Field::SourceTimeout,
    Field::Namespace,
    Field::SecretRef,
    Field::Provider,
    Field::Suspend,
    Field::Names,
    Field::GitRepository,
    Field::OciRepository,
];

impl<'c> Builder<'c> {
    pub(super) fn source(&mut self, location: Location<'c>) -> Option<SourceReference> {
        let layers = self.layers(location, None);
        let (kind, url) = match &location.project.source {
            ProjectSource::Git { url } => ("GitRepository", url),
            ProjectSource::Oci { url } => ("OCIRepository", url),
            ProjectSource::External {
                name,
                kind,
                namespace,
            } => {
                return Some(SourceReference {
                    kind: kind.value.clone(),
                    name: name.value.clone(),
                    namespace: namespace.as_ref().map_or_else(
                        || self.namespace(location, &location.project.name.value, layers),
                        |namespace| namespace.value.clone(),
                    ),
                    span: name.span,
                });
            }
            ProjectSource::Shared { project } => return self.shared(location, project),
            ProjectSource::Faulty => return None,
        };
        let (name, is_name) = self.name(
            location,
            &location.project.name.value,
            layers,
            location.project.name.span,
        );
        let namespace = self.namespace(location, &location.project.name.value, layers);
        let is_filled = self.is_filled(location, &location.project.name.value, layers, true);
        let reference = self.reference(location, layers, kind);
        let interval = layers.duration(Field::SourceInterval).map_or(
            default_intervals(location.environment.kind).0,
            |(_, said)| said,
        );
        let poll = reference.map(|reference| Poll {
            url: url.value.clone(),
            reference,
            interval,
            provider: layers.text(Field::Provider).map(|(_, text)| text.clone()),
            secret: layers
                .filled(
                    Field::SecretRef,
                    location.filling(&location.project.name.value),
                )
                .map(|(_, text)| text),
        });
        let source = SourceReference {
            kind: kind.into(),
            name: name.clone(),
            namespace: namespace.clone(),
            span: url.span,
        };
        let template = self.templates[usize::from(kind == "OCIRepository")].clone();
        self.objects.push(PlannedObject {
            project: location.project.name.value.clone(),
            environment: location.environment.name.value.clone(),
            environment_kind: location.environment.kind,
            cluster: location.cluster.map(|cluster| cluster.name.value.clone()),
            role: Role::Source,
            kind: Some(kind),
            name,
            namespace,
            users_template: self.is_users(&template),
            template,
            span: location.project.name.span,
            complete: is_name && is_filled && poll.is_some() && !layers.is_faulty(&SOURCE_FIELDS),
            poll,
            source: Some(source.clone()),
            depends_on: Vec::new(),
            layers,
        });
        Some(source)
    }

    /// What the source follows; a finding where nothing says, or it cannot be.
    fn reference(
        &mut self,
        location: Location<'c>,
        layers: Layers<'c>,
        kind: &str,
    ) -> Option<Reference> {
        if layers.is_faulty(&[Field::Reference]) {
            return None;
        }
        let environment = &location.environment.name.value;
        let cluster = location.cluster.map(|cluster| &cluster.name.value);
        let is_oci = kind == "OCIRepository";
        let Some((span, reference)) = layers.reference() else {
            let hint = if is_oci {
                "say `ref: {tag: …}`, `semver` or `digest`"
            } else {
                "say `ref: {branch: main}` of the project, the environment or `defaults`"
            };
            self.problems.add_in(
                environment,
                cluster,
                Finding::error(
                    location.project.name.span,
                    "",
                    format!(
                        "nothing says which ref of project `{}` is followed",
                        location.project.name.value
                    ),
                )
                .hint(hint),
            );
            return None;
        };
        let fits = match reference {
            Reference::Semver { filter, .. } => is_oci || filter.is_none(),
            Reference::Tag(_) => true,
            Reference::Digest(_) => is_oci,
            _ => !is_oci,
        };
        if fits {
            return Some(reference.clone());
        }
        let finding = if is_oci {
            Finding::error(
                location.project.name.span,
                "",
                format!(
                    "project `{}` is an OCIRepository, which follows a tag, semver or digest, not a branch or commit",
                    location.project.name.value
                ),
            )
            .hint("say `ref: {tag: …}` in its `source`")
        } else if matches!(reference, Reference::Digest(_)) {
            Finding::error(span, "", "a Git repository has no digests")
                .hint("say `ref: {commit: …}`")
        } else {
            Finding::error(span, "", "a Git repository has no `semverFilter`")
                .hint("take it away: all tags that are versions are looked at")
        };
        self.problems.add(finding);
        None
    }

    /// The source of another project in the same environment and cluster.
    fn shared(
        &mut self,
        here: Location<'c>,
        shared: &'c Spanned<Arc<str>>,
    ) -> Option<SourceReference> {
        let other = self.projects.get(&*shared.value).copied()?;
        let kind = match other.source {
            ProjectSource::Git { .. } => "GitRepository",
            ProjectSource::Oci { .. } => "OCIRepository",
            _ => return None,
        };
        let environment = &here.environment.name.value;
        let cluster = here.cluster.map(|cluster| &cluster.name.value);
        let Some(there) = location(here.environment, here.cluster, other) else {
            self.problems.add_in(
                environment,
                cluster,
                Finding::error(
                    shared.span,
                    "",
                    format!("project `{}` has no source to share", shared.value),
                )
                .hint("leave this project out there too, or give it a source of its own"),
            );
            return None;
        };
        let layers = self.layers(there, None);
        let source = SourceReference {
            kind: kind.into(),
            name: self
                .name(there, &other.name.value, layers, other.name.span)
                .0,
            namespace: self.namespace(there, &other.name.value, layers),
            span: shared.span,
        };
        let own = self.namespace(here, &here.project.name.value, self.layers(here, None));
        if source.namespace != own {
            self.problems.add_in(
                environment,
                cluster,
                Finding::error(
                    shared.span,
                    "",
                    format!(
                        "the source of project `{}` lies in namespace `{}`, this project in `{own}`",
                        shared.value, source.namespace
                    ),
                )
                .hint("a source is shared within one namespace: give both the same, or use `external`"),
            );
        }
        Some(source)
    }
}
