//! Which cluster a document is for that lies somewhere.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::config::Sources;
use crate::flux::yaml::Span;

use super::super::folder::marker_of;

/// Comes before the first document of each cluster in a stream that `render` printed.
const STREAM_MARK: &str = "# cluster: ";

/// Tells the cluster of each document: as `render` wrote it, into the file's first line or before the
/// document in a stream; else the innermost folder of its path that is called as one of those known.
#[derive(Debug)]
pub struct Clusters<'s> {
    sources: &'s Sources,
    known: &'s [Arc<str>],
    texts: HashMap<u32, OfText<'s>>,
}

/// What a text says of the clusters of its documents.
#[derive(Debug)]
enum OfText<'s> {
    /// One for all of them; `None`: one that has no name, or nothing says it.
    All(Option<Arc<str>>),
    /// Where each mark ends, and what it says; the path for what comes before them.
    Marks(Vec<(usize, &'s str)>, Option<Arc<str>>),
}

impl<'s> Clusters<'s> {
    pub fn new(sources: &'s Sources, known: &'s [Arc<str>]) -> Self {
        Self {
            sources,
            known,
            texts: HashMap::new(),
        }
    }

    /// The cluster of the document there; `None` where nothing says it.
    pub fn of(&mut self, span: Span) -> Option<Arc<str>> {
        let Self {
            sources,
            known,
            texts,
        } = self;
        let of_text = texts
            .entry(span.source)
            .or_insert_with(|| OfText::read(sources, span.source, known));
        match of_text {
            OfText::All(cluster) => cluster.clone(),
            OfText::Marks(marks, before) => {
                let behind = marks.partition_point(|(end, _)| *end <= span.start as usize);
                match behind.checked_sub(1).map(|last| marks[last].1) {
                    Some(name) => (name != "-").then(|| name.into()),
                    None => before.clone(),
                }
            }
        }
    }
}

impl<'s> OfText<'s> {
    fn read(sources: &'s Sources, source: u32, known: &[Arc<str>]) -> Self {
        let text = sources.text(source);
        if let Some(place) = marker_of(text) {
            return Self::All(place.cluster.as_deref().map(Arc::from));
        }
        let path = Path::new(sources.name(source));
        let mut folders = path
            .parent()
            .into_iter()
            .flat_map(|parent| parent.iter().rev());
        let by_path = folders.find_map(|folder| {
            let folder = folder.to_str()?;
            known.iter().find(|name| is_called(folder, name)).cloned()
        });
        let marks = text
            .match_indices(STREAM_MARK)
            .filter(|(at, _)| *at == 0 || text.as_bytes()[at - 1] == b'\n');
        let marks = marks.map(|(at, mark)| {
            let rest = text[at + mark.len()..].lines().next().unwrap_or_default();
            (at + mark.len() + rest.len(), rest.trim_end())
        });
        match marks.collect::<Vec<_>>() {
            marks if marks.is_empty() => Self::All(by_path),
            marks => Self::Marks(marks, by_path),
        }
    }
}

/// Whether a folder is called so, but for what a name cannot have.
fn is_called(folder: &str, name: &str) -> bool {
    folder == name || folder.to_lowercase().replace(['_', '.', ' '], "-") == name
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cluster of what lies in a file behind these lines.
    fn cluster(file: &str, before: &str) -> Option<String> {
        let mut sources = Sources::default();
        let text = format!("{before}kind: A\n");
        let span = Span {
            source: sources.add(file, text),
            start: u32::try_from(before.len()).unwrap(),
            end: 0,
        };
        let known = ["eu".into(), "prod-us".into()];
        let cluster = Clusters::new(&sources, &known).of(span);
        cluster.map(|name| name.to_string())
    }

    #[test]
    fn a_file_of_ours_names_its_cluster_and_so_does_a_stream() {
        let file = |before| cluster("eu/a.yaml", before);
        assert_eq!(file("# flux-setup: prod/us/web\n"), Some("us".into()));
        assert_eq!(file("# flux-setup: prod/-/web\n"), None);
        assert_eq!(file("---\n# cluster: us\na: b\n---\n"), Some("us".into()));
        assert_eq!(file("---\n# cluster: us\n---\n# cluster: -\n"), None);
        assert_eq!(file("# cluster: us\n"), Some("us".into()));
    }

    #[test]
    fn elsewhere_the_innermost_folder_that_is_called_as_a_cluster_names_it() {
        let at = |file| cluster(file, "");
        assert_eq!(at("eu/apps/web.yaml"), Some("eu".into()));
        assert_eq!(at("eu/Prod_US/web.yaml"), Some("prod-us".into()));
        assert_eq!(at("us/eu.yaml"), None);
        assert_eq!(at("-"), None);
    }
}
