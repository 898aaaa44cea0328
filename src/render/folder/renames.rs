//! Recognises an object that only changed its name, and says how to rename it safely.

use crate::flux::yaml::{Node, read};

use super::layout::Place;
use super::report::{Renamed, WrittenObject};

/// Deletion policies of a Kustomization: the one that it has where it says none, and the one that
/// keeps what it applied. With any other all goes, whatever `prune` says; while it is suspended
/// nothing goes.
///
/// Source: `finalizerShouldDeleteResources` in kustomize-controller.
const MIRROR_PRUNE: &str = "MirrorPrune";
const ORPHAN: &str = "Orphan";

/// The objects of a file as it stands; what cannot be read is left out.
pub(super) fn objects(text: &str) -> Vec<WrittenObject> {
    let (documents, _) = read(text, 0);
    documents.iter().filter_map(written_object).collect()
}

/// What makes Flux delete what a Kustomization applied once it goes: `prune: true`, or its deletion
/// policy; `None` for one that leaves it there, and for other kinds.
pub fn is_pruning(document: &Node) -> Option<&'static str> {
    let object = written_object(document).filter(|object| object.prunes)?;
    Some(if object.by_policy {
        "a deletion policy"
    } else {
        "prune: true"
    })
}

/// The steps by which an object is renamed without harm.
pub fn steps_to_rename(document: &Node, new_name: &str) -> Vec<String> {
    written_object(document).map_or_else(Vec::new, |object| steps(&object, new_name))
}

fn written_object(document: &Node) -> Option<WrittenObject> {
    let metadata = document.get("metadata")?;
    let text = |node: &Node, key| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let kind = text(document, "kind")?;
    let is_kustomization = kind == "Kustomization";
    let spec = document.get("spec").filter(|_| is_kustomization);
    let policy = spec.and_then(|spec| spec.get("deletionPolicy"));
    let policy = policy.and_then(Node::as_str).unwrap_or(MIRROR_PRUNE);
    let says = |key| spec.and_then(|spec| spec.get(key)).and_then(Node::as_bool) == Some(true);
    let deletes = match policy {
        MIRROR_PRUNE => says("prune"),
        policy => policy != ORPHAN,
    };
    Some(WrittenObject {
        prunes: deletes && !says("suspend"),
        by_policy: policy != MIRROR_PRUNE,
        name: text(metadata, "name")?,
        namespace: text(metadata, "namespace").unwrap_or_default(),
        kind,
    })
}

/// What became of the objects that a file held before: renamed, or gone.
///
/// What another file holds now is neither. One that is gone and one that is new are the same where
/// they share kind and namespace; of several, those whose names are most alike.
pub(super) fn compare(
    place: &Place,
    before: Vec<WrittenObject>,
    after: &[WrittenObject],
    is_held_elsewhere: &dyn Fn(&WrittenObject) -> bool,
) -> (Vec<Renamed>, Vec<WrittenObject>) {
    let is_in = |object: &WrittenObject, others: &[WrittenObject]| {
        others
            .iter()
            .any(|other| same_kind(object, other) && object.name == other.name)
    };
    let new: Vec<_> = after
        .iter()
        .filter(|object| !is_in(object, &before))
        .collect();
    let gone: Vec<_> = before
        .into_iter()
        .filter(|object| !is_in(object, after) && !is_held_elsewhere(object))
        .collect();
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for (old_index, old) in gone.iter().enumerate() {
        for (new_index, new) in new.iter().enumerate() {
            if same_kind(old, new) {
                let distance = strsim::levenshtein(&old.name, &new.name);
                pairs.push((distance, old_index, new_index));
            }
        }
    }
    pairs.sort_unstable();
    let mut new_names: Vec<Option<&str>> = vec![None; gone.len()];
    let mut taken = vec![false; new.len()];
    for (_, old_index, new_index) in pairs {
        if new_names[old_index].is_none() && !taken[new_index] {
            new_names[old_index] = Some(&new[new_index].name);
            taken[new_index] = true;
        }
    }
    let mut renamed = Vec::new();
    let mut dropped = Vec::new();
    for (old, new_name) in gone.into_iter().zip(new_names) {
        match new_name {
            Some(new_name) => renamed.push(Renamed {
                place: place.clone(),
                steps: steps(&old, new_name),
                object: old,
                new_name: new_name.to_owned(),
            }),
            None => dropped.push(old),
        }
    }
    (renamed, dropped)
}

fn same_kind(a: &WrittenObject, b: &WrittenObject) -> bool {
    a.kind == b.kind && a.namespace == b.namespace
}

