//! A manifest held against a compiled schema, node by node.
//!
//! The API server goes three times over an object that it creates by an apply: once for names and
//! rough types, status included; then it fills in defaults and drops the status; then it checks
//! values. Here one walk does all three, so it must know what the passes differ in: a `null` is
//! no fault of the first and mostly one of the last, and only the last minds values.
//!
//! Sources: `sigs.k8s.io/structured-merge-diff`, `typed/validate.go`; `k8s.io/apiextensions-apiserver`,
//! `pkg/apiserver/schema/defaulting`; `k8s.io/kube-openapi`, `pkg/validation/validate`.

use super::bounds;
use super::defaults::with_defaults;
use super::elements;
use super::found::Found;
use super::keys::{self, Seen};
use super::metadata;
use super::rules::Rules;
use super::shape::{Kind, Others, Parts, Schema};
use super::value::{Plain, entry, read};
use crate::flux::fault::{Fault, Path};
use crate::flux::yaml::{Entry, Node, Value};

/// Holds `node` against `schema`; with `types_only` values do not count.
pub(super) fn hold(
    found: &mut Found,
    schema: &Schema,
    node: &Node,
    path: &Path<'_>,
    types_only: bool,
) {
    let values_count = !types_only;
    let types_only = types_only || schema.types_only;
    let before = found.faults.len();
    match read(node) {
        Plain::Null => {
            if !types_only {
                hold_null(found, schema, node, path);
            }
            return;
        }
        Plain::Float(float) if !float.is_finite() => {
            not_finite(found, node, path);
            return;
        }
        value if !schema.fits(&value, types_only) => {
            wrong_type(found, schema, node, &value, path);
            return;
        }
        Plain::Map(entries) => hold_map(found, schema, node, entries, path, types_only),
        Plain::List(items) => hold_list(found, schema, items, path, types_only),
        _ => {}
    }
    if !types_only && let Some(checks) = &schema.checks {
        bounds::check(found, checks, node, path);
    }
    // Rules and alternatives see an object that is sound as far as it goes, with its defaults.
    if values_count && found.faults.len() == before {
        hold_whole(found, schema, node, path);
    }
}

fn not_finite(found: &mut Found, node: &Node, path: &Path<'_>) {
    let text = node.as_scalar().map_or("", |scalar| &scalar.text);
    found
        .fault(
            node.span,
            path,
            format!("`{text}` is a number that JSON cannot hold"),
        )
        .hint = Some("write a finite number, or quote it if it is text".into());
}

fn hold_null(found: &mut Found, schema: &Schema, node: &Node, path: &Path<'_>) {
    if !schema.nullable && schema.default.is_some() {
        return;
    }
    if !schema.takes_null() {
        found
            .fault(
                node.span,
                path,
                format!("must be {}, not null", schema.noun()),
            )
            .hint = Some("give it a value, or leave the key out".into());
    } else if schema
        .checks
        .as_ref()
        .is_some_and(|checks| !checks.one_of.is_empty())
    {
        found
            .fault(node.span, path, "must be one of the known values, not null")
            .hint = Some("give it a value, or leave the key out".into());
    }
}

fn wrong_type(found: &mut Found, schema: &Schema, node: &Node, value: &Plain<'_>, path: &Path<'_>) {
    let fault = found.fault(
        node.span,
        path,
        format!("must be {}, not {}", schema.noun(), value.noun()),
    );
    fault.hint = match schema.kind {
        Kind::Object => Some("write `key: value` pairs below it".into()),
        Kind::Array => Some("write each item on a line of its own, behind `- `".into()),
        Kind::Text | Kind::IntOrString => Some("write a text".into()),
        Kind::Integer => Some("write a whole number".into()),
        Kind::Number => Some("write a number".into()),
        Kind::Boolean => Some("write `true` or `false`".into()),
        Kind::Any => None,
    };
    if let (Kind::Text | Kind::IntOrString, Value::Scalar(scalar)) = (schema.kind, &node.value) {
        // Quotes do not help what would not match then.
        let pattern = schema
            .checks
            .as_ref()
            .and_then(|checks| checks.pattern.as_ref());
        let misfit = pattern.filter(|pattern| !pattern.is_match(&scalar.text));
        fault.hint = misfit
            .and_then(|pattern| pattern.hint(&scalar.text))
            .or_else(|| Some(format!("quote it: `{:?}`", scalar.text)));
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
        if schema.fits(&read(&bare), false) {
            fault.hint = Some(format!("write it without quotes: `{text}`"));
        }
    }
}

fn hold_map(
    found: &mut Found,
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
                keys::twice(found, one, &at);
            }
            hold(
                found,
                &schema.properties[index].schema,
                &one.node,
                &at,
                types_only,
            );
            continue;
        }
        others += 1;
        match &schema.others {
            Others::Of(schema) => hold(found, schema, &one.node, &at, types_only),
            Others::Anything => hold_anything(found, &one.node, &at),
            Others::Refused => keys::unknown(found, schema, one, &at),
        }
    }
    if others > 1 {
        keys::duplicates(found, entries, |key| schema.find(key).is_none(), path);
    }
    if !types_only {
        required(found, schema, node, entries, &seen, path);
        if schema.embedded {
            metadata::embedded(found, node, entries, path);
        }
    }
}

