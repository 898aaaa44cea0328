//! Who reaches the pod, and whom it reaches.

use serde_json::{Value, json};

use super::document::Document;
use super::files::POSTGRES;
use super::{Files, InstallSettings, Names, Path, StoreKind};

/// Deliveries.
pub(super) const HOOKS: u16 = 9292;
/// Probes and Prometheus.
pub(super) const HEALTH: u16 = 9294;

/// All that begins so is a webhook; nothing else is shown to the world.
const HOOKS_PATH: &str = "/hooks/github";

pub(super) fn service(names: &Names) -> Document {
    Document::new(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": names.metadata(&names.name),
        "spec": {
            "selector": names.labels(),
            "ports": [
                {"name": "hooks", "port": 80, "targetPort": "hooks"},
                {"name": "metrics", "port": HEALTH, "targetPort": "health"},
            ],
        },
    }))
}

pub(super) fn ingress(settings: &InstallSettings) -> Option<Document> {
    let Path {
        host,
        class,
        tls_secret,
    } = settings.ingress.as_ref()?;
    let names = &settings.names;
    let backend = json!({"service": {"name": names.name, "port": {"name": "hooks"}}});
    let path = json!({"path": HOOKS_PATH, "pathType": "Prefix", "backend": backend});
    let mut spec = json!({});
    if let Some(class) = class {
        spec["ingressClassName"] = json!(class);
    }
    if let Some(secret) = tls_secret {
        spec["tls"] = json!([{"hosts": [host], "secretName": secret}]);
    }
    spec["rules"] = json!([{"host": host, "http": {"paths": [path]}}]);
    let mut document = Document::new(json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": names.metadata(&names.name),
        "spec": spec,
    }))
    .with("Bodies have up to 25 MiB; a controller that takes less by default wants an annotation here.");
    if tls_secret.is_none() {
        document = document.with(
            "Without `--tls-secret` the controller's own certificate is shown: GitHub checks it.",
        );
    }
    if !settings.trusts_proxies {
        document = document.with(
            "To fill in: the network of the ingress controller in `server.hooks.trustedProxies`, so that senders are told apart.",
        );
    }
    Some(document)
}

pub(super) fn policy(settings: &InstallSettings, files: &Files) -> Document {
    let names = &settings.names;
    let tcp = |port: u16| json!({"port": port, "protocol": "TCP"});
    let mut ports: Vec<u16> = vec![443, 6443];
    ports.extend(&files.ports);
    let mut is_guessed = false;
    if let StoreKind::Postgres { port, .. } = settings.store {
        let known = port.or(files.store_port);
        is_guessed = known.is_none();
        ports.push(known.unwrap_or(POSTGRES));
    }
    ports.sort_unstable();
    ports.dedup();
    let names_of_hosts = json!([{"port": 53, "protocol": "UDP"}, tcp(53)]);
    let reached: Vec<Value> = ports.into_iter().map(tcp).collect();
    let mut document = Document::new(json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": names.metadata(&names.name),
        "spec": {
            "podSelector": {"matchLabels": names.labels()},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [tcp(HOOKS), tcp(HEALTH)]}],
            "egress": [{"ports": names_of_hosts}, {"ports": reached}],
        },
    }))
    .with("Out: names of hosts, API servers and GitHub. To fill in: the port of a proxy, where there is one.");
    if is_guessed {
        document = document.with(format!(
            "Guessed: PostgreSQL listens on {POSTGRES}, for the Secret has its address; where it does not, `--store-port` says it.",
        ));
    }
    if files.has_kubeconfigs {
        document = document.with(
            "To fill in: ports of the kubeconfigs' API servers that are neither 443 nor 6443.",
        );
    }
    document
}
