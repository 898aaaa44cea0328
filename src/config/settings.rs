//! What can be said of an object at any layer, and which layer wins.

use std::sync::Arc;
use std::time::Duration;

use crate::flux::yaml::{Entry, Node, Span};

use super::{Filling, Pattern};

/// One layer: the settings that were said there, in the order in which they were written.
///
/// Most layers say little, so they are kept as a short list.
#[derive(Debug, Default, Clone)]
pub struct Settings(pub Vec<Setting>);

#[derive(Debug, Clone)]
pub struct Setting {
    pub field: Field,
    pub span: Span,
    pub value: Said,
}

/// What was said of a field.
#[derive(Debug, Clone)]
pub enum Said {
    /// `null`: what a lower layer said is taken away.
    Nothing,
    /// It was said, and is faulty: there is a finding, and nothing is concluded from it.
    Faulty,
    Duration(Duration),
    Text(Arc<str>),
    Flag(bool),
    Reference(Reference),
    /// Merges with the layers below, key by key.
    Map(Vec<Entry>),
    Texts(Vec<(Span, Arc<str>)>),
    Dependencies(Vec<Dependency>),
    /// A text with gaps.
    Pattern(Pattern),
    Webhook(Webhook),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    Reference,
    SourceInterval,
    KustomizationInterval,
    SourceTimeout,
    KustomizationTimeout,
    RetryInterval,
    Namespace,
    Path,
    Prune,
    Wait,
    Suspend,
    TargetNamespace,
    ServiceAccountName,
    SecretRef,
    Provider,
    Labels,
    Annotations,
    Substitutions,
    Vars,
    WatchPaths,
    DependsOn,
    Names,
    Webhook,
    GitRepository,
    OciRepository,
    Kustomization,
}

impl Field {
    /// The key by which the configuration says it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Reference => "ref",
            Self::SourceInterval => "intervals.source",
            Self::KustomizationInterval => "intervals.kustomization",
            Self::SourceTimeout => "timeouts.source",
            Self::KustomizationTimeout => "timeouts.kustomization",
            Self::RetryInterval => "retryInterval",
            Self::Namespace => "namespace",
            Self::Path => "path",
            Self::Prune => "prune",
            Self::Wait => "wait",
            Self::Suspend => "suspend",
            Self::TargetNamespace => "targetNamespace",
            Self::ServiceAccountName => "serviceAccountName",
            Self::SecretRef => "secretRef",
            Self::Provider => "provider",
            Self::Labels => "labels",
            Self::Annotations => "annotations",
            Self::Substitutions => "substitutions",
            Self::Vars => "vars",
            Self::WatchPaths => "watchPaths",
            Self::DependsOn => "dependsOn",
            Self::Names => "names",
            Self::Webhook => "webhook",
            Self::GitRepository => "gitRepository",
            Self::OciRepository => "ociRepository",
            Self::Kustomization => "kustomization",
        }
    }
}

/// Which commit or artifact a source follows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    Branch(Arc<str>),
    Tag(Arc<str>),
    Semver {
        range: Arc<str>,
        /// A pattern that tags must match before they are read as versions; of an OCI artifact.
        filter: Option<Arc<str>>,
    },
    /// A full name, as `refs/pull/1/head`.
    Name(Arc<str>),
    /// Flux clones the branch first where one is given.
    Commit {
        commit: Arc<str>,
        branch: Option<Arc<str>>,
    },
    /// Of an OCI artifact.
    Digest(Arc<str>),
}

#[derive(Debug, Clone)]
pub struct Dependency {
    pub span: Span,
    pub on: DependsOn,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependsOn {
    /// An object of the same project, else a project.
    Name(Arc<str>),
    ProjectObject {
        project: Arc<str>,
        object: Arc<str>,
    },
    /// An object that somebody else manages.
    External {
        name: Arc<str>,
        namespace: Option<Arc<str>>,
    },
}

/// Whether pushes wake an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Webhook {
    On,
    Off,
    After(Duration),
}

impl Settings {
    pub fn get(&self, field: Field) -> Option<&Setting> {
        self.0.iter().find(|setting| setting.field == field)
    }
}

/// Layers of settings, the most general first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Layers<'c> {
    layers: [Option<&'c Settings>; Layers::MOST],
}

impl<'c> Layers<'c> {
    /// defaults, environment, cluster, project, object, the project's environment and its cluster,
    /// the object's environment and its cluster.
    const MOST: usize = 9;

    /// Puts a layer on top.
    ///
    /// # Panics
    ///
    /// With more layers than the language of the configuration has.
    #[must_use]
    pub fn with(mut self, settings: &'c Settings) -> Self {
        let free = self
            .layers
            .iter()
            .position(Option::is_none)
            .expect("the configuration has nine layers");
        self.layers[free] = Some(settings);
        self
    }

