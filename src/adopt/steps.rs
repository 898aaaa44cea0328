//! The safe move: from manifests that people wrote to those that are rendered, and back.

use super::commands::{Commands, Old, Places};
use super::run::Adoption;

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

/// Of clusters nothing is known but what folders call them.
const CALLED_LIKE_CLUSTERS: &str = "The contexts of your kubeconfig are assumed to be called like the \
     clusters; where one is not, put its own name behind `--context`";

/// The steps of a move of these objects. Each can be taken back; none touches a workload.
pub fn steps(adoption: &Adoption, old: &Old, places: Places<'_>) -> Move {
    let Places { config, from, .. } = places;
    let commands = Commands::new(&adoption.kustomizations, old, places);
    let has_several = commands.has_several_clusters();
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
            commands.of_flux("suspend"),
        ),
        step(
            "Take prune off, so that Flux deletes no workload whatever goes wrong",
            commands.keep_all(),
        ),
        step(
            if has_several {
                "In one commit, render into the folders that the Flux of each cluster applies (or into the one \
                 above them where they are called like the clusters), take the old files of these objects out of them, and leave those that are left \
                 alone; the objects keep their names, so Flux sees the same ones with three labels more"
            } else {
                "In one commit, render into the folder that Flux applies, take the old files of these objects \
                 out of it, and leave those that are left alone; the objects keep their names, so Flux sees the \
                 same ones with three labels more"
            },
            commands.render(),
        ),
        step(
            "See that Flux would change labels and set prune again, and nothing else",
            commands.diff(),
        ),
        step(
            "Let Flux apply it, what is above first, and each once the one before it is ready: what that \
             applies is its own from then, and nobody below deletes it",
            commands.of_flux("resume"),
        ),
        step(
            "See that every object is ready and prunes as before",
            commands.for_clusters(|cluster| {
                format!(
                    "kubectl{} get kustomizations -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,PRUNE:.spec.prune,POLICY:.spec.deletionPolicy",
                    commands.context(cluster)
                )
            }),
        ),
    ];
    let back = vec![
        step(
            "Before the commit: put prune back and resume",
            [commands.delete_again(), commands.of_flux("resume")].concat(),
        ),
        step(
            "After it: suspend again, revert the commit, resume; the old files name the same objects, so \
             nothing is deleted on the way back either",
            [
                commands.of_flux("suspend"),
                vec!["git revert COMMIT && git push".to_owned()],
                commands.of_flux("resume"),
            ]
            .concat(),
        ),
    ];
    Move {
        assumes: commands.guesses_contexts().then_some(CALLED_LIKE_CLUSTERS),
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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::adopt::{Adopted, Applier, Deletes};

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
            homes: Vec::new(),
            of_homes: Vec::new(),
            namespaces: Vec::new(),
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
                "git add --update && git add DIR && git commit && git push",
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
