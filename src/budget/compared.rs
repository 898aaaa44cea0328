//! Two prices side by side: what a change of a fleet costs.

use std::collections::HashMap;

use serde::Serialize;

use super::report::{Line, ProfileName, Report, Resource, number};

/// What two plans cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceChange {
    pub sources: Pair,
    /// Of all sources, GitHub's and others'.
    pub polls_per_hour: Pair,
    pub git_requests_per_hour: Pair,
    /// Those of `flux-git` first.
    pub buckets: Vec<BucketChange>,
    /// By `request-per-poll`, in the order of the plan that is compared, then those that are gone.
    pub environments: Vec<LineChange>,
    /// Those that differ, in the same way; what differs most comes first.
    pub projects: Vec<LineChange>,
}

/// Before and after.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    #[serde(serialize_with = "number")]
    pub before: f64,
    #[serde(serialize_with = "number")]
    pub after: f64,
}

impl Pair {
    pub fn change(self) -> f64 {
        // of two sums that were added up differently
        let change = self.after - self.before;
        if change.abs() < 1e-9 { 0.0 } else { change }
    }

    fn side(&mut self, is_after: bool) -> &mut f64 {
        if is_after {
            &mut self.after
        } else {
            &mut self.before
        }
    }
}

/// Requests an hour in one bucket; 0 on the side that has it not.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketChange {
    pub profile: ProfileName,
    pub host: String,
    pub identity: String,
    pub resource: Resource,
    pub requests_per_hour: Pair,
    /// As it is afterwards, or was where the bucket is gone.
    pub limit: Option<u32>,
}

/// One environment or project.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineChange {
    pub name: String,
    pub requests_per_hour: Pair,
    pub git_requests_per_hour: Pair,
}

/// Compares what two plans cost.
pub fn compare(before: &Report, after: &Report) -> PriceChange {
    let polls = |report: &Report| {
        let lines = &report.profile(ProfileName::RequestPerPoll).environments;
        lines.iter().map(|line| line.polls_per_hour).sum::<f64>() + 0.0
    };
    let mut projects = lines(before, after, |report| {
        &report.profile(ProfileName::RequestPerPoll).projects
    });
    projects.retain(|line| {
        line.requests_per_hour.change() != 0.0 || line.git_requests_per_hour.change() != 0.0
    });
    projects.sort_by(|one, other| {
        let most = |line: &LineChange| line.git_requests_per_hour.change().abs();
        most(other).total_cmp(&most(one))
    });
    PriceChange {
        sources: Pair {
            before: before.sources as f64,
            after: after.sources as f64,
        },
        polls_per_hour: Pair {
            before: polls(before),
            after: polls(after),
        },
        git_requests_per_hour: Pair {
            before: before.git.requests_per_hour,
            after: after.git.requests_per_hour,
        },
        buckets: buckets(before, after),
        environments: lines(before, after, |report| {
            &report.profile(ProfileName::RequestPerPoll).environments
        }),
        projects,
    }
}

fn buckets(before: &Report, after: &Report) -> Vec<BucketChange> {
    let mut found: Vec<BucketChange> = Vec::new();
    for profile in ProfileName::ALL {
        for (report, is_after) in [(after, true), (before, false)] {
            for bucket in &report.profile(profile).buckets {
                let is_it = |one: &BucketChange| {
                    one.profile == profile
                        && one.host == bucket.host
                        && one.identity == bucket.identity
                        && one.resource == bucket.resource
                };
                let place = found.iter().position(is_it).unwrap_or_else(|| {
                    found.push(BucketChange {
                        profile,
                        host: bucket.host.clone(),
                        identity: bucket.identity.clone(),
                        resource: bucket.resource,
                        requests_per_hour: Pair::default(),
                        limit: bucket.limit,
                    });
                    found.len() - 1
                });
                let figure = found[place].requests_per_hour.side(is_after);
                *figure = bucket.requests_per_hour;
            }
        }
    }
    found
}

fn lines(before: &Report, after: &Report, of: impl Fn(&Report) -> &Vec<Line>) -> Vec<LineChange> {
    let mut found: Vec<LineChange> = Vec::new();
    let mut places = HashMap::new();
    for (report, is_after) in [(after, true), (before, false)] {
        for line in of(report) {
            let place = *places.entry(line.name.clone()).or_insert_with(|| {
                found.push(LineChange {
                    name: line.name.clone(),
                    requests_per_hour: Pair::default(),
                    git_requests_per_hour: Pair::default(),
                });
                found.len() - 1
            });
            let found = &mut found[place];
            *found.requests_per_hour.side(is_after) = line.requests_per_hour;
            *found.git_requests_per_hour.side(is_after) = line.git_requests_per_hour;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::sample::{Changed, plan, priced, source};

    #[test]
    fn what_is_on_one_side_alone_is_nothing_on_the_other() {
        const WEB: &str = "https://github.com/acme/web";
        let before = plan(vec![
            source(WEB).of("web", "dev").every(60),
            source(WEB).of("old", "prod").every(300),
        ]);
        let after = plan(vec![
            source(WEB).of("web", "dev").every(30),
            source(WEB).of("new", "test").every(60),
        ]);
        let change = compare(&priced(&before), &priced(&after));
        let named = |lines: &[LineChange]| -> Vec<_> {
            let lines = lines.iter();
            let lines = lines.map(|line| {
                let Pair { before, after } = line.requests_per_hour;
                (line.name.clone(), before, after)
            });
            lines.collect()
        };
        let line = |name: &str, before, after| (name.to_owned(), before, after);
        assert_eq!(
            named(&change.environments),
            [
                line("dev", 60.0, 120.0),
                line("test", 0.0, 60.0),
                line("prod", 12.0, 0.0)
            ]
        );
        assert_eq!(
            named(&change.projects),
            [
                line("web", 60.0, 120.0),
                line("new", 0.0, 60.0),
                line("old", 12.0, 0.0)
            ]
        );
        assert_eq!(
            change.polls_per_hour,
            Pair {
                before: 72.0,
                after: 180.0
            }
        );
        let bucket = change.buckets.last().unwrap();
        assert_eq!(bucket.requests_per_hour.change(), 108.0);
        let same = compare(&priced(&before), &priced(&before));
        assert_eq!(same.projects, []);
        assert_eq!(same.polls_per_hour.change(), 0.0);
    }
}
