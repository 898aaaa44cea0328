//! Findings of the plan, each once however many environments it concerns.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::config::{Finding, Spanned};
use crate::flux::nearest;
use crate::flux::yaml::Span;

/// Findings that concern several environments become one that names them.
#[derive(Debug, Default)]
pub(super) struct Problems {
    findings: Vec<Finding>,
    places: HashMap<(Span, String), usize>,
    environments: Vec<Vec<Arc<str>>>,
}

impl Problems {
    pub(super) fn add(&mut self, finding: Finding) {
        let key = (finding.span, finding.message.clone());
        if !self.places.contains_key(&key) {
            self.places.insert(key, self.findings.len());
            self.findings.push(finding);
            self.environments.push(Vec::new());
        }
    }

    /// A finding whose message ends with the environments that it concerns.
    pub(super) fn add_in(&mut self, environment: &Arc<str>, finding: Finding) {
        let key = (finding.span, finding.message.clone());
        let index = *self.places.entry(key).or_insert_with(|| {
            self.findings.push(finding);
            self.environments.push(Vec::new());
            self.findings.len() - 1
        });
        if !self.environments[index].contains(environment) {
            self.environments[index].push(environment.clone());
        }
    }

    pub(super) fn finish(mut self) -> Vec<Finding> {
        for (finding, environments) in self.findings.iter_mut().zip(&self.environments) {
            for (index, environment) in environments.iter().enumerate() {
                let before = if index == 0 { " in " } else { ", " };
                write!(finding.message, "{before}`{environment}`")
                    .expect("writing to a string cannot fail");
            }
        }
        self.findings
    }
}

/// A name that nothing has.
pub(super) fn unknown(
    what: &str,
    name: &Spanned<Arc<str>>,
    known: &[&str],
    otherwise: &str,
) -> Finding {
    let hint = nearest(&name.value, known.iter().copied()).map_or_else(
        || otherwise.to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Finding::error(name.span, "", format!("unknown {what} `{}`", name.value)).hint(hint)
}
