//! The kustomizations below a folder: what each reaches, and which of them change what they reach.

use std::collections::{BTreeMap, BTreeSet};

use crate::flux::yaml::{Node, Span};
use crate::manifests::touched::Touched;

use super::entries::{Listed, Purpose, listed};
use super::fields::{changing, touched_by};
use super::folder::{Leads, folder_of, follow};

/// One kustomization.
#[derive(Debug)]
pub(super) struct Kustomization<'n> {
    /// Below the folder that is judged.
    pub(super) file: String,
    pub(super) node: &'n Node,
    pub(super) listed: Vec<Listed<'n>>,
}

/// All of them, by their folders.
#[derive(Debug)]
pub struct Kustomizations<'n> {
    pub(super) folders: BTreeMap<String, Kustomization<'n>>,
    /// Files beside another one of the same use.
    pub(super) second: Vec<(String, Span)>,
    /// Files that are listed, and what for; of several uses the one that asks most of them.
    pub(super) files: BTreeMap<String, Purpose>,
}

/// A kustomization that nothing includes.
#[derive(Debug, PartialEq, Eq)]
pub struct Overlay {
    /// Below the folder that is judged; empty for that one itself.
    pub folder: String,
    /// Every file that it takes in.
    pub files: BTreeSet<String>,
    /// Where it is first changed, and by which fields; without any the kustomization itself.
    pub span: Span,
    pub fields: Vec<String>,
    /// How far all that it reaches changes its files.
    pub touched: Touched,
    /// What it lists above the folder that is judged, with its place.
    pub out: Vec<(String, Span)>,
    /// Whether it takes in what lies on other machines.
    pub is_fetching: bool,
}

impl<'n> Kustomizations<'n> {
    /// Of these files, each with its path below the folder that is judged.
    pub fn of(configurations: impl IntoIterator<Item = (String, &'n Node)>) -> Self {
        let mut all = Self {
            folders: BTreeMap::new(),
            second: Vec::new(),
            files: BTreeMap::new(),
        };
        for (file, node) in configurations {
            let folder = folder_of(&file).to_owned();
            if let Some(first) = all.folders.get(&folder) {
                if first.file != file {
                    all.second.push((file, node.span));
                }
                continue;
            }
            let listed = listed(node);
            for one in &listed {
                if let Leads::To(path) = follow(&folder, one.written) {
                    let known = all.files.entry(path).or_insert(one.purpose);
                    *known = one.purpose.min(*known);
                }
            }
            all.folders
                .insert(folder, Kustomization { file, node, listed });
        }
        all
    }

    /// Whether a file is no manifest of its own: a patch, or values.
    pub fn is_part(&self, file: &str) -> bool {
        let purpose = self.files.get(file);
        purpose.is_some_and(|purpose| !purpose.is_of_objects())
    }

    /// Whether nobody reads it as YAML.
    pub fn is_data(&self, file: &str) -> bool {
        self.files.get(file) == Some(&Purpose::Data)
    }

    /// Whether a file is listed as one with objects.
    pub fn is_resource(&self, file: &str) -> bool {
        self.files
            .get(file)
            .is_some_and(|purpose| purpose.is_of_objects())
    }

    /// What has to be built to be judged.
    pub fn overlays(&self) -> Vec<Overlay> {
        let mut roots = self.roots();
        roots.retain(|root| !root.fields.is_empty());
        roots
    }

    /// All that change what they reach by themselves, included or not, with the namespace that they put
    /// it into. What a component changes is changed by whoever includes it.
    pub fn changing(&self) -> impl Iterator<Item = (Overlay, Option<&str>)> {
        let folders = self.folders.iter();
        let folders =
            folders.filter(|(_, one)| !is_component(one) && !changing(one.node).is_empty());
        folders.map(|(folder, one)| {
            let namespace = one.node.get("namespace").and_then(Node::as_str);
            (self.root(folder, one.node.span), namespace)
        })
    }

    /// All that nothing includes, whether they change what they reach or not.
    pub fn roots(&self) -> Vec<Overlay> {
        let included: BTreeSet<String> = self
            .folders
            .iter()
            .flat_map(|(folder, one)| targets(folder, one))
            .collect();
        let roots = self
            .folders
            .iter()
            .filter(|(folder, one)| !is_component(one) && !included.contains(*folder));
        roots
            .map(|(folder, one)| self.root(folder, one.node.span))
            .collect()
    }

    fn root(&self, folder: &str, span: Span) -> Overlay {
        let mut out = Vec::new();
        let mut reached = vec![folder.to_owned()];
        let mut files = BTreeSet::new();
        let (mut changed, mut is_fetching) = (None, false);
        let mut all_touched = Touched::Not;
        let mut next = 0;
        while let Some(folder) = reached.get(next).cloned() {
            next += 1;
            let Some(one) = self.folders.get(&folder) else {
                continue;
            };
            let entries = changing(one.node);
            all_touched = all_touched.max(touched_by(one.node));
            if has_unseen_component(&folder, one) {
                all_touched = Touched::Completed;
            }
            if let (None, Some(first)) = (&changed, entries.first()) {
                let fields = entries.iter().map(|entry| entry.key.to_string());
                changed = Some((first.key_span, fields.collect()));
            }
            let above = one.listed.iter().filter(|listed| {
                listed.purpose.is_of_objects() && follow(&folder, listed.written) == Leads::Out
            });
            out.extend(above.map(|listed| (listed.written.to_owned(), listed.span)));
            let mut listed = one.listed.iter();
            is_fetching |= listed.any(|listed| follow(&folder, listed.written) == Leads::Away);
            for target in targets(&folder, one) {
                if !self.folders.contains_key(&target) {
                    files.insert(target);
                } else if !reached.contains(&target) {
                    reached.push(target);
                }
            }
        }
        let (span, fields) = changed.unwrap_or((span, Vec::new()));
        Overlay {
            folder: folder.to_owned(),
            files,
            span,
            fields,
            touched: all_touched,
            out,
            is_fetching,
        }
    }
}

/// Whether it takes in a component that does not lie in the folder that is judged.
fn has_unseen_component(folder: &str, one: &Kustomization<'_>) -> bool {
    let mut listed = one.listed.iter();
    listed.any(|listed| {
        listed.path.starts_with("components[")
            && !matches!(follow(folder, listed.written), Leads::To(_))
    })
}

fn is_component(one: &Kustomization<'_>) -> bool {
    one.node.get("kind").and_then(Node::as_str) == Some("Component")
}

/// Where all that it lists leads.
fn targets<'a>(folder: &'a str, one: &'a Kustomization<'_>) -> impl Iterator<Item = String> + 'a {
    let listed = one.listed.iter();
    listed.filter_map(move |listed| match follow(folder, listed.written) {
        Leads::To(path) => Some(path),
        Leads::Out | Leads::Away => None,
    })
}

