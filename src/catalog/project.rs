//! Cuts an object of the API server down to an item.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::flux::{RepositoryIdentity, RepositoryUrl, duration, mask};

use super::hosts::HostNames;
use super::item::{Item, ItemKey, MESSAGE_LIMIT_BYTES, Ready, Reference, SourceRef, Status};
use super::kind::Kind;
use super::texts::Texts;
use super::uid::Uid;
use super::version::ResourceVersion;
use super::wire;

/// The token with which Flux is asked to reconcile an object.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
const WEBHOOK: &str = "flux-setup.dev/webhook";
const WATCH_PATHS: &str = "flux-setup.dev/watch-paths";
const WORKFLOW: &str = "flux-setup.dev/workflow";
const PROJECT: &str = "flux-setup.dev/project";
const ENVIRONMENT: &str = "flux-setup.dev/environment";

/// Makes items from the objects of one cluster.
#[derive(Debug)]
pub struct Projector {
    cluster: Arc<str>,
    hosts: Arc<HostNames>,
    texts: Texts,
}

/// An object that cannot be read; others are not harmed by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {kind} `{}` of cluster `{cluster}`: {reason}", self.shown())]
pub struct Broken {
    pub cluster: Arc<str>,
    pub kind: Kind,
    /// `None` where not even its name can be read.
    pub key: Option<ItemKey>,
    pub reason: String,
}

impl Broken {
    fn shown(&self) -> String {
        self.key.as_ref().map_or_else(
            || "?".to_owned(),
            |key| format!("{}/{}", key.namespace, key.name),
        )
    }
}

impl Projector {
    pub fn new(cluster: Arc<str>, hosts: Arc<HostNames>) -> Self {
        Self {
            cluster,
            hosts,
            texts: Texts::default(),
        }
    }

