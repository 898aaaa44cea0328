//! Reads one layer of settings.

use std::sync::Arc;

use crate::flux::names;
use crate::flux::yaml::{Entry, Node, Value};

use super::decode::Decoder;
use super::settings::{Field, Said, Setting, Settings, Webhook};
use super::{Filling, Pattern};

/// What can be said at every layer but an object's.
pub(super) const SOURCE_KEYS: [&str; 7] = [
    "ref",
    "secretRef",
    "provider",
    "webhook",
    "watchPaths",
    "gitRepository",
    "ociRepository",
];

/// What can be said at every layer.
pub(super) const KEYS: [&str; 17] = [
    "intervals",
    "timeout",
    "timeouts",
    "retryInterval",
    "namespace",
    "path",
    "prune",
    "wait",
    "targetNamespace",
    "serviceAccountName",
    "suspend",
    "labels",
    "annotations",
    "substitutions",
    "vars",
    "names",
    "kustomization",
];

impl Decoder {
    /// Reads every entry that is a setting; the others are the caller's.
    pub(super) fn settings(&mut self, entries: &[Entry]) -> Settings {
        let mut settings = Settings::default();
        for entry in entries {
            self.setting(entry, &mut settings);
        }
        if let (Some(both), Some(_)) = (entry(entries, "timeout"), entry(entries, "timeouts")) {
            self.error(
                both.key_span,
                "`timeout` and `timeouts` say the same thing twice",
                "keep one of them",
            );
        }
        settings
    }

    fn setting(&mut self, entry: &Entry, settings: &mut Settings) {
        let node = &entry.node;
        let mut say = |field: Field, value: Said| {
            settings.0.push(Setting {
                field,
                span: node.span,
                value,
            });
        };
        match &*entry.key {
            "ref" => say(Field::Reference, self.said(node, Self::reference)),
            "intervals" => self.by_kind(
                node,
                settings,
                Field::SourceInterval,
                Field::KustomizationInterval,
            ),
            "timeouts" => self.by_kind(
                node,
                settings,
                Field::SourceTimeout,
                Field::KustomizationTimeout,
            ),
            "timeout" => {
                let value = self.said(node, Self::timeout);
                say(Field::SourceTimeout, value.clone());
                say(Field::KustomizationTimeout, value);
            }
            "retryInterval" => say(Field::RetryInterval, self.said(node, Self::timeout)),
            "namespace" => say(Field::Namespace, self.said(node, Self::label_name)),
            "targetNamespace" => {
                say(Field::TargetNamespace, self.said(node, Self::label_name));
            }
            "serviceAccountName" => {
                say(
                    Field::ServiceAccountName,
                    self.said(node, Self::object_name),
                );
            }
            "secretRef" => say(Field::SecretRef, self.said(node, Self::object_name)),
            "provider" => say(Field::Provider, self.said(node, Self::any_text)),
            "path" => say(Field::Path, self.said(node, Self::repository_path)),
            "prune" => say(Field::Prune, self.said(node, Self::said_flag)),
            "wait" => say(Field::Wait, self.said(node, Self::said_flag)),
            "suspend" => say(Field::Suspend, self.said(node, Self::said_flag)),
            "labels" => say(Field::Labels, self.said(node, Self::labels)),
            "annotations" => say(Field::Annotations, self.said(node, Self::annotations)),
            "substitutions" => {
                say(Field::Substitutions, self.said(node, Self::substitutions));
            }
            "vars" => say(Field::Vars, self.said(node, Self::any_map)),
            "watchPaths" => say(Field::WatchPaths, self.said(node, Self::watch_paths)),
            "dependsOn" => say(Field::DependsOn, self.said(node, Self::depends_on)),
            "names" => say(Field::Names, self.said(node, Self::names)),
            "webhook" => say(Field::Webhook, self.said(node, Self::webhook)),
            "gitRepository" => say(Field::GitRepository, self.said(node, Self::source_fields)),
            "ociRepository" => say(Field::OciRepository, self.said(node, Self::source_fields)),
            "kustomization" => say(Field::Kustomization, self.said(node, Self::kustomization)),
            _ => {}
        }
    }

