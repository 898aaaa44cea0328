//! Sums what sources spend, by bucket and by environment, project and repository.

use std::collections::HashMap;

use super::costs::Basis;
use super::demand::{Demand, Source};
use super::report::{AlsoUse, Bucket, Line, Profile, ProfileName, Resource};

/// One profile while it is being summed.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    demand: &'a Demand<'a>,
    reserve: f64,
    buckets: Vec<Bucket>,
    numbers: HashMap<String, HashMap<(String, Resource), usize>>,
    environments: Vec<Sum>,
    projects: Vec<Sum>,
    repositories: Vec<Sum>,
}

#[derive(Debug, Clone, Default)]
struct Sum {
    sources: usize,
    polls_per_hour: f64,
    git_requests_per_hour: f64,
    /// Requests an hour by bucket; a line spends few of them.
    spent: Vec<(usize, f64)>,
}

impl Sum {
    fn spend(&mut self, bucket: usize, requests: f64) {
        match self.spent.iter_mut().find(|(other, _)| *other == bucket) {
            Some((_, sum)) => *sum += requests,
            None => self.spent.push((bucket, requests)),
        }
    }
}

impl<'a> Tally<'a> {
    /// `reserve` is the share of each limit that is left to others.
    pub(super) fn new(demand: &'a Demand<'a>, reserve: f64) -> Self {
        Self {
            demand,
            reserve,
            buckets: Vec::new(),
            numbers: HashMap::new(),
            environments: vec![Sum::default(); demand.environments.len()],
            projects: vec![Sum::default(); demand.projects.len()],
            repositories: vec![Sum::default(); demand.repositories.len()],
        }
    }

    /// The number of a bucket; a new one starts at nothing.
    pub(super) fn bucket(
        &mut self,
        host: &str,
        identity: &str,
        resource: Resource,
        (limit, basis): (Option<u32>, Basis),
    ) -> usize {
        let key = (identity.to_owned(), resource);
        if let Some(number) = self.numbers.get(host).and_then(|host| host.get(&key)) {
            return *number;
        }
        let number = self.buckets.len();
        self.buckets.push(Bucket {
            host: host.to_owned(),
            identity: identity.to_owned(),
            resource,
            requests_per_hour: 0.0,
            limit,
            share: None,
            basis,
            reserve: None,
            headroom: None,
            also: Vec::new(),
        });
        let host = self.numbers.entry(host.to_owned()).or_default();
        host.insert(key, number);
        number
    }

    /// Counts a source with its git requests an hour.
    pub(super) fn poll(&mut self, source: &Source<'_>, git_requests_per_hour: f64) {
        for sum in self.sums_of(source) {
            sum.sources += 1;
            sum.polls_per_hour += source.polls_per_hour;
            sum.git_requests_per_hour += git_requests_per_hour;
        }
    }

    /// Has a source spend requests an hour of a bucket.
    pub(super) fn charge(&mut self, source: &Source<'_>, bucket: usize, requests: f64) {
        self.buckets[bucket].requests_per_hour += requests;
        for sum in self.sums_of(source) {
            sum.spend(bucket, requests);
        }
    }

    /// Has others spend requests an hour of a bucket.
    pub(super) fn charge_also(&mut self, bucket: usize, name: &str, requests_per_hour: f64) {
        let bucket = &mut self.buckets[bucket];
        bucket.requests_per_hour += requests_per_hour;
        bucket.also.push(AlsoUse {
            name: name.to_owned(),
            requests_per_hour,
        });
    }

    fn sums_of(&mut self, source: &Source<'_>) -> [&mut Sum; 3] {
        [
            &mut self.environments[source.environment],
            &mut self.projects[source.project],
            &mut self.repositories[source.repository],
        ]
    }

    pub(super) fn into_profile(self, name: ProfileName) -> Profile {
        let demand = self.demand;
        let buckets: Vec<_> = self
            .buckets
            .into_iter()
            .map(|bucket| settled(bucket, self.reserve))
            .collect();
        let lines = |names: &mut dyn Iterator<Item = &str>, sums: Vec<Sum>| -> Vec<Line> {
            let lines = names
                .zip(sums)
                .map(|(name, sum)| line(name, &sum, &buckets));
            lines.collect()
        };
        let mut repositories = lines(
            &mut demand.repositories.iter().map(|it| it.name.as_str()),
            self.repositories,
        );
        repositories.sort_by(|a, b| {
            let by_use = b.polls_per_hour.total_cmp(&a.polls_per_hour);
            by_use.then_with(|| a.name.cmp(&b.name))
        });
        Profile {
            name,
            environments: lines(&mut demand.environments.iter().copied(), self.environments),
            projects: lines(&mut demand.projects.iter().copied(), self.projects),
            repositories,
            buckets,
        }
    }
}

/// A bucket with what follows from its use, its limit and the share that is left to others.
fn settled(bucket: Bucket, reserve: f64) -> Bucket {
    let limit = bucket.limit.map(f64::from);
    let kept = limit.map(|limit| limit * reserve);
    Bucket {
        share: limit.map(|limit| bucket.requests_per_hour / limit),
        reserve: kept,
        headroom: limit
            .zip(kept)
            .map(|(limit, kept)| limit - kept - bucket.requests_per_hour),
        ..bucket
    }
}

fn line(name: &str, sum: &Sum, buckets: &[Bucket]) -> Line {
    let share_of = |(bucket, requests): &(usize, f64)| {
        let limit = buckets[*bucket].limit?;
        Some(requests / f64::from(limit))
    };
    Line {
        name: name.to_owned(),
        sources: sum.sources,
        requests_per_hour: sum.spent.iter().map(|(_, requests)| requests).sum(),
        share: sum.spent.iter().filter_map(share_of).reduce(f64::max),
        basis: Basis::Assumed,
        polls_per_hour: sum.polls_per_hour,
        git_requests_per_hour: sum.git_requests_per_hour,
    }
}
