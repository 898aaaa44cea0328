//! Which clusters a document is for that lies somewhere.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::config::Sources;
use crate::flux::yaml::Span;

use super::super::folder::marker_of;

/// Comes before the first document of each cluster in a stream that `render` printed.
const STREAM_MARK: &str = "# cluster: ";

/// Tells the clusters of each document: as `render` wrote it, into the file's first line or before the
/// document in a stream; else as its path says.
pub struct Clusters<'s> {
    sources: &'s Sources,
    by_path: &'s dyn Fn(&Path) -> Vec<Arc<str>>,
    texts: HashMap<u32, OfText<'s>>,
}

/// What a text says of the clusters of its documents.
enum OfText<'s> {
    /// Those of all of them; `None`: one that has no name, or nothing says it.
    All(Vec<Option<Arc<str>>>),
    /// Where each mark ends, and what it says; the path for what comes before them.
    Marks(Vec<(usize, &'s str)>, Vec<Option<Arc<str>>>),
}

impl fmt::Debug for Clusters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clusters").finish_non_exhaustive()
    }
}

impl<'s> Clusters<'s> {
    /// `by_path` gives the clusters of a file that does not name them; none where nothing says it.
    pub fn new(sources: &'s Sources, by_path: &'s dyn Fn(&Path) -> Vec<Arc<str>>) -> Self {
        Self {
            sources,
            by_path,
            texts: HashMap::new(),
        }
    }

    /// The clusters of the document there; `None` where nothing says it.
    pub fn of(&mut self, span: Span) -> Vec<Option<Arc<str>>> {
        let of_text = self.texts.entry(span.source);
        let of_text =
            of_text.or_insert_with(|| OfText::read(self.sources, span.source, self.by_path));
        match of_text {
            OfText::All(clusters) => clusters.clone(),
            OfText::Marks(marks, before) => {
                let behind = marks.partition_point(|(end, _)| *end <= span.start as usize);
                match behind.checked_sub(1).map(|last| marks[last].1) {
                    Some(name) => vec![(name != "-").then(|| name.into())],
                    None => before.clone(),
                }
            }
        }
    }
}

impl<'s> OfText<'s> {
    fn read(sources: &'s Sources, source: u32, by_path: &dyn Fn(&Path) -> Vec<Arc<str>>) -> Self {
        let text = sources.text(source);
        if let Some(place) = marker_of(text) {
            return Self::All(vec![place.cluster.as_deref().map(Arc::from)]);
        }
        let by_path = match by_path(Path::new(sources.name(source))) {
            named if named.is_empty() => vec![None],
            named => named.into_iter().map(Some).collect(),
        };
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

/// The innermost folder of a path that is called as one of these clusters.
pub fn cluster_of_folder(file: &Path, known: &[Arc<str>]) -> Option<Arc<str>> {
    let parents = file.parent().into_iter();
    let mut folders = parents.flat_map(|parent| parent.iter().rev());
    folders.find_map(|folder| {
        let folder = folder.to_str()?;
        known.iter().find(|name| is_called(folder, name)).cloned()
    })
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
        let by_path = |file: &Path| cluster_of_folder(file, &known).into_iter().collect();
        let mut clusters = Clusters::new(&sources, &by_path).of(span);
        clusters.remove(0).map(|name| name.to_string())
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