    /// `null` takes away; a fault is remembered as one.
    fn said(&mut self, node: &Node, read: impl FnOnce(&mut Self, &Node) -> Option<Said>) -> Said {
        if node.is_null() {
            return Said::Nothing;
        }
        read(self, node).unwrap_or(Said::Faulty)
    }

    /// `{source: …, kustomization: …}`, where either may be left out.
    fn by_kind(
        &mut self,
        node: &Node,
        settings: &mut Settings,
        source: Field,
        kustomization: Field,
    ) {
        let mut say = |field, span, value| settings.0.push(Setting { field, span, value });
        if node.is_null() {
            say(source, node.span, Said::Nothing);
            say(kustomization, node.span, Said::Nothing);
            return;
        }
        let Some(fields) = self.fields(node, &["source", "kustomization"]) else {
            say(source, node.span, Said::Faulty);
            say(kustomization, node.span, Said::Faulty);
            return;
        };
        for (key, field) in [("source", source), ("kustomization", kustomization)] {
            if let Some(value) = fields.get(key) {
                let said = self.said(value, Self::timeout);
                say(field, value.span, said);
            }
        }
    }

    fn timeout(&mut self, node: &Node) -> Option<Said> {
        self.positive_duration(node).map(Said::Duration)
    }

    fn said_flag(&mut self, node: &Node) -> Option<Said> {
        self.flag(node).map(Said::Flag)
    }

    fn any_text(&mut self, node: &Node) -> Option<Said> {
        Some(Said::Text(self.filled_text(node)?.into()))
    }

    fn label_name(&mut self, node: &Node) -> Option<Said> {
        let with_gaps = self.with_gaps(node, Pattern::read, names::dns_label);
        with_gaps.or_else(|| Some(Said::Text(self.dns_label(node)?)))
    }

    /// A text with gaps, which is sound with sound names in them; `None` for a text without.
    fn with_gaps(
        &mut self,
        node: &Node,
        read: impl Fn(&str) -> Result<Pattern, (String, String)>,
        verdict: impl Fn(&str) -> Result<(), String>,
    ) -> Option<Said> {
        let text = node.as_str().filter(|text| text.contains(['{', '}']))?;
        let pattern = match read(text) {
            Ok(pattern) => pattern,
            Err((message, hint)) => {
                self.error(node.span, message, hint);
                return Some(Said::Faulty);
            }
        };
        if !pattern.has_gaps() {
            return None;
        }
        let filled = pattern.fill(Filling::EXAMPLE);
        if let Err(reason) = verdict(&filled) {
            self.error(
                node.span,
                format!("`{text}` makes no name: {reason}"),
                "write it as `team-{project}`: small letters, digits and `-` around the gaps",
            );
            return Some(Said::Faulty);
        }
        Some(Said::Pattern(pattern))
    }

    /// A name of at most 63 letters, digits and `-`.
    pub(super) fn dns_label(&mut self, node: &Node) -> Option<Arc<str>> {
        let text = self.filled_text(node)?;
        let Err(reason) = names::dns_label(text) else {
            return Some(text.into());
        };
        let message = format!("`{text}` is no name: {reason}");
        let near = text.to_lowercase().replace(['_', '.', ' '], "-");
        if names::dns_label(&near).is_ok() {
            self.error(node.span, message, format!("write `{near}`"));
        } else {
            self.error(
                node.span,
                message,
                "write a name as `web-1`: small letters, digits and `-`, 63 at most",
            );
        }
        None
    }

    fn object_name(&mut self, node: &Node) -> Option<Said> {
        if let Some(said) = self.with_gaps(node, Pattern::read, names::dns_subdomain) {
            return Some(said);
        }
        let text = self.filled_text(node)?;
        match names::dns_subdomain(text) {
            Ok(()) => Some(Said::Text(text.into())),
            Err(reason) => {
                self.error(
                    node.span,
                    format!("`{text}` is no name of an object: {reason}"),
                    "write the name as `kubectl get secrets` shows it",
                );
                None
            }
        }
    }

