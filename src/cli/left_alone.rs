//! Objects that the configuration leaves alone: `--against` takes none of them for removed.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::adopt::LeftAlone;
use crate::config::{Folder, Unreadable};
use crate::render::ObjectName;

/// Where `init` lists them, below the configuration's folder.
pub(super) const FILE: &str = ".flux-setup/left-alone";

/// The most patterns that are read.
const MOST_PATTERNS: usize = 100_000;

/// Stands for a cluster where nothing says it.
const OF_NONE: &str = "-";

const HEAD: &str = "\
# Objects that `flux-setup init` left alone: `render --check --against` takes none of them for removed.
# One a line, as KIND/NAMESPACE/NAME, and @CLUSTER behind it for those of one cluster, @- for those of none;
# * stands for any text.
";

/// Patterns of objects.
#[derive(Debug)]
pub(super) struct Patterns(GlobSet);

impl Patterns {
    /// Those of the configuration's folder, and these.
    ///
    /// # Errors
    /// A pattern that is none, with its place; a file that cannot be read.
    pub(super) fn read(config: &Path, more: &[String]) -> anyhow::Result<Self> {
        let mut patterns = GlobSetBuilder::new();
        let file = config.join(FILE);
        let shown = file.display();
        let text = match Folder::open(config).map(|folder| folder.read(FILE)) {
            Ok(Ok(text)) => text,
            Ok(Err(Unreadable::Missing)) | Err(_) => String::new(),
            Ok(Err(Unreadable::Because(reason))) => bail!("`{shown}` {reason}"),
            Ok(Err(Unreadable::NotText { .. })) => bail!("`{shown}` is not UTF-8 text"),
        };
        let lines = text.lines().enumerate();
        let lines = lines.map(|(index, line)| (Some(index + 1), line.trim()));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let more = more.iter().map(|pattern| (None, pattern.as_str()));
        for (number, (line, pattern)) in lines.chain(more).enumerate() {
            let place = || match line {
                Some(line) => format!("{shown}:{line}"),
                None => "--ignore".to_owned(),
            };
            if number == MOST_PATTERNS {
                bail!("{}: there are more than {MOST_PATTERNS} patterns", place());
            }
            if pattern.matches('/').count() != 2 {
                bail!("{}: `{pattern}` is no KIND/NAMESPACE/NAME", place());
            }
            let glob = GlobBuilder::new(pattern).literal_separator(true).build();
            patterns.add(glob.with_context(place)?);
        }
        let patterns = patterns.build();
        let patterns = patterns.context("the patterns of objects to leave alone are too much")?;
        Ok(Self(patterns))
    }

    pub(super) fn has(&self, object: &ObjectName) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let name = written(object);
        let cluster = object.cluster.as_deref().unwrap_or(OF_NONE);
        self.0.is_match(&name) || self.0.is_match(format!("{name}@{cluster}"))
    }
}

fn written(object: &ObjectName) -> String {
    format!("{}/{}/{}", object.kind, object.namespace, object.name)
}