fn steps(old: &WrittenObject, new_name: &str) -> Vec<String> {
    let WrittenObject {
        kind,
        namespace,
        name,
        prunes,
        by_policy,
    } = old;
    if *prunes {
        let (setting, field, value) = if *by_policy {
            ("deletionPolicy: Orphan", "deletionPolicy", ORPHAN)
        } else {
            ("prune: false", "prune", "false")
        };
        let again = if *by_policy {
            "the old deletion policy"
        } else {
            "`prune: true`"
        };
        vec![
            format!(
                "keep the name `{name}`, set `{setting}` for it, render, and wait until the \
                 cluster has it: `kubectl -n {namespace} get kustomization {name} -o \
                 jsonpath='{{.spec.{field}}}'` prints `{value}`"
            ),
            format!(
                "rename it to `{new_name}` and render with `--prune`: Flux removes `{name}` and leaves its \
                 workloads, which `{new_name}` takes over"
            ),
            format!("once `{new_name}` is ready, set {again} again"),
        ]
    } else if kind == "Kustomization" {
        vec![format!(
            "nothing to prepare: with `{name}` no workload is deleted; they stay until `{new_name}` \
             takes them over"
        )]
    } else {
        vec![format!(
            "whatever refers to the {kind} `{namespace}/{name}` from elsewhere is changed to \
             `{new_name}` in the same commit; no workload is deleted"
        )]
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Place;
    use super::super::report::WrittenObject;
    use super::{compare, objects};

    fn object(kind: &str, name: &str, prunes: bool) -> WrittenObject {
        WrittenObject {
            kind: kind.into(),
            namespace: "flux-system".into(),
            name: name.into(),
            prunes,
            by_policy: false,
        }
    }

    fn place() -> Place {
        Place {
            environment: "staging".into(),
            cluster: None,
            project: "web".into(),
        }
    }

    #[test]
    fn objects_are_read_from_a_file() {
        let text = "kind: Kustomization\nmetadata: {name: a, namespace: flux-system}\n\
                    spec: {prune: true}\n---\nkind: GitRepository\nmetadata: {name: b}\n---\n- 1\n";
        let mut source = object("GitRepository", "b", false);
        source.namespace = String::new();
        assert_eq!(objects(text), [object("Kustomization", "a", true), source]);
    }

    #[test]
    fn what_goes_with_a_kustomization_is_said_by_prune_policy_and_suspend() {
        let prunes = |spec: &str| {
            let text = format!("kind: Kustomization\nmetadata: {{name: a}}\nspec: {{{spec}}}\n");
            objects(&text)[0].prunes
        };
        assert!(prunes("prune: true"));
        assert!(!prunes("prune: false"));
        assert!(prunes("prune: true, deletionPolicy: MirrorPrune"));
        assert!(!prunes("prune: true, deletionPolicy: Orphan"));
        assert!(prunes("prune: false, deletionPolicy: Delete"));
        assert!(prunes("prune: false, deletionPolicy: WaitForTermination"));
        assert!(!prunes("prune: true, suspend: true"));
        assert!(!prunes("deletionPolicy: Delete, suspend: true"));
    }

    #[test]
    fn where_the_policy_deletes_the_safe_steps_change_the_policy() {
        let mut web = object("Kustomization", "web", true);
        web.by_policy = true;
        let (renamed, _) = compare(
            &place(),
            vec![web],
            &[object("Kustomization", "shop", true)],
            &|_| false,
        );
        insta::assert_snapshot!(renamed[0].steps.join("\n"), @"
        keep the name `web`, set `deletionPolicy: Orphan` for it, render, and wait until the cluster has it: `kubectl -n flux-system get kustomization web -o jsonpath='{.spec.deletionPolicy}'` prints `Orphan`
        rename it to `shop` and render with `--prune`: Flux removes `web` and leaves its workloads, which `shop` takes over
        once `shop` is ready, set the old deletion policy again
        ");
    }

    #[test]
    fn another_name_of_the_same_kind_is_a_rename_and_a_missing_one_is_gone() {
        let before = vec![
            object("GitRepository", "web-staging", false),
            object("Kustomization", "web-crds", true),
            object("Kustomization", "web-app", true),
        ];
        let after = [
            object("GitRepository", "web-staging", false),
            object("Kustomization", "web-application", true),
        ];
        let (renamed, gone) = compare(&place(), before, &after, &|_| false);
        let renames: Vec<_> = renamed
            .iter()
            .map(|renamed| (renamed.object.name.as_str(), renamed.new_name.as_str()))
            .collect();
        assert_eq!(renames, [("web-app", "web-application")]);
        assert_eq!(gone, [object("Kustomization", "web-crds", true)]);
    }

    #[test]
    fn a_rename_that_would_delete_workloads_comes_with_the_safe_steps() {
        let before = vec![object("Kustomization", "web", true)];
        let (renamed, _) = compare(
            &place(),
            before,
            &[object("Kustomization", "shop", true)],
            &|_| false,
        );
        insta::assert_snapshot!(renamed[0].steps.join("\n"), @"
        keep the name `web`, set `prune: false` for it, render, and wait until the cluster has it: `kubectl -n flux-system get kustomization web -o jsonpath='{.spec.prune}'` prints `false`
        rename it to `shop` and render with `--prune`: Flux removes `web` and leaves its workloads, which `shop` takes over
        once `shop` is ready, set `prune: true` again
        ");
    }
}
