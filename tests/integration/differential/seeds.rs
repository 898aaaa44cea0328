//! Good manifests that mutants are made of.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// A good manifest, and what it is.
pub(super) struct Seed {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    pub(super) manifest: Value,
}

/// The schema of each kind, as its CRD holds it.
pub(super) type Schemas = BTreeMap<String, Value>;

pub(super) fn schemas(folder: &Path) -> Schemas {
    let files = fs::read_dir(folder).expect("the folder of CRDs is there");
    files
        .map(|file| {
            let text = fs::read_to_string(file.expect("an entry").path()).expect("a CRD");
            let crd: Value = serde_json::from_str(&text).expect("JSON");
            let kind = crd["spec"]["names"]["kind"]
                .as_str()
                .expect("a kind")
                .to_owned();
            (
                kind,
                crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone(),
            )
        })
        .collect()
}

fn seed(api_version: &'static str, kind: &'static str, spec: Value) -> Seed {
    let manifest = json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": "web",
            "namespace": "flux-system",
            "labels": {"app.kubernetes.io/managed-by": "flux-setup", "flux-setup.dev/project": "web"},
            "annotations": {"flux-setup.dev/watch-paths": "deploy/**"},
        },
        "spec": spec,
    });
    Seed {
        api_version,
        kind,
        manifest,
    }
}

