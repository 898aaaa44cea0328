//! What a target names among the objects of the clusters.

use std::sync::Arc;

use crate::catalog::{Cache, Item, Kind, Reference};
use crate::flux::RepositoryIdentity;
use crate::reconcile::matching;

use super::target::{RepositoryName, Target};

impl Target {
    /// What it names in one cluster, by kind, namespace and name.
    pub fn find(&self, cluster: &Cache) -> Vec<Arc<Item>> {
        let mut found: Vec<Arc<Item>> = match self {
            Self::Object(key) => cluster.item(key).cloned().into_iter().collect(),
            Self::Project {
                project,
                environment,
            } => cluster
                .items()
                .filter(|item| {
                    item.project.as_ref() == Some(project)
                        && item.environment.as_ref() == Some(environment)
                })
                .cloned()
                .collect(),
            Self::Repository {
                repository,
                reference,
            } => cluster
                .items()
                .filter(|item| repository.is_of(item))
                .filter(|item| reference.as_deref().is_none_or(|it| follows(item, it)))
                .cloned()
                .collect(),
        };
        found.sort_by(|a, b| a.key.cmp(&b.key));
        found
    }
}

impl RepositoryName {
    pub(super) fn is_of(&self, item: &Item) -> bool {
        item.repository
            .as_deref()
            .is_some_and(|identity| self.is(identity))
    }

    fn is(&self, identity: &RepositoryIdentity) -> bool {
        match self {
            Self::Path(path) => identity.path() == &**path,
            Self::Whole(whole) => identity == whole,
        }
    }
}

/// Whether a source follows what was typed behind the `@`: a ref by its short or full name, a tag that satisfies its
/// constraint, or just what stands in its `spec.ref`.
fn follows(item: &Item, typed: &str) -> bool {
    if text(&item.reference).is_some_and(|text| text == typed) {
        return true;
    }
    match item.key.kind {
        Kind::GitRepository => matching::follows_ref_named(&item.reference, typed),
        Kind::OciRepository => matching::follows_tag_named(&item.reference, typed),
        _ => false,
    }
}

/// What stands in `spec.ref`.
pub(super) fn text(reference: &Reference) -> Option<&str> {
    match reference {
        Reference::Unset => None,
        Reference::Branch(text)
        | Reference::Tag(text)
        | Reference::Semver(text)
        | Reference::Name(text)
        | Reference::Commit(text)
        | Reference::Digest(text) => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::catalog::HostNames;
    use crate::reconcile::by_hand::scene::Scene;

    use super::*;

    fn found(scene: &Scene, text: &str) -> Vec<String> {
        let target = Target::read(text, &HostNames::of([])).unwrap();
        let found = target.find(&scene.cluster);
        found.iter().map(|item| item.key.to_string()).collect()
    }

    fn git(name: &str, url: &str, reference: Value) -> Value {
        json!({"kind": "GitRepository", "metadata": {"name": name, "namespace": "apps"},
            "spec": {"url": url, "ref": reference}})
    }

    #[test]
    fn a_project_is_found_by_its_labels_whatever_the_kind() {
        let labelled = |kind: &str, name: &str, environment: &str| {
            json!({"kind": kind, "metadata": {"name": name, "namespace": "apps", "labels": {
                "flux-setup.dev/project": "web", "flux-setup.dev/environment": environment}}})
        };
        let scene = Scene::new([
            labelled("Kustomization", "a", "production"),
            labelled("GitRepository", "b", "production"),
            labelled("GitRepository", "c", "staging"),
            git("d", "https://github.com/acme/web", json!(null)),
        ]);
        assert_eq!(
            found(&scene, "web/production"),
            ["GitRepository apps/b", "Kustomization apps/a"]
        );
        assert_eq!(found(&scene, "web/dev"), [""; 0]);
        assert_eq!(found(&scene, "ks/apps/a"), ["Kustomization apps/a"]);
        assert_eq!(found(&scene, "ks/apps/b"), [""; 0]);
    }

    #[test]
    fn a_repository_is_found_by_the_ref_that_is_followed() {
        let url = "ssh://git@github.com/Acme/web.git";
        let sha = "ab".repeat(20);
        let scene = Scene::new([
            git("branch", url, json!({"branch": "main"})),
            git("tag", url, json!({"tag": "v1.2.3"})),
            git("semver", url, json!({"semver": ">=1.0.0"})),
            git("name", url, json!({"name": "refs/heads/main"})),
            git("commit", url, json!({"commit": sha})),
            git("unset", url, json!(null)),
            git(
                "elsewhere",
                "https://github.com/acme/shop",
                json!({"branch": "main"}),
            ),
        ]);
        let names = |text: &str| -> Vec<String> {
            let found = found(&scene, text);
            let names = found
                .iter()
                .map(|it| it.rsplit_once('/').unwrap().1.to_owned());
            names.collect()
        };
        assert_eq!(names("acme/web@main"), ["branch", "name"]);
        assert_eq!(names("acme/web@refs/heads/main"), ["branch", "name"]);
        assert_eq!(names("acme/web@v1.2.3"), ["semver", "tag"]);
        assert_eq!(names("acme/web@>=1.0.0"), ["semver"]);
        assert_eq!(names(&format!("github.com/acme/web@{sha}")), ["commit"]);
        assert_eq!(names("acme/web@master"), ["unset"]);
        assert_eq!(names("https://github.com/acme/web").len(), 6);
        assert_eq!(names("gitlab.com/acme/web@main"), [""; 0]);
    }

    #[test]
    fn an_artifact_is_found_by_the_tag_or_digest_that_is_followed() {
        let oci = |name: &str, reference: Value| {
            json!({"kind": "OCIRepository", "metadata": {"name": name, "namespace": "apps"},
                "spec": {"url": "oci://ghcr.io/acme/web", "ref": reference}})
        };
        let scene = Scene::new([
            oci("latest", json!(null)),
            oci("semver", json!({"semver": ">=1.4.0"})),
            oci("digest", json!({"digest": "sha256:ab"})),
        ]);
        let found = |text: &str| found(&scene, text);
        assert_eq!(found("acme/web@latest"), ["OCIRepository apps/latest"]);
        assert_eq!(
            found("oci://ghcr.io/acme/web@1.5.0"),
            ["OCIRepository apps/semver"]
        );
        assert_eq!(found("acme/web@sha256:ab"), ["OCIRepository apps/digest"]);
    }
}
