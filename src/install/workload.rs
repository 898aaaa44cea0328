//! The pod: what runs, as whom, with how much, and where it keeps what it accepted.

use serde_json::{Value, json};

use super::document::Document;
use super::network::{HEALTH, HOOKS};
use super::{Files, InstallSettings, StoreKind};

/// Nobody of an ordinary system.
const USER: u32 = 65_532;
/// Where SQLite's file lies.
const DATA: &str = "/var/lib/flux-setup";
/// Seconds until every node knows that a pod is about to end.
const FORGOTTEN_AFTER: u32 = 5;
/// Who asks for no other address of the store finds it there.
const STORE_VARIABLE: &str = "FLUX_SETUP_STORE";

/// The volume of SQLite's file.
pub(super) fn volume(settings: &InstallSettings) -> Option<Document> {
    if settings.store != StoreKind::Sqlite {
        return None;
    }
    let names = &settings.names;
    let claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": names.metadata(&names.name),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    });
    let document = Document::new(claim).with(
        "The most deliveries that are kept, 100,000 and as many that wait, take some 0.3 GB.",
    );
    Some(document)
}

pub(super) fn deployment(settings: &InstallSettings, files: &Files) -> Document {
    let names = &settings.names;
    let (replicas, strategy) = match settings.store {
        // The file is one process's alone: the old one ends before the new one starts.
        StoreKind::Sqlite => (1, json!({"type": "Recreate"})),
        // They share the work: a new one is there before an old one ends.
        StoreKind::Postgres { replicas, .. } => (
            replicas,
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}),
        ),
    };
    let mut pod = json!({
        "serviceAccountName": names.name,
        "automountServiceAccountToken": settings.uses_account,
        "securityContext": {
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "runAsGroup": USER,
            "runAsNonRoot": true,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    });
    if replicas > 1 {
        pod["topologySpreadConstraints"] = json!([{
            "labelSelector": {"matchLabels": names.labels()},
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
        }]);
    }
    pod["containers"] = json!([container(settings, files)]);
    pod["volumes"] = json!(volumes(settings, files));
    let mut document = Document::new(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": names.metadata(&names.name),
        "spec": {
            "replicas": replicas,
            "strategy": strategy,
            "selector": {"matchLabels": names.labels()},
            "template": {
                "metadata": {"labels": names.labels()},
                "spec": pod,
            },
        },
    }));
    let mut keys: Vec<String> = files.keys().collect();
    keys.extend(store_variable(settings).map(|name| format!("{name} (the address, postgres://…)")));
    if !keys.is_empty() {
        document = document.with(format!(
            "To fill in: the Secret `{}` of this namespace with these keys, of which nothing stands here:",
            names.name
        ));
        for key in keys {
            document = document.with(format!("  {key}"));
        }
    }
    document
        .with("Memory: 315 MiB at most were measured, with 50,000 objects, every door full of bodies, and one push to all of them.")
        .with("In a cluster of IPv6 alone it listens on [::] instead of 0.0.0.0.")
}

fn container(settings: &InstallSettings, files: &Files) -> Value {
    let mut arguments = vec![
        "serve".to_owned(),
        format!("--config={}", Files::folder()),
        format!("--hooks=0.0.0.0:{HOOKS}"),
        format!("--health=0.0.0.0:{HEALTH}"),
    ];
    let mut mounts = vec![
        json!({"name": "configuration", "mountPath": Files::MOUNT, "readOnly": true}),
        json!({"name": "temporary", "mountPath": "/tmp"}),
    ];
    if settings.store == StoreKind::Sqlite {
        arguments.push(format!("--store=sqlite:{DATA}/flux-setup.db"));
        mounts.push(json!({"name": "data", "mountPath": DATA}));
    }
    let clusters = settings.clusters.iter();
    arguments.extend(clusters.map(|name| format!("--cluster={name}")));
    let probe = |path: &str| json!({"path": path, "port": "health"});
    let mut container = json!({
        "name": "flux-setup",
        "image": settings.image,
        "args": arguments,
    });
    let variables = files.variables(&settings.names, store_variable(settings));
    let variables: Vec<Value> = variables.collect();
    if !variables.is_empty() {
        container["env"] = json!(variables);
    }
    container["ports"] = json!([
        {"name": "hooks", "containerPort": HOOKS},
        {"name": "health", "containerPort": HEALTH},
    ]);
    // Opening a large store may take a while.
    container["startupProbe"] =
        json!({"httpGet": probe("/health/live"), "periodSeconds": 2, "failureThreshold": 150});
    container["livenessProbe"] = json!({"httpGet": probe("/health/live"), "timeoutSeconds": 5});
    container["readinessProbe"] =
        json!({"httpGet": probe("/health/ready"), "periodSeconds": 5, "timeoutSeconds": 2});
    container["resources"] = json!({
        "limits": {"memory": "512Mi"},
        "requests": {"cpu": "50m", "memory": "64Mi"},
    });
    if settings.store != StoreKind::Sqlite {
        // While the Service still sends it deliveries it takes them; the others take them from then on.
        container["lifecycle"] = json!({"preStop": {"sleep": {"seconds": FORGOTTEN_AFTER}}});
    }
    container["securityContext"] = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": true,
    });
    container["volumeMounts"] = json!(mounts);
    container
}

fn volumes(settings: &InstallSettings, files: &Files) -> Vec<Value> {
    let names = &settings.names;
    let mut volumes = vec![
        files.volume(names),
        // SQLite sorts there what does not fit into its memory.
        json!({"name": "temporary", "emptyDir": {"sizeLimit": "64Mi"}}),
    ];
    if settings.store == StoreKind::Sqlite {
        let claim = json!({"claimName": names.name});
        volumes.push(json!({"name": "data", "persistentVolumeClaim": claim}));
    }
    volumes
}

/// The key of the Secret that holds the store's address.
fn store_variable(settings: &InstallSettings) -> Option<&'static str> {
    let from_secret = matches!(
        settings.store,
        StoreKind::Postgres {
            from_secret: true,
            ..
        }
    );
    from_secret.then_some(STORE_VARIABLE)
}

/// At least all but one stay while nodes are drained; with one alone nothing could be drained.
pub(super) fn disruptions(settings: &InstallSettings) -> Option<Document> {
    let StoreKind::Postgres { replicas: 2.., .. } = settings.store else {
        return None;
    };
    let names = &settings.names;
    Some(Document::new(json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": names.metadata(&names.name),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": names.labels()},
            // While PostgreSQL is away none is ready, and a drain need not wait for that.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    })))
}
