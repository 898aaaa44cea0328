//! What one operation costs at GitHub, why we think so, and what people put in its place.

use crate::config::{BudgetSettings, Finding};

use crate::flux::nearest;

/// What something costs, in requests: what a GitHub bucket counts, and git requests, which none counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    pub core: f64,
    pub graphql: f64,
    pub app_jwt: f64,
    pub git: f64,
}

/// How sure a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Basis {
    /// GitHub itself said it in an answer.
    Observed,
    /// GitHub's documentation says it, or the source of Flux shows it.
    Documented,
    /// A third party, a support answer or the configuration says it, or we conclude it.
    Assumed,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct CostRow {
    pub operation: &'static str,
    pub cost: Cost,
    /// Where the figures come from, in words.
    pub evidence: &'static str,
    pub basis: Basis,
}

/// A poll of a branch, tag or name over http(s) that finds nothing new.
pub(super) const POLL_UNCHANGED: &str = "pollUnchanged";
/// The same poll where there is something to fetch: list, then clone.
pub(super) const POLL_CHANGED: &str = "pollChanged";
/// A poll of a semver range or of a commit, which clones each time.
pub(super) const POLL_FULL_CLONE: &str = "pollFullClone";
/// A poll of a branch, tag or name over SSH; one connection.
pub(super) const POLL_SSH: &str = "pollSsh";
/// A new token of an App installation.
pub(super) const TOKEN_MINT: &str = "tokenMint";
/// A poll as the upper bound counts it.
pub(super) const REQUEST_PER_POLL: &str = "requestPerPoll";

const RESOURCES: [&str; 4] = ["core", "graphql", "appJwt", "git"];

const fn row(
    operation: &'static str,
    [core, graphql, app_jwt, git]: [f64; 4],
    basis: Basis,
    evidence: &'static str,
) -> CostRow {
    CostRow {
        operation,
        cost: Cost {
            core,
            graphql,
            app_jwt,
            git,
        },
        evidence,
        basis,
    }
}

/// The table as it is shipped: operation, `[core, graphql, appJwt, git]`, and why. Each row prices
/// something: one that does not could be overridden to no effect.
const SHIPPED: &[CostRow] = {
    use Basis::Assumed;
    const POLL: &str = "requests as in git/gogit/clone.go of fluxcd/pkg; that git spends no REST request is a support answer (orgs/community#44515)";
    &[
        row(POLL_UNCHANGED, [0.0, 0.0, 0.0, 1.0], Assumed, POLL),
        row(POLL_CHANGED, [0.0, 0.0, 0.0, 3.0], Assumed, POLL),
        row(POLL_FULL_CLONE, [0.0, 0.0, 0.0, 2.0], Assumed, POLL),
        row(POLL_SSH, [0.0, 0.0, 0.0, 1.0], Assumed, POLL),
        row(
            TOKEN_MINT,
            [0.0, 0.0, 1.0, 0.0],
            Assumed,
            "the token cache of fluxcd/pkg; that it is not counted against the installation is a user's report (Pix4D/cogito#162)",
        ),
        row(
            REQUEST_PER_POLL,
            [1.0, 0.0, 0.0, 0.0],
            Assumed,
            "an upper bound: nobody says that a poll is a REST request",
        ),
    ]
};

/// What each operation costs, as shipped and then as people say.
#[derive(Debug, Clone)]
pub struct CostTable {
    rows: Vec<CostRow>,
}

impl Default for CostTable {
    fn default() -> Self {
        Self {
            rows: SHIPPED.to_vec(),
        }
    }
}

impl CostTable {
    /// The shipped table with `budget.costs` laid over it.
    ///
    /// # Errors
    /// Every operation and resource that does not exist, with the nearest that does, and every cost
    /// that is negative or no number.
    pub fn new(settings: &BudgetSettings) -> Result<Self, Vec<Finding>> {
        let mut table = Self::default();
        let mut findings = Vec::new();
        for (operation, resources) in &settings.costs {
            let path = format!("budget.costs.{}", operation.value);
            let Some(row) = table
                .rows
                .iter_mut()
                .find(|row| row.operation == operation.value)
            else {
                let message = format!("unknown operation `{}`", operation.value);
                let names = SHIPPED.iter().map(|row| row.operation);
                findings.push(
                    Finding::error(operation.span, path, message)
                        .hint(instead(&operation.value, names)),
                );
                continue;
            };
            for (resource, requests) in resources {
                let path = format!("{path}.{}", resource.value);
                let cost = match resource.value.as_str() {
                    "core" => &mut row.cost.core,
                    "graphql" => &mut row.cost.graphql,
                    "appJwt" => &mut row.cost.app_jwt,
                    "git" => &mut row.cost.git,
                    unknown => {
                        let message = format!("unknown resource `{unknown}`");
                        findings.push(
                            Finding::error(resource.span, path, message)
                                .hint(instead(unknown, RESOURCES.into_iter())),
                        );
                        continue;
                    }
                };
                // A faulty one was told where it was read.
                let Some(requests) = requests else { continue };
                if !(requests.is_finite() && *requests >= 0.0) {
                    let message = format!("`{requests}` cannot be a number of requests");
                    findings
                        .push(Finding::error(resource.span, path, message).hint("write 0 or more"));
                    continue;
                }
                *cost = *requests;
                row.evidence = "budget.costs";
                row.basis = Basis::Assumed;
            }
        }
        if findings.is_empty() {
            Ok(table)
        } else {
            Err(findings)
        }
    }