    fn repository_path(&mut self, node: &Node) -> Option<Said> {
        let text = self.filled_text(node)?;
        if let Some(reason) = leaves_the_repository(text) {
            self.error(
                node.span,
                format!("path `{text}` {reason}"),
                "write a path below the repository's root, as `./deploy`",
            );
            return None;
        }
        // names have no `..` and no `/`: what is filled in leads out of nothing
        let with_gaps = self.with_gaps(node, Pattern::read_path, |_| Ok(()));
        with_gaps.or_else(|| Some(Said::Text(text.into())))
    }

    fn names(&mut self, node: &Node) -> Option<Said> {
        self.pattern(node).map(Said::Pattern)
    }

    pub(super) fn pattern(&mut self, node: &Node) -> Option<Pattern> {
        let text = self.filled_text(node)?;
        match Pattern::read(text) {
            Ok(pattern) => Some(pattern),
            Err((message, hint)) => {
                self.error(node.span, message, hint);
                None
            }
        }
    }

    fn webhook(&mut self, node: &Node) -> Option<Said> {
        if matches!(node.value, Value::Mapping(_)) {
            let fields = self.fields(node, &["after"])?;
            let after = fields.required("after", self)?;
            let after = self.positive_duration(after)?;
            return Some(Said::Webhook(Webhook::After(after)));
        }
        let on = self.flag(node)?;
        Some(Said::Webhook(if on { Webhook::On } else { Webhook::Off }))
    }

    fn watch_path<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        let text = self.filled_text(node)?;
        let Err((reason, hint)) = watch_path_fault(text) else {
            return Some(text);
        };
        self.error(node.span, format!("`{text}` {reason}"), hint);
        None
    }

    fn watch_paths(&mut self, node: &Node) -> Option<Said> {
        let mut texts = Vec::new();
        let mut is_sound = true;
        for item in self.list(node)? {
            match self.watch_path(item) {
                Some(text) => texts.push((item.span, text.into())),
                None => is_sound = false,
            }
        }
        is_sound.then_some(Said::Texts(texts))
    }
}

/// Why a text is no pattern of paths below the root of a repository, and how to mend it.
fn watch_path_fault(text: &str) -> Result<(), (&'static str, String)> {
    const FORM: &str = "write it from the root of the repository, as `deploy/**`";
    let below = text
        .strip_prefix("./")
        .unwrap_or(text)
        .trim_end_matches('/');
    if text.trim() != text || matches!(below, "" | ".") {
        return Err((
            "names no path",
            format!("{FORM}; leave `watchPaths` out for all of it"),
        ));
    }
    if let Some(rest) = text.strip_prefix('/') {
        return Err((
            "starts with `/`",
            format!("write `{}`", rest.trim_start_matches('/')),
        ));
    }
    if text.contains(',') {
        return Err(("holds a comma", "write two items of the list".to_owned()));
    }
    if below.split('/').any(|part| part == "..") {
        return Err(("holds `..`, which no changed path has", FORM.to_owned()));
    }
    match globset::Glob::new(below) {
        Ok(_) => Ok(()),
        Err(_) => Err(("is no pattern", FORM.to_owned())),
    }
}

fn entry<'n>(entries: &'n [Entry], key: &str) -> Option<&'n Entry> {
    entries.iter().find(|entry| entry.key == key)
}

/// Why a path is none below the root of a repository.
fn leaves_the_repository(path: &str) -> Option<&'static str> {
    if path.contains('\0') {
        return Some("holds a NUL");
    }
    let mut depth = 0_usize;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return Some("leaves the repository"),
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::leaves_the_repository;

    #[test]
    fn a_path_may_turn_back_but_not_above_the_root() {
        assert_eq!(leaves_the_repository("./a/../b"), None);
        assert_eq!(leaves_the_repository("a/.."), None);
        assert_eq!(
            leaves_the_repository("a/../../b"),
            Some("leaves the repository")
        );
    }
}
