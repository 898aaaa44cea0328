//! The clusters that a command asks itself, as `serve` does it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde::Serialize;

use crate::catalog::HostNames;
use crate::cluster::ClusterAccess;
use crate::config::{self, Configuration, Severity};
use crate::delivery::CommitName;
use crate::plan::{Names, Selection};
use crate::sync::Looked;

use super::args::GlobalArguments;
use super::output;
use super::printable::printable;
use super::report;

/// The name of the one cluster where the configuration lists none.
pub(super) const ONLY_CLUSTER: &str = "default";
const FLEET_FILE: &str = "flux-setup.yaml";
/// So many are named where somebody has to choose among them.
const MOST_COMMITS: usize = 5;

/// How the clusters of a configuration are reached; without any the one that a kubeconfig names.
pub(super) fn accesses(folder: &Path, configuration: &Configuration) -> Vec<ClusterAccess> {
    let listed = configuration.clusters.iter().map(|cluster| ClusterAccess {
        name: Arc::clone(&cluster.name.value),
        kubeconfig: cluster
            .kubeconfig
            .as_ref()
            .map(|path| config::file_path(&path.value, folder)),
        context: cluster
            .context
            .as_ref()
            .map(|context| context.value.clone()),
    });
    let mut accesses: Vec<ClusterAccess> = listed.collect();
    if accesses.is_empty() {
        accesses.push(only());
    }
    accesses
}

fn only() -> ClusterAccess {
    ClusterAccess {
        name: ONLY_CLUSTER.into(),
        kubeconfig: None,
        context: None,
    }
}

/// What is asked, and under which other names hosts are known.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) accesses: Vec<ClusterAccess>,
    pub(super) hosts: Arc<HostNames>,
}

/// Reads which clusters there are, and keeps those that were named. In a folder without configuration it is the current
/// context of the kubeconfig. `None`: the configuration is faulty, and its faults are printed.
pub(super) fn read(global: &GlobalArguments, named: &[String]) -> anyhow::Result<Option<Asked>> {
    let folder = &global.config;
    let is_there = folder
        .join(FLEET_FILE)
        .try_exists()
        .with_context(|| format!("cannot look into {}", folder.display()))?;
    let (mut accesses, hosts) = if is_there || global.config != Path::new(".") {
        let (configuration, findings) = config::load(folder);
        let mut severities = findings.iter().map(|finding| finding.severity);
        if severities.any(|severity| severity == Severity::Error) {
            // Else another cluster might be touched than the one that is meant.
            report::print(&configuration.sources, &findings, global.format)?;
            return Ok(None);
        }
        report::print_beside(&configuration.sources, &findings)?;
        let hosts = HostNames::new(&configuration.github);
        (accesses(folder, &configuration), hosts)
    } else {
        (vec![only()], HostNames::of([]))
    };
    let mut names = Names::default();
    for access in &accesses {
        names.add("", Some(&access.name), "");
    }
    let selection = Selection::new(&names, &[], &[], named)?;
    accesses.retain(|access| selection.has_place("", Some(&access.name), ""));
    Ok(Some(Asked {
        accesses,
        hosts: Arc::new(hosts),
    }))
}

/// What of the clusters cannot be seen, and why.
#[derive(Debug, Default, Serialize)]
pub(super) struct NotSeen {
    /// Clusters of which nothing can be seen.
    pub(super) away: Vec<OfCluster>,
    /// What of other clusters cannot.
    pub(super) unseen: Vec<OfCluster>,
}

#[derive(Debug, Serialize)]
pub(super) struct OfCluster {
    pub(super) cluster: String,
    pub(super) reason: String,
}

impl NotSeen {
    pub(super) fn of(clusters: &[Looked]) -> Self {
        let mut not_seen = Self::default();
        for looked in clusters {
            let of_cluster = |reason: Arc<str>| OfCluster {
                cluster: looked.live.name().to_string(),
                reason: reason.to_string(),
            };
            if let Some(reason) = looked.away() {
                not_seen.away.push(of_cluster(reason));
                continue;
            }
            let mut faults: Vec<_> = looked.live.faults().into_values().collect();
            faults.dedup();
            not_seen.unseen.extend(faults.into_iter().map(of_cluster));
        }
        not_seen
    }

    /// Says it on stderr.
    pub(super) fn tell(&self) -> anyhow::Result<()> {
        for OfCluster { cluster, reason } in &self.away {
            output::note(&printable(&format!(
                "cluster `{cluster}` is away: {reason}"
            )))?;
        }
        for OfCluster { cluster, reason } in &self.unseen {
            let line = format!("not all of cluster `{cluster}` can be seen: {reason}");
            output::note(&printable(&line))?;
        }
        Ok(())
    }
}

/// Refuses the beginning of a name that several commits have, as far as sources have fetched them.
pub(super) fn refuse_ambiguous(commit: &CommitName, clusters: &[Looked]) -> anyhow::Result<()> {
    let mut commits = BTreeSet::new();
    for looked in clusters {
        let cache = looked.live.read();
        let revisions = cache
            .items()
            .flat_map(|item| [&item.artifact, &item.applied]);
        let found = revisions.flatten().filter_map(|it| commit.commit_of(it));
        commits.extend(found.map(str::to_owned));
    }
    refuse_several(commit, commits)
}

/// Refuses it where these are more than one.
pub(super) fn refuse_several(commit: &CommitName, commits: BTreeSet<String>) -> anyhow::Result<()> {
    if commits.len() > 1 {
        let commits: Vec<String> = commits.into_iter().take(MOST_COMMITS).collect();
        let commits = commits.join(", ");
        bail!("several commits begin with `{commit}`: {commits}; write more of its digits");
    }
    Ok(())
}

/// Runs what asks clusters to its end.
pub(super) fn block_on<T>(asking: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    // Who comes first decides which library encrypts; nobody was before us.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let answer = runtime.block_on(asking);
    // What blocks a thread, as a credential plugin does, is not waited for.
    runtime.shutdown_background();
    answer
}
