//! The clusters that a command asks itself, as `serve` does it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::catalog::HostNames;
use crate::cluster::ClusterAccess;
use crate::config::{self, Configuration, Severity};
use crate::plan::{Names, Selection};
use crate::sync::Look;

use super::args::GlobalArguments;
use super::output;
use super::printable::printable;
use super::report;

/// The name of the one cluster where the configuration lists none.
pub(super) const ONLY_CLUSTER: &str = "default";
const FLEET_FILE: &str = "flux-setup.yaml";

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

/// Says on stderr of which clusters nothing is known, and of which not all; how many are the former.
pub(super) fn tell_what_is_not_seen(look: &Look) -> anyhow::Result<usize> {
    let mut away = 0;
    for looked in &look.clusters {
        let name = looked.live.name();
        if let Some(reason) = looked.away() {
            away += 1;
            output::note(&printable(&format!("cluster `{name}` is away: {reason}")))?;
            continue;
        }
        let mut faults: Vec<_> = looked.live.faults().into_values().collect();
        faults.dedup();
        for fault in faults {
            let line = format!("not all of cluster `{name}` can be seen: {fault}");
            output::note(&printable(&line))?;
        }
    }
    Ok(away)
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
