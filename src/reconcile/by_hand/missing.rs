//! What is there instead of what a person named.

use std::collections::BTreeSet;

use crate::catalog::{Cache, Item, ItemKey, Kind, Reference};
use crate::flux::nearest;

use super::find::text;
use super::target::{RepositoryName, Target};

/// How many names are listed.
const SHOWN: usize = 10;

/// What the clusters have that a person may have meant by a target that names nothing in them, as the end of a
/// sentence.
pub fn nearest_to<'c>(target: &Target, clusters: impl IntoIterator<Item = &'c Cache>) -> String {
    let clusters: Vec<&Cache> = clusters.into_iter().collect();
    let items = clusters.iter().flat_map(|cluster| cluster.items());
    let items: Vec<&Item> = items.map(|item| &**item).collect();
    match target {
        Target::Project {
            project,
            environment,
        } => without_ref(project, environment, &items)
            .unwrap_or_else(|| of_project(project, environment, &items)),
        Target::Object(key) => of_object(key, &items),
        Target::Repository { repository, .. } => of_repository(repository, &items),
    }
}

/// A repository may be meant of which the ref was forgotten.
fn without_ref(owner: &str, name: &str, items: &[&Item]) -> Option<String> {
    let path = format!("{owner}/{name}").to_lowercase();
    let path = path.strip_suffix(".git").unwrap_or(&path);
    let repository = RepositoryName::Path(path.into());
    let followed = items.iter().filter(|item| repository.is_of(item));
    let meant: BTreeSet<String> = followed
        .filter_map(|item| Some(format!("`{path}@{}`", text_or_default(item)?)))
        .collect();
    let meant: BTreeSet<&str> = meant.iter().map(String::as_str).collect();
    (!meant.is_empty()).then(|| format!("a repository is named with its ref: {}", listed(&meant)))
}

/// What may stand behind the `@`; `None`: nothing that names a ref.
fn text_or_default(item: &Item) -> Option<&str> {
    let unset = match item.key.kind {
        Kind::GitRepository => Some("master"),
        Kind::OciRepository => Some("latest"),
        _ => None,
    };
    text(&item.reference).or(unset)
}

fn of_project(project: &str, environment: &str, items: &[&Item]) -> String {
    let pairs: BTreeSet<(&str, &str)> = items
        .iter()
        .filter_map(|item| Some((item.project.as_deref()?, item.environment.as_deref()?)))
        .collect();
    let here: BTreeSet<&str> = pairs
        .iter()
        .filter(|(name, _)| *name == project)
        .map(|(_, environment)| *environment)
        .collect();
    if !here.is_empty() {
        return format!("`{project}` is in {}", listed(&here));
    }
    let names: BTreeSet<String> = pairs
        .iter()
        .map(|(project, environment)| format!("{project}/{environment}"))
        .collect();
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    if names.is_empty() {
        return "no object carries the labels of flux-setup; name a kind/namespace/name".to_owned();
    }
    meant(&format!("{project}/{environment}"), &names)
}

fn of_object(key: &ItemKey, items: &[&Item]) -> String {
    let keys = || items.iter().map(|item| &item.key);
    let elsewhere = keys()
        .filter(|other| other.name == key.name)
        .filter(|other| other.kind == key.kind || other.namespace == key.namespace);
    // Another kind is mistaken more often than another namespace.
    if let Some(other) = elsewhere.min_by_key(|other| (other.namespace != key.namespace, *other)) {
        return format!("did you mean `{}`?", other.typed());
    }
    let alike = keys().filter(|other| other.kind == key.kind);
    let names: BTreeSet<String> = alike.map(ItemKey::typed).collect();
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    if names.is_empty() {
        return format!("there is no {} at all", key.kind);
    }
    meant(&key.typed(), &names)
}

