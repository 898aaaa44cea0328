//! What is followed of which repository, and which of its folders are applied.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::config::Sources;
use crate::flux::RepositoryUrl;
use crate::flux::repository::Scheme;
use crate::flux::yaml::{Node, Span};

use super::refs::Followed;
use crate::manifests::references::{key_of, references, text};
use crate::manifests::there::{All, From};

/// A repository.
#[derive(Debug, Default)]
pub(super) struct Repository {
    /// Where its URL stands first.
    pub(super) span: Span,
    pub(super) followed: Vec<(Followed, Wanted)>,
}

/// What is wanted of one thing that is followed.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Where it is named.
    pub(super) spans: Vec<Span>,
    /// Folders, each with where it is named; none at the top.
    pub(super) paths: BTreeMap<String, Vec<Span>>,
}

/// The repositories of all GitRepositories, by their URLs. What is not fit to be asked is left out:
/// the URL is refused elsewhere.
pub(super) fn repositories<'a>(
    documents: &'a [Node],
    sources: &'a Sources,
    cluster: &dyn Fn(&Node) -> Option<&'a str>,
) -> BTreeMap<String, Repository> {
    let placed = documents.iter().map(|document| {
        let from = From {
            cluster: cluster(document),
            file: Path::new(sources.name(document.span.source)),
        };
        (document, from)
    });
    let placed: Vec<_> = placed.collect();
    let all = All::of(&placed, &[]);
    let paths = paths(&placed, &all);
    let mut repositories: BTreeMap<String, Repository> = BTreeMap::new();
    for (number, document) in documents.iter().enumerate() {
        let Some((url, span, followed, named)) = git_repository(document) else {
            continue;
        };
        let repository = repositories.entry(url).or_default();
        if repository.followed.is_empty() {
            repository.span = span;
        }
        let known = repository.followed.iter_mut();
        let mut known = known.filter(|(known, _)| *known == followed);
        let wanted = match known.next() {
            Some((_, wanted)) => wanted,
            None => {
                repository.followed.push((followed, Wanted::default()));
                match repository.followed.last_mut() {
                    Some((_, wanted)) => wanted,
                    None => continue,
                }
            }
        };
        wanted.spans.push(named);
        for (path, span) in paths.get(&number).into_iter().flatten() {
            wanted.paths.entry(path.clone()).or_default().push(*span);
        }
    }
    repositories
}

/// URL, where it stands, what is followed, and where that stands.
fn git_repository(document: &Node) -> Option<(String, Span, Followed, Span)> {
    let version = text(document, "apiVersion")?;
    let is_one = version.starts_with("source.toolkit.fluxcd.io/")
        && text(document, "kind") == Some("GitRepository");
    let spec = document.get("spec").filter(|_| is_one)?;
    let url = spec.get("url")?;
    let read = RepositoryUrl::read(url.as_str()?).ok()?;
    let is_asked = matches!(read.scheme(), Scheme::Http | Scheme::Https | Scheme::Ssh);
    let (followed, span) = Followed::of(spec);
    is_asked.then(|| (read.flux_url().to_owned(), url.span, followed, span))
}

/// By the number of a GitRepository's document: the folders that Kustomizations apply of it.
fn paths(placed: &[(&Node, From<'_>)], all: &All<'_>) -> HashMap<usize, Vec<(String, Span)>> {
    let mut paths: HashMap<usize, Vec<(String, Span)>> = HashMap::new();
    for (document, from) in placed {
        let path = document.get("spec").and_then(|spec| spec.get("path"));
        let (Some(key), Some(path)) = (key_of(document), path) else {
            continue;
        };
        if &*key.group != "kustomize.toolkit.fluxcd.io" {
            continue;
        }
        let written = path.as_str().unwrap_or_default();
        let folder = written.trim_start_matches("./").trim_matches('/');
        if folder.is_empty() || folder == "." || written.contains('$') {
            continue;
        }
        let references = references(document, &key);
        let source = references.iter().find(|one| one.key == "sourceRef");
        let found = source.filter(|one| &*one.to.kind == "GitRepository");
        let found = found.and_then(|one| all.find(&one.to, *from)?.document);
        if let Some(number) = found {
            let places = paths.entry(number).or_default();
            places.push((folder.to_owned(), path.span));
        }
    }
    paths
}