/// The list of what was left alone, for the folder of the configuration; `None` where that is nothing.
/// In a fleet of clusters what is of none is no other's.
pub(super) fn list<'l>(
    left: impl Iterator<Item = (&'l LeftAlone, Option<ObjectName>)>,
    has_clusters: bool,
) -> Option<String> {
    let mut text = HEAD.to_owned();
    for (one, object) in left {
        let Some(object) = object else {
            continue;
        };
        let mut pattern = written(&object);
        let cluster = object.cluster.as_deref();
        if let Some(cluster) = cluster.or(has_clusters.then_some(OF_NONE)) {
            pattern = format!("{pattern}@{cluster}");
        }
        // what a file holds may be called anything
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "./@-_".contains(c);
        let pattern = pattern.replace(|c| !is_plain(c), "?");
        if pattern.matches('/').count() == 2 {
            let reason = one.reason.replace(char::is_control, " ");
            // writing to a string cannot fail
            let _ = writeln!(text, "# {reason}\n{pattern}");
        }
    }
    (text.len() > HEAD.len()).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{FILE, Patterns, list};
    use crate::adopt::LeftAlone;
    use crate::flux::yaml::Span;
    use crate::render::ObjectName;

    fn object(namespace: &str, name: &str, cluster: Option<&str>) -> ObjectName {
        ObjectName {
            cluster: cluster.map(Into::into),
            group: "kustomize.toolkit.fluxcd.io".into(),
            kind: "Kustomization".into(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The patterns of a configuration's file and of arguments.
    fn patterns(file: &str, more: &[&str]) -> Result<Patterns, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".flux-setup")).unwrap();
        fs::write(folder.path().join(FILE), file).unwrap();
        let more: Vec<_> = more.iter().map(|it| (*it).to_owned()).collect();
        let read = Patterns::read(folder.path(), &more);
        let place = folder.path().display().to_string();
        read.map_err(|error| format!("{error:#}").replace(&place, ""))
    }

    #[test]
    fn a_star_stands_for_any_text_of_one_part_and_a_cluster_for_that_one() {
        let patterns = patterns("# why\n\nKustomization/apps/*\n", &["*/*/web@eu"]).unwrap();
        assert!(patterns.has(&object("apps", "shop", None)));
        assert!(patterns.has(&object("apps", "shop", Some("us"))));
        assert!(!patterns.has(&object("apps2", "shop", None)));
        assert!(patterns.has(&object("other", "web", Some("eu"))));
        assert!(!patterns.has(&object("other", "web", Some("us"))));
        assert!(!patterns.has(&object("other", "web", None)));
    }

    #[test]
    fn what_is_no_pattern_is_told_with_its_place() {
        let refused = |file, more: &[&str]| patterns(file, more).unwrap_err();
        assert_eq!(
            refused("a/b/c\nweb\n", &[]),
            "/.flux-setup/left-alone:2: `web` is no KIND/NAMESPACE/NAME"
        );
        assert_eq!(
            refused("", &["a/b"]),
            "--ignore: `a/b` is no KIND/NAMESPACE/NAME"
        );
        let told = refused("", &["a/b/[c"]);
        assert!(
            told.starts_with("--ignore: error parsing glob 'a/b/[c'"),
            "{told}"
        );
    }

    #[test]
    fn what_is_listed_is_found_again_however_it_is_called() {
        let alone = LeftAlone {
            span: Span::default(),
            object: String::new(),
            reason: "it is\nodd".to_owned(),
        };
        let odd = object("apps", "{{ .Release.Name }}-[a]*", Some("eu"));
        let text = list(
            [(&alone, Some(odd.clone())), (&alone, None)].into_iter(),
            true,
        )
        .unwrap();
        let lines: Vec<_> = text.lines().skip(3).collect();
        assert_eq!(
            lines,
            [
                "# it is odd",
                "Kustomization/apps/???.Release.Name???-?a??@eu"
            ]
        );
        let patterns = patterns(&text, &[]).unwrap();
        assert!(patterns.has(&odd));
        assert!(!patterns.has(&object("apps", "web", Some("eu"))));
        assert_eq!(list([(&alone, None)].into_iter(), true), None);
    }

    #[test]
    fn what_is_of_no_cluster_hides_nothing_of_one() {
        let alone = LeftAlone {
            span: Span::default(),
            object: String::new(),
            reason: "it is odd".to_owned(),
        };
        let web = |cluster| object("apps", "web", cluster);
        let listed = |has_clusters| {
            let text = list([(&alone, Some(web(None)))].into_iter(), has_clusters);
            patterns(&text.unwrap(), &[]).unwrap()
        };
        assert!(listed(true).has(&web(None)));
        assert!(!listed(true).has(&web(Some("eu"))));
        assert!(listed(false).has(&web(Some("eu"))));
    }
}