    /// What the most specific layer says that says anything.
    pub fn find(&self, field: Field) -> Option<&'c Setting> {
        self.all(field).next()
    }

    /// What each layer says, the most specific first: the first wins, or is merged over the others.
    pub fn all(&self, field: Field) -> impl Iterator<Item = &'c Setting> {
        let layers = self.layers.into_iter().rev().flatten();
        layers.filter_map(move |settings| settings.get(field))
    }

    /// Where a field that is in force was written.
    pub fn span(&self, field: Field) -> Option<Span> {
        self.find(field).map(|setting| setting.span)
    }

    /// `true` if what is in force for one of these fields is faulty.
    pub fn is_faulty(&self, fields: &[Field]) -> bool {
        fields.iter().any(|field| {
            self.find(*field)
                .is_some_and(|setting| matches!(setting.value, Said::Faulty))
        })
    }

    pub fn duration(&self, field: Field) -> Option<(Span, Duration)> {
        match self.find(field)? {
            Setting {
                span,
                value: Said::Duration(duration),
                ..
            } => Some((*span, *duration)),
            _ => None,
        }
    }

    pub fn text(&self, field: Field) -> Option<(Span, &'c Arc<str>)> {
        match self.find(field)? {
            Setting {
                span,
                value: Said::Text(text),
                ..
            } => Some((*span, text)),
            _ => None,
        }
    }

    pub fn flag(&self, field: Field) -> Option<(Span, bool)> {
        match self.find(field)? {
            Setting {
                span,
                value: Said::Flag(flag),
                ..
            } => Some((*span, *flag)),
            _ => None,
        }
    }

    pub fn reference(&self) -> Option<(Span, &'c Reference)> {
        match self.find(Field::Reference)? {
            Setting {
                span,
                value: Said::Reference(reference),
                ..
            } => Some((*span, reference)),
            _ => None,
        }
    }

    pub fn dependencies(&self) -> &'c [Dependency] {
        match self.find(Field::DependsOn) {
            Some(Setting {
                value: Said::Dependencies(dependencies),
                ..
            }) => dependencies,
            _ => &[],
        }
    }

    pub fn texts(&self, field: Field) -> &'c [(Span, Arc<str>)] {
        match self.find(field) {
            Some(Setting {
                value: Said::Texts(texts),
                ..
            }) => texts,
            _ => &[],
        }
    }

    /// A text that was said with gaps.
    pub fn pattern(&self, field: Field) -> Option<(Span, &'c Pattern)> {
        match self.find(field)? {
            Setting {
                span,
                value: Said::Pattern(pattern),
                ..
            } => Some((*span, pattern)),
            _ => None,
        }
    }

    /// A text, its gaps filled where it has some.
    pub fn filled(&self, field: Field, filling: Filling<'_>) -> Option<(Span, Arc<str>)> {
        match self.pattern(field) {
            Some((span, pattern)) => Some((span, pattern.fill(filling).into())),
            None => self.text(field).map(|(span, text)| (span, text.clone())),
        }
    }

    /// A map, merged over all layers: a key of a more specific layer wins, maps within merge in
    /// the same way, `null` takes a key away. Keys stand in the order in which they came up first.
    pub fn map(&self, field: Field) -> Vec<Entry> {
        let mut merged = Vec::new();
        for settings in self.layers.iter().flatten() {
            match settings.get(field).map(|setting| &setting.value) {
                Some(Said::Map(entries)) => merge(&mut merged, entries),
                Some(Said::Nothing) => merged.clear(),
                _ => {}
            }
        }
        merged
    }
}

fn merge(below: &mut Vec<Entry>, above: &[Entry]) {
    for entry in above {
        let place = below.iter().position(|other| other.key == entry.key);
        match place {
            Some(place) if entry.node.is_null() => {
                below.remove(place);
            }
            None if entry.node.is_null() => {}
            Some(place) => overlay(&mut below[place], entry),
            None => {
                let mut added = entry.clone();
                without_nulls(&mut added.node);
                below.push(added);
            }
        }
    }
}

fn overlay(below: &mut Entry, above: &Entry) {
    if let (Some(inner), Some(over)) = (below.node.as_mapping_mut(), above.node.as_mapping()) {
        merge(inner, over);
    } else {
        *below = above.clone();
        without_nulls(&mut below.node);
    }
}

/// A `null` in a map takes away what is below, also where nothing is.
fn without_nulls(node: &mut Node) {
    if let Some(entries) = node.as_mapping_mut() {
        entries.retain(|entry| !entry.node.is_null());
        for entry in entries {
            without_nulls(&mut entry.node);
        }
    }
}
