//! The part of Flux's controllers, played by writing status as they do.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api_server::{ApiServer, Target};

const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
const HELM: &str = "helm.toolkit.fluxcd.io/v2";

/// For a token to come.
const PATIENCE: Duration = Duration::from_secs(120);

/// Plays source-, kustomize- and helm-controller in one namespace.
pub struct Player<'s> {
    server: &'s ApiServer,
    namespace: String,
}

/// The revision of a branch at a commit that is named by a number, as [`crate::hookshot::push`] does.
pub fn revision(branch: &str, commit: u64) -> String {
    format!("{branch}@sha1:{commit:040x}")
}

/// The folder of the CRD of HelmReleases, which clusters need not have.
pub fn helm_crds() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/helm")
}

impl<'s> Player<'s> {
    pub fn new(server: &'s ApiServer, namespace: &str) -> Self {
        Self {
            server,
            namespace: namespace.to_owned(),
        }
    }

    fn target<'t>(&'t self, kind: &'t str, name: &'t str) -> Target<'t> {
        Target {
            api_version: match kind {
                "Kustomization" => KUSTOMIZE,
                "HelmRelease" => HELM,
                _ => SOURCE,
            },
            kind,
            namespace: &self.namespace,
            name,
        }
    }

    fn create(&self, kind: &str, name: &str, spec: &Value) {
        let target = self.target(kind, name);
        self.server.create(&json!({
            "apiVersion": target.api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }));
    }

    /// A Kustomization of a GitRepository.
    pub fn kustomization(&self, name: &str, source: &str) {
        let source = json!({"kind": "GitRepository", "name": source});
        let spec = json!({"interval": "10m", "prune": true, "sourceRef": source});
        self.create("Kustomization", name, &spec);
    }

    /// A HelmRelease of a chart in a GitRepository, and the HelmChart that helm-controller makes for it.
    pub fn release(&self, name: &str, source: &str) {
        let source = json!({"kind": "GitRepository", "name": source});
        let chart = json!({"chart": "./chart", "sourceRef": source, "interval": "10m"});
        self.create("HelmChart", &self.chart(name), &chart);
        self.create("HelmRelease", name, &json!({"chart": {"spec": chart}}));
        let chart = format!("{}/{}", self.namespace, self.chart(name));
        let target = self.target("HelmRelease", name);
        self.server
            .patch_status(target, &json!({"helmChart": chart}));
    }

    fn chart(&self, release: &str) -> String {
        format!("{}-{release}", self.namespace)
    }

    /// Writes status with a condition `Ready` of the object's generation.
    pub fn status(&self, kind: &str, name: &str, ready: (&str, &str, &str), more: &Value) {
        let target = self.target(kind, name);
        let object = self.server.get(target).expect("the object is there");
        let generation = object["metadata"]["generation"].clone();
        let (status, reason, message) = ready;
        let mut patch = json!({
            "observedGeneration": generation,
            "conditions": [{
                "type": "Ready", "status": status, "reason": reason, "message": message,
                "lastTransitionTime": "2026-01-02T03:04:05Z", "observedGeneration": generation,
            }],
        });
        let fields = patch.as_object_mut().expect("it is one");
        fields.extend(more.as_object().expect("fields").clone());
        self.server.patch_status(target, &patch);
    }

    /// The token with which an object was asked last.
    pub fn token(&self, kind: &str, name: &str) -> Option<String> {
        let object = self.server.get(self.target(kind, name))?;
        let token = &object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"];
        token.as_str().map(str::to_owned)
    }

    /// Waits until an object is asked with another token than this.
    pub fn wait_for_token(&self, kind: &str, name: &str, other_than: Option<&str>) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(token) = self.token(kind, name)
                && other_than != Some(&*token)
            {
                return token;
            }
            assert!(Instant::now() < deadline, "nobody asks {kind} {name}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// source-controller answers the token, and is at work.
    pub fn acknowledge(&self, source: &str) {
        let more = json!({"lastHandledReconcileAt": self.token("GitRepository", source)});
        let progressing = ("Unknown", "Progressing", "reconciliation in progress");
        self.status("GitRepository", source, progressing, &more);
    }

    /// source-controller answers the token, and has this artifact.
    pub fn fetch(&self, source: &str, revision: &str) {
        let artifact = json!({
            "revision": revision, "path": "p", "url": "http://source-controller/p",
            "digest": format!("sha256:{}", "0".repeat(64)), "lastUpdateTime": "2026-01-02T03:04:05Z",
        });
        let more = json!({
            "artifact": artifact,
            "lastHandledReconcileAt": self.token("GitRepository", source),
        });
        self.status("GitRepository", source, ("True", "Succeeded", ""), &more);
    }

    /// source-controller answers the token, and could not fetch.
    pub fn fail_to_fetch(&self, source: &str, reason: &str, message: &str) {
        let more = json!({"lastHandledReconcileAt": self.token("GitRepository", source)});
        self.status("GitRepository", source, ("False", reason, message), &more);
    }

    /// source-controller has built the chart of a release from a revision.
    pub fn build(&self, release: &str, revision: &str, version: &str) {
        let more = json!({
            "observedSourceArtifactRevision": revision,
            "artifact": {
                "revision": version, "path": "p", "url": "http://source-controller/p",
                "digest": format!("sha256:{}", "0".repeat(64)), "lastUpdateTime": "2026-01-02T03:04:05Z",
            },
        });
        let chart = self.chart(release);
        self.status(
            "HelmChart",
            &chart,
            ("True", "ChartPullSucceeded", ""),
            &more,
        );
    }

    /// kustomize-controller has applied a revision.
    pub fn apply(&self, name: &str, revision: &str) {
        let more = json!({"lastAppliedRevision": revision, "lastAttemptedRevision": revision});
        let ready = ("True", "ReconciliationSucceeded", "");
        self.status("Kustomization", name, ready, &more);
    }

    /// kustomize-controller could not apply a revision.
    pub fn fail(&self, name: &str, revision: &str, reason: &str, message: &str) {
        let more = json!({"lastAttemptedRevision": revision});
        self.status("Kustomization", name, ("False", reason, message), &more);
    }

    /// helm-controller has installed a version of a release's chart.
    pub fn install(&self, name: &str, version: &str) {
        let more = json!({
            "lastAttemptedRevision": version,
            "history": [{"chartVersion": version, "status": "deployed"}],
        });
        self.status("HelmRelease", name, ("True", "UpgradeSucceeded", ""), &more);
    }
}
