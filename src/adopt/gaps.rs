//! Says with gaps what differs by names alone: `./apps/{project}` in place of as many paths.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::config::{Filling, Pattern};

use super::layers::{Layer, Layers};
use super::leaves::Leaf;
use super::projects::Fleet;
use super::sites::Site;
use super::unit::Unit;

/// What may have gaps, beside names.
fn may_have_gaps(unit: &Unit) -> bool {
    matches!(
        unit.key,
        "namespace" | "path" | "targetNamespace" | "serviceAccountName" | "secretRef" | "labels"
    )
}

/// Stand in texts in place of gaps, as long as names are looked for in them.
const MARKS: [(char, &str); 4] = [
    ('\u{e000}', "{project}"),
    ('\u{e001}', "{object}"),
    ('\u{e002}', "{environment}"),
    ('\u{e003}', "{cluster}"),
];

/// Puts gaps where that makes one text of several, so that more leaves agree than by the texts
/// themselves.
pub(super) fn put_gaps(fleet: &Fleet<'_>, leaves: &mut [Leaf]) {
    let units: BTreeSet<Unit> = leaves
        .iter()
        .flat_map(|leaf| leaf.wanted.keys())
        .filter(|unit| may_have_gaps(unit))
        .cloned()
        .collect();
    for unit in units {
        let texts: Vec<Option<Vec<String>>> = leaves
            .iter()
            .map(|leaf| {
                Some(texts(
                    leaf.wanted.get(&unit)?.as_str()?,
                    fleet.filling(leaf.project, leaf.object, leaf.site),
                ))
            })
            .collect();
        let mut by_text: HashMap<&str, (usize, BTreeSet<&str>)> = HashMap::new();
        for texts in texts.iter().flatten() {
            for text in texts {
                let (count, plain) = by_text.entry(text).or_default();
                *count += 1;
                plain.insert(&texts[0]);
            }
        }
        let best = texts.iter().map(|texts| {
            let texts = texts.as_ref()?;
            let count = |text: &str| match by_text.get(text) {
                Some((count, plain)) if plain.len() > 1 || text == texts[0] => *count,
                _ => 0,
            };
            // of as many the one with the fewest gaps, which comes first
            let best = (0..texts.len())
                .rev()
                .max_by_key(|index| count(&texts[*index]))?;
            (best > 0).then(|| texts[best].clone())
        });
        let best: Vec<Option<String>> = best.collect();
        for (leaf, best) in leaves.iter_mut().zip(best) {
            if let Some(text) = best {
                leaf.wanted.insert(unit.clone(), Value::from(text));
            }
        }
    }
}

/// Writes names in place of gaps where these can stand for one alone: below a project its own.
pub(super) fn fill_what_is_known(fleet: &Fleet<'_>, layers: &mut Layers) {
    for (layer, said) in &mut layers.said {
        let known = known(fleet, *layer);
        for (_, value) in said.iter_mut().filter(|(unit, _)| may_have_gaps(unit)) {
            if let Value::String(text) = value {
                for ((_, gap), name) in MARKS.iter().zip(known) {
                    if let Some(name) = name {
                        *text = text.replace(gap, name);
                    }
                }
            }
        }
    }
}

/// Project, object, environment and cluster of a layer, where it is of one.
fn known<'f>(fleet: &'f Fleet<'_>, layer: Layer) -> [Option<&'f str>; 4] {
    let project = |project: usize| Some(&*fleet.projects[project].name);
    let object =
        |project: usize, object: usize| Some(&*fleet.projects[project].objects[object].name);
    let environment = |environment: usize| Some(&*fleet.environments[environment].name);
    let cluster = |site: Site| Some(&**fleet.clusters.get(site.cluster?)?);
    match layer {
        Layer::Defaults => [None; 4],
        Layer::Environment(at) => [None, None, environment(at), None],
        Layer::Cluster(site) => [None, None, environment(site.environment), cluster(site)],
        Layer::Project(one) => [project(one), None, None, None],
        Layer::Object(one, inner) => [project(one), object(one, inner), None, None],
        Layer::ProjectIn(one, at) => [project(one), None, environment(at), None],
        Layer::ProjectInCluster(one, site) => [
            project(one),
            None,
            environment(site.environment),
            cluster(site),
        ],
        Layer::ObjectIn(one, inner, at) => {
            [project(one), object(one, inner), environment(at), None]
        }
        Layer::ObjectInCluster(one, inner, site) => [
            project(one),
            object(one, inner),
            environment(site.environment),
            cluster(site),
        ],
    }
}

/// The text, and each way to put gaps for names that are in it, the fewest gaps first.
fn texts(plain: &str, filling: Filling<'_>) -> Vec<String> {
    let names = [
        filling.project,
        filling.object,
        filling.environment,
        filling.cluster,
    ];
    let mut gaps: Vec<(char, &str)> = MARKS.iter().map(|(mark, _)| *mark).zip(names).collect();
    if filling.object == filling.project {
        gaps.remove(1);
    }
    // a name that holds another is looked for first
    gaps.sort_by_key(|(_, name)| std::cmp::Reverse(name.len()));
    let mut found = BTreeMap::new();
    for chosen in 0_u32..1 << gaps.len() {
        let mut text = plain.to_owned();
        let chosen = gaps
            .iter()
            .enumerate()
            .filter(|(index, _)| chosen >> index & 1 == 1);
        for (_, (mark, name)) in chosen {
            text = marked(&text, name, *mark);
        }
        let count = text.chars().filter(|c| is_mark(*c)).count();
        found.insert((count, text), ());
    }
    let texts = found.into_keys().map(|(_, text)| {
        MARKS
            .iter()
            .fold(text, |text, (mark, gap)| text.replace(*mark, gap))
    });
    let is_it = |text: &String| {
        Pattern::read_path(text).is_ok_and(|pattern| pattern.fill(filling) == plain)
    };
    texts.filter(is_it).collect()
}

/// The text with a mark wherever the name stands by itself.
fn marked(text: &str, name: &str, mark: char) -> String {
    if name.is_empty() {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let behind = &rest[at + name.len()..];
        let before = out.chars().chain(rest[..at].chars()).next_back();
        let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        out.push_str(&rest[..at]);
        if is_letter(before) || is_letter(behind.chars().next()) {
            out.push_str(name);
        } else {
            out.push(mark);
        }
        rest = behind;
    }
    out + rest
}

fn is_mark(c: char) -> bool {
    MARKS.iter().any(|(mark, _)| *mark == c)
}

#[cfg(test)]
mod tests {
    use super::{Filling, texts};

    const FILLING: Filling<'_> = Filling {
        project: "web",
        object: "web-api",
        environment: "prod",
        cluster: "prod-eu",
    };

    #[test]
    fn a_gap_stands_for_a_name_that_stands_by_itself() {
        assert_eq!(
            texts("./webs/web", FILLING),
            ["./webs/web", "./webs/{project}"]
        );
        assert_eq!(texts("project", FILLING), ["project"]);
        assert_eq!(
            texts("./web/web", FILLING),
            ["./web/web", "./{project}/{project}"]
        );
    }

    #[test]
    fn a_longer_name_is_no_shorter_one_with_something_behind_it() {
        assert_eq!(
            texts("web-api/prod-eu", FILLING),
            [
                "web-api/prod-eu",
                "web-api/{environment}-eu",
                "web-api/{cluster}",
                "{project}-api/prod-eu",
                "{object}/prod-eu",
                "{project}-api/{environment}-eu",
                "{project}-api/{cluster}",
                "{object}/{environment}-eu",
                "{object}/{cluster}",
            ]
        );
    }
}
