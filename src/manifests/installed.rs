//! Which Flux is installed by what lies among the manifests, and for which of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::Sources;
use crate::flux::schema::{Crds, Fault};
use crate::flux::yaml::Node;

/// The folder that `flux bootstrap` makes within that of a cluster.
const BOOTSTRAPPED: &str = "flux-system";

/// How `flux install --export` writes its version.
const VERSION_MARK: &str = "# Flux Version: ";

/// A Flux that is installed from one file.
#[derive(Debug)]
pub struct Installed {
    /// What it holds for: everything below this folder.
    pub folder: PathBuf,
    /// As `v2.6.4`; `None` where the file does not say it.
    pub version: Option<String>,
    /// Those of the file.
    pub crds: Crds,
}

/// Every Flux that is installed, and CRDs of it that cannot be read.
pub fn installed(documents: &[Node], sources: &Sources) -> (Vec<Installed>, Vec<Fault>) {
    let mut files: BTreeMap<u32, Vec<&Node>> = BTreeMap::new();
    for document in documents {
        if is_crd(document) {
            files
                .entry(document.span.source)
                .or_default()
                .push(document);
        }
    }
    let mut found = Vec::new();
    let mut faults = Vec::new();
    for (source, crds) in files {
        if !crds.iter().any(|crd| is_of_flux(crd)) {
            continue;
        }
        let version = marked(sources.text(source)).or_else(|| labelled(&crds));
        let folder = folder(Path::new(sources.name(source)));
        let (crds, of_crds) = Crds::from_documents(crds);
        faults.extend(of_crds);
        found.push(Installed {
            folder,
            version,
            crds,
        });
    }
    (found, faults)
}

impl Installed {
    /// The one that holds for a document: the nearest around it.
    pub fn of<'i>(all: &'i [Self], document: &Node, sources: &Sources) -> Option<&'i Self> {
        let file = Path::new(sources.name(document.span.source));
        let around = all.iter().filter(|one| file.starts_with(&one.folder));
        around.max_by_key(|one| one.folder.iter().count())
    }
}

/// Whether a document defines a kind.
pub fn is_crd(document: &Node) -> bool {
    let kind = document.get("kind").and_then(Node::as_str);
    kind == Some("CustomResourceDefinition")
}

fn is_of_flux(crd: &Node) -> bool {
    let group = crd.get("spec").and_then(|spec| spec.get("group"));
    let group = group.and_then(Node::as_str);
    group.is_some_and(|group| group.ends_with(".toolkit.fluxcd.io"))
}

/// The folder of the cluster that a file installs Flux in.
fn folder(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new(""));
    let is_bootstrapped = folder.file_name().is_some_and(|name| name == BOOTSTRAPPED);
    match folder.parent() {
        Some(cluster) if is_bootstrapped => cluster.to_owned(),
        _ => folder.to_owned(),
    }
}

fn marked(text: &str) -> Option<String> {
    let mut head = text
        .lines()
        .take_while(|line| line.starts_with('#') || *line == "---");
    let version = head.find_map(|line| line.strip_prefix(VERSION_MARK))?;
    Some(version.trim().to_owned())
}

fn labelled(crds: &[&Node]) -> Option<String> {
    let labels = crds
        .iter()
        .filter_map(|crd| crd.get("metadata")?.get("labels"));
    let mut versions =
        labels.filter_map(|labels| labels.get("app.kubernetes.io/version")?.as_str());
    versions.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flux::yaml::read;

    fn crd(group: &str, labels: &str) -> String {
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: x, labels: {{{labels}}}}}\nspec:\n  group: {group}\n  names: {{kind: Thing}}\n  scope: Namespaced\n  versions: [{{name: v1, served: true, schema: {{openAPIV3Schema: {{type: object}}}}}}]\n"
        )
    }

    fn of(files: &[(&str, String)]) -> (Vec<Installed>, Sources) {
        let mut sources = Sources::default();
        let mut documents = Vec::new();
        for (name, text) in files {
            let source = sources.add(*name, text.as_str());
            documents.extend(read(text, source).0);
        }
        let (found, faults) = installed(&documents, &sources);
        assert!(faults.is_empty(), "{faults:?}");
        (found, sources)
    }

    #[test]
    fn a_version_is_that_of_the_head_or_of_the_labels() {
        let flux = "source.toolkit.fluxcd.io";
        let marked = format!("---\n# made\n# Flux Version: v2.6.4\n{}", crd(flux, ""));
        let labelled = crd(flux, "app.kubernetes.io/version: v2.7.0");
        let (found, _) = of(&[
            ("eu/flux-system/gotk-components.yaml", marked),
            ("us/gotk.yaml", labelled),
            ("x/other.yaml", crd("example.com", "")),
        ]);
        let found = found
            .iter()
            .map(|one| (one.folder.to_str().unwrap(), one.version.as_deref()));
        let found: Vec<_> = found.collect();
        assert_eq!(found, [("eu", Some("v2.6.4")), ("us", Some("v2.7.0"))]);
    }

    #[test]
    fn the_nearest_around_a_document_holds_for_it() {
        let flux = crd("source.toolkit.fluxcd.io", "");
        let (found, mut sources) = of(&[
            ("all/flux-system/gotk-components.yaml", flux.clone()),
            ("all/eu/flux-system/gotk-components.yaml", flux),
        ]);
        let mut folder = |file: &str| {
            let source = sources.add(file, "a: b\n");
            let document = &read("a: b\n", source).0[0];
            let found = Installed::of(&found, document, &sources);
            found.map(|one| one.folder.to_str().unwrap().to_owned())
        };
        assert_eq!(folder("all/eu/apps/web.yaml").as_deref(), Some("all/eu"));
        assert_eq!(folder("all/us/web.yaml").as_deref(), Some("all"));
        assert_eq!(folder("apps/web.yaml"), None);
        assert_eq!(folder("all/europe.yaml").as_deref(), Some("all"));
    }
}
