//! Texts with gaps, filled for each object, and what they have to be then.

use std::sync::Arc;

use crate::config::{Field, Filling, Finding, Gap, Layers, Pattern, Said};
use crate::flux::names;
use crate::flux::yaml::{Entry, Node, Span};

use super::PlannedObject;
use super::build::{Builder, Location};
use super::problems::no_cluster;

const OF_SOURCES: [Field; 2] = [Field::Namespace, Field::SecretRef];

const OF_OBJECTS: [Field; 4] = [
    Field::Namespace,
    Field::Path,
    Field::TargetNamespace,
    Field::ServiceAccountName,
];

impl PlannedObject<'_> {
    /// What is said of it, its gaps filled; `None` where that makes none.
    pub(super) fn text(&self, field: Field) -> Option<(Span, Arc<str>)> {
        let (span, text) = self.layers.filled(field, self.filling())?;
        let is_sound = self.layers.pattern(field).is_none() || verdict(field.key(), &text).is_ok();
        is_sound.then_some((span, text))
    }

    /// Its labels as they are configured, likewise.
    pub(super) fn own_labels(&self) -> Vec<Entry> {
        let mut labels = self.layers.map(Field::Labels);
        labels.retain_mut(|entry| {
            let Some(pattern) = pattern_of(&entry.node) else {
                return true;
            };
            let text = pattern.fill(self.filling());
            let is_sound = names::label_value(&text).is_ok();
            entry.node = Node::string(entry.node.span, text);
            is_sound
        });
        labels
    }

    fn filling(&self) -> Filling<'_> {
        Filling {
            project: &self.project,
            object: self.object(),
            environment: &self.environment,
            cluster: self.cluster.as_deref().unwrap_or_default(),
        }
    }
}

impl<'c> Builder<'c> {
    /// Whether everything that is said of an object with gaps makes what it has to be; a finding where
    /// it does not.
    pub(super) fn is_filled(
        &mut self,
        location: Location<'c>,
        object: &str,
        layers: Layers<'c>,
        is_source: bool,
    ) -> bool {
        let fields = if is_source {
            &OF_SOURCES[..]
        } else {
            &OF_OBJECTS[..]
        };
        let mut is_filled = true;
        for field in fields {
            if let Some((span, pattern)) = layers.pattern(*field) {
                let (_, sound) = self.fill(location, object, (field.key(), pattern), span);
                is_filled &= sound;
            }
        }
        if !has_labels_with_gaps(layers) {
            return is_filled;
        }
        for entry in layers.map(Field::Labels) {
            if let Some(pattern) = pattern_of(&entry.node) {
                let key = format!("labels.{}", entry.key);
                let (_, sound) = self.fill(location, object, (&key, &pattern), entry.node.span);
                is_filled &= sound;
            }
        }
        is_filled
    }

    /// What a pattern makes for an object, and whether that is what stands under the key; a finding where
    /// it is not.
    pub(super) fn fill(
        &mut self,
        location: Location<'c>,
        object: &str,
        (key, pattern): (&str, &Pattern),
        span: Span,
    ) -> (Arc<str>, bool) {
        let text: Arc<str> = pattern.fill(location.filling(object)).into();
        if location.cluster.is_none() && pattern.has(Gap::Cluster) {
            self.problems
                .add(no_cluster(location.environment, key, pattern));
            return (text, false);
        }
        let verdict = verdict(key, &text);
        if let Err(reason) = &verdict {
            let what = match key.starts_with("labels.") {
                true => "value of a label",
                false => "name",
            };
            let message = format!("`{text}`, made by `{key}: {pattern}`, is no {what}: {reason}");
            let finding = Finding::error(span, "", message);
            self.problems
                .add(finding.hint(format!("shorten the name, or change `{key}`")));
        }
        (text, verdict.is_ok())
    }
}

impl Location<'_> {
    /// What stands in the gaps of what is said of an object, which is called `object`.
    pub(super) fn filling<'f>(&'f self, object: &'f str) -> Filling<'f> {
        Filling {
            project: &self.project.name.value,
            object,
            environment: &self.environment.name.value,
            cluster: self
                .cluster
                .map(|cluster| &*cluster.name.value)
                .unwrap_or_default(),
        }
    }
}

/// Why a text cannot stand under a key. Of a path nothing is asked: names lead out of no folder.
fn verdict(key: &str, text: &str) -> Result<(), String> {
    match key {
        "path" => Ok(()),
        "secretRef" | "serviceAccountName" => names::dns_subdomain(text),
        key if key.starts_with("labels.") => names::label_value(text),
        _ => names::dns_label(text),
    }
}

/// The value of a label that has gaps: no other has braces.
fn pattern_of(value: &Node) -> Option<Pattern> {
    let text = value.as_str().filter(|text| text.contains('{'))?;
    Pattern::read(text).ok()
}

fn has_labels_with_gaps(layers: Layers<'_>) -> bool {
    let mut said = layers.all(Field::Labels);
    said.any(|setting| match &setting.value {
        Said::Map(entries) => entries
            .iter()
            .any(|entry| pattern_of(&entry.node).is_some()),
        _ => false,
    })
}
