//! What is wrong with an input, where, and how to mend it.

use crate::flux::yaml::{self, Span};
use crate::flux::{Fault, FaultClass, FaultSeverity};

/// Who would refuse it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// A strict server-side apply.
    Api,
    /// Flux, or a reader of YAML, after the API server took it.
    Flux,
    /// We: the configuration does not say what should exist.
    Config,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    Error,
    Warning,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub class: Class,
    pub severity: Severity,
    /// Where it was written; `span.source` is a text in [`super::Sources`]. An empty range at 0 of
    /// a text speaks of the whole file.
    pub span: Span,
    /// The keys that lead to what is meant, as `spec.interval`, where the place alone does not say:
    /// something is missing. Else empty; [`super::KeyPaths`] finds them.
    pub path: String,
    /// What is wrong: starts small, no full stop, names the thing in backticks.
    pub message: String,
    /// How to mend it, in the same form.
    pub hint: Option<String>,
    /// What it names was not judged, or not to its end: nobody knows whether it is sound.
    pub is_unjudged: bool,
}

impl From<FaultClass> for Class {
    fn from(class: FaultClass) -> Self {
        match class {
            FaultClass::Api => Self::Api,
            FaultClass::Flux => Self::Flux,
        }
    }
}

impl From<FaultSeverity> for Severity {
    fn from(severity: FaultSeverity) -> Self {
        match severity {
            FaultSeverity::Error => Self::Error,
            FaultSeverity::Warning => Self::Warning,
        }
    }
}

/// A fault of a manifest, at its own place.
impl From<Fault> for Finding {
    fn from(fault: Fault) -> Self {
        Self {
            class: fault.class.into(),
            severity: fault.severity.into(),
            span: fault.span,
            path: fault.path,
            message: fault.message,
            hint: fault.hint,
            is_unjudged: false,
        }
    }
}

/// What is no YAML, at its own place.
impl From<yaml::Fault> for Finding {
    fn from(fault: yaml::Fault) -> Self {
        Self {
            hint: fault.hint,
            is_unjudged: fault.ends_text,
            ..Self::error(fault.span, "", fault.message)
        }
    }
}

impl Finding {
    /// An error of the configuration.
    pub fn error(span: Span, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class: Class::Config,
            severity: Severity::Error,
            span,
            path: path.into(),
            message: message.into(),
            hint: None,
            is_unjudged: false,
        }
    }

    /// A warning about the configuration: it changes no exit code.
    pub fn warning(span: Span, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(span, path, message)
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Of what could not be judged.
    #[must_use]
    pub fn unjudged(mut self) -> Self {
        self.is_unjudged = true;
        self
    }

    #[must_use]
    pub fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }
}
