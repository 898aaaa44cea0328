//! The safe move: from manifests that people wrote to those that are rendered, and back.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

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
    /// What its commands take for true, and nobody has said.
    pub assumes: Option<&'static str>,
    pub steps: Vec<Step>,
    pub back: Vec<Step>,
}

/// A Kustomization of Flux that applies old manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applier {
    pub cluster: Option<String>,
    pub namespace: String,
    pub name: String,
}

/// What is known of the old manifests; paths are as they were named.
#[derive(Debug, Clone, Default)]
pub struct Old {
    /// What applies them, and what applies that: those above come first.
    pub appliers: Vec<Applier>,
    /// Files that hold nothing but what is rendered; none where no file is known.
    pub files: Vec<String>,
    /// Files that hold something else too.
    pub mixed: Vec<String>,
    /// Configurations of kustomize that list the files.
    pub listing: Vec<String>,
    /// Kustomizations, as `flux-system/apps`, that apply nothing but what is rendered.
    pub emptied: Vec<String>,
}

/// Where things are, in words of a shell.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The folder of the configuration.
    pub config: &'a str,
    /// What it was made from.
    pub from: &'a str,
    /// The context of the kubeconfig that it was made from.
    pub context: Option<&'a str>,
}

/// Name and namespace of what `flux bootstrap` makes.
const BOOTSTRAP: &str = "flux-system";

/// Of clusters nothing is known but what folders call them.
const CALLED_LIKE_CLUSTERS: &str = "The contexts of your kubeconfig are assumed to be called like the \
     clusters; where one is not, put its own name behind `--context`";

