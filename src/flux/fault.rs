//! What is wrong with one manifest, and who says so.

use std::fmt;

use crate::flux::yaml::Span;

/// Who would refuse the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultClass {
    /// The API server, when the manifest is applied strictly.
    Api,
    /// Flux or a reader of YAML, after the API server took it.
    Flux,
}

/// Whether the manifest can be used at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultSeverity {
    Error,
    /// Everybody takes it, but it hardly means what its author meant.
    Warning,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub class: FaultClass,
    pub severity: FaultSeverity,
    pub span: Span,
    /// The keys that lead to the place, as `spec.ref.branch` or `metadata.labels["x/y"]`. Empty for
    /// the whole document.
    pub path: String,
    /// What is wrong: starts small, no full stop, names the thing in backticks.
    pub message: String,
    /// How to mend it, in the same form.
    pub hint: Option<String>,
}

impl Fault {
    /// An error that the API server answers.
    pub fn api(span: Span, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class: FaultClass::Api,
            severity: FaultSeverity::Error,
            span,
            path: path.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// An error that shows after the API server took the manifest.
    pub fn flux(span: Span, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class: FaultClass::Flux,
            ..Self::api(span, path, message)
        }
    }

    /// Whether it says the same of the same place.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.span, &self.path, &self.message) == (other.span, &other.path, &other.message)
    }

    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = FaultSeverity::Warning;
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The way from the root of a document to one of its nodes, kept on the stack: the text is made
/// only where there is something to report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(crate) const ROOT: Path<'static> = Path {
        parent: None,
        step: Step::Root,
    };

    pub(crate) fn key(&'a self, key: &'a str) -> Path<'a> {
        Path {
            parent: Some(self),
            step: Step::Key(key),
        }
    }

    pub(crate) fn index(&'a self, index: usize) -> Path<'a> {
        Path {
            parent: Some(self),
            step: Step::Index(index),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = match self.parent {
            Some(parent) => {
                parent.fmt(f)?;
                matches!(parent.step, Step::Root)
            }
            None => true,
        };
        match self.step {
            Step::Root => Ok(()),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) if !is_plain_key(key) => write!(f, "[{key:?}]"),
            Step::Key(key) if first => f.write_str(key),
            Step::Key(key) => write!(f, ".{key}"),
        }
    }
}

fn is_plain_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_quotes_only_keys_that_need_it() {
        let metadata = Path::ROOT.key("metadata");
        let labels = metadata.key("labels");
        let label = labels.key("x/y");
        assert_eq!(label.to_string(), "metadata.labels[\"x/y\"]");
        let items = metadata.key("items");
        let third = items.index(2);
        assert_eq!(third.key("name").to_string(), "metadata.items[2].name");
        assert_eq!(Path::ROOT.to_string(), "");
    }
}