    /// Reads an object from its JSON. The caller says its kind: in a list objects may leave it out.
    ///
    /// # Errors
    /// The name of an object that is not JSON, has no name or has a field of another type.
    pub fn project(&mut self, kind: Kind, json: &[u8]) -> Result<Item, Broken> {
        let object = match serde_json::from_slice::<wire::Object<'_>>(json) {
            Ok(object) if !object.metadata.name.is_empty() => object,
            Ok(_) => return Err(self.broken(kind, json, "it has no name".to_owned())),
            Err(error) => {
                let reason = mask(&error.to_string()).into_owned();
                return Err(self.broken(kind, json, reason));
            }
        };
        Ok(self.item(kind, object))
    }

    /// An object that was passed over because it is too long to be held.
    pub fn too_long(&self, kind: Kind) -> Broken {
        Broken {
            cluster: Arc::clone(&self.cluster),
            kind,
            key: None,
            reason: "it is too long".to_owned(),
        }
    }

    fn broken(&mut self, kind: Kind, json: &[u8], reason: String) -> Broken {
        let object: Value = serde_json::from_slice(json).unwrap_or_default();
        let text = |field: &str| object["metadata"][field].as_str();
        let name = text("name").filter(|name| !name.is_empty());
        Broken {
            cluster: Arc::clone(&self.cluster),
            kind,
            key: name.map(|name| ItemKey {
                kind,
                namespace: self.texts.text(text("namespace").unwrap_or_default()),
                name: name.into(),
            }),
            reason,
        }
    }

    fn item(&mut self, kind: Kind, object: wire::Object<'_>) -> Item {
        let wire::Object {
            metadata,
            spec,
            status,
        } = object;
        let spec = spec.unwrap_or_default();
        let status = status.unwrap_or_default();
        let annotations = &metadata.annotations;
        let url = url(&spec);
        let identity = url.as_deref().and_then(|url| self.identity(url));
        let key = ItemKey {
            kind,
            namespace: self.texts.text(&metadata.namespace),
            name: self.texts.text(&metadata.name),
        };
        let requested_at: Option<Arc<str>> = said(annotations, REQUESTED_AT).map(Into::into);
        let handled_at = status.last_handled_reconcile_at.map(|handled| {
            match requested_at.as_ref().filter(|asked| ***asked == *handled) {
                Some(asked) => Arc::clone(asked),
                None => handled.into(),
            }
        });
        let deployed = |release: &wire::Release<'_>| release.status.as_deref() == Some("deployed");
        let release = status
            .history
            .unwrap_or_default()
            .into_iter()
            .find(deployed);
        let (of_release, deployed_at) = release.map_or((None, None), |release| {
            let digest = release.oci_digest;
            let version = release.chart_version.map(|it| with_digest(it, digest));
            (version, release.last_deployed)
        });
        let applied = status.last_applied_revision.or(of_release);
        let (artifact, stored_at) = status.artifact.map_or((None, None), |artifact| {
            (artifact.revision, artifact.last_update_time)
        });
        let revision_at = stored_at.or(deployed_at);
        let digest = status.last_attempted_revision_digest;
        let attempted = status
            .last_attempted_revision
            .map(|revision| with_digest(revision, digest))
            .or(status.observed_source_artifact_revision);
        let depends_on = spec.depends_on.iter().flatten();
        let depends_on = depends_on
            .map(|other| self.dependency(other, &key))
            .collect();
        let conditions = status.conditions.unwrap_or_default();
        let condition = |kind: &str| conditions.iter().find(|condition| condition.kind == kind);
        let source = match (&spec.chart_ref, &status.helm_chart, &spec.source_ref) {
            (Some(source), _, _) => Some(self.source(source, &key)),
            (None, Some(chart), _) => self.helm_chart(chart),
            (None, None, Some(source)) => Some(self.source(source, &key)),
            (None, None, None) => None,
        };
        Item {
            cluster: Arc::clone(&self.cluster),
            uid: Uid::read(&metadata.uid),
            version: ResourceVersion::read(&metadata.resource_version),
            generation: metadata.generation,
            repository: identity,
            url: url.map(|url| self.texts.text(&mask(&url))),
            reference: self.reference(kind, spec.reference),
            interval: spec.interval.and_then(|text| duration::read(&text).ok()),
            suspended: spec.suspend.unwrap_or(false),
            opted_out: said(annotations, WEBHOOK) == Some("disabled"),
            watch_paths: said(annotations, WATCH_PATHS).map(|text| self.texts.watch_paths(text)),
            workflows: said(annotations, WORKFLOW)
                .filter(|_| kind.is_source())
                .map(|text| self.texts.workflows(text)),
            project: said(&metadata.labels, PROJECT).map(|text| self.texts.text(text)),
            environment: said(&metadata.labels, ENVIRONMENT).map(|text| self.texts.text(text)),
            requested_at,
            handled_at,
            artifact: artifact.map(|revision| self.texts.text(&revision)),
            revision_at: revision_at.and_then(|at| at.parse().ok()),
            applied: applied.map(|revision| self.texts.text(&revision)),
            attempted: attempted.map(|revision| self.texts.text(&revision)),
            source,
            depends_on,
            observed_generation: status.observed_generation,
            reconciling: condition("Reconciling").is_some_and(|it| it.status == "True"),
            stalled: condition("Stalled").is_some_and(|it| it.status == "True"),
            ready: condition("Ready").map(|ready| Ready {
                status: match &*ready.status {
                    "True" => Status::True,
                    "False" => Status::False,
                    _ => Status::Unknown,
                },
                is_current: ready
                    .observed_generation
                    .is_none_or(|seen| seen >= metadata.generation),
                reason: self.texts.text(&ready.reason),
                message: match &*ready.status {
                    "True" => "".into(),
                    _ => bounded(&mask(&ready.message)).into(),
                },
            }),
            key,
        }
    }

    fn identity(&mut self, url: &str) -> Option<Arc<RepositoryIdentity>> {
        let url = RepositoryUrl::read(&plain(url)).ok()?;
        let identity = url.identity(|host| self.hosts.canonical(host));
        Some(self.texts.repository(identity))
    }

    /// By the order in which source-controller asks for them.
    fn reference(&mut self, kind: Kind, reference: Option<wire::Ref<'_>>) -> Reference {
        let Some(reference) = reference else {
            return Reference::Unset;
        };
        let set =
            |text: Option<Cow<'_, str>>, make: fn(Arc<str>) -> Reference, texts: &mut Texts| {
                let text = text.filter(|text| !text.is_empty())?;
                Some(make(texts.text(&text)))
            };
        let texts = &mut self.texts;
        let found = if kind == Kind::OciRepository {
            set(reference.digest, Reference::Digest, texts)
                .or_else(|| set(reference.semver, Reference::Semver, texts))
                .or_else(|| set(reference.tag, Reference::Tag, texts))
        } else {
            set(reference.commit, Reference::Commit, texts)
                .or_else(|| set(reference.name, Reference::Name, texts))
                .or_else(|| set(reference.semver, Reference::Semver, texts))
                .or_else(|| set(reference.tag, Reference::Tag, texts))
                .or_else(|| set(reference.branch, Reference::Branch, texts))
        };
        found.unwrap_or(Reference::Unset)
    }

    fn source(&mut self, source: &wire::Source<'_>, user: &ItemKey) -> SourceRef {
        let namespace = source.namespace.as_deref().filter(|text| !text.is_empty());
        SourceRef {
            kind: self.texts.text(&source.kind),
            namespace: self.texts.text(namespace.unwrap_or(&user.namespace)),
            name: self.texts.text(&source.name),
        }
    }

    fn dependency(&mut self, other: &wire::Dependency<'_>, of: &ItemKey) -> ItemKey {
        let namespace = other.namespace.as_deref().filter(|text| !text.is_empty());
        ItemKey {
            kind: of.kind,
            namespace: self.texts.text(namespace.unwrap_or(&of.namespace)),
            name: self.texts.text(&other.name),
        }
    }

    fn helm_chart(&mut self, chart: &str) -> Option<SourceRef> {
        let (namespace, name) = chart.split_once('/')?;
        Some(SourceRef {
            kind: self.texts.text(Kind::HelmChart.name()),
            namespace: self.texts.text(namespace),
            name: self.texts.text(name),
        })
    }
}

