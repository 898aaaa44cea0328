//! Findings of the plan, each once however many environments it concerns.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use crate::config::{Configuration, Environment, Finding, Pattern, Spanned};
use crate::flux::nearest;
use crate::flux::yaml::Span;

/// Findings that concern several environments become one that names them.
#[derive(Debug, Default)]
pub(super) struct Problems {
    findings: Vec<Finding>,
    numbers: HashMap<(Span, String), usize>,
    /// The environments that each concerns, in order, with the clusters of each.
    concerned: Vec<Concerned>,
}

type Concerned = Vec<(Arc<str>, Vec<Arc<str>>)>;

impl Problems {
    pub(super) fn add(&mut self, finding: Finding) {
        self.number(finding);
    }

    fn number(&mut self, finding: Finding) -> usize {
        let key = (finding.span, finding.message.clone());
        *self.numbers.entry(key).or_insert_with(|| {
            self.findings.push(finding);
            self.concerned.push(Vec::new());
            self.findings.len() - 1
        })
    }

    /// A finding whose message ends with the environments that it concerns, and with their
    /// clusters where it does not concern all of them.
    pub(super) fn add_in(
        &mut self,
        environment: &Arc<str>,
        cluster: Option<&Arc<str>>,
        finding: Finding,
    ) {
        let number = self.number(finding);
        let concerned = &mut self.concerned[number];
        let index = match concerned.iter().position(|(one, _)| one == environment) {
            Some(index) => index,
            None => {
                concerned.push((environment.clone(), Vec::new()));
                concerned.len() - 1
            }
        };
        let clusters = &mut concerned[index].1;
        if let Some(cluster) = cluster
            && !clusters.contains(cluster)
        {
            clusters.push(cluster.clone());
        }
    }

    pub(super) fn finish(mut self, configuration: &Configuration) -> Vec<Finding> {
        let clusters: BTreeMap<&str, usize> = configuration
            .environments
            .iter()
            .map(|environment| (&*environment.name.value, environment.clusters.len()))
            .collect();
        for (finding, concerned) in self.findings.iter_mut().zip(&self.concerned) {
            for (index, (environment, some)) in concerned.iter().enumerate() {
                let before = if index == 0 { " in " } else { ", " };
                let all = clusters.get(&**environment).copied().unwrap_or_default();
                let some = if some.len() < all { &some[..] } else { &[] };
                write!(
                    finding.message,
                    "{before}`{environment}`{}",
                    in_clusters(some)
                )
                .expect("writing to a string cannot fail");
            }
        }
        self.findings
    }
}

/// ` (cluster `eu`)`; empty for none.
pub(super) fn in_clusters(clusters: &[Arc<str>]) -> String {
    let names: Vec<String> = clusters.iter().map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => String::new(),
        1 => format!(" (cluster {})", names[0]),
        _ => format!(" (clusters {})", names.join(", ")),
    }
}

/// An environment whose cluster has no name, where one has to be written.
pub(super) fn no_cluster(environment: &Environment, key: &str, pattern: &Pattern) -> Finding {
    let message = format!(
        "environment `{}` names no cluster, and `{key}: {pattern}` needs one",
        environment.name.value
    );
    Finding::error(environment.name.span, "", message).hint(format!(
        "name its `cluster`, or take `{{cluster}}` out of `{key}`"
    ))
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
