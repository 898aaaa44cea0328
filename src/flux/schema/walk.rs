//! A manifest held against a compiled schema, node by node.
//!
//! The API server goes three times over an object that it creates by an apply: once for names and
//! rough types, status included; then it fills in defaults and drops the status; then it checks
//! values. Here one walk does all three, so it must know what the passes differ in: a `null` is
//! no fault of the first and mostly one of the last, and only the last minds values.
//!
//! Sources: `sigs.k8s.io/structured-merge-diff`, `typed/validate.go`; `k8s.io/apiextensions-apiserver`,
//! `pkg/apiserver/schema/defaulting`; `k8s.io/kube-openapi`, `pkg/validation/validate`.

use std::collections::HashSet;

use super::bounds;
use super::compile::{Kind, List, Others, Parts, Schema};
use super::metadata;
use super::value::{Plain, entry, from_json, is_whole, read, same};
use crate::flux::fault::{Fault, Path, nearest};
use crate::flux::yaml::{Entry, Node, Span, Value};

/// All that was found so far in one document.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) faults: Vec<Fault>,
}

impl Walk {
    pub(super) fn fault(
        &mut self,
        span: Span,
        path: &Path<'_>,
        message: impl Into<String>,
    ) -> &mut Fault {
        self.faults
            .push(Fault::api(span, path.to_string(), message));
        let last = self.faults.len() - 1;
        &mut self.faults[last]
    }

    /// Holds `node` against `schema`; with `types_only` values do not count.
    pub(super) fn node(&mut self, schema: &Schema, node: &Node, path: &Path<'_>, types_only: bool) {
        let values_count = !types_only;
        let types_only = types_only || schema.types_only;
        let found = self.faults.len();
        match read(node) {
            Plain::Null => {
                if !types_only {
                    self.null(schema, node, path);
                }
                return;
            }
            Plain::Float(float) if !float.is_finite() => {
                self.fault(node.span, path, "JSON has no such number");
                return;
            }
            value if !fits(schema, &value, types_only) => {
                self.wrong_type(schema, node, &value, path);
                return;
            }
            Plain::Map(entries) => self.map(schema, node, entries, path, types_only),
            Plain::List(items) => self.list(schema, items, path, types_only),
            _ => {}
        }
        if !types_only && let Some(checks) = &schema.checks {
            bounds::check(self, checks, node, path);
        }
        // Rules and alternatives see an object that is sound as far as it goes, with its defaults.
        if values_count && self.faults.len() == found {
            self.whole(schema, node, path);
        }
    }

    fn null(&mut self, schema: &Schema, node: &Node, path: &Path<'_>) {
        if !schema.nullable && schema.default.is_some() {
            return;
        }
        if !schema.takes_null() {
            self.fault(
                node.span,
                path,
                format!("must be {}, not null", noun(schema)),
            )
            .hint = Some("give it a value, or leave the key out".into());
        } else if schema
            .checks
            .as_ref()
            .is_some_and(|checks| !checks.one_of.is_empty())
        {
            self.fault(node.span, path, "must be one of the known values, not null");
        }
    }

    fn wrong_type(&mut self, schema: &Schema, node: &Node, value: &Plain<'_>, path: &Path<'_>) {
        let fault = self.fault(
            node.span,
            path,
            format!("must be {}, not {}", noun(schema), value.noun()),
        );
        if let (Kind::Text | Kind::IntOrString, Value::Scalar(scalar)) = (schema.kind, &node.value)
        {
            fault.hint = Some(format!("quote it: `{:?}`", scalar.text));
        } else if let (Kind::Boolean | Kind::Integer | Kind::Number, Plain::Text(text)) =
            (schema.kind, value)
        {
            let bare = Node {
                span: node.span,
                value: Value::Scalar(crate::flux::yaml::Scalar {
                    text: text.to_string().into(),
                    plain: true,
                }),
            };
            if fits(schema, &read(&bare), false) {
                fault.hint = Some(format!("write it without quotes: `{text}`"));
            }
        }
    }