/// What stands under a name, in labels or annotations.
fn said<'m>(map: &'m Option<HashMap<Cow<'_, str>, Cow<'_, str>>>, name: &str) -> Option<&'m str> {
    map.as_ref()?.get(name).map(|text| &**text)
}

/// What a source fetches; of a Bucket its endpoint and name.
fn url(spec: &wire::Spec<'_>) -> Option<String> {
    match (&spec.url, &spec.endpoint, &spec.bucket_name) {
        (Some(url), _, _) => Some(url.to_string()),
        (None, Some(endpoint), Some(bucket)) => Some(format!("{endpoint}/{bucket}")),
        _ => None,
    }
}

/// A URL without user and password and without what follows the path: what we would not write
/// ourselves, and somebody else did, still names a repository.
fn plain(url: &str) -> Cow<'_, str> {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = &url[..end];
    let Some((scheme, rest)) = url.split_once("://") else {
        return Cow::Borrowed(url);
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.rfind('@') {
        None => Cow::Borrowed(url),
        Some(at) => Cow::Owned(format!("{scheme}://{}", &rest[at + 1..])),
    }
}

/// A version of a chart, with the digest that its registry gives it.
fn with_digest<'a>(version: Cow<'a, str>, digest: Option<Cow<'a, str>>) -> Cow<'a, str> {
    match digest.filter(|digest| !digest.is_empty()) {
        Some(digest) => Cow::Owned(format!("{version}@{digest}")),
        None => version,
    }
}

