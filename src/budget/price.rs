//! Prices a plan: every poll and every known use, into the buckets and lines of both profiles.

use std::collections::HashMap;

use crate::config::{BudgetSettings, GithubHost};
use crate::plan::Plan;

use super::advice::advise;
use super::costs::{
    Basis, CostTable, POLL_CHANGED, POLL_FULL_CLONE, POLL_SSH, POLL_UNCHANGED, REQUEST_PER_POLL,
    TOKEN_MINT,
};
use super::demand::{ClusterKey, Demand, Source};
use super::host::{self, Hosts, Owner, Spender};
use super::report::{
    Advisory, Comparison, GitUse, PricedOperation, ProfileName, Report, Resource, Start,
};
use super::tally::Tally;

/// New tokens an hour of one App secret in one controller: a token lives an hour and is renewed at
/// 80 % of that. Source: the token cache of `fluxcd/pkg`.
const MINTS_PER_HOUR: f64 = 1.25;

/// Git read operations a second on one repository. GitHub's page on the limits of repositories, as
/// others quote it; GitHub does not say what happens beyond.
pub(super) const ADVISORY_PER_SECOND: f64 = 15.0;

/// The share that is left to the user's own tools where `budget.reserve` says nothing.
const DEFAULT_RESERVE: f64 = 0.2;

/// What the fleet would poll without a policy.
const COMPARED_INTERVAL_SECONDS: f64 = 30.0;

/// Prices a plan.
///
/// GitHub hosts are github.com, `*.ghe.com`, what `github` names, and every host that a source
/// with `provider: github` polls. Sources elsewhere count as git requests and spend no bucket;
/// registries count as polls only. A plan is priced without asking GitHub, so no figure is observed.
pub fn price(
    plan: &Plan,
    github: &[GithubHost],
    settings: &BudgetSettings,
    costs: &CostTable,
) -> Report {
    let mut hosts = Hosts::new(github);
    let demand = Demand::of(plan, &mut hosts, costs);
    let reserve = settings
        .reserve
        .as_ref()
        .map_or(DEFAULT_RESERVE, |reserve| reserve.value);
    let mints = Mints::of(&demand);
    let polls = Polls {
        demand: &demand,
        hosts: &hosts,
        costs,
        mints: &mints,
        settings,
        reserve,
    };
    let git = git_use(&demand, costs);
    let upper = polls
        .as_requests()
        .into_profile(ProfileName::RequestPerPoll);
    let bound = upper.buckets.iter().map(|bucket| bucket.requests_per_hour);
    let comparison = comparison(&demand, costs, bound.sum());
    Report {
        sources: demand.sources.len(),
        advice: advise(&demand, &git),
        profiles: vec![
            polls.as_git_operations().into_profile(ProfileName::FluxGit),
            upper,
        ],
        git,
        start: start(&demand, costs, mints.len()),
        comparison,
        reserve,
        costs: operations(costs),
    }
}

/// How many sources share each App secret: its mints are divided among them.
#[derive(Debug, Default)]
struct Mints<'a> {
    sharers: HashMap<MintKey<'a>, usize>,
}

type MintKey<'a> = (Option<usize>, ClusterKey<'a>, Option<&'a str>);

impl<'a> Mints<'a> {
    fn of(demand: &Demand<'a>) -> Self {
        let mut sharers = HashMap::new();
        for source in demand.sources.iter().filter(|source| source.is_app()) {
            *sharers.entry(mint_key(source)).or_default() += 1;
        }
        Self { sharers }
    }

    fn len(&self) -> usize {
        self.sharers.len()
    }

    /// The source's part of the mints an hour of its secret; 0 where it uses no App.
    fn per_hour(&self, source: &Source<'a>) -> f64 {
        if !source.is_app() {
            return 0.0;
        }
        let sharers = self.sharers.get(&mint_key(source)).copied();
        MINTS_PER_HOUR / sharers.unwrap_or(1) as f64
    }
}

