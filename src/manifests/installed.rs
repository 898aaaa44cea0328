//! Which Flux is installed by what lies among the manifests, and for which of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::Sources;
use crate::flux::schema::{Crds, Fault, is_flux_group};
use crate::flux::yaml::Node;

use super::ways::BOOTSTRAPPED;

/// How `flux install --export` writes its version.
const VERSION_MARK: &str = "# Flux Version: ";

/// A Flux that is installed from one file.
#[derive(Debug)]
pub struct Installed {
    /// What it holds for: everything below this folder.
    pub folder: PathBuf,
    /// As `2.6.4`; `None` where the file does not say it.
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
        let version = version.map(|version| version.trim_start_matches('v').to_owned());
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
    /// The number of the one that holds for a file: the nearest around it.
    pub fn around(all: &[Self], file: &Path) -> Option<usize> {
        let around = all.iter().enumerate();
        let around = around.filter(|(_, one)| file.starts_with(&one.folder));
        let nearest = around.max_by_key(|(_, one)| one.folder.iter().count());
        nearest.map(|(index, _)| index)
    }

    /// Of its version 2, so that the later one counts more; least where the version is not known.
    pub(super) fn minor(&self) -> Option<u64> {
        self.version.as_deref()?.split('.').nth(1)?.parse().ok()
    }
}

/// Whether a document defines a kind that is not one of Flux's own.
pub fn is_crd_of_others(document: &Node) -> bool {
    is_crd(document) && !is_of_flux(document)
}

fn is_crd(document: &Node) -> bool {
    let kind = document.get("kind").and_then(Node::as_str);
    kind == Some("CustomResourceDefinition")
}

fn is_of_flux(crd: &Node) -> bool {
    let group = crd.get("spec").and_then(|spec| spec.get("group"));
    group.and_then(Node::as_str).is_some_and(is_flux_group)
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
        assert_eq!(found, [("eu", Some("2.6.4")), ("us", Some("2.7.0"))]);
    }

    #[test]
    fn the_nearest_around_a_file_holds_for_it() {
        let flux = crd("source.toolkit.fluxcd.io", "");
        let (found, _) = of(&[
            ("all/flux-system/gotk-components.yaml", flux.clone()),
            ("all/eu/flux-system/gotk-components.yaml", flux),
        ]);
        let folder = |file: &str| {
            let around = Installed::around(&found, Path::new(file));
            around.map(|one| found[one].folder.to_str().unwrap())
        };
        assert_eq!(folder("all/eu/apps/web.yaml"), Some("all/eu"));
        assert_eq!(folder("all/us/web.yaml"), Some("all"));
        assert_eq!(folder("apps/web.yaml"), None);
        assert_eq!(folder("all/europe.yaml"), Some("all"));
    }
}
