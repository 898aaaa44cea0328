//! The safe move: from manifests that people wrote to those that are rendered, and back.

use super::found::Deletes;
use super::run::{Adopted, Adoption};

/// Names of one namespace that are put into one command.
const MOST_NAMES: usize = 40;

/// One step of the move: what is done, why, and the commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub what: String,
    pub commands: Vec<String>,
}

/// The move, and the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub steps: Vec<Step>,
    pub back: Vec<Step>,
}

/// Where things are, in words of a shell.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The folder of the configuration.
    pub config: &'a str,
    /// What it was made from.
    pub from: &'a str,
}

/// The steps of a move of these objects. Each can be taken back; none touches a workload.
pub fn steps(adoption: &Adoption, places: Places<'_>) -> Move {
    let Places { config, from } = places;
    let all: Vec<&Adopted> = adoption.kustomizations.iter().collect();
    let deleting = all.iter().copied().filter(|one| one.deletes.is_some());
    let (by_policy, pruning): (Vec<_>, Vec<_>) =
        deleting.partition(|one| one.deletes != Some(Deletes::Pruning));
    let off = [
        patches(&pruning, "{\"spec\":{\"prune\":false}}"),
        patches(&by_policy, "{\"spec\":{\"deletionPolicy\":\"Orphan\"}}"),
    ];
    let on = [
        patches(&pruning, "{\"spec\":{\"prune\":true}}"),
        patches(&by_policy, "{\"spec\":{\"deletionPolicy\":\"Delete\"}}"),
    ];
    let of_flux = |verb: &str| {
        for_clusters(&all, |cluster| {
            format!("flux {verb} kustomization flux-system{}", context(cluster))
        })
    };
    let steps = vec![
        step(
            "Prove that what is rendered is what is there, today and not when it was made",
            vec![format!(
                "flux-setup render --config {config} --check --against {from}"
            )],
        ),
        step(
            "Suspend whatever applies the old manifests (of `flux bootstrap` that is the Kustomization \
             flux-system): from here on nothing of this repository reaches a cluster",
            of_flux("suspend"),
        ),
        step(
            "Take prune off, so that Flux deletes no workload whatever goes wrong",
            off.concat(),
        ),
        step(
            "In one commit, render into the folder that Flux applies, take the old files of these objects \
             out of it, and leave those that are left alone; the objects keep their names, so Flux sees the \
             same ones with three labels more",
            vec![
                format!("flux-setup render --config {config} --output DIR"),
                "git rm OLD-FILES && git add DIR && git commit && git push".to_owned(),
            ],
        ),
        step(
            "See that Flux would change labels and set prune again, and nothing else",
            for_clusters(&all, |cluster| {
                format!(
                    "flux diff kustomization flux-system --path DIR{}",
                    context(cluster)
                )
            }),
        ),
        step("Let Flux apply it", of_flux("resume")),
        step(
            "See that every object is ready and prunes as before",
            for_clusters(&all, |cluster| {
                format!(
                    "kubectl{} get kustomizations -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,PRUNE:.spec.prune,POLICY:.spec.deletionPolicy",
                    context(cluster)
                )
            }),
        ),
    ];
    let back = vec![
        step(
            "Before the commit: put prune back and resume",
            [on.concat(), of_flux("resume")].concat(),
        ),
        step(
            "After it: suspend again, revert the commit, resume; the old files name the same objects, so \
             nothing is deleted on the way back either",
            [
                of_flux("suspend"),
                vec!["git revert COMMIT && git push".to_owned()],
                of_flux("resume"),
            ]
            .concat(),
        ),
    ];
    Move { steps, back }
}

fn step(what: &str, commands: Vec<String>) -> Step {
    Step {
        what: what.split_whitespace().collect::<Vec<_>>().join(" "),
        commands,
    }
}

fn for_clusters(all: &[&Adopted], command: impl Fn(Option<&str>) -> String) -> Vec<String> {
    let mut clusters: Vec<Option<&str>> = all.iter().map(|one| one.cluster.as_deref()).collect();
    clusters.sort_unstable();
    clusters.dedup();
    clusters.into_iter().map(command).collect()
}

/// One command for the Kustomizations of each cluster and namespace.
fn patches(all: &[&Adopted], patch: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let same = |one: &&Adopted, other: &&Adopted| {
        one.cluster == other.cluster && one.namespace == other.namespace
    };
    for group in all.chunk_by(same) {
        for names in group.chunks(MOST_NAMES) {
            let first = names[0];
            let list: Vec<&str> = names.iter().map(|one| one.name.as_str()).collect();
            commands.push(format!(
                "for name in {}; do kubectl{} -n {} patch kustomization $name --type merge -p '{patch}'; done",
                list.join(" "),
                context(first.cluster.as_deref()),
                first.namespace
            ));
        }
    }
    commands
}

fn context(cluster: Option<&str>) -> String {
    cluster.map_or_else(String::new, |name| format!(" --context {name}"))
}