pub(super) fn flux() -> Vec<Seed> {
    const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
    const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
    const HELM: &str = "helm.toolkit.fluxcd.io/v2";
    const IMAGE: &str = "image.toolkit.fluxcd.io/v1";
    const NOTIFICATION: &str = "notification.toolkit.fluxcd.io/v1beta3";
    vec![
        seed(
            SOURCE,
            "GitRepository",
            json!({
                "interval": "1m", "url": "https://github.com/acme/web", "ref": {"branch": "main"},
            }),
        ),
        seed(
            SOURCE,
            "GitRepository",
            json!({
                "interval": "5m30s", "timeout": "60s", "url": "ssh://git@github.com/acme/web.git", "provider": "azure",
                "ref": {"semver": ">=1.0.0"}, "serviceAccountName": "reader", "secretRef": {"name": "key"},
                "verify": {"mode": "Tag", "secretRef": {"name": "keys"}}, "include": [{"repository": {"name": "other"}}],
                "sparseCheckout": ["deploy"], "recurseSubmodules": true, "suspend": false, "ignore": "/*",
            }),
        ),
        seed(
            KUSTOMIZE,
            "Kustomization",
            json!({
                "interval": "1m", "prune": true, "path": "./deploy", "sourceRef": {"kind": "GitRepository", "name": "web"},
            }),
        ),
        seed(
            KUSTOMIZE,
            "Kustomization",
            json!({
                "interval": "10m", "retryInterval": "1m", "timeout": "3m", "prune": false, "force": true, "wait": true,
                "sourceRef": {"kind": "OCIRepository", "name": "web", "namespace": "apps", "apiVersion": SOURCE},
                "dependsOn": [{"name": "db"}, {"name": "cache", "namespace": "infra", "readyExpr": "true"}],
                "kubeConfig": {"secretRef": {"name": "remote", "key": "value"}}, "targetNamespace": "apps",
                "postBuild": {"substitute": {"REGION": "eu", "TIER": "1"}, "substituteFrom": [
                    {"kind": "ConfigMap", "name": "vars"}, {"kind": "Secret", "name": "keys", "optional": true},
                ]},
                "patches": [{"patch": "- op: remove", "target": {"kind": "Deployment", "labelSelector": "a=b"}}],
                "images": [{"name": "nginx", "newTag": "1.2", "digest": "sha256:abc"}],
                "healthChecks": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "apps"}],
                "healthCheckExprs": [{"apiVersion": "v1", "kind": "Foo", "current": "true"}],
                "commonMetadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
                "decryption": {"provider": "sops", "secretRef": {"name": "age"}},
                "components": ["../c"], "namePrefix": "a-", "nameSuffix": "-z", "deletionPolicy": "Orphan",
            }),
        ),
        seed(
            SOURCE,
            "Bucket",
            json!({
                "interval": "1m", "bucketName": "b", "endpoint": "s3.example.com", "provider": "aws", "region": "eu",
                "sts": {"provider": "aws", "endpoint": "https://sts.example.com"}, "prefix": "a", "insecure": false,
            }),
        ),
        seed(
            SOURCE,
            "Bucket",
            json!({
                "interval": "1m", "bucketName": "b", "endpoint": "minio.example.com", "secretRef": {"name": "s"},
                "sts": {"provider": "ldap", "endpoint": "http://sts", "secretRef": {"name": "a"}, "certSecretRef": {"name": "c"}},
            }),
        ),
        seed(
            SOURCE,
            "HelmChart",
            json!({
                "interval": "1m", "chart": "redis", "version": "20.x", "sourceRef": {"kind": "HelmRepository", "name": "bitnami"},
                "verify": {"provider": "cosign", "secretRef": {"name": "k"}, "matchOIDCIdentity": [{"issuer": "^a$", "subject": "^b$"}]},
                "valuesFiles": ["values.yaml"], "reconcileStrategy": "ChartVersion", "ignoreMissingValuesFiles": true,
            }),
        ),
        seed(
            SOURCE,
            "HelmRepository",
            json!({
                "interval": "1h", "url": "oci://ghcr.io/acme/charts", "type": "oci", "provider": "generic",
                "accessFrom": {"namespaceSelectors": [{"matchLabels": {"a": "b"}}]}, "passCredentials": true,
            }),
        ),
        seed(
            SOURCE,
            "OCIRepository",
            json!({
                "interval": "1m", "url": "oci://ghcr.io/acme/platform", "ref": {"semver": ">=1.4", "semverFilter": ".*"},
                "layerSelector": {"mediaType": "application/x", "operation": "copy"},
                "verify": {"provider": "notation", "secretRef": {"name": "k"}}, "insecure": true,
            }),
        ),
        seed(
            SOURCE,
            "ExternalArtifact",
            json!({
                "sourceRef": {"apiVersion": "source.extensions.fluxcd.io/v1beta1", "kind": "ArtifactGenerator", "name": "a", "namespace": "b"},
            }),
        ),
        seed(
            HELM,
            "HelmRelease",
            json!({
                "interval": "10m", "timeout": "5m", "releaseName": "redis", "values": {"replicas": 2, "a": {"b": [1]}},
                "chart": {"spec": {"chart": "redis", "version": "20.x", "interval": "1h",
                    "sourceRef": {"kind": "HelmRepository", "name": "bitnami", "namespace": "charts"}}},
                "dependsOn": [{"name": "db", "namespace": "infra"}],
                "install": {"crds": "Create", "createNamespace": true, "remediation": {"retries": 3}},
                "upgrade": {"crds": "CreateReplace", "cleanupOnFail": true, "remediation": {"remediateLastFailure": true, "strategy": "rollback"}},
                "driftDetection": {"mode": "enabled", "ignore": [{"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}}]},
                "valuesFrom": [{"kind": "ConfigMap", "name": "values", "valuesKey": "x.yaml", "optional": true}],
                "kubeConfig": {"secretRef": {"name": "remote"}}, "storageNamespace": "apps", "targetNamespace": "apps",
            }),
        ),
        seed(
            HELM,
            "HelmRelease",
            json!({
                "interval": "1h", "chartRef": {"kind": "OCIRepository", "name": "web"}, "suspend": true,
                "install": {"strategy": {"name": "RetryOnFailure", "retryInterval": "1m"}}, "test": {"enable": true},
                "postRenderers": [{"kustomize": {"patches": [{"patch": "- op: remove"}], "images": [{"name": "a", "newTag": "b"}]}}],
            }),
        ),
        seed(
            IMAGE,
            "ImageRepository",
            json!({"interval": "5m", "image": "ghcr.io/acme/web", "secretRef": {"name": "s"}, "exclusionList": ["^.*\\.sig$"], "provider": "generic"}),
        ),
        seed(
            IMAGE,
            "ImagePolicy",
            json!({
                "imageRepositoryRef": {"name": "web", "namespace": "apps"}, "policy": {"semver": {"range": "1.x"}},
                "filterTags": {"pattern": "^v(.*)$", "extract": "$1"}, "digestReflectionPolicy": "Always", "interval": "10m",
            }),
        ),
        seed(
            IMAGE,
            "ImageUpdateAutomation",
            json!({
                "interval": "30m", "sourceRef": {"kind": "GitRepository", "name": "fleet"},
                "git": {"checkout": {"ref": {"branch": "main"}}, "commit": {"author": {"email": "a@b.c", "name": "bot"}, "messageTemplate": "x"},
                    "push": {"branch": "updates"}},
                "update": {"path": "./apps", "strategy": "Setters"},
            }),
        ),
        seed(
            NOTIFICATION,
            "Provider",
            json!({"type": "slack", "channel": "ops", "address": "https://example.com/hook", "secretRef": {"name": "s"}, "timeout": "10s"}),
        ),
        seed(
            NOTIFICATION,
            "Provider",
            json!({"type": "github", "address": "https://github.com/acme/web", "commitStatusExpr": "'a'", "suspend": false}),
        ),
        seed(
            NOTIFICATION,
            "Alert",
            json!({
                "providerRef": {"name": "chat"}, "eventSeverity": "error", "exclusionList": ["waiting"], "eventMetadata": {"env": "prod"},
                "eventSources": [{"kind": "Kustomization", "name": "*", "matchLabels": {"a": "b"}}],
            }),
        ),
        seed(
            "notification.toolkit.fluxcd.io/v1",
            "Receiver",
            json!({
                "type": "github", "events": ["ping", "push"], "secretRef": {"name": "token"}, "interval": "10m",
                "resources": [{"apiVersion": SOURCE, "kind": "GitRepository", "name": "web"}], "resourceFilter": "true",
            }),
        ),
        seed(
            "source.extensions.fluxcd.io/v1beta1",
            "ArtifactGenerator",
            json!({
                "sources": [{"alias": "a", "kind": "GitRepository", "name": "web", "namespace": "apps"}],
                "artifacts": [{"name": "web", "originRevision": "@a", "copy": [{"from": "@a/**", "to": "@artifact/", "exclude": ["*.md"], "strategy": "Merge"}]}],
            }),
        ),
    ]
}

pub(super) fn everything() -> Vec<Seed> {
    vec![
        seed("flux-setup.dev/v1", "Everything", json!({})),
        seed(
            "flux-setup.dev/v1",
            "Everything",
            json!({
                "port": 80, "portOrName": "http", "ratio": 0.5, "step": 6, "exclusive": 5, "small": 1.5,
                "names": ["a", "b"], "ports": [{"port": 1}, {"port": 1, "protocol": "UDP"}, {"port": 2}],
                "limited": {"a": "x", "b": "y"}, "few": [1, 2],
                "free": {"a": {"b": [1, null]}, "typed": {"text": "x"}},
                "template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"a": "b"}}, "spec": {}},
                "maybe": null, "choice": {"a": "x"}, "anyOf": {"x": 1}, "not": {"mode": "on"},
                "formats": {
                    "date": "2024-02-29", "dateTime": "2024-01-01T00:00:00Z", "duration": "1h", "email": "a@b.c",
                    "hostname": "example.org", "ipv4": "10.0.0.1", "ipv6": "::1", "cidr": "10.0.0.0/8",
                    "uuid": "123e4567-e89b-42d3-a456-426614174000", "byte": "YWJj", "uri": "https://a/b", "mac": "01:02:03:04:05:ab",
                    "hexcolor": "#fff", "shortName": "a-b", "longName": "a.b", "int32": 5, "isbn": "0-321-75104-3",
                    "uuid4": "123e4567-e89b-42d3-a456-426614174000", "rgbcolor": "rgb(1,2,3)", "ssn": "123-45-6789",
                    "creditcard": "4111111111111111", "bsonobjectid": "507f1f77bcf86cd799439011", "password": "x",
                },
                "text": "ab", "spaced": "a b", "rules": {"minimum": 1, "maximum": 2, "list": ["a"], "size": "10Gi"},
                "map": {"a": {"n": 1}}, "colour": "red", "level": 2,
            }),
        ),
    ]
}
