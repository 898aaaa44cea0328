//! Files of a folder that hold no Kubernetes object: settings of other programs. They are counted and
//! named, and are no faults.

use crate::budget::counted;
use crate::config::{Finding, Sources};
use crate::flux::yaml::Span;

use super::folder_report::shortened;

/// Files that were read and hold no object.
#[derive(Debug, Default)]
pub(super) struct OtherFiles {
    /// The numbers of their texts, in order.
    pub(super) texts: Vec<u32>,
    /// How many documents there were in them.
    pub(super) documents: usize,
}

impl OtherFiles {
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn names<'s>(&self, sources: &'s Sources) -> Vec<&'s str> {
        let texts = self.texts.iter();
        texts.map(|source| sources.name(*source)).collect()
    }

    /// `2 files are no Kubernetes objects: a.yaml, b.yaml`.
    pub(super) fn told(&self, sources: &Sources) -> String {
        let names = self.names(sources).into_iter();
        let names = shortened(names.map(|name| format!("`{name}`")).collect());
        match self.len() {
            1 => format!("1 file is no Kubernetes object: {names}"),
            files => format!(
                "{} are no Kubernetes objects: {names}",
                counted(files, "file")
            ),
        }
    }

    /// One for all of them.
    pub(super) fn notice(&self, sources: &Sources) -> Option<Finding> {
        let first = Span {
            source: *self.texts.first()?,
            ..Span::default()
        };
        let finding = Finding::warning(first, "", self.told(sources));
        Some(finding.hint("`--exclude GLOB` leaves them out").unjudged())
    }
}
