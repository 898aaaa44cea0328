//! How many git requests a second the fleet really makes.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::budget::costs::{CostTable, POLL_FULL_CLONE, POLL_SSH, POLL_UNCHANGED};
use crate::budget::price::ADVISORY_PER_SECOND;
use crate::budget::report::number;

/// One source of a cluster and how often it is polled there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GitPoll<'a> {
    /// Host and path, the same text for the same repository.
    pub repository: &'a str,
    pub kind: GitPollKind,
    /// One of nothing is not counted: Flux does not take it.
    pub interval: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitPollKind {
    /// A branch, tag or name over http(s).
    Ref,
    /// The same over SSH.
    Ssh,
    /// A semver range or a commit: Flux clones each time.
    FullClone,
}

/// Git requests, where one poll finds nothing new. No bucket counts them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitRate {
    pub sources: usize,
    #[serde(serialize_with = "number")]
    pub requests_per_hour: f64,
    #[serde(serialize_with = "number")]
    pub requests_per_second: f64,
    /// Requests a second.
    #[serde(serialize_with = "number")]
    pub max_on_one_repository: f64,
    /// Which one that is; the first by name among equals.
    pub busiest_repository: Option<String>,
    /// What GitHub asks people to stay below on one repository.
    #[serde(serialize_with = "number")]
    pub advisory_per_second: f64,
}

/// What the sources of all clusters ask of git, at their real intervals.
pub fn git_rate<'a>(polls: impl IntoIterator<Item = GitPoll<'a>>, costs: &CostTable) -> GitRate {
    let costs = [POLL_UNCHANGED, POLL_SSH, POLL_FULL_CLONE].map(|poll| costs.of(poll).git);
    let mut sources = 0;
    let mut by_repository: HashMap<&str, f64> = HashMap::new();
    for poll in polls.into_iter().filter(|poll| !poll.interval.is_zero()) {
        sources += 1;
        let requests = costs[poll.kind as usize] / poll.interval.as_secs_f64();
        *by_repository.entry(poll.repository).or_default() += requests;
    }
    // In an order that does not change, so that the sum does not.
    let mut by_repository: Vec<_> = by_repository.into_iter().collect();
    by_repository.sort_unstable_by_key(|(name, _)| *name);
    let requests_per_second: f64 = by_repository.iter().map(|(_, requests)| requests).sum();
    let mut busiest: Option<(&str, f64)> = None;
    for (name, requests) in by_repository {
        if requests > busiest.map_or(0.0, |(_, most)| most) {
            busiest = Some((name, requests));
        }
    }
    GitRate {
        sources,
        requests_per_hour: requests_per_second * 3600.0,
        requests_per_second,
        max_on_one_repository: busiest.map_or(0.0, |(_, most)| most),
        busiest_repository: busiest.map(|(name, _)| name.to_owned()),
        advisory_per_second: ADVISORY_PER_SECOND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(repository: &str, kind: GitPollKind, seconds: u64) -> GitPoll<'_> {
        GitPoll {
            repository,
            kind,
            interval: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn the_fleet_of_26_projects_makes_what_its_plan_says() {
        let names: Vec<_> = (0..26)
            .map(|it| format!("github.com/acme/{it:02}"))
            .collect();
        let polls = names
            .iter()
            .flat_map(|name| [60, 180, 300].map(|seconds| poll(name, GitPollKind::Ref, seconds)));
        let rate = git_rate(polls, &CostTable::default());
        insta::assert_json_snapshot!(rate, @r#"
        {
          "sources": 78,
          "requestsPerHour": 2392,
          "requestsPerSecond": 0.664444,
          "maxOnOneRepository": 0.025556,
          "busiestRepository": "github.com/acme/00",
          "advisoryPerSecond": 15
        }
        "#);
    }

    #[test]
    fn a_semver_range_clones_each_time_and_an_interval_of_nothing_is_not_counted() {
        let polls = [
            poll("a", GitPollKind::Ref, 10),
            poll("b", GitPollKind::FullClone, 10),
            poll("c", GitPollKind::Ssh, 10),
            poll("d", GitPollKind::Ref, 0),
        ];
        let rate = git_rate(polls, &CostTable::default());
        assert_eq!(
            (rate.sources, rate.busiest_repository.as_deref()),
            (3, Some("b"))
        );
        assert!((rate.requests_per_second - 0.4).abs() < 1e-9);
        let nothing = git_rate([], &CostTable::default());
        assert_eq!(
            (nothing.requests_per_hour, nothing.busiest_repository),
            (0.0, None)
        );
    }
}
