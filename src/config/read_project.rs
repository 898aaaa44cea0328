//! Reads projects, their sources and their objects.

use std::sync::Arc;

use crate::flux::yaml::{Entry, Node, Value};

use super::decode::{Decoder, Fields};
use super::model::{Project, ProjectObject, Spanned};
use super::read_settings::{KEYS, SOURCE_KEYS};
use super::settings::Settings;

/// The keys of a layer: its own, and the settings.
pub(super) fn keys_with(own: &[&'static str]) -> Vec<&'static str> {
    let mut keys = own.to_vec();
    keys.extend(KEYS);
    keys.extend(SOURCE_KEYS);
    keys
}

/// What stands for a name that is missing or none, of which there is a finding.
fn no_name(node: &Node) -> Spanned<Arc<str>> {
    Spanned {
        span: node.span,
        value: "".into(),
    }
}

impl Decoder {
    pub(super) fn projects(&mut self, node: &Node) -> Vec<Project> {
        self.list(node)
            .unwrap_or_default()
            .iter()
            .filter_map(|item| self.project(item))
            .collect()
    }

    fn project(&mut self, node: &Node) -> Option<Project> {
        let known = keys_with(&[
            "name",
            "repository",
            "source",
            "objects",
            "environments",
            "dependsOn",
        ]);
        let fields = self.fields(node, &known)?;
        let mut settings = self.settings(fields.entries);
        let source = self.project_source(&fields, &mut settings);
        let environments = fields
            .get("environments")
            .map_or_else(Vec::new, |node| self.overrides(node, true));
        let objects = fields.get("objects").and_then(|node| self.objects(node));
        let (objects, unnamed) = match objects {
            Some((named, unnamed)) => (Some(named), unnamed),
            None => (None, Vec::new()),
        };
        let name = self.name(&fields).unwrap_or_else(|| no_name(node));
        Some(Project {
            name,
            source,
            settings,
            environments,
            objects,
            unnamed,
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

    /// Those with a name and those without; `None` with a finding where there is no list: what is
    /// named in it is not known then.
    fn objects(&mut self, node: &Node) -> Option<(Vec<ProjectObject>, Vec<ProjectObject>)> {
        let items = self.list(node)?;
        if items.is_empty() {
            self.error(
                node.span,
                "an empty list of objects",
                "leave `objects` out for one Kustomization that has the project's name",
            );
        }
        let objects = items.iter().filter_map(|item| self.object(item));
        Some(objects.partition(|object| !object.name.value.is_empty()))
    }

    fn object(&mut self, node: &Node) -> Option<ProjectObject> {
        let own = ["name", "template", "environments", "dependsOn"];
        let fields = self.fields(node, &keys_with(&own))?;
        let settings = self.object_settings(fields.entries);
        let template = fields.text("template", self);
        let (environments, only_listed) = match fields.get("environments") {
            Some(list) if matches!(list.value, Value::Sequence(_)) => (self.listed(list), true),
            Some(map) => (self.overrides(map, false), false),
            None => (Vec::new(), false),
        };
        let name = self.name(&fields).unwrap_or_else(|| no_name(node));
        Some(ProjectObject {
            name,
            template,
            settings,
            environments,
            only_listed,
        })
    }

    /// The settings of an object: those of its source are the project's to say.
    pub(super) fn object_settings(&mut self, entries: &[Entry]) -> Settings {
        let mut own = Vec::new();
        for entry in entries {
            if SOURCE_KEYS.contains(&&*entry.key) {
                self.error(
                    entry.key_span,
                    format!("`{}` speaks of a source, not of an object", entry.key),
                    "say it of the project",
                );
            } else {
                own.push(entry.clone());
            }
        }
        self.settings(&own)
    }
}
