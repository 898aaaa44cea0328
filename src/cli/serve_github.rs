//! What of `serve` has to do with GitHub's API: whom it asks, at what price, and why not.

use std::path::Path;

use anyhow::Context;

use crate::budget::live::PlanCost;
use crate::budget::{CostTable, price};
use crate::config::{self, Configuration};
use crate::github::{Github, GithubSettings};
use crate::plan;
use crate::server::GithubSide;

/// What is left to others of each limit where the configuration does not say it.
const RESERVE: f64 = 0.2;

/// Opens every host that has an identity; nothing is asked yet.
pub(super) fn side(folder: &Path, configuration: &Configuration) -> anyhow::Result<GithubSide> {
    let reserve = configuration.budget.reserve.as_ref();
    let reserve = reserve.map_or(RESERVE, |share| share.value);
    let mut side = GithubSide {
        costs: CostTable::new(&configuration.budget).unwrap_or_default(),
        ..GithubSide::default()
    };
    for host in &configuration.github {
        if host.identities.is_empty() {
            side.notes.push(nobody_asks(host));
            continue;
        }
        let settings = GithubSettings::of(host, folder, reserve);
        let name = &host.host.value;
        let opened = Github::open(settings).with_context(|| format!("cannot ask {name}"))?;
        side.hosts.push(opened);
    }
    side.plan = cost(configuration, &side.costs);
    Ok(side)
}

fn nobody_asks(host: &config::GithubHost) -> String {
    format!(
        "{} has no identity, so that it is not asked what its webhooks did not deliver, nor where refs point; \
         list one under `github[].identities`",
        host.host.value
    )
}

/// What the projects of the configuration cost; `None` where it has none.
fn cost(configuration: &Configuration, costs: &CostTable) -> Option<PlanCost> {
    if configuration.projects.is_empty() {
        return None;
    }
    let (plan, _) = plan::plan(configuration);
    let report = price(&plan, &configuration.github, &configuration.budget, costs);
    Some(PlanCost::of(&report))
}
