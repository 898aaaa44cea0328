//! What a changed HelmRelease does to the release that it installed.

use crate::flux::yaml::Node;

use super::manifest::Manifest;

/// Fields that say which release is its own: with another one that from before is uninstalled.
const RELEASE: [&str; 3] = ["targetNamespace", "storageNamespace", "releaseName"];

/// What of a chart tells it apart.
#[derive(PartialEq)]
enum Chart<'m> {
    /// The name that it has in its repository, or the last folder of its path.
    Named(&'m str),
    /// What holds it: its name is known to the cluster alone.
    In {
        kind: &'m str,
        name: &'m str,
    },
    None,
}

/// Why the release from before goes, or stays where nobody looks after it; `changed` says whether a field
/// of the spec differs.
///
/// Source: `ReleaseTargetChanged` in helm-controller compares the release's namespace, name and storage
/// and the name in its chart; the name is by default `[targetNamespace-]NAME`.
pub(super) fn dangers(
    old: &Manifest,
    new: &Manifest,
    changed: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let object = &old.object;
    let mut messages = Vec::new();
    let mut is_moved = false;
    for field in RELEASE.into_iter().filter(|field| changed(field)) {
        let own = |one: &Manifest| own(old, one, field);
        let (before, after) = (own(old), own(new));
        if before == after {
            continue;
        }
        is_moved |= field == "targetNamespace";
        // the name that comes of a namespace goes without saying
        let word = match field {
            "targetNamespace" => "target namespace",
            "storageNamespace" => "storage namespace",
            _ if is_moved && !says(old, field) && !says(new, field) => continue,
            _ => "release name",
        };
        messages.push(format!(
            "changes the {word} of {object} from `{before}` to `{after}`: Flux uninstalls the release from before"
        ));
    }
    let (before, after) = (chart(old), chart(new));
    if before != after {
        let is_sure = matches!((&before, &after), (Chart::Named(_), Chart::Named(_)));
        let condition = match is_sure {
            true => "Flux uninstalls the release from before",
            false => "if the chart in it has another name, Flux uninstalls the release from before",
        };
        let (before, after) = (before.shown(), after.shown());
        messages.push(format!(
            "changes the chart of {object} from {before} to {after}: {condition}"
        ));
    }
    messages
}

/// What a field of a release comes to, where it is left out too.
fn own(named: &Manifest, one: &Manifest, field: &str) -> String {
    let (name, namespace) = (&named.object.name, &named.object.namespace);
    match (one.spec_text(&[field]), field) {
        ("", "releaseName") => match one.spec_text(&["targetNamespace"]) {
            "" => name.to_string(),
            target => format!("{target}-{name}"),
        },
        ("", _) => namespace.to_string(),
        (said, _) => said.to_owned(),
    }
}

fn says(one: &Manifest, field: &str) -> bool {
    !one.spec_text(&[field]).is_empty()
}

fn chart(one: &Manifest) -> Chart<'_> {
    let said = one.spec_text(&["chart", "spec", "chart"]);
    let reference = |key| one.spec_text(&["chartRef", key]);
    match said.trim_end_matches('/') {
        "" if one.spec("chartRef").and_then(Node::as_mapping).is_some() => Chart::In {
            kind: reference("kind"),
            name: reference("name"),
        },
        "" => Chart::None,
        path => Chart::Named(path.rsplit('/').next().unwrap_or(path)),
    }
}

impl Chart<'_> {
    fn shown(&self) -> String {
        match self {
            Self::Named(name) => format!("`{name}`"),
            Self::In { kind, name } => format!("that in `{kind} {name}`"),
            Self::None => "none".to_owned(),
        }
    }
}