/// The steps of a move of these objects. Each can be taken back; none touches a workload.
pub fn steps(adoption: &Adoption, old: &Old, places: Places<'_>) -> Move {
    let Places { config, from, .. } = places;
    let context = |cluster: Option<&str>| {
        let context = places.context.or(cluster);
        context.map_or_else(String::new, |name| format!(" --context {name}"))
    };
    let all: Vec<&Adopted> = adoption.kustomizations.iter().collect();
    let ways: BTreeSet<&Deletes> = all.iter().filter_map(|one| one.deletes.as_ref()).collect();
    let (mut off, mut on) = (Vec::new(), Vec::new());
    for way in ways {
        let those = all.iter().copied();
        let those: Vec<_> = those
            .filter(|one| one.deletes.as_ref() == Some(way))
            .collect();
        off.extend(patches(&those, &patch(way, false, "Orphan"), context));
        let policy = way.policy.as_deref().unwrap_or_default();
        on.extend(patches(&those, &patch(way, true, policy), context));
    }
    let has_several = all.windows(2).any(|two| two[0].cluster != two[1].cluster);
    let of_flux = |verb: &str| {
        let bootstrap = for_clusters(&all, |cluster| Applier {
            cluster: cluster.map(str::to_owned),
            namespace: BOOTSTRAP.to_owned(),
            name: BOOTSTRAP.to_owned(),
        });
        // what all of it hangs on comes first, whether it lies among the manifests or not
        let below = old.appliers.iter().filter(|one| !bootstrap.contains(one));
        let all = bootstrap.iter().chain(below);
        let commands = all.map(|one| {
            let namespace = match &*one.namespace {
                BOOTSTRAP => String::new(),
                namespace => format!(" --namespace {namespace}"),
            };
            let context = context(one.cluster.as_deref());
            format!("flux {verb} kustomization {}{namespace}{context}", one.name)
        });
        commands.collect::<Vec<_>>()
    };
    let steps = vec![
        step(
            "Prove that what is rendered is what is there, today and not when it was made",
            vec![format!(
                "flux-setup render --config {config} --check --against {from}"
            )],
        ),
        step(
            "Suspend whatever applies the old manifests, what is above first (of `flux bootstrap` that is the \
             Kustomization flux-system): from here on nobody applies these objects, nor undoes the next step",
            of_flux("suspend"),
        ),
        step(
            "Take prune off, so that Flux deletes no workload whatever goes wrong",
            off,
        ),
        step(
            if has_several {
                "In one commit, render into the folder above those that the Flux of each cluster applies, \
                 DIR/CLUSTER, take the old files of these objects out of them, and leave those that are left \
                 alone; the objects keep their names, so Flux sees the same ones with three labels more"
            } else {
                "In one commit, render into the folder that Flux applies, take the old files of these objects \
                 out of it, and leave those that are left alone; the objects keep their names, so Flux sees the \
                 same ones with three labels more"
            },
            [
                vec![format!("flux-setup render --config {config} --output DIR")],
                old.commands(),
                vec!["git add DIR && git commit && git push".to_owned()],
            ]
            .concat(),
        ),
        step(
            "See that Flux would change labels and set prune again, and nothing else",
            for_clusters(&all, |cluster| {
                // of several each has a folder of its own
                let folder = cluster.filter(|_| has_several);
                let below = folder.map_or_else(String::new, |name| format!("/{name}"));
                format!(
                    "flux diff kustomization flux-system --path DIR{below}{}",
                    context(cluster)
                )
            }),
        ),
        step(
            "Let Flux apply it, what is above first, and each once the one before it is ready: what that \
             applies is its own from then, and nobody below deletes it",
            of_flux("resume"),
        ),
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
            [on, of_flux("resume")].concat(),
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
    let is_guessed = places.context.is_none() && all.iter().any(|one| one.cluster.is_some());
    Move {
        assumes: is_guessed.then_some(CALLED_LIKE_CLUSTERS),
        steps,
        back,
    }
}

fn step(what: &str, commands: Vec<String>) -> Step {
    Step {
        what: what.split_whitespace().collect::<Vec<_>>().join(" "),
        commands,
    }
}

impl Old {
    /// What takes the old manifests away; as comments what is done by hand.
    fn commands(&self) -> Vec<String> {
        let mut commands = Vec::new();
        let is_known = !(self.files.is_empty() && self.mixed.is_empty());
        for files in self.files.chunks(MOST_NAMES) {
            commands.push(format!("git rm {}", files.join(" ")));
        }
        if !is_known {
            commands.push("git rm OLD-FILES".to_owned());
        }
        let by_hand = |what: &str, all: &[String]| {
            all.chunks(MOST_NAMES)
                .map(|some| format!("# {what}: {}", some.join(" ")))
                .collect::<Vec<_>>()
        };
        commands.extend(by_hand("take these objects alone out of", &self.mixed));
        commands.extend(by_hand("take the files' entries out of", &self.listing));
        commands.extend(by_hand(
            "leave a manifest or a kustomization.yaml where these look, or take them away too: they would find no path",
            &self.emptied,
        ));
        commands
    }
}

fn for_clusters<T>(all: &[&Adopted], command: impl Fn(Option<&str>) -> T) -> Vec<T> {
    let mut clusters: Vec<Option<&str>> = all.iter().map(|one| one.cluster.as_deref()).collect();
    clusters.sort_unstable();
    clusters.dedup();
    clusters.into_iter().map(command).collect()
}

/// One command for the Kustomizations of each cluster and namespace.
fn patches(all: &[&Adopted], patch: &str, context: impl Fn(Option<&str>) -> String) -> Vec<String> {
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

/// What of this way to delete is set to another value, as a patch.
fn patch(way: &Deletes, prune: bool, policy: &str) -> String {
    let mut spec = Map::new();
    if way.prunes {
        spec.insert("prune".into(), Value::from(prune));
    }
    if way.policy.is_some() {
        spec.insert("deletionPolicy".into(), Value::from(policy));
    }
    serde_json::json!({"spec": spec}).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn adopted(cluster: Option<&str>, name: &str, deletes: Option<(bool, &str)>) -> Adopted {
        Adopted {
            cluster: cluster.map(str::to_owned),
            namespace: "apps".to_owned(),
            name: name.to_owned(),
            deletes: deletes.map(|(prunes, policy)| Deletes {
                prunes,
                policy: (!policy.is_empty()).then(|| policy.to_owned()),
            }),
        }
    }

    fn moved(kustomizations: Vec<Adopted>, context: Option<&str>) -> Move {
        moved_from(&Old::default(), kustomizations, context)
    }

    fn moved_from(old: &Old, kustomizations: Vec<Adopted>, context: Option<&str>) -> Move {
        let adoption = Adoption {
            files: Vec::new(),
            left_alone: Vec::new(),
            other_kinds: BTreeMap::new(),
            objects: kustomizations.len(),
            kustomizations,
            projects: Vec::new(),
        };
        let places = Places {
            config: "fleet",
            from: "old",
            context,
        };
        steps(&adoption, old, places)
    }

    #[test]
    fn what_deletes_is_taken_off_and_put_back_as_it_was() {
        let all = vec![
            adopted(None, "a", Some((true, ""))),
            adopted(None, "b", Some((false, "Delete"))),
            adopted(None, "c", Some((true, "WaitForTermination"))),
            adopted(None, "d", None),
        ];
        let moved = moved(all, None);
        let patches = |commands: &[String]| {
            let patches = commands.iter().filter(|command| command.contains("patch"));
            let words = patches.map(|command| {
                let (names, patch) = command.split_once("; do ").unwrap();
                let patch = patch.split('\'').nth(1).unwrap();
                format!("{names}: {patch}")
            });
            words.collect::<Vec<_>>()
        };
        assert_eq!(
            patches(&moved.steps[2].commands),
            [
                r#"for name in b: {"spec":{"deletionPolicy":"Orphan"}}"#,
                r#"for name in a: {"spec":{"prune":false}}"#,
                r#"for name in c: {"spec":{"prune":false,"deletionPolicy":"Orphan"}}"#,
            ]
        );
        assert_eq!(
            patches(&moved.back[0].commands),
            [
                r#"for name in b: {"spec":{"deletionPolicy":"Delete"}}"#,
                r#"for name in a: {"spec":{"prune":true}}"#,
                r#"for name in c: {"spec":{"prune":true,"deletionPolicy":"WaitForTermination"}}"#,
            ]
        );
    }

    #[test]
    fn what_flux_would_change_is_asked_of_each_cluster_for_its_own_folder() {
        let diffs = |clusters: &[Option<&str>]| {
            let all = clusters.iter().map(|one| adopted(*one, "a", None));
            moved(all.collect(), None).steps[4].commands.clone()
        };
        assert_eq!(
            diffs(&[Some("eu"), Some("us"), Some("us")]),
            [
                "flux diff kustomization flux-system --path DIR/eu --context eu",
                "flux diff kustomization flux-system --path DIR/us --context us",
            ]
        );
        assert_eq!(
            diffs(&[Some("eu")]),
            ["flux diff kustomization flux-system --path DIR --context eu"]
        );
        assert_eq!(
            diffs(&[None]),
            ["flux diff kustomization flux-system --path DIR"]
        );
    }

    #[test]
    fn what_applies_is_suspended_from_above_and_what_is_known_of_files_is_told() {
        let applier = |namespace: &str, name: &str| Applier {
            cluster: None,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let old = Old {
            appliers: vec![
                applier("flux-system", "flux-system"),
                applier("flux-system", "apps"),
                applier("apps", "web"),
            ],
            files: vec!["a.yaml".to_owned(), "b.yaml".to_owned()],
            mixed: vec!["all.yaml".to_owned()],
            listing: vec!["kustomization.yaml".to_owned()],
            emptied: vec!["apps/web".to_owned()],
        };
        let moved = moved_from(&old, vec![adopted(None, "x", None)], None);
        assert_eq!(
            moved.steps[1].commands,
            [
                "flux suspend kustomization flux-system",
                "flux suspend kustomization apps",
                "flux suspend kustomization web --namespace apps",
            ]
        );
        assert_eq!(moved.steps[5].commands.len(), 3);
        assert_eq!(
            moved.steps[3].commands[1..],
            [
                "git rm a.yaml b.yaml",
                "# take these objects alone out of: all.yaml",
                "# take the files' entries out of: kustomization.yaml",
                "# leave a manifest or a kustomization.yaml where these look, or take them away too: they would find no path: apps/web",
                "git add DIR && git commit && git push",
            ]
        );
    }

    #[test]
    fn commands_name_the_context_that_was_read_and_else_one_called_like_the_cluster() {
        let one = || vec![adopted(Some("admin-prod-example"), "a", Some((true, "")))];
        let contexts = |moved: &Move| {
            let steps = moved.steps.iter().chain(&moved.back);
            let commands = steps.flat_map(|step| &step.commands);
            let after = commands.filter_map(|command| command.split_once("--context "));
            let names = after.map(|(_, rest)| rest.split([' ', ';']).next().unwrap().to_owned());
            names
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
        };
        let read = moved(one(), Some("admin@prod.example"));
        assert_eq!(contexts(&read), ["admin@prod.example"]);
        assert_eq!(read.assumes, None);
        let guessed = moved(one(), None);
        assert_eq!(contexts(&guessed), ["admin-prod-example"]);
        assert_eq!(guessed.assumes, Some(CALLED_LIKE_CLUSTERS));
        let of_none = moved(vec![adopted(None, "a", None)], None);
        assert_eq!((contexts(&of_none), of_none.assumes), (vec![], None));
    }
}