#[cfg(test)]
mod tests {
    use super::Kustomizations;
    use crate::flux::yaml::{Node, read};

    fn documents(files: &[(&str, &str)]) -> Vec<(String, Node)> {
        let read = files.iter().map(|(file, text)| {
            let document = read(text, 0).0.remove(0);
            ((*file).to_owned(), document)
        });
        read.collect()
    }

    #[test]
    fn only_what_nothing_includes_is_built_and_only_where_something_changes() {
        let documents = documents(&[
            ("base/kustomization.yaml", "resources: [web.yaml]\n"),
            (
                "eu/kustomization.yaml",
                "resources: [../base]\npatches: [{path: p.yaml}]\n",
            ),
            ("us/kustomization.yaml", "resources: [../eu, more.yaml]\n"),
            (
                "plain/kustomization.yaml",
                "resources: [../base]\nnamespace: ''\n",
            ),
            (
                "part/kustomization.yaml",
                "kind: Component\nnamePrefix: x-\n",
            ),
        ]);
        let all = documents.iter().map(|(file, node)| (file.clone(), node));
        let all = Kustomizations::of(all);
        let overlays = all.overlays();
        assert_eq!(overlays.len(), 1, "{overlays:?}");
        assert_eq!(
            (&*overlays[0].folder, &*overlays[0].fields),
            ("us", &["patches".to_owned()][..])
        );
        let files: Vec<_> = overlays[0].files.iter().collect();
        assert_eq!(files, ["base/web.yaml", "eu/p.yaml", "us/more.yaml"]);
        assert!(all.is_part("eu/p.yaml"));
        assert!(!all.is_part("base/web.yaml"));
    }

    #[test]
    fn what_is_listed_as_a_resource_too_is_no_part_and_rings_end() {
        let documents = documents(&[
            (
                "a/kustomization.yaml",
                "resources: [../b, x.yaml]\npatches: [{path: x.yaml}]\n",
            ),
            ("b/kustomization.yaml", "resources: [../a]\n"),
            ("c/kustomization.yaml", "resources: [../a]\n"),
        ]);
        let all = documents.iter().map(|(file, node)| (file.clone(), node));
        let all = Kustomizations::of(all);
        assert!(!all.is_part("a/x.yaml"));
        assert_eq!(all.overlays().len(), 1);
    }
}
