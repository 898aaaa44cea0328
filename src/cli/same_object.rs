//! Finds objects that stand in plain manifests more than once.

use std::collections::HashMap;
use std::path::Path;

use crate::config::{Class, Finding, Severity, Sources};
use crate::flux::yaml::{Node, Span};
use crate::manifests::Together;

/// How the first line of a file starts that `render` wrote; environment, cluster and project follow.
const MARKER: &str = "# flux-setup: ";

/// What makes an object one and the same: group, kind, namespace and name.
type Identity<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Environment and cluster of what `render` wrote; the project is what differs within them.
type Fleet<'a> = (&'a str, &'a str);

/// Earlier places of one object that are compared with a later one.
const MOST_COMPARED: usize = 50;

/// How it comes that two places are of one object in one cluster.
#[derive(Debug)]
enum Met<'g> {
    InOneFile,
    /// This takes in both.
    Together(&'g str),
    /// In two files of one folder, or of a folder in the other.
    Near,
    InTurn(String, String),
}

/// Says of each object that stands there again what becomes of it: twice in one file, or in what one
/// Kustomization applies or one of kustomize's lists, is an error, for they are applied together; in two
/// files of one folder, or of a folder in the other, it is a warning, for one may be a patch; and so
/// it is in what two Kustomizations of one cluster apply. Elsewhere it may be of another cluster, and so
/// may what `render` wrote for another environment. `own` are kustomize's own configurations. Where not all is
/// surely fetched (`is_whole`), what is applied together is no error either.
pub(super) fn same_objects(
    documents: &[Node],
    own: &[Node],
    sources: &Sources,
    is_whole: &dyn Fn() -> bool,
) -> Vec<Finding> {
    let mut places: HashMap<Identity<'_>, Vec<Span>> = HashMap::new();
    for (identity, span) in documents.iter().filter_map(identity) {
        places.entry(identity).or_default().push(span);
    }
    let mut findings = Vec::new();
    let mut met_together = Vec::new();
    places.retain(|_, spans| spans.len() > 1);
    let together = (!places.is_empty()).then(|| Together::of(documents, own, sources));
    let Some(together) = together else {
        return findings;
    };
    for (identity, spans) in places {
        let mut known = Known::default();
        let mut in_groups: HashMap<usize, Span> = HashMap::new();
        for (number, span) in spans.iter().copied().enumerate() {
            let file = Path::new(sources.name(span.source));
            let folder = file.parent().unwrap_or(Path::new(""));
            let fleet = fleet(sources.text(span.source));
            let groups = together.groups(file);
            let in_group = || {
                groups
                    .iter()
                    .find_map(|at| Some((*at, *in_groups.get(at)?)))
            };
            let met = if let Some(first) = known.files.get(&span.source) {
                Some((*first, Met::InOneFile))
            } else if let (None, Some((group, first))) = (fleet, in_group()) {
                Some((first, Met::Together(together.name(group))))
            } else if let Some(first) = known.applied_with(folder, fleet) {
                Some((first, Met::Near))
            } else if fleet.is_none() && !identity.3.contains("${") {
                let mut earlier = spans[..number].iter().take(MOST_COMPARED);
                earlier.find_map(|first| {
                    let other = Path::new(sources.name(first.source));
                    let (one, other) = together.in_turn(other, file)?;
                    Some((*first, Met::InTurn(one, other)))
                })
            } else {
                None
            };
            if let Some((first, met)) = met {
                if matches!(met, Met::Together(_)) {
                    met_together.push(findings.len());
                }
                findings.push(finding(identity, span, first, sources, &met));
            }
            known.add(span, folder, fleet);
            for group in groups {
                in_groups.entry(*group).or_insert(span);
            }
        }
    }
    if !met_together.is_empty() && !is_whole() {
        for number in met_together {
            findings[number].severity = Severity::Warning;
        }
    }
    findings
}

/// Where one object stands, found by file and by folder: a thousand folders that share an object are
/// not compared with each other.
#[derive(Debug, Default)]
struct Known<'a> {
    /// Where it stands first in each file.
    files: HashMap<u32, Span>,
    /// In the folder itself.
    within: HashMap<&'a Path, Places<'a>>,
    /// In the folder, or in one below it.
    below: HashMap<&'a Path, Places<'a>>,
}

impl<'a> Known<'a> {
    /// The first place in a folder, in one of those around it or in one below it, where what is there
    /// may be applied together with what is of this fleet.
    fn applied_with(&self, folder: &Path, fleet: Option<Fleet<'_>>) -> Option<Span> {
        let around = folder.ancestors().filter_map(|path| self.within.get(path));
        let places = around.chain(self.below.get(folder));
        places.filter_map(|places| places.first(fleet)).min()
    }

    fn add(&mut self, span: Span, folder: &'a Path, fleet: Option<Fleet<'a>>) {
        self.files.entry(span.source).or_insert(span);
        self.within.entry(folder).or_default().add(span, fleet);
        for path in folder.ancestors() {
            self.below.entry(path).or_default().add(span, fleet);
        }
    }
}

/// The first places of each fleet.
#[derive(Debug, Default)]
struct Places<'a> {
    any: Option<Span>,
    /// Not written by `render`.
    of_none: Option<Span>,
    of_fleet: HashMap<Fleet<'a>, Span>,
}

impl<'a> Places<'a> {
    fn add(&mut self, span: Span, fleet: Option<Fleet<'a>>) {
        self.any.get_or_insert(span);
        match fleet {
            None => {
                self.of_none.get_or_insert(span);
            }
            Some(fleet) => {
                self.of_fleet.entry(fleet).or_insert(span);
            }
        }
    }