/// What a schema says nothing about: only keys that are written twice are a fault there.
fn hold_anything(found: &mut Found, node: &Node, path: &Path<'_>) {
    match &node.value {
        Value::Scalar(_) => {
            if matches!(read(node), Plain::Float(float) if !float.is_finite()) {
                not_finite(found, node, path);
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                hold_anything(found, item, &path.index(index));
            }
        }
        Value::Mapping(entries) => {
            keys::duplicates(found, entries, |_| true, path);
            for one in entries {
                hold_anything(found, &one.node, &path.key(&one.key));
            }
        }
    }
}

fn required(
    found: &mut Found,
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
            found
                .fault(
                    node.span,
                    &path.key(&property.name),
                    format!("`{}` is required", property.name),
                )
                .hint = Some(format!(
                "add `{}:` with {}",
                property.name,
                property.schema.noun()
            ));
        }
    }
    for name in &schema.required_others {
        if entry(entries, name).is_none() {
            found
                .fault(node.span, &path.key(name), format!("`{name}` is required"))
                .hint = Some(format!("add `{name}:`"));
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
        bounds::count_keys(found, checks, count as u64, node, path);
    }
}

fn hold_list(
    found: &mut Found,
    schema: &Schema,
    items: &[Node],
    path: &Path<'_>,
    types_only: bool,
) {
    elements::tell_apart(found, schema, items, path, types_only);
    for (index, item) in items.iter().enumerate() {
        let at = path.index(index);
        match &schema.items {
            Some(schema) => hold(found, schema, item, &at, types_only),
            None => hold_anything(found, item, &at),
        }
    }
}

fn hold_whole(found: &mut Found, schema: &Schema, node: &Node, path: &Path<'_>) {
    let rules = schema.rules.as_ref().filter(|rules| match &node.value {
        Value::Mapping(entries) => !rules.hold_for(entries),
        _ => true,
    });
    if rules.is_none() && schema.parts.is_none() {
        return;
    }
    let whole = with_defaults(schema, node);
    if let Some(rules) = rules {
        fractions(found, schema, rules, &whole, path);
    }
    if let Some(parts) = &schema.parts {
        hold_parts(found, parts, &whole, path);
    }
    for broken in rules.iter().flat_map(|rules| rules.broken(&whole)) {
        if broken.unknown {
            found.fault(
                node.span,
                path,
                format!(
                    "cannot check the rule `{}`: {}",
                    broken.rule, broken.message
                ),
            );
            if let Some(last) = found.faults.pop() {
                let hint = "try it with `kubectl apply --dry-run=server`";
                found.faults.push(last.warning().hint(hint));
            }
            continue;
        }
        let fault = found.fault(node.span, path, broken.message.clone());
        if broken.message != broken.rule {
            fault.hint = Some(format!("the rule is `{}`", broken.rule));
        }
    }
}

/// The last check of values takes a number for an integer that is as near to one as a billionth;
/// CEL does not.
fn fractions(found: &mut Found, schema: &Schema, rules: &Rules, node: &Node, path: &Path<'_>) {
    let Plain::Map(entries) = read(node) else {
        return;
    };
    for one in entries {
        let Some(schema) = schema
            .find(&one.key)
            .map(|at| &schema.properties[at].schema)
        else {
            continue;
        };
        let at = path.key(&one.key);
        if schema.kind != Kind::Integer || !matches!(read(&one.node), Plain::Float(_)) {
            fractions(found, schema, rules, &one.node, &at);
        } else if let Some(rule) = rules.looking_at(&one.key) {
            let message = format!("must be an integer without a fraction for the rule `{rule}`");
            found.fault(one.node.span, &at, message);
        }
    }
}

fn hold_parts(found: &mut Found, parts: &Parts, node: &Node, path: &Path<'_>) {
    let faults_of = |schema: &Schema| {
        let mut found = Found::default();
        hold(&mut found, schema, node, path, false);
        found.faults
    };
    for part in &parts.all {
        found.faults.extend(faults_of(part));
    }
    let any: Vec<_> = parts.any.iter().map(&faults_of).collect();
    if !any.is_empty() && !any.iter().any(Vec::is_empty) {
        let hint = alternatives(&any);
        found
            .fault(node.span, path, "fits none of the forms that it may have")
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
        found.fault(node.span, path, message).hint = hint;
    }
    if let Some(not) = &parts.not
        && faults_of(not).is_empty()
    {
        found.fault(node.span, path, "has a form that it must not have");
    }
}

fn alternatives(all: &[Vec<Fault>]) -> Option<String> {
    let firsts = all.iter().filter_map(|faults| faults.first());
    let texts: Vec<String> = firsts
        .map(|fault| format!("`{}` {}", fault.path, fault.message))
        .collect();
    (!texts.is_empty()).then(|| texts.join("; or "))
}
