//! What a template is handed of an object.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{
    ENVIRONMENT_LABEL, EnvironmentKind, Field, MANAGED_BY_LABEL, PROJECT_LABEL, Reference, Said,
};
use crate::flux::duration;
use crate::flux::yaml::{Entry, Node, Span, Value};

use super::{PlannedObject, Role};

/// The value of the label `app.kubernetes.io/managed-by` that every object carries.
pub const MANAGED_BY: &str = "flux-setup";

/// Where an object says which changed paths concern it.
const WATCH_PATHS: &str = "flux-setup.dev/watch-paths";

/// Names and values, in a fixed order. A value carries the place where it was written; what
/// follows from no line of the configuration carries its object's.
pub type Values = Vec<(&'static str, Node)>;

/// How often an environment is polled unless the configuration says: source and Kustomization.
pub(super) fn default_intervals(kind: EnvironmentKind) -> (Duration, Duration) {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    match kind {
        EnvironmentKind::Development => (minutes(1), minutes(1)),
        EnvironmentKind::Staging => (minutes(3), minutes(3)),
        EnvironmentKind::Production => (minutes(5), minutes(5)),
        EnvironmentKind::None => (Duration::from_secs(30), minutes(1)),
    }
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// A mapping under construction.
struct Fields {
    entries: Vec<Entry>,
    span: Span,
}

impl Fields {
    fn at(span: Span) -> Self {
        Self {
            entries: Vec::new(),
            span,
        }
    }

    fn add(&mut self, key: &'static str, node: Node) {
        self.entries.push(Entry {
            key: Cow::Borrowed(key),
            key_span: node.span,
            node,
        });
    }

    fn text(&mut self, key: &'static str, (span, text): (Span, &str)) {
        self.add(key, Node::string(span, text.to_owned()));
    }

    /// Puts fields of the CRD that have no key of ours; a map within meets a map of ours.
    fn overlay(&mut self, more: Vec<Entry>) {
        for entry in more {
            let ours = self
                .entries
                .iter_mut()
                .find(|ours| ours.key == entry.key)
                .and_then(|ours| ours.node.as_mapping_mut());
            match (ours, entry.node.as_mapping()) {
                (Some(ours), Some(theirs)) => ours.extend(theirs.iter().cloned()),
                _ => self.entries.push(entry),
            }
        }
    }

    fn finish(self) -> Node {
        Node {
            span: self.span,
            value: Value::Mapping(self.entries),
        }
    }
}

impl PlannedObject<'_> {
    /// What its template is handed.
    ///
    /// `name`, `namespace`, `project`, `object`, `cluster` (empty where the environment names
    /// none), `environment` with `name` and `kind`, `labels`, `annotations` (may be empty),
    /// `source` with `kind`, `name` and `namespace`, `spec` with the fields of the object's kind,
    /// and `vars`. An object of another template is handed the `spec` of a Kustomization.
    pub fn values(&self) -> Values {
        let text = |text: &str| Node::string(self.span, text.to_owned());
        let mut environment = Fields::at(self.span);
        environment.add("name", text(&self.environment));
        environment.add("kind", text(self.environment_kind.name()));
        let mut source = Fields::at(self.span);
        if let Some(reference) = &self.source {
            source.text("kind", (reference.span, &reference.kind));
            source.text("name", (reference.span, &reference.name));
            source.text("namespace", (reference.span, &reference.namespace));
        }
        vec![
            ("name", text(&self.name)),
            ("namespace", self.namespace_node()),
            ("project", text(&self.project)),
            ("object", text(self.object())),
            ("cluster", text(self.cluster.as_deref().unwrap_or_default())),
            ("environment", environment.finish()),
            ("labels", self.labels()),
            ("annotations", self.annotations()),
            ("source", source.finish()),
            (
                "spec",
                match self.role {
                    Role::Source => self.source_spec(),
                    Role::Object(_) => self.kustomization_spec(),
                },
            ),
            ("vars", self.map(Field::Vars)),
        ]
    }

    fn map(&self, field: Field) -> Node {
        Node {
            span: self.layers.span(field).unwrap_or(self.span),
            value: Value::Mapping(self.layers.map(field)),
        }
    }

    fn namespace_node(&self) -> Node {
        // what its gaps make and is no name was told
        let span = self
            .text(Field::Namespace)
            .map_or(self.span, |(span, _)| span);
        Node::string(span, self.namespace.to_string())
    }

    fn labels(&self) -> Node {
        let mut labels = Fields::at(self.span);
        labels.text(MANAGED_BY_LABEL, (self.span, MANAGED_BY));
        labels.text(ENVIRONMENT_LABEL, (self.span, &self.environment));
        labels.text(PROJECT_LABEL, (self.span, &self.project));
        labels.entries.extend(self.own_labels());
        labels.finish()
    }

    fn annotations(&self) -> Node {
        let mut annotations = Fields::at(self.span);
        let paths = self.layers.texts(Field::WatchPaths);
        if self.role == Role::Source
            && let Some((span, _)) = paths.first()
        {
            let joined: Vec<&str> = paths.iter().map(|(_, path)| &**path).collect();
            annotations.text(WATCH_PATHS, (*span, &joined.join(",")));
        }
        annotations.entries.extend(
            self.layers
                .map(Field::Annotations)
                .into_iter()
                .filter(|entry| entry.key != WATCH_PATHS),
        );
        annotations.finish()
    }

    fn interval(&self, field: Field) -> (Span, Duration) {
        let (source, kustomization) = default_intervals(self.environment_kind);
        let default = if field == Field::SourceInterval {
            source
        } else {
            kustomization
        };
        self.layers.duration(field).unwrap_or((self.span, default))
    }

    /// How long one reconcile of it may take; `None` where that was taken away: then Flux decides.
    fn timeout(&self, field: Field) -> Option<(Span, Duration)> {
        let said = self.layers.find(field).map(|setting| &setting.value);
        let is_taken_away = matches!(said, Some(Said::Nothing));
        let built_in = (!is_taken_away).then_some((self.span, DEFAULT_TIMEOUT));
        self.layers.duration(field).or(built_in)
    }

    fn source_spec(&self) -> Node {
        let mut spec = Fields::at(self.span);
        if let Some(poll) = &self.poll {
            let span = self.source.as_ref().map_or(self.span, |source| source.span);
            spec.text("url", (span, &poll.url));
        }
        let (span, interval) = self.interval(Field::SourceInterval);
        spec.text("interval", (span, &duration::write(interval)));
        if let Some((span, timeout)) = self.timeout(Field::SourceTimeout) {
            spec.text("timeout", (span, &duration::write_without_hours(timeout)));
        }
        // One that does not fit the kind of source was told, and is not judged again.
        if let (Some((span, _)), Some(poll)) = (self.layers.reference(), &self.poll) {
            spec.add("ref", reference_node(span, &poll.reference));
        }
        if let Some((span, name)) = self.text(Field::SecretRef) {
            let mut secret = Fields::at(span);
            secret.text("name", (span, &name));
            spec.add("secretRef", secret.finish());
        }
        if let Some((span, provider)) = self.layers.text(Field::Provider) {
            spec.text("provider", (span, provider));
        }
        self.suspend(&mut spec);
        spec.overlay(self.layers.map(if self.kind == Some("OCIRepository") {
            Field::OciRepository
        } else {
            Field::GitRepository
        }));
        spec.finish()
    }

    fn kustomization_spec(&self) -> Node {
        let mut spec = Fields::at(self.span);
        let (span, interval) = self.interval(Field::KustomizationInterval);
        spec.text("interval", (span, &duration::write(interval)));
        if let Some((span, retry)) = self.layers.duration(Field::RetryInterval) {
            spec.text("retryInterval", (span, &duration::write(retry)));
        }
        if let Some((span, timeout)) = self.timeout(Field::KustomizationTimeout) {
            spec.text("timeout", (span, &duration::write(timeout)));
        }
        if let Some(source) = &self.source {
            let mut reference = Fields::at(source.span);
            reference.text("kind", (source.span, &source.kind));
            reference.text("name", (source.span, &source.name));
            if source.namespace != self.namespace {
                reference.text("namespace", (source.span, &source.namespace));
            }
            spec.add("sourceRef", reference.finish());
        }
        if let Some((span, path)) = self.text(Field::Path) {
            spec.text("path", (span, &path));
        }
        let (span, prune) = self.layers.flag(Field::Prune).unwrap_or((self.span, false));
        spec.add("prune", Node::boolean(span, prune));
        if let Some((span, wait)) = self.layers.flag(Field::Wait) {
            spec.add("wait", Node::boolean(span, wait));
        }
        if let Some((span, namespace)) = self.text(Field::TargetNamespace) {
            spec.text("targetNamespace", (span, &namespace));
        }
        if let Some((span, account)) = self.text(Field::ServiceAccountName) {
            spec.text("serviceAccountName", (span, &account));
        }
        if !self.depends_on.is_empty() {
            spec.add("dependsOn", self.depends_on_node());
        }
        let substitutions = self.map(Field::Substitutions);
        if substitutions
            .as_mapping()
            .is_some_and(|all| !all.is_empty())
        {
            let mut post_build = Fields::at(substitutions.span);
            post_build.add("substitute", substitutions);
            spec.add("postBuild", post_build.finish());
        }
        self.suspend(&mut spec);
        if self.kind == Some("Kustomization") {
            spec.overlay(self.layers.map(Field::Kustomization));
        }
        spec.finish()
    }

    fn depends_on_node(&self) -> Node {
        let items = self
            .depends_on
            .iter()
            .map(|dependency| {
                let mut item = Fields::at(dependency.span);
                item.text("name", (dependency.span, &dependency.name));
                if dependency.namespace != self.namespace {
                    item.text("namespace", (dependency.span, &dependency.namespace));
                }
                item.finish()
            })
            .collect();
        Node {
            span: self.span,
            value: Value::Sequence(items),
        }
    }

    /// `suspend: false` is never written: it would undo what a person suspended by hand.
    fn suspend(&self, spec: &mut Fields) {
        if let Some((span, true)) = self.layers.flag(Field::Suspend) {
            spec.add("suspend", Node::boolean(span, true));
        }
    }
}

fn reference_node(span: Span, reference: &Reference) -> Node {
    let mut node = Fields::at(span);
    let mut say = |key, text: &Arc<str>| node.text(key, (span, text));
    match reference {
        Reference::Branch(branch) => say("branch", branch),
        Reference::Tag(tag) => say("tag", tag),
        Reference::Semver { range, filter } => {
            say("semver", range);
            if let Some(filter) = filter {
                say("semverFilter", filter);
            }
        }
        Reference::Name(name) => say("name", name),
        Reference::Digest(digest) => say("digest", digest),
        Reference::Commit { commit, branch } => {
            if let Some(branch) = branch {
                say("branch", branch);
            }
            say("commit", commit);
        }
    }
    node.finish()
}