fn of_repository(repository: &RepositoryName, items: &[&Item]) -> String {
    let followed: BTreeSet<String> = items
        .iter()
        .filter(|item| repository.is_of(item))
        .map(|item| shown(&item.reference))
        .collect();
    if !followed.is_empty() {
        let followed: BTreeSet<&str> = followed.iter().map(String::as_str).collect();
        return format!("of it is followed: {}", listed(&followed));
    }
    let known: BTreeSet<String> = items
        .iter()
        .filter_map(|item| item.repository.as_deref())
        .map(|identity| match repository {
            RepositoryName::Path(_) => identity.path().to_owned(),
            RepositoryName::Whole(_) => identity.to_string(),
        })
        .collect();
    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    if known.is_empty() {
        return "no object fetches from any repository".to_owned();
    }
    let named = match repository {
        RepositoryName::Path(path) => path.to_string(),
        RepositoryName::Whole(identity) => identity.to_string(),
    };
    meant(&named, &known)
}

fn shown(reference: &Reference) -> String {
    let kind = match reference {
        Reference::Unset => return "no ref".to_owned(),
        Reference::Branch(_) => "branch",
        Reference::Tag(_) => "tag",
        Reference::Semver(_) => "semver",
        Reference::Name(_) => "ref",
        Reference::Commit(_) => "commit",
        Reference::Digest(_) => "digest",
    };
    format!("{kind} `{}`", text(reference).unwrap_or_default())
}

fn meant(name: &str, known: &BTreeSet<&str>) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there is: {}", listed(known)),
    }
}

fn listed(names: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).copied().collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::catalog::HostNames;
    use crate::reconcile::by_hand::scene::Scene;

    use super::*;

    fn hint(scene: &Scene, text: &str) -> String {
        let target = Target::read(text, &HostNames::of([])).unwrap();
        assert_eq!(target.find(&scene.cluster), Vec::new(), "{text}");
        nearest_to(&target, [&scene.cluster])
    }

    fn source(name: &str, environment: &str, branch: &str) -> Value {
        json!({"kind": "GitRepository",
            "metadata": {"name": format!("{name}-{environment}"), "namespace": "apps", "labels": {
                "flux-setup.dev/project": name, "flux-setup.dev/environment": environment}},
            "spec": {"url": format!("https://github.com/acme/{name}"), "ref": {"branch": branch}}})
    }

    #[test]
    fn what_is_not_there_is_answered_with_what_is() {
        let scene = Scene::new([
            source("web", "production", "main"),
            source("web", "staging", "next"),
            source("shop", "production", "main"),
        ]);
        for (text, expected) in [
            ("web/dev", "`web` is in production, staging"),
            ("wbe/production", "did you mean `web/production`?"),
            (
                "Acme/Web.git",
                "a repository is named with its ref: `acme/web@main`, `acme/web@next`",
            ),
            (
                "x/y",
                "there is: shop/production, web/production, web/staging",
            ),
            (
                "ks/apps/web-staging",
                "did you mean `GitRepository/apps/web-staging`?",
            ),
            (
                "git/flux/web-staging",
                "did you mean `GitRepository/apps/web-staging`?",
            ),
            (
                "git/apps/web-stagin",
                "did you mean `GitRepository/apps/web-staging`?",
            ),
            ("hr/x/y", "there is no HelmRelease at all"),
            (
                "acme/web@v1",
                "of it is followed: branch `main`, branch `next`",
            ),
            ("acme/wed@main", "did you mean `acme/web`?"),
            (
                "gitlab.com/x/y@main",
                "there is: github.com/acme/shop, github.com/acme/web",
            ),
        ] {
            assert_eq!(hint(&scene, text), expected, "{text}");
        }
    }

    #[test]
    fn where_nothing_is_there_that_is_said() {
        let empty = Scene::new([]);
        for (text, expected) in [
            (
                "web/dev",
                "no object carries the labels of flux-setup; name a kind/namespace/name",
            ),
            ("ks/a/b", "there is no Kustomization at all"),
            ("acme/web@main", "no object fetches from any repository"),
        ] {
            assert_eq!(hint(&empty, text), expected);
        }
    }

    #[test]
    fn of_many_names_some_are_listed_and_the_rest_is_counted() {
        let names = (0..13).map(|number| format!("n-{number:02}"));
        let scene = Scene::new(names.map(|name| source(&name, "dev", "main")));
        let hint = hint(&scene, "web/production");
        assert!(hint.ends_with("n-09/dev and 3 more"), "{hint}");
    }
}