    /// The first that may be of this fleet: what `render` did not write may be of any.
    fn first(&self, fleet: Option<Fleet<'_>>) -> Option<Span> {
        match fleet {
            None => self.any,
            Some(fleet) => {
                let same = self.of_fleet.get(&fleet).copied();
                same.into_iter().chain(self.of_none).min()
            }
        }
    }
}

/// The cluster for which `render` wrote a text; `None` where it is another's, or of none.
pub(super) fn cluster(text: &str) -> Option<&str> {
    let (_, cluster) = fleet(text)?;
    (cluster != "-").then_some(cluster)
}

fn fleet(text: &str) -> Option<Fleet<'_>> {
    let place = text.strip_prefix(MARKER)?.lines().next()?.trim_end();
    let mut parts = place.split('/');
    let (environment, cluster, _project) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some((environment, cluster))
}

fn identity(document: &Node) -> Option<(Identity<'_>, Span)> {
    let version = document.get("apiVersion").and_then(Node::as_str)?;
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let kind = document.get("kind").and_then(Node::as_str)?;
    let metadata = document.get("metadata")?;
    let namespace = metadata.get("namespace").and_then(Node::as_str);
    let name = metadata.get("name")?;
    let identity = (group, kind, namespace.unwrap_or_default(), name.as_str()?);
    Some((identity, name.span))
}

fn finding(
    (_, kind, namespace, name): Identity<'_>,
    span: Span,
    first: Span,
    sources: &Sources,
    met: &Met<'_>,
) -> Finding {
    let slash = if namespace.is_empty() { "" } else { "/" };
    let message = format!("{kind} `{namespace}{slash}{name}` is there twice");
    let position = sources.position(first);
    let hint = format!(
        "the other stands at {}:{}:{}; {}",
        sources.name(first.source),
        position.line,
        position.column,
        match met {
            Met::InOneFile => "the last one applied wins, so keep one of them".to_owned(),
            Met::Together(by) =>
                format!("{by} takes in both, which kustomize refuses: keep one of them"),
            Met::Near =>
                "keep one of them; where one is a patch, judge what `kustomize build` makes of both"
                    .to_owned(),
            Met::InTurn(one, other) =>
                format!("{one} and {other} apply it in turn: keep one of them"),
        }
    );
    let severity = match met {
        Met::InOneFile | Met::Together(_) => Severity::Error,
        Met::Near | Met::InTurn(..) => Severity::Warning,
    };
    Finding {
        severity,
        ..Finding::error(span, "metadata.name", message)
            .class(Class::Flux)
            .hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use crate::flux::yaml;

    use super::*;

    /// What is said of one object in each of these files.
    fn said(files: &[(&str, &str)]) -> Vec<String> {
        let mut sources = Sources::default();
        let mut documents = Vec::new();
        for (name, marker) in files {
            let text =
                format!("{marker}apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\n");
            let source = sources.add(*name, text);
            documents.extend(yaml::read(sources.text(source), source).0);
        }
        let findings = same_objects(&documents, &[], &sources, &|| true).into_iter();
        let said = findings.map(|finding| {
            let hint = finding.hint.unwrap_or_default();
            let other = hint.strip_prefix("the other stands at ").unwrap_or(&hint);
            let other = other.split(':').next().unwrap_or_default();
            format!("{} and {other}", sources.name(finding.span.source))
        });
        said.collect()
    }

    #[test]
    fn the_first_place_around_or_below_is_the_one_that_is_named() {
        let files = [
            "a/one.yaml",
            "b/c/two.yaml",
            "b/three.yaml",
            "b/c/d/four.yaml",
            "ab/five.yaml",
        ];
        let files = files.map(|name| (name, ""));
        assert_eq!(
            said(&files),
            [
                "b/three.yaml and b/c/two.yaml",
                "b/c/d/four.yaml and b/c/two.yaml"
            ]
        );
        assert_eq!(
            said(&[("a/one.yaml", ""), ("all.yaml", "")]),
            ["all.yaml and a/one.yaml"]
        );
        assert_eq!(
            said(&[("/a/one.yaml", ""), ("/b/one.yaml", "")]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_render_wrote_for_another_fleet_is_passed_over_and_what_it_did_not_write_is_not() {
        let (eu, us) = ("# flux-setup: prod/eu/web\n", "# flux-setup: prod/us/web\n");
        assert_eq!(
            said(&[("a.yaml", eu), ("b.yaml", us)]),
            Vec::<String>::new()
        );
        assert_eq!(
            said(&[
                ("a.yaml", eu),
                ("b.yaml", us),
                ("c.yaml", us),
                ("d.yaml", "# by hand\n")
            ]),
            ["c.yaml and b.yaml", "d.yaml and a.yaml"]
        );
        let other = "# flux-setup: prod/us\n";
        assert_eq!(
            said(&[("a.yaml", other), ("b.yaml", us)]),
            ["b.yaml and a.yaml"]
        );
    }

    #[test]
    fn an_object_that_is_in_every_folder_is_looked_for_where_it_may_be_and_not_in_all() {
        let names: Vec<_> = (0..50)
            .map(|number| format!("clusters/{number}/web.yaml"))
            .collect();
        let mut known = Known::default();
        for (source, name) in (0..).zip(&names) {
            let span = Span {
                source,
                ..Span::default()
            };
            let folder = Path::new(name).parent().unwrap();
            assert_eq!(known.applied_with(folder, None), None);
            known.add(span, folder, None);
        }
        assert_eq!(known.within.len(), 50);
        // each folder, and the two around all of them
        assert_eq!(known.below.len(), 52);
    }
}
