//! Manifests as the Kustomizations that are there apply them, as far as that is known from here.
//!
//! ```text
//! `substitute`, defaults    put in: what comes of it is judged
//! `substituteFrom`          what such a value is wrong with is passed over
//! `patches`, overlays       what is missing is passed over, and names and namespaces
//! ```

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use crate::config::{Class, Finding, Sources};
use crate::flux::Fault;
use crate::flux::yaml::{Node, Span};

use super::applied::{Effect, effect, holds_variable, is_empty, substitutes};
use super::references::text;
use super::substitution::{Open, Values, put_in};
use super::touched::{Touched, is_of_missing};
use super::whose::Whose;

/// In how many ways one document is looked at; where there are more, nothing is known of its variables.
const MOST_WAYS: usize = 8;

/// How many Kustomizations above one are looked at.
const MOST_ABOVE: usize = 64;

/// One way in which a document is applied.
#[derive(Debug, Default, PartialEq)]
pub struct AppliedWay {
    /// With what was put in; `None`: as it is written.
    document: Option<Node>,
    open: Open,
    touched: Touched,
}

/// What is not known of documents from here, by what is to blame for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Unknown {
    Values,
    Patched,
}

/// Documents that are not applied as they are written.
#[derive(Debug, Default)]
pub struct AsApplied {
    /// By their numbers.
    ways: HashMap<usize, Vec<AppliedWay>>,
    /// How many documents are not wholly known, by the keys that change them.
    unknown: BTreeMap<(Span, Unknown), usize>,
}

/// What a Kustomization may get from what applies it, and the place that says so.
#[derive(Debug, Clone, Copy, Default)]
struct Above {
    values: Option<Span>,
    patches: Option<Span>,
}

impl AsApplied {
    /// `overlaid` is what overlays of kustomize make of a document.
    pub fn of(
        documents: &[Node],
        own: &[Node],
        sources: &Sources,
        overlaid: &dyn Fn(&Node) -> Touched,
    ) -> Self {
        let mut all = Self::default();
        let is_changing = |document: &Node| {
            let spec = document.get("spec");
            let says = |key| {
                spec.and_then(|spec| spec.get(key))
                    .is_some_and(|it| !is_empty(it))
            };
            let keys = [
                "postBuild",
                "patches",
                "namePrefix",
                "nameSuffix",
                "components",
            ];
            is_of_flux(document)
                && (keys.into_iter().any(says) || overlaid(document) != Touched::Not)
        };
        let whose = documents
            .iter()
            .any(is_changing)
            .then(|| Whose::of(documents, own, sources));
        let finder = Finder {
            whose: whose.as_ref(),
            sources,
            overlaid,
            known: RefCell::default(),
            changed: RefCell::default(),
        };
        for (number, document) in documents.iter().enumerate() {
            let ways = all.ways_of(&finder, document);
            if ways.iter().any(|way| *way != AppliedWay::default()) {
                all.ways.insert(number, ways);
            }
        }
        all
    }

