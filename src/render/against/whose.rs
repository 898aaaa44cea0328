//! Which cluster a document is for that lies somewhere.

use std::path::Path;
use std::sync::Arc;

use crate::config::Sources;
use crate::flux::yaml::Span;

use super::super::folder::marker_of;

/// Comes before the first document of each cluster in a stream that `render` printed.
const STREAM_MARK: &str = "# cluster: ";

/// The cluster of a document: as `render` wrote it, into the file's first line or before the document
/// in a stream; else the innermost folder of its path that is called as one of the `known`. `None`
/// where nothing says it.
pub fn cluster_of(sources: &Sources, span: Span, known: &[Arc<str>]) -> Option<Arc<str>> {
    let text = sources.text(span.source);
    if let Some(place) = marker_of(text) {
        return place.cluster.as_deref().map(Arc::from);
    }
    if let Some(name) = streamed(text, span.start as usize) {
        return (name != "-").then(|| name.into());
    }
    let path = Path::new(sources.name(span.source));
    let mut folders = path.parent()?.iter().rev();
    folders.find_map(|folder| {
        let folder = folder.to_str()?;
        known.iter().find(|name| is_called(folder, name)).cloned()
    })
}

/// Whether a folder is called so, but for what a name cannot have.
fn is_called(folder: &str, name: &str) -> bool {
    folder == name || folder.to_lowercase().replace(['_', '.', ' '], "-") == name
}

/// What the last mark before a place in a stream says.
fn streamed(text: &str, at: usize) -> Option<&str> {
    let before = text.get(..at)?;
    let mark = format!("\n{STREAM_MARK}");
    let start = match before.rfind(&mark) {
        Some(newline) => newline + mark.len(),
        None => before
            .starts_with(STREAM_MARK)
            .then_some(STREAM_MARK.len())?,
    };
    before[start..].lines().next().map(str::trim_end)
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
        cluster_of(&sources, span, &known).map(|name| name.to_string())
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
