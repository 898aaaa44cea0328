//! Reading typed values out of a tree, telling every fault and going on.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::flux::yaml::{Entry, Node, Resolved, Span, Value};
use crate::flux::{duration, nearest};

use super::{Finding, Spanned};

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    pub(super) findings: Vec<Finding>,
    /// Places that may hold a secret, so that no excerpt and no message shows them.
    pub(super) secrets: HashSet<Span>,
}

/// A type of value that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Map,
    List,
    Text,
    Flag,
    Duration,
    /// Of an App or an installation.
    Id,
}

impl Wanted {
    /// What it is called, and how to write it; `found` is the text that stands there instead.
    fn words(self, found: &str) -> (&'static str, String) {
        let (name, hint) = match self {
            Self::Map => ("a map", "write `key: value` pairs below it"),
            Self::List if !found.is_empty() => return ("a list", format!("write `[{found}]`")),
            Self::List => (
                "a list",
                "write each item on a line of its own, behind `- `",
            ),
            Self::Text => ("text", "write a text, or leave the key out"),
            Self::Flag => ("true or false", "write `true` or `false`, without quotes"),
            Self::Duration => ("a duration", "write it as `90s` or `1h 30m`"),
            Self::Id => (
                "the number that GitHub shows",
                "write the number from the page of the App or of its installation",
            ),
        };
        (name, hint.to_owned())
    }
}

impl Decoder {
    /// Every fault is told with the way to mend it.
    pub(super) fn error(
        &mut self,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.findings
            .push(Finding::error(span, "", message).hint(hint));
    }

    pub(super) fn wrong_type(&mut self, node: &Node, wanted: Wanted) {
        let text = match node.as_str() {
            Some(text) if !self.is_hidden(node.span) => text,
            _ => "",
        };
        let (wanted, hint) = wanted.words(text);
        let message = format!("expected {wanted}, found {}", node.kind());
        self.error(node.span, message, hint);
    }

    /// A value of the right type that cannot be; it is told unless it may be a secret.
    fn wrong_value(&mut self, node: &Node, wanted: &str, hint: &str) {
        let found = match node.as_scalar() {
            Some(scalar) if !node.is_null() && !self.is_hidden(node.span) => {
                format!("`{}`", scalar.text)
            }
            _ => node.kind().to_owned(),
        };
        self.error(node.span, format!("expected {wanted}, found {found}"), hint);
    }

