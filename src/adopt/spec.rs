//! What the spec of an object asks for, in the words of the configuration, or why these cannot say it.

use serde_json::{Map, Value};

use crate::config::{KUSTOMIZATION_TAKEN, Pattern, SOURCE_TAKEN, check_reference};
use crate::flux::yaml::Node;
use crate::flux::{RepositoryUrl, duration, names};

use super::found::{Deletes, Found, Kind};
use super::unit::Unit;

impl Found {
    /// That of a source.
    ///
    /// # Errors
    /// Why it cannot be said, in words that follow the object.
    pub(super) fn say_source(&mut self, spec: &Node) -> Result<(), String> {
        let text = |key: &str| spec.get(key).and_then(Node::as_str).unwrap_or_default();
        self.url = text("url").to_owned();
        match RepositoryUrl::read(&self.url) {
            Ok(url) if url.flux_url() == self.url => {}
            Ok(_) => return Err("its URL would be written in another form".to_owned()),
            Err(fault) => return Err(format!("its URL cannot be said: {fault}")),
        }
        let timeout = match text("timeout") {
            "" => "60s",
            timeout => timeout,
        };
        self.want(
            Unit::of("intervals", "source"),
            length("interval", text("interval"))?,
        );
        self.want(Unit::of("timeouts", "source"), length("timeout", timeout)?);
        let reference = spec.get("ref").map_or(Value::Null, Node::to_json);
        for (key, value) in reference.as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            check_reference(key, value)
                .map_err(|reason| format!("its {key} `{value}` cannot be said: {reason}"))?;
        }
        self.want(Unit::key("ref"), reference);
        if let Some(secret) = spec.get("secretRef") {
            let name = secret
                .get("name")
                .and_then(Node::as_str)
                .unwrap_or_default();
            names::dns_subdomain(name)
                .map_err(|reason| format!("the name of its Secret is none: {reason}"))?;
            self.want(Unit::key("secretRef"), Value::from(name));
        }
        if let Some(provider) = spec.get("provider").and_then(Node::as_str) {
            self.want(Unit::key("provider"), Value::from(provider));
        }
        self.flag(spec, "suspend");
        let key = if self.kind == Kind::Oci {
            "ociRepository"
        } else {
            "gitRepository"
        };
        self.rest(spec, key, SOURCE_TAKEN);
        Ok(())
    }

    /// That of a Kustomization.
    ///
    /// # Errors
    /// Why it cannot be said, in words that follow the object.
    pub(super) fn say_kustomization(&mut self, spec: &Node) -> Result<(), String> {
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
        let interval = text(spec, "interval").unwrap_or_default();
        self.want(
            Unit::of("intervals", "kustomization"),
            length("interval", &interval)?,
        );
        let timeout = match text(spec, "timeout") {
            Some(timeout) => length("timeout", &timeout)?,
            None => Value::Null,
        };
        // that nothing is said is said here: there is a timeout built in
        self.wanted
            .insert(Unit::of("timeouts", "kustomization"), timeout);
        if let Some(retry) = text(spec, "retryInterval") {
            self.want(Unit::key("retryInterval"), length("retryInterval", &retry)?);
        }
        if let Some(path) = text(spec, "path") {
            if path.split('/').any(|part| part == "..") {
                return Err("its path has `..`, which may leave the repository".to_owned());
            }
            if Pattern::read_path(&path).map_or(true, |path| path.has_gaps()) {
                return Err("its path has braces, between which we read names".to_owned());
            }
            self.want(Unit::key("path"), Value::from(path));
        }
        if let Some(target) = text(spec, "targetNamespace") {
            names::dns_label(&target)
                .map_err(|reason| format!("its target namespace is none: {reason}"))?;
            self.want(Unit::key("targetNamespace"), Value::from(target));
        }
        if let Some(account) = text(spec, "serviceAccountName") {
            names::dns_subdomain(&account)
                .map_err(|reason| format!("its ServiceAccount's name is none: {reason}"))?;
            self.want(Unit::key("serviceAccountName"), Value::from(account));
        }
        let prune = spec.get("prune").and_then(Node::as_bool) == Some(true);
        self.want(Unit::key("prune"), Value::from(prune));
        self.flag(spec, "wait");
        self.flag(spec, "suspend");
        let keeps = |policy: &String| ["MirrorPrune", "Orphan"].contains(&&**policy);
        let policy = text(spec, "deletionPolicy").filter(|policy| !keeps(policy));
        self.deletes = (prune || policy.is_some()).then_some(Deletes {
            prunes: prune,
            policy,
        });
        self.source_reference(spec)?;
        for (index, item) in sequence(spec.get("dependsOn")).iter().enumerate() {
            if let Some(entry) = item.entry("readyExpr") {
                return Err(format!(
                    "`dependsOn[{index}].{}` has no key of ours",
                    entry.key
                ));
            }
            let name = text(item, "name").unwrap_or_default();
            let namespace = text(item, "namespace").unwrap_or_else(|| self.namespace.clone());
            for name in [&name, &namespace] {
                names::dns_label(name).map_err(|reason| {
                    format!("it waits for `{name}`, which is no name: {reason}")
                })?;
            }
            self.waits_for.push((namespace, name));
        }
        let post_build = spec.get("postBuild");
        let substitute = post_build.and_then(|it| it.get("substitute"));
        for one in substitute.and_then(Node::as_mapping).unwrap_or_default() {
            names::variable(&one.key)
                .map_err(|reason| format!("its variable `{}` is none: {reason}", one.key))?;
            let value = one.node.as_str().unwrap_or_default();
            self.want(Unit::of("substitutions", &one.key), Value::from(value));
        }
        self.rest(spec, "kustomization", KUSTOMIZATION_TAKEN);
        let unit = Unit::of("kustomization", "postBuild");
        if let Some(Value::Object(rest)) = self.wanted.get_mut(&unit)
            && rest.shift_remove("substitute").is_some()
            && rest.is_empty()
        {
            self.wanted.remove(&unit);
        }
        Ok(())
    }

    fn source_reference(&mut self, spec: &Node) -> Result<(), String> {
        let reference = spec.get("sourceRef");
        let text = |key| {
            let found = reference.and_then(|it| it.get(key)).and_then(Node::as_str);
            found.unwrap_or_default().to_owned()
        };
        let name = text("name");
        let namespace = match text("namespace") {
            empty if empty.is_empty() => self.namespace.clone(),
            namespace => namespace,
        };
        for name in [&name, &namespace] {
            names::dns_label(name)
                .map_err(|reason| format!("its source `{name}` is no name of ours: {reason}"))?;
        }
        self.source = Some((text("kind"), namespace, name));
        Ok(())
    }

    fn flag(&mut self, spec: &Node, key: &'static str) {
        if spec.get(key).and_then(Node::as_bool) == Some(true) {
            self.want(Unit::key(key), Value::from(true));
        }
    }

    /// All fields that have no key of ours.
    fn rest(&mut self, spec: &Node, key: &'static str, taken: &[(&str, &str)]) {
        for entry in spec.as_mapping().unwrap_or_default() {
            if taken.iter().all(|(field, _)| *field != entry.key) {
                let value = without_nulls(entry.node.to_json());
                self.want(Unit::of(key, &entry.key), value);
            }
        }
    }
}

fn sequence(node: Option<&Node>) -> &[Node] {
    node.and_then(Node::as_sequence).unwrap_or_default()
}

/// In a map of the configuration a `null` takes away; the API server drops it.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let kept = entries.into_iter().filter(|(_, value)| !value.is_null());
            let kept = kept.map(|(key, value)| (key, without_nulls(value)));
            Value::Object(kept.collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// A duration in its shortest form.
fn length(field: &str, text: &str) -> Result<Value, String> {
    match duration::read(text) {
        Ok(length) if length.is_zero() => Err(format!("its {field} is zero")),
        Ok(length) => Ok(Value::from(duration::write(length))),
        Err(fault) => Err(format!("its {field} cannot be said: {fault}")),
    }
}
