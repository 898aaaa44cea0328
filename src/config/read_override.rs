//! Reads what is different in an environment and its clusters.

use std::sync::Arc;

use crate::flux::yaml::{Node, Value};

use super::decode::{Decoder, Fields};
use super::model::{EnvironmentCluster, EnvironmentOverride, Spanned};
use super::read_project::keys_with;
use super::settings::Settings;

impl Decoder {
    /// `environments: [staging, production]` of an object.
    pub(super) fn listed(&mut self, node: &Node) -> Vec<EnvironmentOverride> {
        self.list(node)
            .unwrap_or_default()
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
    pub(super) fn overrides(&mut self, node: &Node, sources: bool) -> Vec<EnvironmentOverride> {
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
                    let own = ["dependsOn", "cluster", "clusters"];
                    let Some(fields) = self.fields(&entry.node, &keys_with(&own)) else {
                        continue;
                    };
                    this.settings = if sources {
                        self.settings(fields.entries)
                    } else {
                        self.object_settings(fields.entries)
                    };
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
            self.error(
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
            let is_empty = match &node.value {
                Value::Mapping(entries) => {
                    for entry in entries {
                        let mut settings = Settings::default();
                        if !entry.node.is_null() {
                            let known = keys_with(&[]);
                            if let Some(fields) = self.fields(&entry.node, &known) {
                                settings = self.settings(fields.entries);
                            }
                        }
                        clusters.push(named((&*entry.key).into(), entry.key_span, settings));
                    }
                    entries.is_empty()
                }
                _ => {
                    let items = self.list(node);
                    for item in items.unwrap_or_default() {
                        if let Some(name) = self.dns_label(item) {
                            clusters.push(named(name, item.span, Settings::default()));
                        }
                    }
                    items.is_some_and(<[Node]>::is_empty)
                }
            };
            if is_empty {
                self.error(
                    node.span,
                    "an empty list of clusters",
                    "name one, or leave `clusters` out",
                );
            }
            return Some(clusters);
        }
        let node = fields.get("cluster")?;
        let name = self.dns_label(node)?;
        Some(vec![named(name, node.span, Settings::default())])
    }
}