/// On one line. What is too long loses its middle: what failed stands first, and why stands last.
fn bounded(text: &str) -> String {
    const GAP: &str = " … ";
    const FIRST: usize = (MESSAGE_LIMIT_BYTES - GAP.len()) / 3;
    let text = text.trim().replace(['\n', '\r', '\t'], " ");
    if text.len() <= MESSAGE_LIMIT_BYTES {
        return text;
    }
    let first = &text[..text.floor_char_boundary(FIRST)];
    let rest = MESSAGE_LIMIT_BYTES - GAP.len() - FIRST;
    let last = &text[text.ceil_char_boundary(text.len() - rest)..];
    format!("{first}{GAP}{last}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn projector() -> Projector {
        let hosts = HostNames::of([("git.acme.io", "github.com")]);
        Projector::new("prod-eu".into(), Arc::new(hosts))
    }

    fn project(kind: Kind, object: &Value) -> Result<Item, Broken> {
        projector().project(kind, object.to_string().as_bytes())
    }

    fn with_spec(kind: Kind, spec: Value) -> Item {
        let object = json!({"metadata": {"name": "web", "namespace": "apps"}, "spec": spec});
        project(kind, &object).unwrap()
    }

    #[test]
    fn all_that_a_push_needs_of_a_source_is_kept() {
        let item = project(
            Kind::GitRepository,
            &json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": {
                    "name": "web",
                    "namespace": "apps",
                    "uid": "u-1",
                    "resourceVersion": "42",
                    "generation": 3,
                    "labels": {"flux-setup.dev/project": "shop", "flux-setup.dev/environment": "staging"},
                    "annotations": {
                        "reconcile.fluxcd.io/requestedAt": "token",
                        "flux-setup.dev/webhook": "disabled",
                        "flux-setup.dev/watch-paths": "deploy/**,base/**",
                        "flux-setup.dev/workflow": "acme/web/build.yaml",
                    },
                    "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
                },
                "spec": {
                    "url": "ssh://git@git.acme.io/Acme/Web.git",
                    "interval": "1h0m0s",
                    "suspend": true,
                    "ref": {"branch": "main"},
                },
                "status": {
                    "observedGeneration": 3,
                    "lastHandledReconcileAt": "token",
                    "artifact": {"revision": "main@sha1:aa", "digest": "sha256:bb",
                        "lastUpdateTime": "2026-01-02T03:04:05Z"},
                    "conditions": [
                        {"type": "Reconciling", "status": "True"},
                        {"type": "Ready", "status": "False", "reason": "GitOperationFailed",
                         "message": "failed to clone https://bot:secret@github.com/a"},
                    ],
                },
            }),
        )
        .unwrap();
        assert_eq!(item.key.to_string(), "GitRepository apps/web");
        assert_eq!((&*item.cluster, item.uid), ("prod-eu", Uid::read("u-1")));
        assert_eq!(item.version, ResourceVersion::Number(42));
        assert_eq!((item.generation, item.observed_generation), (3, Some(3)));
        assert_eq!(
            item.repository.as_ref().unwrap().to_string(),
            "github.com/acme/web"
        );
        assert_eq!(
            item.url.as_deref(),
            Some("ssh://git@git.acme.io/Acme/Web.git")
        );
        assert_eq!(item.reference, Reference::Branch("main".into()));
        assert_eq!(item.interval, Some(Duration::from_secs(3600)));
        assert!(item.suspended && item.opted_out && item.reconciling);
        assert_eq!(
            item.watch_paths.as_ref().unwrap().text(),
            "deploy/**,base/**"
        );
        let build = Some(".github/workflows/build.yaml");
        let workflows = item.workflows.as_ref().unwrap();
        assert!(workflows.entry("acme/web", build, None).is_some());
        assert_eq!(item.project.as_deref(), Some("shop"));
        assert_eq!(item.environment.as_deref(), Some("staging"));
        assert_eq!(item.requested_at.as_deref(), Some("token"));
        assert_eq!(item.handled_at, item.requested_at);
        assert_eq!(item.artifact.as_deref(), Some("main@sha1:aa"));
        let stored = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(item.revision_at, Some(stored));
        let ready = item.ready.unwrap();
        assert_eq!(
            (ready.status, &*ready.reason),
            (Status::False, "GitOperationFailed")
        );
        assert_eq!(&*ready.message, "failed to clone https://***@github.com/a");
    }

    #[test]
    fn an_object_that_says_nothing_is_an_item_that_says_nothing() {
        let item = project(
            Kind::GitRepository,
            &json!({"metadata": {"name": "a", "labels": null, "annotations": {"flux-setup.dev/webhook": "enabled"}}, "status": null}),
        )
        .unwrap();
        assert_eq!((item.url, item.repository), (None, None));
        assert_eq!(item.reference, Reference::Unset);
        assert!(!item.suspended && !item.opted_out && !item.reconciling);
        assert_eq!(item.ready, None);
    }

    #[test]
    fn of_several_refs_the_one_counts_that_flux_takes() {
        let all = json!({"branch": "b", "tag": "t", "semver": "1", "name": "n", "commit": "c", "digest": "d"});
        let order = ["commit", "name", "semver", "tag", "branch"];
        let git = [
            Reference::Commit("c".into()),
            Reference::Name("n".into()),
            Reference::Semver("1".into()),
            Reference::Tag("t".into()),
            Reference::Branch("b".into()),
            Reference::Unset,
        ];
        let mut left = all.clone();
        for (at, expected) in git.into_iter().enumerate() {
            let item = with_spec(Kind::GitRepository, json!({"ref": left}));
            assert_eq!(item.reference, expected);
            if let Some(field) = order.get(at) {
                left[field] = json!("");
            }
        }
        let mut left = all;
        for (field, expected) in [
            ("digest", Reference::Digest("d".into())),
            ("semver", Reference::Semver("1".into())),
            ("tag", Reference::Tag("t".into())),
            ("branch", Reference::Unset),
        ] {
            let item = with_spec(Kind::OciRepository, json!({"ref": left}));
            assert_eq!(item.reference, expected);
            left[field] = json!("");
        }
    }

    #[test]
    fn a_url_that_we_would_refuse_still_names_its_repository_and_shows_no_secret() {
        for (url, shown) in [
            (
                "https://bot:secret@github.com/acme/web",
                "https://***@github.com/acme/web",
            ),
            (
                "ssh://git:secret@github.com/acme/web.git",
                "ssh://***@github.com/acme/web.git",
            ),
            (
                "https://github.com/acme/web?a=b",
                "https://github.com/acme/web?a=b",
            ),
            (
                "https://github.com/acme/web#x",
                "https://github.com/acme/web#x",
            ),
        ] {
            let item = with_spec(Kind::GitRepository, json!({"url": url}));
            let repository = item.repository.map(|identity| identity.to_string());
            assert_eq!(repository.as_deref(), Some("github.com/acme/web"), "{url}");
            assert_eq!(item.url.as_deref(), Some(shown));
        }
        let item = with_spec(Kind::GitRepository, json!({"url": "file:///srv/web"}));
        assert_eq!(item.repository, None);
        let bucket = json!({"endpoint": "minio.acme.io", "bucketName": "charts"});
        let item = with_spec(Kind::Bucket, bucket);
        assert_eq!(item.url.as_deref(), Some("minio.acme.io/charts"));
    }

    #[test]
    fn an_object_names_what_it_is_made_from() {
        let shown = |item: Item| {
            let source = item.source?;
            Some(format!(
                "{} {}/{}",
                source.kind, source.namespace, source.name
            ))
        };
        let git = json!({"kind": "GitRepository", "name": "web"});
        let item = with_spec(Kind::Kustomization, json!({"sourceRef": git}));
        assert_eq!(
            item.source.as_ref().unwrap().key().unwrap().kind,
            Kind::GitRepository
        );
        assert_eq!(shown(item).unwrap(), "GitRepository apps/web");
        let other = json!({"kind": "ExternalArtifact", "name": "web", "namespace": "x"});
        let item = with_spec(Kind::HelmRelease, json!({"chartRef": other}));
        assert_eq!(item.source.as_ref().unwrap().key(), None);
        assert_eq!(shown(item).unwrap(), "ExternalArtifact x/web");
        let release = json!({
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {"chart": {"spec": {"chart": "web"}}},
            "status": {"helmChart": "apps/apps-web", "history": [
                {"chartVersion": "2.0.0", "status": "failed"},
                {"chartVersion": "1.0.0", "status": "deployed", "lastDeployed": "2026-01-02T03:04:05Z"},
            ]},
        });
        let item = project(Kind::HelmRelease, &release).unwrap();
        assert_eq!(item.applied.as_deref(), Some("1.0.0"));
        let deployed = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(item.revision_at, Some(deployed));
        assert_eq!(shown(item).unwrap(), "HelmChart apps/apps-web");
    }

    #[test]
    fn an_object_names_what_has_to_be_ready_before_it() {
        let others = json!([{"name": "crds"}, {"name": "dns", "namespace": "infra"}]);
        let item = with_spec(Kind::Kustomization, json!({"dependsOn": others}));
        let names = item.depends_on.iter().map(ToString::to_string);
        let names: Vec<String> = names.collect();
        assert_eq!(
            names,
            ["Kustomization apps/crds", "Kustomization infra/dns"]
        );
        assert!(
            with_spec(Kind::Kustomization, json!({}))
                .depends_on
                .is_empty()
        );
    }

    #[test]
    fn what_was_worked_on_last_and_of_which_generation_the_condition_speaks_is_kept() {
        let object = |generation: i64, status: Value| json!({"metadata": {"name": "a", "generation": generation}, "status": status});
        let ready = json!([{"type": "Ready", "status": "True", "observedGeneration": 2}]);
        let status = |more: Value| {
            let mut status = json!({"observedGeneration": 2, "conditions": ready});
            status
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            status
        };
        let attempted = status(json!({"lastAttemptedRevision": "main@sha1:aa"}));
        let item = project(Kind::Kustomization, &object(2, attempted.clone())).unwrap();
        assert_eq!(item.attempted.as_deref(), Some("main@sha1:aa"));
        assert!(item.is_ready());
        let item = project(Kind::Kustomization, &object(3, attempted)).unwrap();
        assert!(!item.is_ready() && !item.ready.unwrap().is_current);
        let chart = status(json!({"observedSourceArtifactRevision": "main@sha1:bb"}));
        let item = project(Kind::HelmChart, &object(2, chart)).unwrap();
        assert_eq!(item.attempted.as_deref(), Some("main@sha1:bb"));
        let release = status(json!({
            "lastAttemptedRevision": "1.2.3", "lastAttemptedRevisionDigest": "sha256:cc",
            "history": [{"chartVersion": "1.2.3", "status": "deployed", "ociDigest": "sha256:cc"}],
        }));
        let item = project(Kind::HelmRelease, &object(2, release)).unwrap();
        assert_eq!(item.applied.as_deref(), Some("1.2.3@sha256:cc"));
        assert_eq!(item.attempted, item.applied);
    }

    #[test]
    fn a_message_is_on_one_line_and_loses_its_middle_between_characters() {
        assert_eq!(bounded(" a\nb\r\n\tc\n"), "a b   c");
        let whole = "x".repeat(MESSAGE_LIMIT_BYTES);
        assert_eq!(bounded(&whole), whole);
        let message = format!(
            "build failed: {}: no such file",
            "ü".repeat(MESSAGE_LIMIT_BYTES)
        );
        let object = json!({"metadata": {"name": "a"}, "status": {"conditions": [
            {"type": "Ready", "status": "Unknown", "message": message},
        ]}});
        let item = project(Kind::Bucket, &object).unwrap();
        let ready = item.ready.unwrap();
        let length = ready.message.len();
        assert!(length <= MESSAGE_LIMIT_BYTES && length > MESSAGE_LIMIT_BYTES - 4);
        assert!(ready.message.starts_with("build failed: ü") && ready.message.contains("ü … ü"));
        assert!(ready.message.ends_with("ü: no such file"));
        assert_eq!(ready.status, Status::Unknown);
    }

    #[test]
    fn a_message_is_kept_only_where_something_is_not_well() {
        let object = json!({"metadata": {"name": "a"}, "status": {"conditions": [
            {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored artifact"},
        ]}});
        let ready = project(Kind::Bucket, &object).unwrap().ready.unwrap();
        assert_eq!((&*ready.reason, &*ready.message), ("Succeeded", ""));
    }

    #[test]
    fn a_broken_object_is_named() {
        let wrong = json!({"metadata": {"name": "web", "namespace": "apps"}, "spec": {"url": 1}});
        let broken = project(Kind::GitRepository, &wrong).unwrap_err();
        let message = broken.to_string();
        assert!(
            message.starts_with("cannot read GitRepository `apps/web` of cluster `prod-eu`: invalid type: integer `1`"),
            "{message}"
        );
        assert_eq!(broken.key.unwrap().to_string(), "GitRepository apps/web");
        let nameless = project(Kind::Bucket, &json!({"metadata": {"name": ""}})).unwrap_err();
        assert_eq!(
            nameless.to_string(),
            "cannot read Bucket `?` of cluster `prod-eu`: it has no name"
        );
        let broken = projector().project(Kind::Bucket, b"{").unwrap_err();
        assert_eq!(broken.key, None);
    }

    #[test]
    fn what_objects_share_is_kept_once() {
        let mut projector = projector();
        let mut web = |name: &str| {
            let object = json!({"metadata": {"name": name, "namespace": "apps"}, "spec": {
                "url": "https://github.com/acme/web", "ref": {"branch": "main"}}});
            let json = object.to_string();
            projector
                .project(Kind::GitRepository, json.as_bytes())
                .unwrap()
        };
        let (a, b) = (web("a"), web("b"));
        assert!(Arc::ptr_eq(&a.key.namespace, &b.key.namespace));
        assert!(Arc::ptr_eq(&a.repository.unwrap(), &b.repository.unwrap()));
        assert!(Arc::ptr_eq(&a.url.unwrap(), &b.url.unwrap()));
    }
}