    fn map(
        &mut self,
        schema: &Schema,
        node: &Node,
        entries: &[Entry],
        path: &Path<'_>,
        types_only: bool,
    ) {
        let mut seen = Seen::default();
        let mut others = 0;
        for one in entries {
            let at = path.key(&one.key);
            if let Some(index) = schema.find(&one.key) {
                if !seen.insert(index) {
                    self.twice(one, &at);
                }
                self.node(&schema.properties[index].schema, &one.node, &at, types_only);
                continue;
            }
            others += 1;
            match &schema.others {
                Others::Of(schema) => self.node(schema, &one.node, &at, types_only),
                Others::Anything => self.anything(&one.node, &at),
                Others::Refused => self.unknown(schema, one, &at),
            }
        }
        if others > 1 {
            self.duplicates(entries, |key| schema.find(key).is_none(), path);
        }
        if !types_only {
            self.required(schema, node, entries, &seen, path);
            if schema.embedded {
                metadata::embedded(self, node, entries, path);
            }
        }
    }

    fn unknown(&mut self, schema: &Schema, one: &Entry, path: &Path<'_>) {
        let known = schema.properties.iter().map(|property| &*property.name);
        let hint = nearest(&one.key, known).map(|name| format!("did you mean `{name}`?"));
        self.fault(one.key_span, path, format!("unknown field `{}`", one.key))
            .hint = hint;
    }

    fn twice(&mut self, one: &Entry, path: &Path<'_>) {
        self.fault(
            one.key_span,
            path,
            format!("the key `{}` is written twice", one.key),
        );
    }

    fn duplicates(&mut self, entries: &[Entry], counts: impl Fn(&str) -> bool, path: &Path<'_>) {
        if entries.len() <= 8 {
            for (at, one) in entries.iter().enumerate().skip(1) {
                if entries[..at].iter().any(|earlier| earlier.key == one.key) && counts(&one.key) {
                    self.twice(one, &path.key(&one.key));
                }
            }
            return;
        }
        let mut keys = HashSet::with_capacity(entries.len());
        for one in entries {
            if !keys.insert(&*one.key) && counts(&one.key) {
                self.twice(one, &path.key(&one.key));
            }
        }
    }