    /// The entries of a map, after saying which keys nobody knows.
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        known: &[&'static str],
    ) -> Option<Fields<'n>> {
        let entries = self.map(node)?;
        for entry in entries {
            if known.contains(&&*entry.key) {
                continue;
            }
            if self.is_hidden(entry.key_span) {
                self.error(
                    node.span,
                    "a key that nobody knows, without a value",
                    format!("known here: {}", known.join(", ")),
                );
            } else {
                self.unknown_key(entry, known);
            }
        }
        Some(Fields {
            entries,
            span: node.span,
        })
    }

    pub(super) fn unknown_key(&mut self, entry: &Entry, known: &[&'static str]) {
        let message = format!("unknown key `{}`", entry.key);
        let hint = match nearest(&entry.key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        self.error(entry.key_span, message, hint);
    }

    pub(super) fn map<'n>(&mut self, node: &'n Node) -> Option<&'n [Entry]> {
        if let Value::Mapping(entries) = &node.value {
            return Some(entries);
        }
        self.wrong_type(node, Wanted::Map);
        None
    }

    /// The items of a list; `None` with a finding where there is none.
    pub(super) fn list<'n>(&mut self, node: &'n Node) -> Option<&'n [Node]> {
        if let Value::Sequence(items) = &node.value {
            return Some(items);
        }
        self.wrong_type(node, Wanted::List);
        None
    }

    /// Text that every reader of YAML takes for text.
    pub(super) fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        let Value::Scalar(scalar) = &node.value else {
            self.wrong_type(node, Wanted::Text);
            return None;
        };
        if scalar.resolve() == Resolved::String && !scalar.ambiguous() {
            return Some(&scalar.text);
        }
        if matches!(scalar.resolve(), Resolved::Null) || self.is_hidden(node.span) {
            self.wrong_type(node, Wanted::Text);
        } else {
            self.error(
                node.span,
                format!("`{}` is not text to every reader of YAML", scalar.text),
                format!("quote it: \"{}\"", scalar.text),
            );
        }
        None
    }

    /// Text that is not empty.
    pub(super) fn filled_text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        let text = self.text(node)?;
        if text.is_empty() {
            self.error(
                node.span,
                "expected text, found an empty string",
                "write something, or leave the key out",
            );
            return None;
        }
        Some(text)
    }

    pub(super) fn flag(&mut self, node: &Node) -> Option<bool> {
        if let Value::Scalar(scalar) = &node.value
            && scalar.plain
            && !self.is_hidden(node.span)
        {
            match &*scalar.text {
                "true" => return Some(true),
                "false" => return Some(false),
                other if matches!(scalar.resolve(), Resolved::Bool(_)) => {
                    let meant = scalar.resolve() == Resolved::Bool(true);
                    self.error(
                        node.span,
                        format!("`{other}` is not the same to every reader of YAML"),
                        format!("write `{meant}`"),
                    );
                    return None;
                }
                _ => {}
            }
        }
        self.wrong_type(node, Wanted::Flag);
        None
    }

    /// A duration as people write it.
    pub(super) fn duration(&mut self, node: &Node) -> Option<Duration> {
        let Value::Scalar(scalar) = &node.value else {
            self.wrong_type(node, Wanted::Duration);
            return None;
        };
        match duration::read(&scalar.text) {
            Ok(duration) => Some(duration),
            Err(fault) => {
                self.error(node.span, fault.to_string(), fault.hint());
                None
            }
        }
    }

    /// A duration that is more than nothing.
    pub(super) fn positive_duration(&mut self, node: &Node) -> Option<Duration> {
        let duration = self.duration(node)?;
        if duration.is_zero() {
            self.error(
                node.span,
                "a duration of zero is of no use here",
                "write one of more than zero, as `1m`",
            );
            return None;
        }
        Some(duration)
    }

    /// A number from 0 on.
    pub(super) fn amount(&mut self, node: &Node) -> Option<f64> {
        let number = match &node.value {
            Value::Scalar(scalar) if scalar.plain => scalar.text.parse::<f64>().ok(),
            _ => None,
        };
        match number {
            Some(number) if number.is_finite() && number >= 0.0 => Some(number),
            _ => {
                self.wrong_value(
                    node,
                    "a number from 0 on",
                    "write it as `0`, `250` or `1.5`",
                );
                None
            }
        }
    }

    /// A share, written as `70%` or `0.7`.
    pub(super) fn share(&mut self, node: &Node) -> Option<f64> {
        let share = match &node.value {
            Value::Scalar(scalar) => parse_share(&scalar.text),
            _ => None,
        };
        if share.is_none() {
            self.wrong_value(
                node,
                "a share from 0% to 100%",
                "write it as `70%` or `0.7`",
            );
        }
        share
    }
}

/// Reads `70%` or `0.7` as 0.7; `None` for anything that is no share from 0 to 1.
pub fn parse_share(text: &str) -> Option<f64> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim_end().parse::<f64>().ok()? / 100.0,
        None => text.parse::<f64>().ok()?,
    };
    (0.0..=1.0).contains(&share).then_some(share)
}

/// The entries of one map whose keys are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'n> {
    pub(super) entries: &'n [Entry],
    pub(super) span: Span,
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub(super) fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, key: &'static str, decoder: &mut Decoder) -> Option<&'n Node> {
        let node = self.get(key);
        if node.is_none() {
            decoder.error(
                self.span,
                format!("`{key}` is missing"),
                format!("add `{key}: …`"),
            );
        }
        node
    }

    pub(super) fn text(
        &self,
        key: &'static str,
        decoder: &mut Decoder,
    ) -> Option<Spanned<Arc<str>>> {
        let node = self.get(key)?;
        let text = decoder.filled_text(node)?;
        Some(Spanned {
            span: node.span,
            value: text.into(),
        })
    }

    pub(super) fn flag(&self, key: &'static str, decoder: &mut Decoder) -> Option<bool> {
        decoder.flag(self.get(key)?)
    }
}
