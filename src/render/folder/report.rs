//! What a run over a folder did, or would do.

use std::path::PathBuf;

use super::layout::Place;

/// Paths are relative to the folder, in order.
#[derive(Debug, Default, PartialEq)]
pub struct FolderReport {
    /// Files that were written; of a comparison, those that would be.
    pub written: Vec<WrittenFile>,
    pub unchanged: usize,
    /// How they differ; only of a comparison.
    pub differences: Vec<Difference>,
    /// Files of ours that the plan does not ask for.
    pub stale: Vec<StaleFile>,
    /// Whether the stale files were removed, and files written that lose objects.
    pub pruned: bool,
    /// Files that differ and stay as they are, since objects go with their new text; only a run that
    /// prunes writes them.
    pub kept: Vec<PathBuf>,
    /// Files that now belong to another cluster of the same environment and project.
    pub taken_over: Vec<TakenOver>,
    /// Objects that no file of their environment and cluster holds any more although their own stays;
    /// what is renamed is not here.
    pub dropped: Vec<DroppedObject>,
    pub renamed: Vec<Renamed>,
    pub unlisted: Vec<Unlisted>,
    pub unreached: Vec<Unreached>,
    pub misplaced: Vec<Misplaced>,
    /// Unfinished files of runs that were killed, which were removed.
    pub cleaned: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    pub path: PathBuf,
    /// There was none before.
    pub new: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub path: PathBuf,
    /// In the unified form, with its two header lines.
    pub diff: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleFile {
    pub path: PathBuf,
    pub place: Place,
    /// Where `output` puts it now: a run that prunes writes it there, and until then none does.
    pub moves_to: Option<PathBuf>,
    /// What is in it and in no other file of the same environment and cluster, and so what a Flux
    /// that applies the folder deletes with it.
    pub objects: Vec<WrittenObject>,
}

/// An object as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenObject {
    pub kind: String,
    /// Empty where it has none.
    pub namespace: String,
    pub name: String,
    /// A Kustomization, and what it applied is deleted with it.
    pub prunes: bool,
    /// It has a deletion policy of its own, and `prune` changes nothing.
    pub by_policy: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedObject {
    pub path: PathBuf,
    pub object: WrittenObject,
}

/// An object whose name changes while all else that tells it apart stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    pub place: Place,
    /// As it was.
    pub object: WrittenObject,
    pub new_name: String,
    /// What a person does so that nothing is deleted on the way, in order.
    pub steps: Vec<String>,
}

/// A file of ours that was written for another cluster, or before the environment had one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOver {
    pub path: PathBuf,
    pub before: Place,
    pub now: Place,
}

/// A file with a marker of ours where `output` puts none, which somebody copied or changed: its
/// original lies in the folder, or not all in it was written by us. It is not removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    pub path: PathBuf,
    pub place: Place,
}

/// A `kustomization.yaml` that leaves out files of ours beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlisted {
    pub kustomization: PathBuf,
    pub files: Vec<PathBuf>,
}

/// A `kustomization.yaml` that does not lead to files of ours in folders below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    pub kustomization: PathBuf,
    /// The folder that it lists and that has no `kustomization.yaml`: there kustomize fails.
    pub ends_in: Option<PathBuf>,
    pub files: Vec<PathBuf>,
}

impl FolderReport {
    /// Whether the folder is as the plan wants it, after what this run did: for a comparison that
    /// nothing differs, for a run that wrote that nothing is left to prune.
    pub fn is_settled(&self) -> bool {
        let compared_equal = self.differences.is_empty() && self.kept.is_empty();
        compared_equal && self.misplaced.is_empty() && (self.stale.is_empty() || self.pruned)
    }

    /// How many of the objects that go take their workloads with them: one that is renamed goes too,
    /// under its old name.
    pub fn deleting(&self) -> usize {
        let stale = self.stale.iter().flat_map(|file| &file.objects);
        let dropped = self.dropped.iter().map(|dropped| &dropped.object);
        let renamed = self.renamed.iter().map(|renamed| &renamed.object);
        let gone = stale.chain(dropped).chain(renamed);
        gone.filter(|object| object.prunes).count()
    }
}