fn mint_key<'a>(source: &Source<'a>) -> MintKey<'a> {
    (source.github, source.cluster, source.poll.secret.as_deref())
}

/// Everything that a profile needs to know.
struct Polls<'a> {
    demand: &'a Demand<'a>,
    hosts: &'a Hosts,
    costs: &'a CostTable,
    mints: &'a Mints<'a>,
    settings: &'a BudgetSettings,
    reserve: f64,
}

impl<'a> Polls<'a> {
    /// Profile `flux-git`: what the cost table says of each poll and of each mint.
    fn as_git_operations(&self) -> Tally<'a> {
        let mut tally = self.tally();
        let mut core_of_host = Vec::new();
        for host in 0..self.hosts.len() {
            let (name, spender) = (self.hosts.name(host), self.hosts.spender(host));
            core_of_host.push(self.bucket(&mut tally, name, spender, Resource::Core));
        }
        let mint = self.costs.of(TOKEN_MINT);
        for source in &self.demand.sources {
            let poll = source.cost;
            tally.poll(source, poll.git * source.polls_per_hour);
            let Some(host) = source.github else { continue };
            let name = self.hosts.name(host);
            let spender = self.hosts.spender(host);
            let mints = self.mints.per_hour(source);
            let core = poll.core * source.polls_per_hour + mint.core * mints;
            tally.charge(source, core_of_host[host], core);
            let graphql = poll.graphql * source.polls_per_hour + mint.graphql * mints;
            if graphql > 0.0 {
                let bucket = self.bucket(&mut tally, name, spender, Resource::Graphql);
                tally.charge(source, bucket, graphql);
            }
            let app_jwt = poll.app_jwt * source.polls_per_hour + mint.app_jwt * mints;
            if app_jwt > 0.0 {
                // The App's number is in the secret, which is not read: its name stands for it.
                let app = Spender {
                    name: match &source.poll.secret {
                        Some(secret) => format!("secret {secret}"),
                        None => "no secret".to_owned(),
                    },
                    owner: Owner::App,
                };
                let bucket = self.bucket(&mut tally, name, &app, Resource::AppJwt);
                tally.charge(source, bucket, app_jwt);
            }
        }
        for known in &self.settings.also {
            let identity = known.identity.as_ref().map(|name| name.value.as_str());
            let (host, spender) = self.hosts.of_identity(identity);
            for (resource, requests) in [
                (Resource::Core, known.core),
                (Resource::Graphql, known.graphql),
            ] {
                if requests > 0.0 {
                    let bucket = self.bucket(&mut tally, &host, &spender, resource);
                    tally.charge_also(bucket, &known.name.value, requests);
                }
            }
        }
        tally
    }

    /// Profile `request-per-poll`: one bucket for the whole fleet, spent by every poll of a GitHub
    /// host and by all that spends `core` requests anyway, or it would be no upper bound.
    fn as_requests(&self) -> Tally<'a> {
        let mut tally = self.tally();
        let limit = Some(host::LIMIT_OF_A_TOKEN);
        let bucket = tally.bucket("*", "fleet", Resource::Core, (limit, Basis::Assumed));
        let request = self.costs.of(REQUEST_PER_POLL).core;
        let mint = self.costs.of(TOKEN_MINT).core;
        for source in &self.demand.sources {
            tally.poll(source, source.cost.git * source.polls_per_hour);
            if source.github.is_some() {
                let mints = self.mints.per_hour(source);
                let requests = request * source.polls_per_hour + mint * mints;
                tally.charge(source, bucket, requests);
            }
        }
        for known in self.settings.also.iter().filter(|known| known.core > 0.0) {
            tally.charge_also(bucket, &known.name.value, known.core);
        }
        tally
    }

    fn tally(&self) -> Tally<'a> {
        Tally::new(self.demand, self.reserve)
    }

    fn bucket(&self, tally: &mut Tally<'a>, host: &str, whose: &Spender, of: Resource) -> usize {
        let limit = host::limit(host, whose.owner, of);
        tally.bucket(host, &whose.name, of, limit)
    }
}