    pub fn rows(&self) -> &[CostRow] {
        &self.rows
    }

    /// What `operation` costs: one of the names in this file.
    pub(super) fn of(&self, operation: &'static str) -> Cost {
        self.rows
            .iter()
            .find(|row| row.operation == operation)
            .expect("each operation that has a constant has a row")
            .cost
    }
}

fn instead<'a>(unknown: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(unknown, known.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known are {}", known.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Spanned;
    use crate::flux::yaml::Span;

    fn at<T>(start: u32, value: T) -> Spanned<T> {
        Spanned {
            span: Span {
                source: 0,
                start,
                end: start + 1,
            },
            value,
        }
    }

    fn overridden(costs: &[(&str, &str, f64)]) -> Result<CostTable, Vec<Finding>> {
        let costs = costs
            .iter()
            .map(|(operation, resource, requests)| {
                let resource = (at(2, (*resource).to_owned()), Some(*requests));
                (at(1, (*operation).to_owned()), vec![resource])
            })
            .collect();
        CostTable::new(&BudgetSettings {
            costs,
            ..BudgetSettings::default()
        })
    }

    #[test]
    fn every_operation_stands_once_in_the_table_and_has_its_evidence() {
        for (index, row) in SHIPPED.iter().enumerate() {
            assert!(!row.evidence.is_empty());
            let before = &SHIPPED[..index];
            assert!(before.iter().all(|other| other.operation != row.operation));
        }
    }

    #[test]
    fn a_git_poll_spends_no_rest_request() {
        let table = CostTable::default();
        for (operation, git) in [
            (POLL_UNCHANGED, 1.0),
            (POLL_CHANGED, 3.0),
            (POLL_FULL_CLONE, 2.0),
            (POLL_SSH, 1.0),
        ] {
            let free = Cost {
                git,
                ..Cost::default()
            };
            assert_eq!(table.of(operation), free);
        }
        assert_eq!(table.of(TOKEN_MINT).app_jwt, 1.0);
        assert_eq!(table.of(REQUEST_PER_POLL).core, 1.0);
    }

    #[test]
    fn every_row_and_resource_can_be_overridden() {
        for row in SHIPPED {
            for resource in RESOURCES {
                let table = overridden(&[(row.operation, resource, 7.5)]).unwrap();
                let cost = table.of(row.operation);
                let figures = [cost.core, cost.graphql, cost.app_jwt, cost.git];
                assert_eq!(figures.iter().filter(|figure| **figure == 7.5).count(), 1);
                let row = table.rows().iter().find(|r| r.operation == row.operation);
                assert_eq!(row.unwrap().basis, Basis::Assumed);
                assert_eq!(row.unwrap().evidence, "budget.costs");
            }
        }
    }

    #[test]
    fn an_override_leaves_the_other_resources_of_its_row_alone() {
        let cost = overridden(&[(POLL_CHANGED, "core", 1.0)])
            .unwrap()
            .of(POLL_CHANGED);
        assert_eq!((cost.core, cost.git), (1.0, 3.0));
    }

    #[test]
    fn all_faults_of_the_overrides_are_found_with_the_nearest_name() {
        let findings = overridden(&[
            ("pollUnchangd", "core", 1.0),
            (POLL_SSH, "appJwtt", 1.0),
            (POLL_SSH, "money", 1.0),
            (POLL_SSH, "core", -1.0),
            (POLL_SSH, "git", f64::NAN),
            ("zzz", "core", 1.0),
        ])
        .unwrap_err();
        let words: Vec<_> = findings
            .iter()
            .map(|finding| {
                let hint = finding.hint.as_deref().unwrap();
                let hint = hint.get(..40).unwrap_or(hint);
                format!("{}: {}; {hint}", finding.path, finding.message)
            })
            .collect();
        insta::assert_snapshot!(words.join("\n"), @r"
        budget.costs.pollUnchangd: unknown operation `pollUnchangd`; did you mean `pollUnchanged`?
        budget.costs.pollSsh.appJwtt: unknown resource `appJwtt`; did you mean `appJwt`?
        budget.costs.pollSsh.money: unknown resource `money`; known are core, graphql, appJwt, git
        budget.costs.pollSsh.core: `-1` cannot be a number of requests; write 0 or more
        budget.costs.pollSsh.git: `NaN` cannot be a number of requests; write 0 or more
        budget.costs.zzz: unknown operation `zzz`; known are pollUnchanged, pollChanged, po
        ");
        assert_eq!(findings[0].span.start, 1);
        assert_eq!(findings[1].span.start, 2);
    }

    #[test]
    fn a_cost_of_nothing_is_taken() {
        assert_eq!(
            overridden(&[(REQUEST_PER_POLL, "core", 0.0)])
                .unwrap()
                .of(REQUEST_PER_POLL)
                .core,
            0.0
        );
    }
}