    /// What a schema says nothing about: only keys that are written twice are a fault there.
    fn anything(&mut self, node: &Node, path: &Path<'_>) {
        match &node.value {
            Value::Scalar(_) => {
                if matches!(read(node), Plain::Float(float) if !float.is_finite()) {
                    self.fault(node.span, path, "JSON has no such number");
                }
            }
            Value::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.anything(item, &path.index(index));
                }
            }
            Value::Mapping(entries) => {
                self.duplicates(entries, |_| true, path);
                for one in entries {
                    self.anything(&one.node, &path.key(&one.key));
                }
            }
        }
    }

    fn required(
        &mut self,
        schema: &Schema,
        node: &Node,
        entries: &[Entry],
        seen: &Seen,
        path: &Path<'_>,
    ) {
        for (index, property) in schema.properties.iter().enumerate() {
            let missing = property.required
                && property.schema.default.is_none()
                && !seen.has(index, entries, property);
            if missing {
                self.fault(
                    node.span,
                    &path.key(&property.name),
                    format!("`{}` is required", property.name),
                );
            }
        }
        for name in &schema.required_others {
            if entry(entries, name).is_none() {
                self.fault(node.span, &path.key(name), format!("`{name}` is required"));
            }
        }
        let Some(checks) = &schema.checks else {
            return;
        };
        if checks.min_properties.is_some() || checks.max_properties.is_some() {
            let absent = schema
                .properties
                .iter()
                .enumerate()
                .filter(|(index, property)| {
                    property.schema.default.is_some() && !seen.has(*index, entries, property)
                });
            let count = entries.len() + absent.count();
            bounds::count_keys(self, checks, count as u64, node, path);
        }
    }

    fn list(&mut self, schema: &Schema, items: &[Node], path: &Path<'_>, types_only: bool) {
        self.tell_apart(schema, items, path, types_only);
        for (index, item) in items.iter().enumerate() {
            let at = path.index(index);
            match &schema.items {
                Some(schema) => self.node(schema, item, &at, types_only),
                None => self.anything(item, &at),
            }
        }
    }

    /// Elements of a set must differ, those of a keyed list in their keys.
    fn tell_apart(&mut self, schema: &Schema, items: &[Node], path: &Path<'_>, types_only: bool) {
        match &schema.list {
            List::Atomic => {}
            List::Set => {
                for (index, item) in items.iter().enumerate() {
                    let at = path.index(index);
                    let value = read(item);
                    if !value.is_scalar() {
                        self.fault(
                            item.span,
                            &at,
                            format!("an element of a set cannot be {}", value.noun()),
                        );
                    } else if items[..index].iter().any(|earlier| same(earlier, item)) {
                        self.fault(item.span, &at, "is in the set already");
                    }
                }
            }
            List::Map(keys) => {
                let mut known: Vec<Vec<Option<Node>>> = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let at = path.index(index);
                    let Plain::Map(entries) = read(item) else {
                        let noun = read(item).noun();
                        self.fault(
                            item.span,
                            &at,
                            format!("must be a map with its keys, not {noun}"),
                        );
                        continue;
                    };
                    let values: Vec<Option<Node>> = keys
                        .iter()
                        .map(|key| key_value(schema, entries, key, item.span, types_only))
                        .collect();
                    if values.iter().all(Option::is_none) {
                        self.fault(
                            item.span,
                            &at,
                            format!("`{}` is required", keys.join("`, `")),
                        );
                        continue;
                    }
                    let is_same = |earlier: &Vec<Option<Node>>| {
                        earlier.iter().zip(&values).all(|pair| match pair {
                            (Some(a), Some(b)) => same(a, b),
                            (None, None) => true,
                            _ => false,
                        })
                    };
                    if known.iter().any(is_same) {
                        let names = keys.join("` and `");
                        self.fault(
                            item.span,
                            &at,
                            format!("another element has the same `{names}`"),
                        );
                    }
                    known.push(values);
                }
            }
        }
    }

    fn whole(&mut self, schema: &Schema, node: &Node, path: &Path<'_>) {
        let rules = schema.rules.as_ref().filter(|rules| match &node.value {
            Value::Mapping(entries) => !rules.hold_for(entries),
            _ => true,
        });
        if rules.is_none() && schema.parts.is_none() {
            return;
        }
        let whole = with_defaults(schema, node);
        if let Some(parts) = &schema.parts {
            self.parts(parts, &whole, path);
        }
        for broken in rules.iter().flat_map(|rules| rules.broken(&whole)) {
            if broken.unknown {
                self.fault(
                    node.span,
                    path,
                    format!(
                        "cannot check the rule `{}`: {}",
                        broken.rule, broken.message
                    ),
                );
                if let Some(last) = self.faults.pop() {
                    self.faults.push(last.warning());
                }
                continue;
            }
            let fault = self.fault(node.span, path, broken.message.clone());
            if broken.message != broken.rule {
                fault.hint = Some(format!("the rule is `{}`", broken.rule));
            }
        }
    }

    fn parts(&mut self, parts: &Parts, node: &Node, path: &Path<'_>) {
        let faults_of = |schema: &Schema| {
            let mut walk = Walk::default();
            walk.node(schema, node, path, false);
            walk.faults
        };
        for part in &parts.all {
            self.faults.extend(faults_of(part));
        }
        let any: Vec<_> = parts.any.iter().map(&faults_of).collect();
        if !any.is_empty() && !any.iter().any(Vec::is_empty) {
            let hint = alternatives(&any);
            self.fault(node.span, path, "fits none of the forms that it may have")
                .hint = hint;
        }
        let one: Vec<_> = parts.one.iter().map(&faults_of).collect();
        let fitting = one.iter().filter(|faults| faults.is_empty()).count();
        if !one.is_empty() && fitting != 1 {
            let hint = (fitting == 0).then(|| alternatives(&one)).flatten();
            let message = if fitting == 0 {
                "fits none of the forms of which it must have one".to_string()
            } else {
                format!("fits {fitting} of the forms of which it must have exactly one")
            };
            self.fault(node.span, path, message).hint = hint;
        }
        if let Some(not) = &parts.not
            && faults_of(not).is_empty()
        {
            self.fault(node.span, path, "has a form that it must not have");
        }
    }
}

fn alternatives(all: &[Vec<Fault>]) -> Option<String> {
    let firsts = all.iter().filter_map(|faults| faults.first());
    let texts: Vec<String> = firsts
        .map(|fault| format!("`{}` {}", fault.path, fault.message))
        .collect();
    (!texts.is_empty()).then(|| texts.join("; or "))
}