/// Git requests, where one poll finds nothing new.
fn git_use(demand: &Demand<'_>, costs: &CostTable) -> GitUse {
    let rate = |source: &Source<'_>| source.cost.git * source.polls_per_hour;
    let requests_per_hour: f64 = demand.sources.iter().map(rate).sum();
    let (busiest_repository, most) = busiest(demand, rate);
    GitUse {
        requests_per_hour,
        requests_per_second: requests_per_hour / 3600.0,
        max_on_one_repository: most / 3600.0,
        busiest_repository,
        basis: basis(costs),
        advisory: Advisory {
            per_second_on_one_repository: ADVISORY_PER_SECOND,
            basis: Basis::Assumed,
            evidence: "GitHub's page on the limits of repositories, as others quote it",
        },
    }
}

/// Every source lists its refs and fetches.
fn start(demand: &Demand<'_>, costs: &CostTable, token_mints: usize) -> Start {
    let fetch = costs.of(POLL_CHANGED).git;
    let requests = |source: &Source<'_>| if source.is_git() { fetch } else { 0.0 };
    let (busiest_repository, max_on_one_repository) = busiest(demand, requests);
    Start {
        git_requests: demand.sources.iter().map(requests).sum(),
        max_on_one_repository,
        busiest_repository,
        token_mints,
        basis: basis(costs),
    }
}

/// The git figures are read in the source of Flux as long as nobody overrides one.
fn basis(costs: &CostTable) -> Basis {
    let ours = CostTable::default();
    let polls = [POLL_UNCHANGED, POLL_CHANGED, POLL_FULL_CLONE, POLL_SSH];
    if polls
        .iter()
        .all(|poll| costs.of(poll).git == ours.of(poll).git)
    {
        Basis::Documented
    } else {
        Basis::Assumed
    }
}

/// The repository with the largest sum and that sum; the first by name among equals.
fn busiest(demand: &Demand<'_>, figure: impl Fn(&Source<'_>) -> f64) -> (Option<String>, f64) {
    let mut sums = vec![0.0; demand.repositories.len()];
    for source in &demand.sources {
        sums[source.repository] += figure(source);
    }
    let mut best: Option<(&str, f64)> = None;
    for (repository, sum) in demand.repositories.iter().zip(sums) {
        let name = repository.name.as_str();
        let leads = best.is_none_or(|(leader, most)| sum > most || (sum == most && name < leader));
        if sum > 0.0 && leads {
            best = Some((name, sum));
        }
    }
    best.map_or((None, 0.0), |(name, sum)| (Some(name.to_owned()), sum))
}

/// The upper bound beside the same one with every source polled at one interval: what Apps and
/// others spend is the same in both.
fn comparison(demand: &Demand<'_>, costs: &CostTable, bound: f64) -> Comparison {
    let request = costs.of(REQUEST_PER_POLL).core;
    let at_github = || {
        demand
            .sources
            .iter()
            .filter(|source| source.github.is_some())
    };
    let polls: f64 = at_github().map(|source| source.polls_per_hour).sum();
    let compared_polls = at_github().count() as f64 * 3600.0 / COMPARED_INTERVAL_SECONDS;
    let requests_per_hour = bound + request * (compared_polls - polls);
    Comparison {
        name: "30s everywhere",
        profile: ProfileName::RequestPerPoll,
        requests_per_hour,
        plan_requests_per_hour: bound,
        saving: (request * compared_polls > 0.0).then(|| 1.0 - bound / requests_per_hour),
        basis: Basis::Assumed,
    }
}

fn operations(costs: &CostTable) -> Vec<PricedOperation> {
    costs
        .rows()
        .iter()
        .map(|row| PricedOperation {
            operation: row.operation,
            core: row.cost.core,
            graphql: row.cost.graphql,
            app_jwt: row.cost.app_jwt,
            git: row.cost.git,
            basis: row.basis,
            evidence: row.evidence,
        })
        .collect()
}

#[cfg(test)]
mod tests;
