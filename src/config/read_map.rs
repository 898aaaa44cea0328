//! Reads the settings that are maps: labels, annotations, substitutions, vars, fields of CRDs.

use std::borrow::Cow;

use crate::flux::names;
use crate::flux::yaml::Node;

use super::decode::Decoder;
use super::settings::Said;
use super::{Filling, Pattern};

/// By it who manages an object is told.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";

/// The labels that say for which project and for which environment an object is.
pub const PROJECT_LABEL: &str = "flux-setup.dev/project";
pub const ENVIRONMENT_LABEL: &str = "flux-setup.dev/environment";

/// Labels that every object of ours carries.
pub const OUR_LABELS: [&str; 3] = [MANAGED_BY_LABEL, PROJECT_LABEL, ENVIRONMENT_LABEL];

const GAPS_HINT: &str = "write each gap as `{project}`, `{object}`, `{environment}` or `{cluster}`";

const KEY_HINT: &str = "write it as `team` or `acme.example/team`";

/// Fields of a source's CRD for which we have a key of our own: the CRD's field, then our key.
pub const SOURCE_TAKEN: &[(&str, &str)] = &[
    ("url", "repository"),
    ("ref", "ref"),
    ("interval", "intervals.source"),
    ("timeout", "timeout"),
    ("secretRef", "secretRef"),
    ("provider", "provider"),
    ("suspend", "suspend"),
];
/// The same of a Kustomization.
pub const KUSTOMIZATION_TAKEN: &[(&str, &str)] = &[
    ("interval", "intervals.kustomization"),
    ("timeout", "timeout"),
    ("retryInterval", "retryInterval"),
    ("path", "path"),
    ("prune", "prune"),
    ("wait", "wait"),
    ("targetNamespace", "targetNamespace"),
    ("serviceAccountName", "serviceAccountName"),
    ("suspend", "suspend"),
    ("dependsOn", "dependsOn"),
    ("sourceRef", "source"),
];

impl Decoder {
    pub(super) fn any_map(&mut self, node: &Node) -> Option<Said> {
        Some(Said::Map(self.map(node)?.to_vec()))
    }

    /// A map whose values are text, or `null` to take a key away; the check says what is wrong
    /// with an entry and how to mend it.
    fn text_map(
        &mut self,
        node: &Node,
        check: impl Fn(&str, &str) -> Result<(), (String, &'static str)>,
    ) -> Option<Said> {
        let mut sound = Vec::new();
        for entry in self.map(node)? {
            if entry.node.is_null() {
                sound.push(entry.clone());
                continue;
            }
            let Some(text) = self.text(&entry.node) else {
                continue;
            };
            match check(&entry.key, text) {
                Ok(()) => sound.push(entry.clone()),
                Err((message, hint)) => self.error(entry.key_span, message, hint),
            }
        }
        Some(Said::Map(sound))
    }

    pub(super) fn labels(&mut self, node: &Node) -> Option<Said> {
        self.text_map(node, |key, value| {
            if OUR_LABELS.contains(&key) {
                let message = format!("label `{key}` is written by flux-setup itself");
                return Err((message, "leave it out"));
            }
            names::label_key(key)
                .map_err(|reason| (format!("label key `{key}`: {reason}"), KEY_HINT))?;
            let filled = with_gaps_filled(value)?;
            names::label_value(&filled).map_err(|reason| {
                (
                    format!("label value `{value}`: {reason}"),
                    "write at most 63 letters, digits, `-`, `_` and `.`, or use `annotations`",
                )
            })
        })
    }

    pub(super) fn annotations(&mut self, node: &Node) -> Option<Said> {
        self.text_map(node, |key, _| {
            names::annotation_key(key)
                .map_err(|reason| (format!("annotation key `{key}`: {reason}"), KEY_HINT))
        })
    }

    pub(super) fn substitutions(&mut self, node: &Node) -> Option<Said> {
        self.text_map(node, |key, _| {
            names::variable(key).map_err(|reason| {
                (
                    format!("`{key}` is no name of a variable: {reason}"),
                    "write it as `REGION` or `region_2`",
                )
            })
        })
    }

    /// Fields of a CRD's spec, without those for which we have a key.
    fn crd_fields(&mut self, node: &Node, taken: &[(&str, &str)]) -> Option<Said> {
        let mut sound = Vec::new();
        for entry in self.map(node)? {
            match taken.iter().find(|(field, _)| *field == entry.key) {
                Some((field, key)) => self.error(
                    entry.key_span,
                    format!("`{field}` has a key of its own"),
                    format!("say it as `{key}`"),
                ),
                None => sound.push(entry.clone()),
            }
        }
        Some(Said::Map(sound))
    }

    /// Fields of a GitRepository's or OCIRepository's spec.
    pub(super) fn source_fields(&mut self, node: &Node) -> Option<Said> {
        self.crd_fields(node, SOURCE_TAKEN)
    }

    pub(super) fn kustomization(&mut self, node: &Node) -> Option<Said> {
        if let Some(inner) = node
            .get("postBuild")
            .and_then(|node| node.entry("substitute"))
        {
            self.error(
                inner.key_span,
                "`postBuild.substitute` has a key of its own",
                "say it as `substitutions`",
            );
            return None;
        }
        self.crd_fields(node, KUSTOMIZATION_TAKEN)
    }
}

/// The value of a label, where it has gaps with names in them.
fn with_gaps_filled(value: &str) -> Result<Cow<'_, str>, (String, &'static str)> {
    if !value.contains(['{', '}']) {
        return Ok(Cow::Borrowed(value));
    }
    match Pattern::read(value) {
        Ok(pattern) => Ok(Cow::Owned(pattern.fill(Filling::EXAMPLE))),
        Err((message, _)) => Err((message, GAPS_HINT)),
    }
}