    fn ways_of(&mut self, finder: &Finder<'_, '_>, document: &Node) -> Vec<AppliedWay> {
        let overlaid = (finder.overlaid)(document);
        let appliers = finder.appliers(document);
        let mut ways: Vec<AppliedWay> = Vec::new();
        let mut unknown = HashSet::new();
        for applier in &appliers {
            let above = finder.above(applier);
            let mut way = AppliedWay {
                touched: overlaid,
                ..AppliedWay::default()
            };
            if let Effect::Changed(keys) = effect(applier, document) {
                let keys = keys.into_iter().map(|key| match key {
                    "patches" | "components" => Touched::Completed,
                    "namePrefix" | "nameSuffix" | "targetNamespace" => Touched::Named,
                    _ => Touched::Not,
                });
                way.touched = keys.fold(way.touched, Touched::max);
                if way.touched == Touched::Completed && overlaid != Touched::Completed {
                    let key = ["patches", "components"]
                        .iter()
                        .find_map(|key| place(applier, key));
                    unknown.insert((key.unwrap_or(applier.span), Unknown::Patched));
                }
            }
            if let Some(place) = above.patches {
                way.touched = Touched::Completed;
                unknown.insert((place, Unknown::Patched));
            }
            if substitutes(document) && holds_variable(document) {
                let values = match ways.len() < MOST_WAYS {
                    true => Values::of(applier, above.values.is_some()),
                    false => Some(Values::unknown()),
                };
                if let Some(values) = values {
                    let mut open = Open::default();
                    way.document = Some(put_in(document, &values, &mut open));
                    if !open.values.is_empty() {
                        let own = place(applier, "postBuild");
                        let place = own.or(above.values).unwrap_or(applier.span);
                        unknown.insert((place, Unknown::Values));
                    }
                    way.open = open;
                }
            }
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        if appliers.is_empty() && overlaid != Touched::Not {
            ways.push(AppliedWay {
                touched: overlaid,
                ..AppliedWay::default()
            });
        }
        for key in unknown {
            *self.unknown.entry(key).or_default() += 1;
        }
        ways
    }

    /// The ways in which the document of this number is applied; none: as it is written.
    pub fn ways(&self, number: usize) -> &[AppliedWay] {
        self.ways.get(&number).map_or(&[], Vec::as_slice)
    }

    /// The places of documents of which somebody may make something that is not known here.
    pub fn changed(&self, documents: &[Node]) -> HashSet<Span> {
        let is_changed =
            |way: &AppliedWay| way.touched == Touched::Completed || !way.open.values.is_empty();
        let numbers = self.ways.iter();
        let numbers = numbers.filter(|(_, ways)| ways.iter().any(is_changed));
        numbers.map(|(number, _)| documents[*number].span).collect()
    }

    /// Puts in what is the same in all ways.
    pub fn put_in(&self, documents: &mut [Node]) {
        for (number, document) in documents.iter_mut().enumerate() {
            let mut ways = self.ways(number).iter().map(|way| &way.document);
            if let Some(Some(first)) = ways.next()
                && ways.all(|other| other.as_ref() == Some(first))
            {
                *document = first.clone();
            }
        }
    }

    /// A warning for each Kustomization that makes of documents what is not known.
    pub fn findings(&self) -> Vec<Finding> {
        let findings = self.unknown.iter().map(|((span, what), count)| {
            let documents = match count {
                1 => "1 document".to_owned(),
                count => format!("{count} documents"),
            };
            let message = match what {
                Unknown::Values => format!(
                    "values of {documents} are not judged: what stands for `${{…}}` in them is not known here"
                ),
                Unknown::Patched => {
                    format!("what is missing in {documents} is not judged: this may add it")
                }
            };
            Finding::warning(*span, "", message)
                .class(Class::Flux)
                .hint("`validate --manifests -` judges what `flux build kustomization` makes of them")
                .unjudged()
        });
        findings.collect()
    }
}

impl AppliedWay {
    /// The document as it is applied.
    pub fn document<'d>(&'d self, written: &'d Node) -> &'d Node {
        self.document.as_ref().unwrap_or(written)
    }

    /// Of the faults of that document those that stay, whatever is not known.
    pub fn left(&self, written: &Node, faults: Vec<Fault>) -> Vec<Fault> {
        let document = self.document(written);
        let mut left = faults;
        left.retain(|fault| {
            let is_open = self.open.values.contains(&fault.span)
                || self.open.around.contains(&fault.span) && !is_of_missing(fault);
            !is_open && self.touched.leaves(fault, document)
        });
        for fault in &mut left {
            if self.open.put_in.contains(&fault.span) {
                let said = "this is what comes of it with the values of `postBuild`";
                fault.hint = Some(match fault.hint.take() {
                    Some(hint) => format!("{hint}; {said}"),
                    None => said.to_owned(),
                });
            }
        }
        left
    }