/// The value that tells an element of a keyed list apart, with its default; where values count, a
/// `null` has become the default.
fn key_value(
    schema: &Schema,
    entries: &[Entry],
    key: &str,
    span: Span,
    types_only: bool,
) -> Option<Node> {
    let items = schema.items.as_ref();
    let property = items.and_then(|items| items.properties.get(items.find(key)?));
    let default = property.and_then(|property| property.schema.default.as_ref());
    let found = entry(entries, key).map(|one| &one.node);
    match (found, default, property) {
        (Some(node), Some(default), Some(property))
            if !types_only && !property.schema.nullable && read(node) == Plain::Null =>
        {
            Some(from_json(default, span))
        }
        (Some(node), ..) => Some(node.clone()),
        (None, default, _) => default.map(|default| from_json(default, span)),
    }
}

/// The node as the API server holds it after it filled in defaults and dropped what is dropped.
pub(super) fn with_defaults(schema: &Schema, node: &Node) -> Node {
    let span = node.span;
    let filled = |schema: Option<&Schema>, node: &Node| match schema {
        Some(schema) => match (&schema.default, read(node)) {
            (Some(default), Plain::Null) if !schema.nullable => {
                with_defaults(schema, &from_json(default, node.span))
            }
            _ => with_defaults(schema, node),
        },
        None => node.clone(),
    };
    let value = match &node.value {
        Value::Scalar(scalar) => Value::Scalar(scalar.clone()),
        Value::Sequence(items) => Value::Sequence(
            items
                .iter()
                .map(|item| filled(schema.items.as_deref(), item))
                .collect(),
        ),
        Value::Mapping(entries) => {
            let mut all = Vec::with_capacity(entries.len() + schema.defaulted);
            for one in entries {
                let child = match (schema.find(&one.key), &schema.others) {
                    (Some(index), _) => Some(&schema.properties[index].schema),
                    (None, Others::Of(schema)) => Some(&**schema),
                    _ => None,
                };
                if child.is_some_and(|child| child.dropped) {
                    continue;
                }
                all.push(Entry {
                    node: filled(child, &one.node),
                    ..one.clone()
                });
            }
            for property in &schema.properties {
                if let Some(default) = &property.schema.default
                    && entry(entries, &property.name).is_none()
                {
                    all.push(Entry {
                        key: property.name.to_string().into(),
                        key_span: span,
                        node: with_defaults(&property.schema, &from_json(default, span)),
                    });
                }
            }
            Value::Mapping(all)
        }
    };
    Node { span, value }
}

fn fits(schema: &Schema, value: &Plain<'_>, types_only: bool) -> bool {
    let whole = |value: &Plain<'_>| match value {
        Plain::Int(_) => true,
        Plain::Float(float) => types_only || is_whole(*float),
        _ => false,
    };
    match schema.kind {
        Kind::Any => true,
        Kind::Object => matches!(value, Plain::Map(_)),
        Kind::Array => matches!(value, Plain::List(_)),
        Kind::Text if types_only && schema.has_format => value.is_scalar(),
        Kind::Text => matches!(value, Plain::Text(_)),
        Kind::Integer => whole(value),
        Kind::Number => matches!(value, Plain::Int(_) | Plain::Float(_)),
        Kind::Boolean => matches!(value, Plain::Bool(_)),
        Kind::IntOrString => types_only || whole(value) || matches!(value, Plain::Text(_)),
    }
}

fn noun(schema: &Schema) -> &'static str {
    match schema.kind {
        Kind::Any => "a value",
        Kind::Object => "a map",
        Kind::Array => "a list",
        Kind::Text => "a string",
        Kind::Integer => "an integer",
        Kind::Number => "a number",
        Kind::Boolean => "a boolean",
        Kind::IntOrString => "an integer or a string",
    }
}

/// Which properties of a schema a mapping has; the first 256 are remembered.
#[derive(Debug, Default)]
struct Seen([u64; 4]);

impl Seen {
    /// `false` if it was there already.
    fn insert(&mut self, index: usize) -> bool {
        let Some(word) = self.0.get_mut(index / 64) else {
            return true;
        };
        let bit = 1 << (index % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }

    fn has(&self, index: usize, entries: &[Entry], property: &super::compile::Property) -> bool {
        match self.0.get(index / 64) {
            Some(word) => word & (1 << (index % 64)) != 0,
            None => entry(entries, &property.name).is_some(),
        }
    }
}