    /// Whether some of its values are not known.
    pub fn is_open(&self) -> bool {
        !self.open.values.is_empty()
    }
}

/// What is asked of all documents.
struct Finder<'w, 'n> {
    whose: Option<&'w Whose<'n>>,
    sources: &'n Sources,
    overlaid: &'w dyn Fn(&Node) -> Touched,
    known: RefCell<HashMap<Span, Above>>,
    /// Whether patches and components of the first change the second, which many stand below.
    changed: RefCell<HashMap<(Span, Span), [bool; 2]>>,
}

impl<'n> Finder<'_, 'n> {
    /// Others that apply it: what `flux bootstrap` makes applies itself.
    fn appliers(&self, document: &Node) -> Vec<&'n Node> {
        let file = Path::new(self.sources.name(document.span.source));
        let appliers = self.whose.map(|whose| whose.appliers(file));
        let mut appliers = appliers.unwrap_or_default();
        appliers.retain(|applier| applier.span != document.span);
        appliers
    }

    /// Looks at all that stands above it, once each.
    fn above(&self, applier: &'n Node) -> Above {
        if let Some(known) = self.known.borrow().get(&applier.span) {
            return *known;
        }
        let mut above = Above::default();
        let mut seen = HashSet::from([applier.span]);
        let mut next = vec![applier];
        while let Some(one) = next.pop() {
            if (self.overlaid)(one) == Touched::Completed {
                above.values.get_or_insert(start(one.span));
            }
            for parent in self.appliers(one) {
                if above.may_get_more(parent) {
                    above.add(parent, self.changes(parent, one));
                }
                if seen.len() < MOST_ABOVE && seen.insert(parent.span) {
                    next.push(parent);
                }
            }
        }
        self.known.borrow_mut().insert(applier.span, above);
        above
    }

    /// Whether patches and components of a Kustomization change one that it applies.
    fn changes(&self, parent: &Node, applier: &Node) -> [bool; 2] {
        let pair = (parent.span, applier.span);
        let mut changed = self.changed.borrow_mut();
        *changed
            .entry(pair)
            .or_insert_with(|| match effect(parent, applier) {
                Effect::Changed(keys) => GIVING.map(|key| keys.contains(&key)),
                _ => [false; 2],
            })
    }
}

impl Above {
    /// Whether a Kustomization may give what none has given yet.
    fn may_get_more(&self, parent: &Node) -> bool {
        let [patches, components] = GIVING.map(|key| place(parent, key).is_some());
        let may_give = |key| components || patches && may_write(parent, key);
        self.values.is_none() && may_give("postBuild")
            || self.patches.is_none() && may_give("patches")
    }

    /// What a Kustomization gives to one that it applies, where these of its keys change that.
    fn add(&mut self, parent: &Node, changes: [bool; 2]) {
        for (key, changes) in GIVING.into_iter().zip(changes) {
            let place = changes.then(|| place(parent, key)).flatten();
            let Some(place) = place else { continue };
            if key == "components" || may_write(parent, "postBuild") {
                self.values.get_or_insert(place);
            }
            if key == "components" || may_write(parent, "patches") {
                self.patches.get_or_insert(place);
            }
        }
    }
}

/// Keys by which a Kustomization may give another what it lacks.
const GIVING: [&str; 2] = ["patches", "components"];

/// Whether a patch of it speaks of such a key.
fn may_write(parent: &Node, key: &str) -> bool {
    let patches = parent.get("spec").and_then(|spec| spec.get("patches"));
    let mut patches = patches
        .and_then(Node::as_sequence)
        .unwrap_or_default()
        .iter();
    patches.any(|patch| text(patch, "patch").is_some_and(|patch| patch.contains(key)))
}

/// Where a key of the spec stands.
fn place(applier: &Node, key: &str) -> Option<Span> {
    let entry = applier.get("spec")?.entry(key)?;
    (!is_empty(&entry.node)).then_some(entry.key_span)
}

fn start(span: Span) -> Span {
    Span {
        end: span.start,
        ..span
    }
}

fn is_of_flux(document: &Node) -> bool {
    let version = text(document, "apiVersion").unwrap_or_default();
    version.starts_with("kustomize.toolkit.fluxcd.io/")
}
